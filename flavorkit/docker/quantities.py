"""How much a container may use: processors and memory, as Kubernetes and Compose write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError

_THOUSANDTHS = re.compile(r"([0-9]{1,6})m")
_PROCESSORS = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,3}))?")
_MEMORY = re.compile(r"([1-9][0-9]{0,8})([KMGT]i|[kMGT])")
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_UNITS = _DECIMAL | _BINARY


@dataclass(frozen=True)
class Cpu:
    """A share of the processors of a machine, in thousandths of one."""

    thousandths: int

    @classmethod
    def parse(cls, text: str) -> Cpu:
        """What ``text`` says, as in ``2``, ``0.5`` or ``500m``.

        Raises:
            InvalidArgumentError: it says none, or nothing at all.
        """
        if match := _THOUSANDTHS.fullmatch(text):
            thousandths = int(match[1])
        elif match := _PROCESSORS.fullmatch(text):
            thousandths = int(match[1]) * 1000 + int((match[2] or "0").ljust(3, "0"))
        else:
            thousandths = 0
        if not thousandths:
            raise InvalidArgumentError(
                f"{text[:200]!r} is no number of processors, such as 2, 0.5 or 500m"
            )
        return cls(thousandths)

    @property
    def quantity(self) -> str:
        """As Kubernetes writes it."""
        whole, rest = divmod(self.thousandths, 1000)
        return f"{self.thousandths}m" if rest else str(whole)

    @property
    def number(self) -> float:
        """As Compose takes it."""
        return self.thousandths / 1000


@dataclass(frozen=True)
class Memory:
    """An amount of memory, in a unit of Kubernetes."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Memory:
        """What ``text`` says, as in ``512Mi`` or ``2Gi``.

        A number alone is refused, since it would be bytes where mebibytes are meant, and so is
        ``512m``, which Kubernetes reads as half a byte and Compose as mebibytes.

        Raises:
            InvalidArgumentError: it says no amount of memory.
        """
        match = _MEMORY.fullmatch(text)
        if match is None:
            raise InvalidArgumentError(
                f"{text[:200]!r} is no amount of memory: write a whole number and its unit, such as"
                " 512Mi or 2Gi"
            )
        return cls(int(match[1]), match[2])

    @property
    def quantity(self) -> str:
        """As Kubernetes writes it."""
        return f"{self.count}{self.unit}"

    @property
    def bytes(self) -> int:
        """How many bytes these are."""
        return self.count * _UNITS[self.unit]

    @property
    def byte_value(self) -> str:
        """As Compose writes it, whose ``m`` are mebibytes."""
        mebibytes, rest = divmod(self.bytes, 2**20)
        return f"{self.bytes}b" if rest else f"{mebibytes}m"
