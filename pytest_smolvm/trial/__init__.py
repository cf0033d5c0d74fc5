"""What an image is tried with before tests rely on it: facts, the table of scripts, a guest object and its clones."""
