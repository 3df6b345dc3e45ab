"""Files of the active run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.tracking import background
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.client.artifacts import normal
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.experiments import active_experiment_id

if TYPE_CHECKING:
    import pandas as pd


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a file, or a folder under its own name, to the artifacts of the active run.

    Args:
        local_path: of the file or folder on this machine.
        artifact_path: the folder of the run to put it into.
        run_id: of another run.

    Raises:
        NotFoundError: there is no such file.
    """
    client, run_id = active.place_of(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy what is in a folder to the artifacts of the active run; see :func:`log_artifact`."""
    client, run_id = active.place_of(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Write text, in UTF-8, to a file of the active run."""
    client, run_id = active.place_of(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Mapping[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """Write a mapping or a list to a file of the active run.

    It is YAML if the file ends in ``.yaml`` or ``.yml``, and JSON otherwise.
    """
    client, run_id = active.place_of(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def log_stream(
    stream: io.BufferedIOBase | io.RawIOBase, artifact_file: str, run_id: str | None = None
) -> None:
    """Write what a stream of bytes gives to a file of the active run."""
    client, run_id = active.place_of(run_id)
    client.log_stream(run_id, stream, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Draw a figure of matplotlib or plotly into a file of the active run.

    Args:
        figure: the figure.
        artifact_file: its ending says what is drawn, such as ``.png``; ``.html`` of plotly.
        save_kwargs: passed on to the method of the figure that writes it.
    """
    run = active.current_or_new()
    run.client.log_figure(run.run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """Write an image to a file of the active run, or as one of a series.

    Args:
        image: an array of 2 dimensions, or 3 with 1, 3 or 4 channels, of integers from 0 to 255 or
            of floats from 0 to 1; an image of Pillow; a :class:`flavorkit.Image`.
        artifact_file: where to write it; alone, without the arguments below.
        key: of the series; the image and a small one go to ``images/``.
        step: of the series; 0 if None.
        timestamp: milliseconds since 1970; now if None.
        synchronous: whether to wait until it is there, for one of a series;
            :func:`flush_artifact_async_logging` waits for all.
    """
    run = active.current_or_new()
    run.client.log_image(run.run_id, image, artifact_file, key, step, timestamp, synchronous)


def log_table(
    data: Mapping[str, Any] | pd.DataFrame, artifact_file: str, run_id: str | None = None
) -> None:
    """Write a table to a file of the active run, or append its rows to the table that is there.

    Args:
        data: columns by name, or a frame; images in it are written to files of their own.
        artifact_file: which ends in ``.json`` or ``.parquet``.
        run_id: of another run.
    """
    client, run_id = active.place_of(run_id)
    client.log_table(run_id, data, artifact_file)


def load_table(
    artifact_file: str,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows of a table of runs of the active experiment, one below the other.

    Args:
        artifact_file: the path of the table in each.
        run_ids: of which runs; of all that have the table if None.
        extra_columns: columns of :func:`flavorkit.search_runs` to put beside them.

    Raises:
        NotFoundError: no run has such a table.
    """
    return FlavorkitClient().load_table(
        active_experiment_id(), artifact_file, run_ids, extra_columns
    )


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of the artifacts of the active run, or of one of them."""
    run = active.current_or_new()
    uri = run.run.info.artifact_uri
    path = normal(artifact_path or "")
    return f"{uri.rstrip('/')}/{path}" if path else uri


def flush_artifact_async_logging() -> None:
    """Return when all files are there that are written in the background.

    Raises:
        FlavorkitError: one could not be written.
    """
    background.flush()
