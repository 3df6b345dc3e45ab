"""What a model needs installed: requirements, and the files that list them."""

from flavorkit.environment.infer import infer
from flavorkit.environment.requirements import Requirements, parse

__all__ = ["Requirements", "infer", "parse"]
