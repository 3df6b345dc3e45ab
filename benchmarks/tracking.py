"""Runs: logging them and searching them, in databases and over REST, beside MLflow.

python benchmarks/tracking.py [--small] [--postgresql URL] [--json]

Figures go to standard error as they come; the table, or JSON, to standard output at the end, also
when it is interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import tracking_rest
import tracking_search
import tracking_sqlite
from harness import Figure, show, table


def figures(rounds: int = 9, postgresql: str | None = None) -> list[Figure]:
    """All of them."""
    return list(measured(rounds, postgresql))


def measured(rounds: int, postgresql: str | None) -> Iterator[Figure]:
    """Each as soon as it is there.

    Args:
        rounds: how often each of those compared takes its turn.
        postgresql: the URL of an empty database to search in too.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from flavorkit.tracking.stores import open_store

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        yield from tracking_rest.figures(folder, rounds)
        url = tracking_sqlite.url(folder)
        ours, theirs = open_store(url), tracking_sqlite.their_store(folder)
        yield from tracking_sqlite.figures(ours, theirs, rounds)
        yield from tracking_search.figures("SQLite", url, ours, theirs, rounds)
        ours.close()
        if postgresql is not None:
            with contextlib.closing(open_store(postgresql)) as store:
                yield from tracking_search.figures("PostgreSQL", postgresql, store, None, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="three rounds instead of nine")
    parser.add_argument("--postgresql", metavar="URL", help="an empty database to search in too")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found: list[Figure] = []
    try:
        with contextlib.closing(measured(3 if options.small else 9, options.postgresql)) as coming:
            for figure in coming:
                found.append(figure)
                with contextlib.redirect_stdout(sys.stderr):
                    show([figure])
    except KeyboardInterrupt:
        print("interrupted; what was measured until then:", file=sys.stderr)
    finally:
        if options.json:
            print(json.dumps([dataclasses.asdict(figure) for figure in found], indent=2))
        else:
            print(table(found), end="", flush=True)


if __name__ == "__main__":
    main()
