"""The Program of chances in place of draws, for gradients."""
