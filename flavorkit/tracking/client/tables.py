"""Tables as files of runs, by a client."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import images, names
from flavorkit.tracking.client.artifacts import normal
from flavorkit.tracking.client.contents import Contents
from flavorkit.tracking.client.runs import Runs
from flavorkit.tracking.entities import Run
from flavorkit.tracking.run_frame import value_of
from flavorkit.tracking.tags import LOGGED_ARTIFACTS

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)
_FORBIDDEN = frozenset("\"',:[]{}")
_PAGE = 1_000


class Tables(Contents, Runs):
    """What a client does with tables."""

    def log_table(
        self, run_id: str, data: Mapping[str, Any] | pd.DataFrame, artifact_file: str
    ) -> None:
        """Write a table to a file of a run, or append its rows to the table that is there.

        Args:
            run_id: of the run.
            data: columns by name, or a frame; images in it are written to files of their own.
            artifact_file: which ends in ``.json`` or ``.parquet``.

        Raises:
            InvalidArgumentError: the file has another ending, or the data cannot be written.
        """
        path = _checked(artifact_file)
        frame = self._with_images(run_id, _frame_of(data), path)
        before = self._table(run_id, path)
        if before is not None:
            import pandas as pd

            frame = pd.concat([before, frame], ignore_index=True)
        self._write(run_id, path, lambda local: _write(frame, local))
        self._note_table(run_id, path)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The rows of a table of several runs, one below the other.

        Args:
            experiment_id: of the runs.
            artifact_file: the path of the table in each.
            run_ids: of which runs; of all in the experiment that have the table if None.
            extra_columns: columns of :func:`flavorkit.search_runs` to put beside them, such as
                ``run_id`` or ``params.depth``.

        Raises:
            NotFoundError: no run has such a table.
        """
        import pandas as pd

        path = _checked(artifact_file)
        frames = []
        for run in self._runs_with_table(experiment_id, path, run_ids):
            frame = self._table(run.info.run_id, path)
            if frame is None and run_ids:
                _logger.warning("run %s has no table %r, and is left out", run.info.run_id, path)
                continue
            if frame is None:
                raise NotFoundError(f"run {run.info.run_id} has no file {path!r} any more")
            for column in extra_columns or ():
                frame[f"{column}_" if column in frame else column] = value_of(run, column)
            frames.append(frame)
        if not frames:
            raise NotFoundError(
                f"no run of experiment {experiment_id} has a table {path!r}: log one with log_table"
            )
        return pd.concat(frames, ignore_index=True)

    def _table(self, run_id: str, path: str) -> pd.DataFrame | None:
        """The table that is at ``path``, if there is one."""
        parent = str(PurePosixPath(path).parent)
        files = self.list_artifacts(run_id, "" if parent == "." else parent)
        if path not in {file.path for file in files if not file.is_dir}:
            return None
        with TemporaryDirectory(prefix="flavorkit-") as folder:
            return _read(Path(self.download_artifacts(run_id, path, folder)))

    def _runs_with_table(
        self, experiment_id: str, path: str, run_ids: Sequence[str] | None
    ) -> list[Run]:
        text = f'"path"%:%"{path}",%"type"%:%"table"'
        wanted = f"tags.`{LOGGED_ARTIFACTS}` LIKE '%{text}%'"
        if run_ids:
            wanted = f"attributes.run_id IN ({', '.join(map(repr, run_ids))})"
        found: list[Run] = []
        token = None
        while True:
            page = self.search_runs([experiment_id], wanted, max_results=_PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                break
        return found

    def _note_table(self, run_id: str, path: str) -> None:
        noted = self.get_run(run_id).data.tags.get(LOGGED_ARTIFACTS, "[]")
        entry = json.dumps({"path": path, "type": "table"})
        if entry in noted:
            return
        more = entry if noted == "[]" else f"{noted.removeprefix('[').removesuffix(']')}, {entry}"
        if len(more) + 2 > names.MAX_RUN_TAG_VALUE:
            _logger.warning(
                "run %s has too many tables to note that %r is one: load_table finds it only with"
                " run_ids=",
                *(run_id, path),
            )
            return
        self.set_tag(run_id, LOGGED_ARTIFACTS, f"[{more}]", synchronous=True)

    def _with_images(self, run_id: str, frame: pd.DataFrame, path: str) -> pd.DataFrame:
        """The frame with the paths of images in the place of the images."""
        import pandas as pd

        for column in frame.columns[[kind.kind == "O" for kind in frame.dtypes]]:
            are_images = [_is_image(cell) for cell in frame[column]]
            if any(are_images) and not all(are_images):
                raise InvalidArgumentError(
                    f"the column {column!r} has images and other things; put them in two columns"
                )
            if any(are_images):
                stem = normal(f"table_images/{PurePosixPath(path).with_suffix('')}")
                cells = [self._write_image(run_id, cell, stem) for cell in frame[column]]
                frame = frame.copy()
                frame[column] = pd.Series(cells, index=frame.index, dtype=object)
        return frame

    def _write_image(self, run_id: str, image: Any, folder: str) -> dict[str, str]:
        picture, stem = images.pillow_of(image), f"{folder}/{uuid.uuid4()}"
        self._write(run_id, f"{stem}.png", picture.save)
        self._write(run_id, f"{stem}.webp", images.small(picture).save)
        return {
            "type": "image",
            "filepath": f"{stem}.png",
            "compressed_filepath": f"{stem}.webp",
        }


def _checked(artifact_file: str) -> str:
    found = sorted(_FORBIDDEN & set(artifact_file))
    if found:
        raise InvalidArgumentError(f"the path of a table has no {found[0]}: {artifact_file!r}")
    if not artifact_file.endswith((".json", ".parquet")):
        raise InvalidArgumentError(
            f"a table is written to a file that ends in .json or .parquet, not to {artifact_file!r}"
        )
    return normal(artifact_file)


def _frame_of(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if not isinstance(data, Mapping):
        raise InvalidArgumentError(
            f"a table is a frame of pandas or a mapping of columns, not {type(data).__name__}"
        )
    try:
        return pd.DataFrame(data)
    except ValueError:  # a mapping of cells: one row
        return pd.DataFrame([data])


def _is_image(cell: Any) -> bool:
    return callable(getattr(cell, "save", None)) and callable(getattr(cell, "resize", None))


def _write(frame: pd.DataFrame, path: Path) -> None:
    try:
        if path.suffix == ".json":
            frame.to_json(path, orient="split", index=False, date_format="iso")
        else:
            frame.to_parquet(path, index=False)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidArgumentError(f"the table cannot be written to {path.suffix}: {exc}") from exc


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if path.suffix == ".json":
        # As it was written: pandas would make a number of "007", and a date of created_at.
        table = json.loads(path.read_bytes())
        return pd.DataFrame(table["data"], columns=table["columns"])
    return pd.read_parquet(path)
