"""What a spool holds: batches of values, and how many of them the store has, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from flavorkit.tracking.entities import Metric, Param, RunTag


@dataclass(frozen=True, slots=True)
class Record:
    """Values for one run that belong together."""

    run_id: str
    metrics: Sequence[Metric] = ()
    params: Sequence[Param] = ()
    tags: Sequence[RunTag] = ()

    @property
    def size(self) -> int:
        """How many values it has."""
        return len(self.metrics) + len(self.params) + len(self.tags)


def line_of(record: Record) -> bytes:
    """The line that holds a record."""
    metrics = [
        [m.key, m.value, m.timestamp, m.step, m.model_id, m.dataset_name, m.dataset_digest]
        for m in record.metrics
    ]
    params = [[param.key, param.value] for param in record.params]
    tags = [[tag.key, tag.value] for tag in record.tags]
    # Python's own JSON keeps NaN and the infinities, which metrics may be.
    return _line(["values", record.run_id, metrics, params, tags])


def line_of_delivered(count: int) -> bytes:
    """The line that says that the store has the next ``count`` records."""
    return _line(["delivered", count])


def undelivered(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records that the store may not have, in order.

    The last line may be torn, as whoever wrote it died: nobody was told that it was logged.
    """
    records: list[Record] = []
    delivered = 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        kind, *rest = json.loads(line)
        if kind == "delivered":
            delivered += rest[0]
        else:
            run_id, metrics, params, tags = rest
            records.append(
                Record(
                    run_id,
                    [Metric(*values) for values in metrics],
                    [Param(*pair) for pair in params],
                    [RunTag(*pair) for pair in tags],
                )
            )
    yield from records[delivered:]


def _line(content: list[object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
