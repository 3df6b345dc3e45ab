"""What is said without naming them: the active run, the active experiment, the active model."""
