"""What Windows Setup is told."""
