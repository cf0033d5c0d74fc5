"""Images that people already have: what they are packed in, and what is on them."""
