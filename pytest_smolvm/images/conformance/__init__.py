"""What a script is expected to do on every engine, and whether an image does it."""
