"""One module per framework; what the frameworks share is in base, registry, saving and loading."""
