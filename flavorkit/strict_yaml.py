"""YAML documents of which only the plain, predictable part is read.

What a loader of untrusted files must not meet is refused while the text is parsed, before anything
is built: anchors and aliases (which blow up), merge keys, tags (which name types), duplicate
keys (of which one is lost in silence), several documents, deep nesting, large files. Plain
scalars get the types that ``yaml.safe_load`` gives them, since that is how MLflow reads its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flavorkit.errors import DescriptorError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_KEY = 2**31
MAX_NUMBER_LENGTH = 64

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EMITTER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_STRING = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"


def read(path: Path) -> Any:
    """The value of the YAML file at ``path``.

    Raises:
        DescriptorError: the file is missing, too large, not UTF-8, not YAML, or uses a part of YAML
            that is refused. The message names the file and the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DescriptorError(path, "", "not found") from None
    except OSError as exc:
        raise DescriptorError(path, "", f"cannot be read: {exc.strerror}") from exc
    return loads(raw, path=path)


def loads(raw: bytes, *, path: object) -> Any:
    """The value of the YAML text ``raw``; ``path`` is only used in error messages."""
    if len(raw) > MAX_BYTES:
        raise DescriptorError(path, "", f"larger than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise DescriptorError(path, "", f"not UTF-8: {exc}") from None
    try:
        # Events arrive one at a time, so a hostile text is left at its first refused event.
        return _Reader(path, yaml.parse(text, Loader=_PARSER)).document()
    except yaml.YAMLError as exc:
        raise DescriptorError(path, "", f"not valid YAML: {exc}") from None


def dumps(value: Any, *, sort_keys: bool = True) -> str:
    """``value`` as YAML text in block style and in ASCII, as MLflow writes it."""
    text: str = yaml.dump(value, Dumper=_EMITTER, default_flow_style=False, sort_keys=sort_keys)
    return text


class _Reader:
    """Builds plain values from YAML events, refusing the events that are not plain."""

    def __init__(self, path: object, events: Iterator[yaml.Event]) -> None:
        self._path = path
        self._events = events
        self._resolver = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()

    def document(self) -> Any:
        next(self._events)  # the start of the stream
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), depth=0)
        next(self._events)  # the end of the document
        last = next(self._events)
        if not isinstance(last, yaml.StreamEndEvent):
            raise self._refusal(last, "several documents in one file")
        return value

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:  # type: ignore[attr-defined]
            raise self._refusal(event, "anchors and aliases are not allowed")
        if depth > MAX_DEPTH:
            raise self._refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if event.tag is not None:  # type: ignore[attr-defined]
            raise self._refusal(event, f"tags are not allowed ({event.tag})")  # type: ignore[attr-defined]
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal(event, "a key must be a plain value")
            key = self._value(event, depth + 1)
            # Others than text can be chosen so that all of them have one hash.
            if not isinstance(key, str) and not (isinstance(key, int) and abs(key) <= MAX_KEY):
                raise self._refusal(event, f"the key {str(key)[:40]!r} is not text")
            if key in mapping:
                raise self._refusal(event, f"the key {key!r} stands twice")
            mapping[key] = self._value(next(self._events), depth + 1)
        return mapping

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        # "!" alone is how YAML says "not a plain scalar", which quotes say too.
        if event.tag not in {None, "!"}:
            raise self._refusal(event, f"tags are not allowed ({event.tag})")
        tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        if tag == _STRING:
            return event.value
        if tag == _MERGE:
            raise self._refusal(event, "merge keys are not allowed")
        # Reading a number takes more than linear time in its length.
        if len(event.value) > MAX_NUMBER_LENGTH:
            raise self._refusal(event, f"{event.value[:40]!r}... is too long for a number")
        try:
            return self._constructor.construct_object(yaml.ScalarNode(tag, event.value))
        except ValueError as exc:
            raise self._refusal(event, f"{event.value[:40]!r}: {exc}") from None

    def _refusal(self, event: yaml.Event, problem: str) -> DescriptorError:
        mark = event.start_mark
        where = f"line {mark.line + 1}" if mark is not None else ""
        return DescriptorError(self._path, where, problem)
