"""What is on the discs that Windows is installed from."""
