"""A load generator: many requests to a scoring server, and how long the answers took."""
