"""Files and folders on their way between this machine and a repository.

Several files are under way at a time, each is hashed as it passes, and what arrives is compared
with what was sent or with the manifest of the model. A folder that is fetched appears whole or not
at all; of an upload that fails, what it had sent is deleted again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from flavorkit import atomic, manifest
from flavorkit.atomic import PARTIAL_PREFIX
from flavorkit.errors import (
    FlavorkitError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import CHUNK_BYTES, ArtifactRepository, ArtifactWriter
from flavorkit.tracking.entities import FileInfo

THREADS = 8
_LAST = "MLmodel"

Progress = Callable[[int, int | None], None]
"""Is told how many bytes have come, and of how many (None where nobody knows), by one at a time."""

T = TypeVar("T")


def upload_file(
    repository: ArtifactRepository,
    file: Path,
    path: ArtifactPath,
    progress: Progress | None = None,
) -> None:
    """Send a file.

    Args:
        repository: where to.
        file: on this machine.
        path: what it is there, its name included.
        progress: is told how far it has come.

    Raises:
        NotFoundError: there is no such file.
        FlavorkitError: the repository does not take it; nothing of it is visible there.
    """
    if not file.is_file():
        raise NotFoundError(f"there is no file at {file}")
    _send(repository, file, path, _Meter(progress, file.stat().st_size))


def upload_folder(
    repository: ArtifactRepository,
    folder: Path,
    path: ArtifactPath = ROOT,
    progress: Progress | None = None,
) -> None:
    """Send all files of a folder; those of a model with the one last that makes it a model.

    Links to files are sent as what they lead to. Links to folders, and what is no file, are not.

    Args:
        repository: where to.
        folder: on this machine.
        path: the folder there that gets what is in it.
        progress: is told how far it has come.

    Raises:
        NotFoundError: there is no such folder.
        InvalidArgumentError: the name of a file is not one of an artifact.
        FlavorkitError: the repository does not take it; what had been sent is deleted again, but
            for what has replaced something.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder at {folder}")
    files = [(file, path / below) for file, below in _files_of(folder)]
    meter = _Meter(progress, sum(file.stat().st_size for file, _ in files))
    last = [each for each in files if each[1] == path / _LAST]
    before = {info.path for info in repository.walk(path)}
    sent: list[ArtifactPath] = []

    def send(each: tuple[Path, ArtifactPath]) -> None:
        _send(repository, *each, meter)
        if str(each[1]) not in before:
            sent.append(each[1])

    try:
        _all(send, (each for each in files if each not in last))
        _all(send, last)
    except BaseException as exc:
        for each in reversed(sent):
            with contextlib.suppress(FlavorkitError):
                repository.delete(each)
        exc.add_note(f"what had been sent of {folder} and was not there before was deleted again")
        raise


def download(
    repository: ArtifactRepository,
    path: ArtifactPath,
    target: Path,
    progress: Progress | None = None,
    *,
    merge: bool = False,
) -> Path:
    """Fetch a file or a folder; it appears at ``target`` whole or not at all.

    Args:
        repository: where from.
        path: of the file or the folder.
        target: what it will be on this machine, its name included.
        progress: is told how far it has come.
        merge: put the files of a folder among those that ``target`` has already, each in one step,
            once all have come.

    Returns:
        ``target``.

    Raises:
        NotFoundError: there is nothing at ``path``.
        PathOccupiedError: ``target`` is not an empty folder, and ``merge`` is not set.
        IntegrityError: a file is not what the manifest of the model says.
        FlavorkitError: the repository does not give it.
    """
    files = list(repository.walk(path))
    if not files and path != ROOT:
        found = repository.stat(path)
        if found is None or not found.is_dir:
            raise NotFoundError(f"there is no artifact at {path} in {repository.uri}")
    meter = _Meter(progress, _total(files))
    if [info.path for info in files] == [str(path)]:
        return _fetch_file(repository, path, target, meter)
    if merge and target.is_dir() and any(target.iterdir()):
        return _merge(repository, path, files, target, meter)
    with atomic.publish(target) as folder:
        _fetch_folder(repository, path, files, folder, meter)
    return target


def _fetch_file(
    repository: ArtifactRepository, path: ArtifactPath, target: Path, meter: _Meter
) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.publish_file(target) as stream:
        _receive(repository, path, stream.write, meter)
    return target


def _merge(
    repository: ArtifactRepository,
    path: ArtifactPath,
    files: Iterable[FileInfo],
    target: Path,
    meter: _Meter,
) -> Path:
    with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=target) as name:
        scratch = Path(name)
        _fetch_folder(repository, path, files, scratch, meter)
        for file, below in list(_files_of(scratch)):
            place = target.joinpath(*below.segments)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
    return target


def _fetch_folder(
    repository: ArtifactRepository,
    path: ArtifactPath,
    files: Iterable[FileInfo],
    folder: Path,
    meter: _Meter,
) -> None:
    """Fill an empty folder that nobody else writes into."""
    fetched: dict[str, manifest.File] = {}

    def fetch(info: FileInfo) -> None:
        whole = ArtifactPath.parse(info.path)
        below = whole.below(path)
        place = folder.joinpath(*below.segments)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb", buffering=0) as stream:
                size, sha256 = _receive(repository, whole, _all_of(stream.fileno()), meter)
        except (FileExistsError, NotADirectoryError):
            raise InvalidArgumentError(
                f"{info.path} is both a file and a folder in {repository.uri}"
            ) from None
        fetched[str(below)] = manifest.File(str(below), size, sha256)

    _all(fetch, files)
    manifest.check(folder, fetched)


def _receive(
    repository: ArtifactRepository,
    path: ArtifactPath,
    write: Callable[[bytes], object],
    meter: _Meter,
) -> tuple[int, str]:
    writer = ArtifactWriter(write)
    with repository.open(path) as reader:
        for chunk in reader:
            writer.write(chunk)
            meter.add(len(chunk))
    stored = writer.stored
    if reader.size not in {None, stored.size}:
        raise StoreUnavailableError(
            f"only {stored.size} of the {reader.size} bytes of {path} came from {repository.uri};"
            " fetch it again"
        )
    if reader.sha256 not in {None, stored.sha256}:
        raise IntegrityError(repository.uri, [f"{path} was altered on its way"])
    return stored.size, stored.sha256


def _send(repository: ArtifactRepository, file: Path, path: ArtifactPath, meter: _Meter) -> None:
    # Of a log that grows meanwhile it is what there was at first.
    size = file.stat().st_size
    stored = repository.put(path, _Chunks(file, size, meter), size)
    if stored.size != size:
        with contextlib.suppress(FlavorkitError):
            repository.delete(path)
        raise InvalidArgumentError(f"{file} changed while it was sent; send it when it is finished")


class _Chunks:
    """The first bytes of a file in pieces, from its beginning each time."""

    def __init__(self, file: Path, size: int, meter: _Meter) -> None:
        self._file, self._size, self._meter = file, size, meter
        self._counted = 0

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        with self._file.open("rb", buffering=0) as stream:
            while chunk := stream.read(min(CHUNK_BYTES, self._size - position)):
                yield chunk
                position += len(chunk)
                self._meter.add(max(position - self._counted, 0))
                self._counted = max(position, self._counted)


class _Meter:
    """Counts what has come, for one who watches."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self._progress, self._total = progress, total
        self._done = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        if self._progress is None or not size:
            return
        with self._lock:
            self._done += size
            self._progress(self._done, self._total)


def _files_of(folder: Path) -> Iterator[tuple[Path, ArtifactPath]]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            if name.startswith(PARTIAL_PREFIX) or not _is_file(file):
                continue
            yield file, ArtifactPath(file.relative_to(folder).parts)


def _is_file(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except OSError:  # a link to nowhere
        return False


def _total(files: Iterable[FileInfo]) -> int | None:
    sizes = [info.file_size for info in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _all_of(descriptor: int) -> Callable[[bytes], None]:
    def write(chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write


def _all(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do it for all items, some at a time; after the first error, begin no more."""
    source = iter(items)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="flavorkit-transfer") as pool:
        running: set[Future[None]] = set()
        while True:
            free = 2 * THREADS - len(running)
            running |= {pool.submit(work, item) for item in itertools.islice(source, free)}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            failed = next((each for each in done if each.exception() is not None), None)
            if failed is not None:
                for each in running:
                    each.cancel()
                failed.result()
