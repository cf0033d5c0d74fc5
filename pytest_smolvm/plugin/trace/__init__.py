"""What guests were put through: the steps of a test with pictures, a film of the screen, and the page with both."""
