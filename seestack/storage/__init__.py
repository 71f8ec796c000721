"""What is written to disk: the stack, the table of frames."""
