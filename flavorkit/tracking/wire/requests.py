"""Reading a request: the declared fields of a message, from a JSON object or a query string.

As MLflow's servers do, whatever the client is written in: both spellings of a key are read
(``run_id`` and ``runId``), what nobody declared is passed over, integers of 64 bits may be text,
and enumerations names or numbers. What does not fit its declared type is an error that names the
field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flavorkit.errors import InvalidArgumentError, RequestError

MAX_QUERY_FIELDS = 2_000

Reader = Callable[[Any, str], Any]
"""Makes the value of a field from what JSON gave, for the field of that name."""

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")
_NAMED_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def text(value: Any, where: str) -> str:
    """A string."""
    if type(value) is str:
        return value
    raise _unfit(value, where, "a string")


def integer(value: Any, where: str) -> int:
    """An integer of 64 bits: a number, or its digits as text."""
    is_whole = type(value) is float and value.is_integer()
    if is_whole or (type(value) is str and _INTEGER.match(value)):
        value = int(value)
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise _unfit(value, where, "an integer of 64 bits")


def number(value: Any, where: str) -> float:
    """A double: a number, its digits as text, or ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _unfit(value, where, "a number that fits a double") from None
    if type(value) is str:
        named = _NAMED_NUMBERS.get(value)
        if named is not None:
            return named
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isfinite(found):
            return found
    raise _unfit(value, where, "a number")


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if type(value) is bool:
        return value
    raise _unfit(value, where, "true or false")


def one_of(names: Mapping[str, int]) -> Reader:
    """The name of an enumeration, from its name or its number."""
    by_number = {number: name for name, number in names.items()}

    def read(value: Any, where: str) -> str:
        if type(value) is str and value in names:
            return value
        if type(value) is str and _INTEGER.match(value):
            value = int(value)
        name = by_number.get(value) if type(value) is int else None
        if name is None:
            raise _unfit(value, where, f"one of {', '.join(names)}")
        return name

    return read


def many(reader: Reader) -> Reader:
    """A list."""

    def read(value: Any, where: str) -> list[Any]:
        if type(value) is not list:
            raise _unfit(value, where, "a list")
        return [reader(item, f"{where}[{place}]") for place, item in enumerate(value)]

    read.is_list = True  # type: ignore[attr-defined]
    return read


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    Args:
        reader: makes its value.
        is_required: whether it has to be there, and not empty.
        default: its value where it is not there.
    """

    reader: Reader
    is_required: bool = False
    default: Any = None


def required(reader: Reader) -> Field:
    """A field that has to be there."""
    return Field(reader, is_required=True)


def optional(reader: Reader, default: Any = None) -> Field:
    """A field that may be there."""
    return Field(reader, default=default)


class Message:
    """The fields that a request may have.

    Args:
        older: fields that are known by an older name too; clients send both.
        fields: by their names.
    """

    def __init__(self, older: Mapping[str, str] | None = None, /, **fields: Field) -> None:
        self.fields = fields
        self._older = dict(older or {})
        self._required = tuple(name for name, field in fields.items() if field.is_required)
        self._defaults = tuple((name, field.default) for name, field in fields.items())
        self._readers: dict[str, tuple[str, Reader]] = {}
        for name in (*fields, *self._older):
            reader = fields[self._older.get(name, name)].reader
            self._readers[name] = self._readers[camel_case(name)] = (name, reader)

    def read(self, given: Any, where: str = "") -> dict[str, Any]:
        """The value of every field.

        Args:
            given: a JSON object, or None.
            where: what it is a part of, for the messages of errors.

        Raises:
            InvalidArgumentError: a field is missing, of another type, or there twice.
        """
        prefix = f"{where}." if where else ""
        found = self._take({} if given is None else given, where, prefix)
        for old, new in self._older.items():
            if old in found:
                value = found.pop(old)
                if found.setdefault(new, value) != value:
                    raise InvalidArgumentError(f"{prefix}{old} and {prefix}{new} differ")
        for name in self._required:
            if name not in found or found[name] == "":
                raise InvalidArgumentError(
                    f"Missing value for required parameter '{prefix}{name}'."
                )
        for name, default in self._defaults:
            if name not in found:
                found[name] = default
        return found

    def _take(self, given: Any, where: str, prefix: str) -> dict[str, Any]:
        if type(given) is not dict:
            raise _unfit(given, where or "the body", "a JSON object")
        found: dict[str, Any] = {}
        for key, value in given.items():
            known = self._readers.get(key)
            if known is None or value is None:
                continue
            name, reader = known
            if name in found:
                raise InvalidArgumentError(
                    f"the request has both {prefix}{name} and {prefix}{camel_case(name)};"
                    " send only one of them"
                )
            found[name] = reader(value, prefix + key)
        return found

    def parse_query(self, query: bytes) -> dict[str, Any]:
        """The query string of a URL as an object for :meth:`read`.

        Raises:
            InvalidArgumentError: a field is there twice.
            RequestError: it is no query string, or too long.
        """
        given: dict[str, Any] = {}
        for key, value in _pairs(query):
            known = self._readers.get(key)
            if known is None:
                continue
            reader = known[1]
            if getattr(reader, "is_list", False):
                given.setdefault(key, []).append(value)
            elif key in given:
                raise InvalidArgumentError(f"the query has {key} twice")
            elif reader is flag and value.lower() in {"true", "false"}:
                given[key] = value.lower() == "true"
            else:
                given[key] = value
        return given


def nested(message: Message, build: Callable[[dict[str, Any]], Any]) -> Reader:
    """An object with the fields of ``message``, made into what ``build`` makes of them."""

    def read(value: Any, where: str) -> Any:
        return build(message.read(value, where))

    return read


def camel_case(name: str) -> str:
    """``runId`` for ``run_id``."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _pairs(query: bytes) -> Sequence[tuple[str, str]]:
    if not query:
        return ()
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_FIELDS,
        )
    except UnicodeError:
        raise RequestError("the query string is not UTF-8, percent-encoded") from None
    except ValueError:
        raise RequestError(f"the query string has more than {MAX_QUERY_FIELDS} fields") from None


def _unfit(value: Any, where: str, wanted: str) -> InvalidArgumentError:
    shown = ascii(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return InvalidArgumentError(
        f"Invalid value {shown} for parameter '{where}' supplied: it must be {wanted}"
    )
