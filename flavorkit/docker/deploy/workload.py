"""What is deployed: an image of a model under a name, what it may use, and how many of it run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flavorkit.docker import names
from flavorkit.docker.names import Image
from flavorkit.docker.quantities import Cpu, Memory
from flavorkit.docker.recipe import PORT
from flavorkit.errors import InvalidArgumentError

DRAIN_SECONDS = 1.0
GRACE_SECONDS = 30.0
"""What the scoring server does when nothing else is said; its settings are of a package beside this
one, and a test compares them."""

_MARGIN_SECONDS = 5
_MODEL_URI = "FLAVORKIT_MODEL_URI"
_DRAIN, _GRACE = "FLAVORKIT_DRAIN", "FLAVORKIT_GRACE"
_LONGEST_SECONDS = 24 * 3600
# Probes and services ask there, whatever the server is told.
_FIXED = {"FLAVORKIT_PORT": f"is {PORT}", "FLAVORKIT_HOST": "is every address of the container"}


@dataclass(frozen=True)
class Workload:
    """An image of a model, with what its container may use.

    Raises:
        InvalidArgumentError: a name, a variable or the URI is against its grammar, a variable is
            given twice, or is not for others to set.
    """

    image: Image

    name: str
    """What it is called where it runs."""

    cpu: Cpu
    """As many workers serve the model; the server reads it from its control group."""

    memory: Memory

    variables: tuple[tuple[str, str], ...] = ()
    """The environment: settings of the server, and what the model's code reads."""

    model_uri: str | None = None
    """Which model to serve, for an image without one of its own."""

    def __post_init__(self) -> None:
        names.service(self.name)
        for name, value in self.variables:
            names.variable(f"{name}={value}")
            if name in _FIXED:
                raise InvalidArgumentError(f"{name} {_FIXED[name]} in an image, and stays so")
        if self.model_uri is not None and not self.model_uri.strip():
            raise InvalidArgumentError("the model's URI is empty; leave it out, or name a model")
        names.printable(self.model_uri or "", "the model's URI")
        given = [name for name, _ in self.variables]
        given += [_MODEL_URI] if self.model_uri is not None else []
        for name in given:
            if given.count(name) > 1:
                raise InvalidArgumentError(f"{name} is given twice; give it once")

    def environment(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """All variables of the container: ``defaults``, and over them what was asked for."""
        uri = {} if self.model_uri is None else {_MODEL_URI: self.model_uri}
        return {**defaults, **uri, **dict(self.variables)}


@dataclass(frozen=True)
class Scale:
    """How many containers run at least and at most.

    Raises:
        InvalidArgumentError: there are fewer at most than at least.
    """

    replicas: int
    max_replicas: int

    def __post_init__(self) -> None:
        if not 0 <= self.replicas <= self.max_replicas:
            raise InvalidArgumentError(
                f"at least {self.replicas} and at most {self.max_replicas} replicas cannot be;"
                " raise the larger number, --max-replicas"
            )


def seconds_to_stop(environment: Mapping[str, str]) -> int:
    """How long a server with these variables may take to end, once it is told to.

    Raises:
        InvalidArgumentError: a variable that says for how long is no number of seconds.
    """
    drain = _seconds(environment, _DRAIN, DRAIN_SECONDS)
    return math.ceil(drain + _seconds(environment, _GRACE, GRACE_SECONDS)) + _MARGIN_SECONDS


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or default  # an empty one counts as not set
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_SECONDS:
        raise InvalidArgumentError(f"{name} is {text!r}, which is no number of seconds in a day")
    return seconds
