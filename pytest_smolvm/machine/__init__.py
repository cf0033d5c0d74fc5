"""One virtual computer, whatever runs in it."""
