"""Windows, seen from outside."""
