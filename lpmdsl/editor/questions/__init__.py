"""Questions of an editor, one file each: what may stand here, what is this, where is it declared."""
