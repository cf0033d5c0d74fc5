"""This process and its Linux: nothing in here knows of guests."""
