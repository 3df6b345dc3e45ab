"""What names, keys and values may be, for every store: MLflow's rules and limits.

Names are never parts of a path or a URL (ids are), so any script is welcome; what is refused is
what MLflow refuses, and characters that cannot be seen or stored.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
import uuid
from collections.abc import Collection, Mapping, Sequence

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import Metric, Param, RunStatus

MAX_EXPERIMENT_NAME = 500
MAX_MODEL_NAME = 256
MAX_KEY = 250
MAX_ALIAS = 255
MAX_PARAM_VALUE = 6_000
MAX_RUN_TAG_VALUE = 8_000
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_MODEL_TAG_VALUE = 100_000
MAX_DESCRIPTION = 100_000
MAX_SOURCE = 2_048

MAX_BATCH_METRICS = 1_000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH = 1_000

STAGES = ("None", "Staging", "Production", "Archived")

# Letters of any script, digits, and these; the path-like ones are looked at more closely below.
_KEY = re.compile(r"[/\w.\- :]*\Z")
_ALIAS = re.compile(r"[\w\-]*\Z")
_RESERVED_ALIAS = re.compile(r"v[0-9]+\Z", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}\Z")
_NUMBER = re.compile(r"[0-9]{1,18}\Z")


def experiment_name(name: object) -> str:
    """A name of an experiment.

    Raises:
        InvalidArgumentError: it is empty, too long, or holds what cannot be stored.
    """
    return _name(name, "the name of an experiment", MAX_EXPERIMENT_NAME)


def model_name(name: object, what: str = "registered model") -> str:
    """A name of a registered or a logged model, which has no ``/``, ``:``, ``.``-only or the like.

    Raises:
        InvalidArgumentError: it breaks a rule.
    """
    text = _name(name, f"the name of a {what}", MAX_MODEL_NAME)
    if "/" in text or ":" in text or "\\" in text or set(text) == {"."}:
        raise InvalidArgumentError(
            f"the name of a {what} has no '/', ':' or '\\', nor is it made of dots: {_shown(text)}"
        )
    return text


def key(text: object, what: str) -> str:
    """A key of a metric, a parameter or a tag: letters, digits, ``_ - . : /`` and spaces.

    Args:
        text: the key.
        what: what it is, for the message.

    Raises:
        InvalidArgumentError: it breaks a rule.
    """
    name = _name(text, f"the key of a {what}", MAX_KEY)
    segments = name.split("/")
    if not _KEY.match(name) or any(part in {"", ".", ".."} for part in segments):
        raise InvalidArgumentError(
            f"the key of a {what} is made of letters, digits, '_', '-', '.', ':', ' ' and, in"
            f" between, '/': not {_shown(name)}"
        )
    return name


def alias(text: object) -> str:
    """An alias of a version: letters, digits, ``_`` and ``-``.

    Raises:
        InvalidArgumentError: it breaks a rule, or means something else already.
    """
    name = _name(text, "an alias", MAX_ALIAS)
    if not _ALIAS.match(name):
        raise InvalidArgumentError(
            f"an alias is made of letters, digits, '_' and '-': not {_shown(name)}"
        )
    if name.lower() == "latest" or _RESERVED_ALIAS.match(name):
        raise InvalidArgumentError(f"the alias {name!r} would be mistaken for a version")
    return name


def stage(text: object) -> str:
    """A stage of a version, in the usual spelling whatever the case.

    Raises:
        InvalidArgumentError: there is no such stage.
    """
    for known in STAGES:
        if isinstance(text, str) and text.lower() == known.lower():
            return known
    raise InvalidArgumentError(f"a stage is one of {', '.join(STAGES)}: not {_shown(text)}")


def stages_of_latest(stages: Sequence[str] | None) -> tuple[str, ...]:
    """The stages whose newest versions are asked for; all of them if none is named."""
    return tuple(map(stage, stages)) if stages else STAGES


def run_status(text: object) -> str:
    """A status of a run.

    Raises:
        InvalidArgumentError: there is no such status.
    """
    known = [RunStatus.to_string(number) for number in RunStatus.all_status()]
    if text not in known:
        raise InvalidArgumentError(f"the status of a run is one of {', '.join(known)}")
    return str(text)


def version_number(text: object) -> int:
    """The number of a version, from text or a number.

    Raises:
        InvalidArgumentError: it is no number.
    """
    if type(text) is int and 0 <= text < 2**31:
        return text
    if isinstance(text, str) and _NUMBER.match(text) and int(text) < 2**31:
        return int(text)
    raise InvalidArgumentError(f"the version of a model is a number: not {_shown(text)}")


def identifier(text: object, what: str) -> str:
    """An id that a server made, or what could be one.

    Raises:
        InvalidArgumentError: no server makes such ids.
    """
    if isinstance(text, str) and _ID.match(text):
        return text
    raise InvalidArgumentError(f"{_shown(text)} is no id of {what}")


def value(text: object, what: str, limit: int) -> str:
    """The value of a parameter or a tag, or a description.

    Raises:
        InvalidArgumentError: it is too long or holds what cannot be stored.
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{what} is text, not {type(text).__name__}")
    if len(text) > limit:
        raise InvalidArgumentError(f"{what} has at most {limit} characters, not {len(text)}")
    _check_storable(text, what)
    return text


def truncated(text: object, what: str, limit: int) -> str:
    """The same, cut where it is too long, unless ``FLAVORKIT_TRUNCATE_LONG_VALUES`` says false."""
    if isinstance(text, str) and len(text) > limit and _may_truncate():
        text = text[:limit]
    return value(text, what, limit)


def timestamp(number: object, what: str = "a time") -> int:
    """Milliseconds since 1970.

    Raises:
        InvalidArgumentError: it is no integer of 64 bits.
    """
    return _integer(number, what)


def metric(given: Metric) -> Metric:
    """A metric that keeps the rules.

    Raises:
        InvalidArgumentError: it breaks one.
    """
    key(given.key, "metric")
    number = given.value
    if isinstance(number, bool) or not isinstance(number, float | int):
        raise InvalidArgumentError(
            f"the value of the metric {given.key!r} is a number, not {type(number).__name__}"
        )
    if isinstance(number, int):
        try:
            number = float(number)
        except OverflowError:
            number = math.inf if number > 0 else -math.inf
    _integer(given.timestamp, f"the timestamp of the metric {given.key!r}")
    _integer(given.step, f"the step of the metric {given.key!r}")
    if number is given.value:
        return given
    return Metric(
        given.key,
        number,
        given.timestamp,
        given.step,
        given.model_id,
        given.dataset_name,
        given.dataset_digest,
        given.run_id,
    )


def params(given: Sequence[Param]) -> dict[str, str]:
    """Parameters by key.

    Raises:
        InvalidArgumentError: one breaks a rule, or two have one key and different values.
    """
    found: dict[str, str] = {}
    for param in given:
        name = key(param.key, "param")
        text = truncated(param.value, f"the value of the param {name!r}", MAX_PARAM_VALUE)
        if found.setdefault(name, text) != text:
            raise param_changed(name, found[name], text)
    return found


def param_changed(name: str, before: str, after: str) -> InvalidArgumentError:
    """The error for a parameter that has another value already."""
    return InvalidArgumentError(
        f"the param {name!r} has the value {_shown(before)} and cannot be changed to"
        f" {_shown(after)}: what a run was started with does not change. Log it under another key,"
        " or start another run"
    )


def tags(given: Mapping[str, str], what: str, limit: int) -> dict[str, str]:
    """Tags that keep the rules.

    Raises:
        InvalidArgumentError: one breaks a rule.
    """
    return {
        key(name, f"tag of a {what}"): value(text, f"the tag {name!r} of a {what}", limit)
        for name, text in given.items()
    }


def run_tag_value(name: str, text: object) -> str:
    """The value of a tag of a run."""
    return truncated(text, f"the tag {name!r} of a run", MAX_RUN_TAG_VALUE)


def check_batch(
    metrics: Collection[object], params: Collection[object], tags: Collection[object]
) -> None:
    """The sizes of a batch.

    Raises:
        InvalidArgumentError: it is too large.
    """
    for what, given, limit in (
        ("metrics", metrics, MAX_BATCH_METRICS),
        ("params", params, MAX_BATCH_PARAMS),
        ("tags", tags, MAX_BATCH_TAGS),
    ):
        if len(given) > limit:
            raise InvalidArgumentError(f"a batch has at most {limit} {what}, not {len(given)}")
    total = len(metrics) + len(params) + len(tags)
    if total > MAX_BATCH:
        raise InvalidArgumentError(
            f"a batch has at most {MAX_BATCH} metrics, params and tags together, not {total}"
        )


def new_run_id() -> str:
    """The id of a run: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def new_model_id() -> str:
    """The id of a logged model."""
    return f"m-{uuid.uuid4().hex}"


def _may_truncate() -> bool:
    for name in ("FLAVORKIT_TRUNCATE_LONG_VALUES", "MLFLOW_TRUNCATE_LONG_VALUES"):
        if name in os.environ:
            return os.environ[name].lower() not in {"false", "0"}
    return True


def _name(text: object, what: str, limit: int) -> str:
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{what} is text, not {type(text).__name__}")
    if not text or text.isspace():
        raise InvalidArgumentError(f"{what} is not empty")
    if len(text) > limit:
        raise InvalidArgumentError(f"{what} has at most {limit} characters, not {len(text)}")
    _check_storable(text, what)
    if any(unicodedata.category(one) == "Cc" for one in text):
        raise InvalidArgumentError(f"{what} has no control characters: {_shown(text)}")
    return text


def _check_storable(text: str, what: str) -> None:
    if "\0" in text:
        raise InvalidArgumentError(f"{what} has no NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{what} is not valid Unicode: {_shown(text)}") from None


def _integer(number: object, what: str) -> int:
    if type(number) is not int or not -(2**63) <= number < 2**63:
        raise InvalidArgumentError(f"{what} is an integer of 64 bits, not {_shown(number)}")
    return number


def _shown(thing: object) -> str:
    try:
        text = ascii(thing)
    except ValueError:  # Python writes no integers of thousands of digits
        return "a number that long"
    return text if len(text) <= 100 else f"{text[:97]}..."
