"""Text, figures, images and the like as files of runs, by a client."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

from flavorkit import strict_yaml
from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import background, images, spool
from flavorkit.tracking.client.artifacts import Artifacts, normal
from flavorkit.tracking.client.logging import Logging
from flavorkit.tracking.tags import LOGGED_IMAGES
from flavorkit.tracking.values import now

_CHUNK_BYTES = 1024 * 1024
_PLOTLY_IMAGES = frozenset({".png", ".jpeg", ".webp", ".svg", ".pdf"})


class Contents(Artifacts, Logging):
    """What a client writes into files of runs."""

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write text, in UTF-8, to a file of a run.

        Args:
            run_id: of the run.
            text: of the file.
            artifact_file: the path below the artifacts of the run.
        """
        self._put(run_id, artifact_file, [text.encode()])

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any], artifact_file: str) -> None:
        """Write a mapping or a list to a file of a run.

        Args:
            run_id: of the run.
            dictionary: of what JSON or YAML knows; anything else is written as its text.
            artifact_file: of YAML if it ends in ``.yaml`` or ``.yml``, else of JSON.
        """
        text = json.dumps(dictionary, indent=2, default=str)
        if PurePosixPath(artifact_file).suffix in {".yml", ".yaml"}:
            text = strict_yaml.dumps(json.loads(text))
        self._put(run_id, artifact_file, [text.encode()])

    def log_stream(
        self, run_id: str, stream: io.BufferedIOBase | io.RawIOBase, artifact_file: str
    ) -> None:
        """Write what a stream of bytes gives to a file of a run."""
        self._put(run_id, artifact_file, _chunks(stream))

    def log_figure(
        self,
        run_id: str,
        figure: Any,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Draw a figure of matplotlib or plotly into a file of a run.

        Args:
            run_id: of the run.
            figure: the figure.
            artifact_file: its ending says what is drawn, such as ``.png``; ``.html`` of plotly.
            save_kwargs: passed on to the method of the figure that writes it.

        Raises:
            TypeError: it is no such figure, or of plotly and the ending is not known.
        """
        write = _drawer(figure, PurePosixPath(artifact_file).suffix, dict(save_kwargs or {}))
        self._write(run_id, artifact_file, lambda path: write(str(path)))

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Write an image to a file of a run, or as one of a series.

        Args:
            run_id: of the run.
            image: an array of 2 dimensions, or 3 with 1, 3 or 4 channels, of integers from 0 to 255
                or of floats from 0 to 1; an image of Pillow; a :class:`flavorkit.Image`.
            artifact_file: where to write it; alone, without the arguments below.
            key: of the series; the image and a small one go to ``images/``.
            step: of the series; 0 if None.
            timestamp: milliseconds since 1970; now if None.
            synchronous: whether to wait until it is there, for one of a series.

        Raises:
            TypeError: the arguments do not go together, or it is no image.
            InvalidArgumentError: the key or the shape breaks a rule.
        """
        if artifact_file is not None and (key, step, timestamp) != (None, None, None):
            raise TypeError("artifact_file= goes alone; key=, step= and timestamp= are of a series")
        picture = images.pillow_of(image)
        if artifact_file is not None:
            self._write(run_id, artifact_file, picture.save)
            return
        if key is None:
            raise TypeError("say where the image goes: artifact_file=, or key= for a series")
        stem = images.path_in_series(key, step or 0, timestamp or now())

        def write() -> None:
            self._write(run_id, f"{stem}.png", picture.save)
            self._write(run_id, f"{stem}+compressed.webp", images.small(picture).save)
            self.set_tag(run_id, LOGGED_IMAGES, True, synchronous=True)

        if not spool.is_default() if synchronous is None else synchronous:
            write()
        else:
            background.start(write)

    def _write(self, run_id: str, artifact_file: str, write: Callable[[Path], Any]) -> None:
        """Have a file written on this machine, and copy it to a run."""
        path = PurePosixPath(normal(artifact_file))
        if not path.name:
            raise InvalidArgumentError(
                "artifact_file= is the path of a file, such as plots/roc.png"
            )
        with TemporaryDirectory(prefix="flavorkit-") as folder:
            local = Path(folder, path.name)
            write(local)
            parent = "" if path.parent == PurePosixPath() else str(path.parent)
            self.log_artifact(run_id, local, parent)


def _chunks(stream: IO[bytes] | io.BufferedIOBase | io.RawIOBase) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _drawer(figure: Any, suffix: str, options: dict[str, Any]) -> Callable[[str], Any]:
    # Whoever has a figure has imported what made it.
    matplotlib, plotly = sys.modules.get("matplotlib.figure"), sys.modules.get("plotly")
    if matplotlib is not None and isinstance(figure, matplotlib.Figure):
        return lambda path: figure.savefig(path, **options)
    if plotly is not None and isinstance(figure, plotly.graph_objects.Figure):
        if suffix == ".html":
            options = {"include_plotlyjs": "cdn", "auto_open": False, **options}
            return lambda path: figure.write_html(path, **options)
        if suffix in _PLOTLY_IMAGES:
            return lambda path: figure.write_image(path, **options)
        raise TypeError(
            f"a figure of plotly is written to .html, {', '.join(sorted(_PLOTLY_IMAGES))}; not to"
            f" {suffix!r}"
        )
    raise TypeError(
        f"a figure is one of matplotlib or plotly, not {type(figure).__name__}; log another kind of"
        " picture with log_image, or a file with log_artifact"
    )
