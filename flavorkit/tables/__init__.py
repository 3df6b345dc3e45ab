"""Tables as text and as files: read in chunks, written in chunks, never held whole."""
