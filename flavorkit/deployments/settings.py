"""The settings of a deployment: which there are, and what each may be.

They come as text from a command and as values from Python. All of them are read before anything is
started, and what does not fit is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flavorkit.docker import names
from flavorkit.errors import InvalidArgumentError

Reader = Callable[[str, Any], Any]
"""Makes a value out of what was given for a name.

Raises:
    InvalidArgumentError: it cannot.
"""

_CPUS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")
_MEMORY = re.compile(r"[1-9][0-9]{0,15}[bkmg]?", re.IGNORECASE)


def read(
    config: Mapping[str, Any] | None,
    readers: Mapping[str, Reader],
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The settings that ``config`` gives.

    Args:
        config: values by name; hyphens in a name count as underscores, and None unsets what was
            set before.
        readers: how each that there is is read.
        before: the settings until now.

    Raises:
        InvalidArgumentError: a setting is unknown, or cannot have this value.
    """
    settings = dict(before or {})
    for given, value in (config or {}).items():
        name = str(given).replace("-", "_")
        if name not in readers:
            raise InvalidArgumentError(
                f"{str(given)[:200]!r} is no setting of this target ({', '.join(sorted(readers))})"
            )
        if value is None:
            settings.pop(name, None)
        else:
            settings[name] = readers[name](name, value)
    return settings


def count(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    return _whole(name, value, 1, 2**31 - 1)


def port(name: str, value: Any) -> int:
    """A port; 0 is any free one."""
    return _whole(name, value, 0, 65535)


def seconds(name: str, value: Any) -> float:
    """A number of at least 0."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise InvalidArgumentError(f"{name} is a number of at least 0, not {_shown(value)}")
    return number


def flag(name: str, value: Any) -> bool:
    """True or false."""
    word = str(value).lower()
    if word not in {"true", "false"}:
        raise InvalidArgumentError(f"{name} is true or false, not {_shown(value)}")
    return word == "true"


def one_of(*words: str) -> Reader:
    """One of some words."""

    def read_word(name: str, value: Any) -> str:
        if value not in words:
            raise InvalidArgumentError(f"{name} is {' or '.join(words)}, not {_shown(value)}")
        return str(value)

    return read_word


def trust(name: str, value: Any) -> str:
    """A policy, as ``trust=`` of :func:`flavorkit.load_model` takes it, as one text."""
    from flavorkit.trust import Policy

    text = value if isinstance(value, str) else ",".join(map(str, value))
    try:
        Policy.parse(text)
    except ValueError as exc:
        raise InvalidArgumentError(str(exc)) from None
    return text


def image(name: str, value: Any) -> str:
    """The name of an image."""
    return str(names.Image.parse(str(value)))


def cpus(name: str, value: Any) -> str:
    """How many processors, as in 1.5."""
    return _matching(_CPUS, name, value, "a number of processors, such as 1.5")


def memory(name: str, value: Any) -> str:
    """How much memory, as in 512m."""
    return _matching(_MEMORY, name, value, "an amount of memory, such as 512m or 2g")


def variables(name: str, value: Any) -> dict[str, str]:
    """Environment variables by name, or the JSON of such an object."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f'{name} is an object of variables, such as {{"NAME": "value"}}')
    return dict(names.variable(f"{key}={text}") for key, text in value.items())


def model_uri(given: Any) -> str:
    """The URI of a model, the same wherever a server starts.

    Raises:
        InvalidArgumentError: it is empty, or has characters that do not print.
    """
    from flavorkit.tracking import defaults

    text = names.printable(str(given), "the model's URI")
    where = defaults.absolute(text) if text.strip() else None
    if where is None:
        raise InvalidArgumentError("the model's URI is empty; name its folder or URI")
    return where


# What the command `serve` takes beside the model and the address, by the names of its options.
SERVE: dict[str, Reader] = {
    **dict.fromkeys(
        (
            *("workers", "max_waiting", "batch_rows", "max_body_mib", "max_header_kib"),
            *("max_headers", "max_connections", "max_json_depth", "max_rows", "max_columns"),
        ),
        count,
    ),
    **dict.fromkeys(
        (
            *("timeout", "batch_wait_ms", "body_seconds", "header_seconds", "idle_seconds"),
            *("grace", "drain", "overrun"),
        ),
        seconds,
    ),
    **dict.fromkeys(("log_requests", "strict_env", "allow_requirement_options"), flag),
    "env_manager": one_of("local", "uv", "virtualenv", "conda"),
    "log_format": one_of("text", "json"),
    "trust": trust,
}


def serve_options(settings: Mapping[str, Any]) -> Iterator[str]:
    """Those of the settings that ``serve`` takes, each as one argument."""
    for name in SERVE:
        value = settings.get(name)
        option = f"--{name.replace('_', '-')}"
        if name == "trust" and value is not None:
            yield from (f"{option}={word.strip()}" for word in value.split(","))
        elif value is True:
            yield option
        elif value is not None and value is not False:
            yield f"{option}={value:g}" if isinstance(value, float) else f"{option}={value}"


def _whole(name: str, value: Any, least: int, most: int) -> int:
    text = "" if isinstance(value, bool) else str(value)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise InvalidArgumentError(
            f"{name} is a whole number from {least} to {most}, not {_shown(value)}"
        )
    return int(text)


def _matching(pattern: re.Pattern[str], name: str, value: Any, what: str) -> str:
    if isinstance(value, bool) or not pattern.fullmatch(str(value)):
        raise InvalidArgumentError(f"{name} is {what}, not {_shown(value)}")
    return str(value)


def _shown(value: Any) -> str:
    return repr(value)[:200]
