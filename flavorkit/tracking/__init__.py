"""Where models come from: experiments, runs, registered models and their artifacts."""
