"""How golden images come to be, and what a store holds."""
