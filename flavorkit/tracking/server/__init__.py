"""The tracking server: MLflow's REST API over a store and a place for artifacts."""
