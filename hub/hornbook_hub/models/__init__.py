"""Models, a family in a file."""
