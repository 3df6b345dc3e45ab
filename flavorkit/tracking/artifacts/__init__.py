"""The files of runs and models: where they are kept, and how they get there and back."""
