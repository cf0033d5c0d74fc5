"""Files and directories, in and out of a guest."""
