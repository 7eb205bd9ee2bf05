"""The language server: what the editor's questions are in the words of its protocol, and nothing else."""
