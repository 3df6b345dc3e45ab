"""The path of an artifact below the root of its run or model.

Text becomes an :class:`ArtifactPath` once, where it enters, and everything below takes nothing
else. No path is ever read as a URL or joined to a folder by name, so ``#``, ``?``, ``%``, ``;`` and
``~`` are characters like others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from flavorkit.atomic import PARTIAL_PREFIX
from flavorkit.errors import InvalidArgumentError

MAX_SEGMENTS = 32
MAX_SEGMENT_BYTES = 255
MAX_BYTES = 1024

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, order=True)
class ArtifactPath:
    """A path that stays below any root; ``ROOT`` has no segments and is the root itself.

    Args:
        segments: the names on the way, outermost first.

    Raises:
        InvalidArgumentError: a name that could lead elsewhere or that a store cannot keep.
    """

    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.segments) > MAX_SEGMENTS:
            raise _refusal(self.segments, f"has more than {MAX_SEGMENTS} segments")
        size = -1
        for segment in self.segments:
            size += 1 + _size(segment, self.segments)
        if size > MAX_BYTES:
            raise _refusal(self.segments, f"is longer than {MAX_BYTES} bytes")
        if self.segments and _DRIVE.match(self.segments[0]):
            raise _refusal(self.segments, "starts with a drive")

    @classmethod
    def parse(cls, text: str) -> ArtifactPath:
        """The path that ``text`` spells, with ``/`` between its segments.

        Raises:
            InvalidArgumentError: it is empty, or no path below a root.
        """
        if not isinstance(text, str):
            raise InvalidArgumentError(f"the path of an artifact is text, not {_kind(text)}")
        if len(text) > MAX_BYTES:
            raise _refusal(text, f"is longer than {MAX_BYTES} bytes")
        return cls(tuple(text.split("/")))

    @classmethod
    def parse_folder(cls, text: str | None) -> ArtifactPath:
        """The same, where None and empty text are the root."""
        return ROOT if text is None or text == "" else cls.parse(text)

    @property
    def name(self) -> str:
        """The last segment; empty for the root."""
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> ArtifactPath:
        """Where it is in; of the root, the root."""
        return ArtifactPath(self.segments[:-1])

    def __truediv__(self, other: str | ArtifactPath) -> ArtifactPath:
        """What ``other`` is below this."""
        below = other if isinstance(other, ArtifactPath) else ArtifactPath.parse(other)
        return ArtifactPath(self.segments + below.segments)

    def below(self, root: ArtifactPath) -> ArtifactPath:
        """This path as seen from ``root``, which it is in.

        Raises:
            InvalidArgumentError: it is not.
        """
        length = len(root.segments)
        if self.segments[:length] != root.segments:
            raise InvalidArgumentError(f"{_shown(self)} is not in {_shown(root)}")
        return ArtifactPath(self.segments[length:])

    def __str__(self) -> str:
        return "/".join(self.segments)


ROOT = ArtifactPath()


def _size(segment: str, whole: Iterable[str]) -> int:
    """How many bytes a segment has, if it is the name of a file anywhere."""
    if segment in {"", ".", ".."}:
        raise _refusal(whole, f"has the segment {segment!r}")
    if "/" in segment or "\\" in segment:
        raise _refusal(whole, "has a slash or a backslash in a segment")
    if "\ufffd" in segment or any(unicodedata.category(one) == "Cc" for one in segment):
        raise _refusal(whole, "has control characters, or such as could not be decoded")
    if segment.startswith(PARTIAL_PREFIX):
        raise _refusal(whole, "has the name of an unfinished file")
    try:
        size = len(segment.encode())
    except UnicodeEncodeError:
        raise _refusal(whole, "is not valid Unicode") from None
    if size > MAX_SEGMENT_BYTES:
        raise _refusal(whole, f"has a segment of more than {MAX_SEGMENT_BYTES} bytes")
    return size


def _refusal(path: str | Iterable[str], problem: str) -> InvalidArgumentError:
    text = path if isinstance(path, str) else "/".join(path)
    return InvalidArgumentError(
        f"{_shown(text)} is no path of an artifact: it {problem}. Write a relative path such as"
        " 'plots/roc.png'"
    )


def _shown(path: object) -> str:
    text = ascii(str(path))
    return text if len(text) <= 100 else f"{text[:97]}..."


def _kind(thing: object) -> str:
    return type(thing).__name__
