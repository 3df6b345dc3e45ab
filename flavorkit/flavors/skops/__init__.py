"""Estimators in skops' files: what they may hold, and how they are written and read."""
