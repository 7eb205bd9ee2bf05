"""The Program that looks only at agents to whom something can happen."""
