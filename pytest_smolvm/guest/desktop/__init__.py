"""Programs, windows and controls of a guest's desktop."""
