"""A model as a container image: the Dockerfile, its context, the build, and what runs the image."""
