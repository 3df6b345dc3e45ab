"""Graphs of ONNX in files: written, and read to be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.onnx import file as onnx_file
from flavorkit.flavors.onnx.session import Settings, session
from flavorkit.flavors.reading import reading


class Graph:
    """A graph in a file, and the session that runs it, once one was made.

    Args:
        path: the file.

    Raises:
        UnreadableModelError: it is no graph, or one that asks for what it must not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._proto = onnx_file.read(path)
        self._session: Any = None

    def session(self, settings: Settings) -> Any:
        """The session; the first call makes it.

        Raises:
            UnreadableModelError: onnxruntime cannot run the graph.
        """
        if self._session is None:
            # What has been checked is what is run; only with other files does it need a path.
            is_whole = not onnx_file.external_tensors(self._proto)
            source = self._proto.SerializeToString() if is_whole else self.path
            self._proto = None  # which is as large as the session
            with reading(self.path):
                self._session = session(source, settings)
        return self._session

    def proto(self) -> Any:
        """The ``ModelProto`` with all of its tensors; read again if a session has taken its place.

        Raises:
            UnreadableModelError: the file has changed meanwhile, and is no graph any more.
        """
        proto = self._proto or onnx_file.read(self.path)
        with reading(self.path):
            onnx_file.load_external(proto, self.path.parent)
        return proto


def write(model: Any, path: Path, *, is_external: bool) -> None:
    """Write a ``ModelProto`` to the file at ``path``.

    Args:
        model: with all of its tensors.
        path: the file.
        is_external: write large tensors to a file beside it, which happens anyway if the whole is
            too large for one.

    Raises:
        UnsavableModelError: tensors of it are in other files, or protobuf cannot hold it.
    """
    if onnx_file.external_tensors(model):
        raise UnsavableModelError(
            "some of its tensors are in other files; read it with onnx.load(path), which loads them"
        )
    try:
        if is_external or model.ByteSize() > onnx_file.MAX_BYTES:
            model = onnx_file.write_external(model, path.parent)
        path.write_bytes(model.SerializeToString())
    except ValueError as exc:  # what protobuf's errors are
        raise UnsavableModelError(f"protobuf cannot write it: {exc}") from exc
