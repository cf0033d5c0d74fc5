"""Scripts and programs in a guest."""
