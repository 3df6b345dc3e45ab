"""Each revision of the tables is a module."""
