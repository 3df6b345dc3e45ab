"""MLflow's REST messages: what the server and its client say to each other. Pure functions."""
