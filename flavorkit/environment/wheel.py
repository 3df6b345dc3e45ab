"""flavorkit itself as a wheel, made from the files of the running installation.

Requirements of a model never name flavorkit; an environment for the model gets the version that
builds it, released or not. Equal files make equal bytes, so that a digest stands for them.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from flavorkit.errors import EnvironmentBuildError, RequirementError
from flavorkit.version import __version__

_PACKAGE = Path(__file__).parents[1]
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAG = "Wheel-Version: 1.0\nGenerator: flavorkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ENTRY_POINTS = "[console_scripts]\nflavorkit = flavorkit.cli:main\n"


@dataclass(frozen=True)
class OwnWheel:
    """The running flavorkit; ``members`` are the paths in the wheel and what stands there."""

    members: tuple[tuple[str, bytes], ...]

    @classmethod
    def of_running(cls) -> OwnWheel:
        """The files of the installation that this process runs, editable or not.

        Raises:
            EnvironmentBuildError: what flavorkit depends on is not recorded, as when it was copied
                rather than installed.
        """
        files = sorted(
            (f"flavorkit/{path.relative_to(_PACKAGE).as_posix()}", path)
            for path in _PACKAGE.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
        info = f"flavorkit-{__version__}.dist-info"
        described = (
            (f"{info}/METADATA", _metadata().encode()),
            (f"{info}/WHEEL", _TAG.encode()),
            (f"{info}/entry_points.txt", _ENTRY_POINTS.encode()),
        )
        members = (*((name, path.read_bytes()) for name, path in files), *described)
        return cls((*members, (f"{info}/RECORD", _record(members, info))))

    @property
    def filename(self) -> str:
        """What installers want it to be called."""
        return f"flavorkit-{__version__}-py3-none-any.whl"

    @property
    def digest(self) -> str:
        """64 hex digits that stand for all of it; its record has the digest of every file."""
        return hashlib.sha256(self.members[-1][1]).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write it into ``folder``; its path is returned."""
        path = folder / self.filename
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.members:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return path


def needs_of_running(extras: Sequence[str] = (), *, python: str = "3.11") -> tuple[str, ...]:
    """What the running flavorkit needs on Linux, with these extras, as requirements.

    Args:
        extras: of flavorkit, such as ``"tracking"``.
        python: the version of Python it will run on.

    Raises:
        EnvironmentBuildError: what flavorkit depends on is not recorded.
        RequirementError: flavorkit has no such extra.
    """
    known = _recorded()
    unknown = sorted(set(extras) - set(known.get_all("Provides-Extra") or []))
    if unknown:
        raise RequirementError(f"flavorkit has no extra {', '.join(unknown)}")
    listed = [Requirement(line) for line in known.get_all("Requires-Dist") or []]
    needed: list[str] = []
    wanted, seen = ["", *extras], set[str]()
    while wanted:
        extra = wanted.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        for one in listed:
            if not _is_wanted(one, extra, python):
                continue
            if one.name == "flavorkit":  # an extra made of others
                wanted += sorted(one.extras)
            else:
                needed.append(str(_without_marker(one)))
    return tuple(sorted(set(needed), key=str.lower))


def _is_wanted(one: Requirement, extra: str, python: str) -> bool:
    if one.marker is None:
        return not extra
    if extra and "extra" not in str(one.marker):
        return False
    where = {
        "extra": extra,
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "python_version": python,
    }
    return one.marker.evaluate(where)


def _without_marker(one: Requirement) -> Requirement:
    one.marker = None
    return one


def _metadata() -> str:
    """Name, version and dependencies; the rest of what an index would show says nothing here."""
    known = _recorded()
    fields = ("Requires-Python", "Provides-Extra", "Requires-Dist")
    listed = [
        f"{field}: {' '.join(value.split())}\n"
        for field in fields
        for value in known.get_all(field) or []
    ]
    return f"Metadata-Version: 2.1\nName: flavorkit\nVersion: {__version__}\n{''.join(listed)}"


def _recorded() -> metadata.PackageMetadata:
    try:
        return metadata.metadata("flavorkit")
    except metadata.PackageNotFoundError:
        raise EnvironmentBuildError(
            "flavorkit was copied rather than installed, so what it depends on is not known",
            advice="install it with pip",
        ) from None


def _record(members: tuple[tuple[str, bytes], ...], info: str) -> bytes:
    lines = []
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{info}/RECORD,,\n"]).encode()
