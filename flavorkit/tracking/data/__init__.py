"""Data as runs note it: what it was, never the data themselves."""
