"""The files of a model folder: their digests, who signed them, and whether they are still the same.

``manifest.json`` lists every other file of the folder with its size and sha256. The digest of that
list stands for the whole folder, and an Ed25519 signature over the list says who made it. Whoever
signs and whoever checks a signature comes from the caller; this module only reads and hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flavorkit.errors import IntegrityError, NotFoundError

FILENAME = "manifest.json"
_DESCRIPTOR = "MLmodel"
MAX_BYTES = 32 * 1024 * 1024
MAX_FILES = 100_000

# Stock MLflow drops this file into folders that it fetches. It is never read.
_IGNORED = frozenset({FILENAME, "registered_model_meta"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


class Signer(Protocol):
    """A key that vouches for a folder."""

    @property
    def public_key(self) -> str:
        """The key to check its signatures with, as text."""
        ...

    def sign(self, payload: bytes) -> str:
        """The signature of ``payload``, as text."""
        ...


@dataclass(frozen=True)
class File:
    """One file of the folder; ``path`` is relative, with forward slashes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says; ``key`` and ``signature`` are None when nobody signed."""

    files: tuple[File, ...]
    key: str | None = None
    signature: str | None = None
    is_recorded: bool = True

    @property
    def payload(self) -> bytes:
        """What is signed: the list of files, in one and the same form wherever it is made."""
        listed = [[file.path, file.size, file.sha256] for file in self.files]
        return b"flavorkit manifest 1\n" + json.dumps(listed, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits that stand for the whole folder."""
        return f"sha256:{hashlib.sha256(self.payload).hexdigest()}"


def write(folder: Path, signer: Signer | None) -> Manifest:
    """Write the manifest of all files now in ``folder``, signed if there is a signer."""
    with _opened(folder) as root:
        manifest = Manifest(_measure(root, _tree(folder, root)))
    if signer is not None:
        manifest = Manifest(manifest.files, signer.public_key, signer.sign(manifest.payload))
    (folder / FILENAME).write_text(_to_json(manifest), "utf-8")
    return manifest


def verify(folder: Path) -> Manifest:
    """Check every file of ``folder`` against its manifest; each is read once, before any is parsed.

    Returns:
        The manifest. For a folder without one, as MLflow writes them, the manifest it would have,
        unsigned and with ``is_recorded`` unset.

    Raises:
        IntegrityError: a file is missing, altered, extra, a link or a device, or the manifest is
            malformed. The message names every such file.
        NotFoundError: there is no such folder, or nothing in it makes it a model's.
    """
    with _opened(folder) as root:
        names = os.listdir(root)  # noqa: PTH208 - pathlib takes no descriptor
        if not {FILENAME, _DESCRIPTOR} & set(names):
            raise NotFoundError(f"{folder} is not the folder of a model: it has no {_DESCRIPTOR}")
        present = _tree(folder, root)
        if FILENAME not in present:
            return Manifest(_measure(root, present), is_recorded=False)
        manifest = _parse(folder, _read(root, FILENAME, MAX_BYTES))
        _compare(folder, root, manifest, present - _IGNORED)
    return manifest


def check(folder: Path, files: Mapping[str, File]) -> None:
    """Compare files that were hashed on their way into a model folder with its manifest.

    Args:
        folder: a complete folder. Without a manifest, or if it is no model's, nothing is compared.
        files: all of its files, by their paths.

    Raises:
        IntegrityError: a file is missing, altered or extra, or the manifest is malformed.
    """
    if not {FILENAME, _DESCRIPTOR} <= files.keys():
        return
    with _opened(folder) as root:
        manifest = _parse(folder, _read(root, FILENAME, MAX_BYTES))
    problems = _misplaced(manifest, files.keys() - _IGNORED) or [
        problem for file in manifest.files if (problem := _difference(file, files[file.path]))
    ]
    if problems:
        raise IntegrityError(folder, problems)


def _measure(root: int, present: set[str]) -> tuple[File, ...]:
    return tuple(_hashed(root, path) for path in sorted(present - _IGNORED))


def _compare(folder: Path, root: int, manifest: Manifest, present: set[str]) -> None:
    problems = _misplaced(manifest, present) or [
        problem
        for file in manifest.files
        if (problem := _difference(file, _hashed(root, file.path)))
    ]
    if problems:
        raise IntegrityError(folder, problems)


def _misplaced(manifest: Manifest, present: Set[str]) -> list[str]:
    listed = {file.path for file in manifest.files}
    problems = [f"{file.path} is missing" for file in manifest.files if file.path not in present]
    return problems + [f"{path} is not in the manifest" for path in sorted(present - listed)]


def _difference(expected: File, found: File) -> str | None:
    if found.size != expected.size:
        return f"{expected.path} has {found.size} bytes, not {expected.size}"
    return None if found.sha256 == expected.sha256 else f"{expected.path} was altered"


class _opened:  # noqa: N801 - used as a function
    """A descriptor of the folder, so that all of it is read from one and the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> int:
        try:
            self._root = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no model folder at {self._folder}") from None
        return self._root

    def __exit__(self, *_: object) -> None:
        os.close(self._root)


def _tree(folder: Path, root: int) -> set[str]:
    """The relative paths of all files, without following a link."""
    files: set[str] = set()
    problems = []
    for path, status in _entries(root, ""):
        if stat.S_ISLNK(status.st_mode):
            problems.append(f"{path} is a link")
        elif not stat.S_ISREG(status.st_mode):
            problems.append(f"{path} is not a plain file")
        elif status.st_nlink != 1:
            problems.append(
                f"{path} is a hard link, which another name may change; copy the folder"
            )
        elif not path.isprintable():
            problems.append(f"{path!r} is not the name of a file")
        files.add(path)
        if len(files) > MAX_FILES:
            problems.append(f"it has more than {MAX_FILES} files")
            break
    if problems:
        raise IntegrityError(folder, problems)
    return files


def _entries(root: int, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(root) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = f"{prefix}{entry.name}"
        status = os.stat(entry.name, dir_fd=root, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            yield path, status
            continue
        child = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
        try:
            yield from _entries(child, f"{path}/")
        finally:
            os.close(child)


def _hashed(root: int, path: str) -> File:
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb", buffering=0, opener=_beneath(root)) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return File(path, size, digest.hexdigest())


def _read(root: int, path: str, limit: int) -> bytes:
    with open(path, "rb", opener=_beneath(root)) as file:
        return file.read(limit + 1)


def _beneath(root: int) -> Any:
    return lambda path, flags: os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)


def _to_json(manifest: Manifest) -> str:
    """One line for each file, so that people can read it and diff it."""
    files = [
        json.dumps({"path": file.path, "size": file.size, "sha256": file.sha256})
        for file in manifest.files
    ]
    listed = ",\n  ".join(files)
    signature = json.dumps({"key": manifest.key, "value": manifest.signature})
    signed = f',\n "signature": {signature}' if manifest.signature is not None else ""
    return f'{{"version": 1,\n "files": [\n  {listed}]{signed}}}\n'


def _parse(folder: Path, raw: bytes) -> Manifest:
    def malformed(problem: str) -> IntegrityError:
        return IntegrityError(folder, [f"{FILENAME} is malformed ({problem})"])

    if len(raw) > MAX_BYTES:
        raise malformed(f"larger than {MAX_BYTES} bytes")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise malformed(f"not JSON: {exc}") from None
    if not isinstance(content, dict) or content.get("version") != 1:
        raise malformed("not a manifest of version 1")
    entries = content.get("files")
    if not isinstance(entries, list):
        raise malformed("no list of files")
    files = [_parse_file(entry) for entry in entries]
    complete = [file for file in files if file is not None]
    if len(complete) < len(files):
        raise malformed("an entry without a path, a size or a sha256")
    if len({file.path for file in complete}) < len(complete):
        raise malformed("a path stands twice")
    signature = content.get("signature") or {}
    if not isinstance(signature, Mapping):
        raise malformed("the signature")
    key, value = signature.get("key"), signature.get("value")
    if not (key is None and value is None) and not (
        isinstance(key, str) and isinstance(value, str)
    ):
        raise malformed("the signature")
    return Manifest(tuple(complete), key, value)


def _parse_file(entry: Any) -> File | None:
    if not isinstance(entry, dict):
        return None
    path, size, sha256 = entry.get("path"), entry.get("size"), entry.get("sha256")
    if not isinstance(path, str) or type(size) is not int or not isinstance(sha256, str):
        return None
    return File(path, size, sha256) if _SHA256.fullmatch(sha256) else None
