"""The face: the command line, in the wheel."""
