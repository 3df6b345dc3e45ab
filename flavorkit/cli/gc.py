"""``flavorkit gc``."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options, stores

if TYPE_CHECKING:
    from flavorkit.tracking.garbage import Item

_AGE = re.compile(
    r"(?:(?P<days>\d+(?:\.\d+)?)d)?(?:(?P<hours>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<minutes>\d+(?:\.\d+)?)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s)?",
    re.ASCII,
)


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta:
    """How long something has been in the bin."""
    if value is None:
        return timedelta(0)
    match = _AGE.fullmatch(value)
    if match is None or not value:
        raise click.BadParameter(f"{value!r} is no time such as 30d, 12h or 1d2h3m4s")
    try:
        return timedelta(**{unit: float(one) for unit, one in match.groupdict().items() if one})
    except OverflowError:
        raise click.BadParameter(f"{value!r} is longer than anything has been there") from None


def _ids(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str]:
    return [one.strip() for one in (value or "").split(",") if one.strip()]


@click.command()
@click.option(
    "--older-than",
    callback=_age,
    metavar="AGE",
    help="Only what has been in the bin for so long, such as 30d or 1d2h3m4s.",
)
@click.option("--run-ids", callback=_ids, metavar="IDS", help="Only these runs, with commas.")
@click.option(
    "--experiment-ids",
    callback=_ids,
    metavar="IDS",
    help="Only these experiments and what is in them, with commas.",
)
@click.option(
    "--logged-model-ids", callback=_ids, metavar="IDS", help="Only these models, with commas."
)
@click.option(
    "--backend-store-uri",
    "--tracking-uri",
    "store_uri",
    metavar="URI",
    envvar=["FLAVORKIT_BACKEND_STORE_URI", "MLFLOW_BACKEND_STORE_URI"],
    help="The database or folder of runs and models; FLAVORKIT_TRACKING_URI when not given.",
)
@click.option(
    "--artifacts-destination",
    metavar="URI",
    envvar=["FLAVORKIT_ARTIFACTS_DESTINATION", "MLFLOW_ARTIFACTS_DESTINATION"],
    help="Where the server of this store keeps the artifacts that clients sent through it.",
)
@click.option(
    "--default-artifact-root",
    "roots",
    multiple=True,
    metavar="URI",
    help="Another place to delete artifacts from; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@options.yes()
@options.json_output()
def gc(
    *,
    older_than: timedelta,
    run_ids: list[str],
    experiment_ids: list[str],
    logged_model_ids: list[str],
    store_uri: str | None,
    artifacts_destination: str | None,
    roots: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove deleted runs, logged models and experiments for good, with their artifacts.

    Artifacts are deleted from the store's own place, and from those named here; what an experiment
    keeps elsewhere is listed, and left there. A model that is registered from a run goes with the
    artifacts of the run. What fails stays in the bin, and the exit status is 1: run it again.

    --json prints an object with runs, logged_models and experiments (the ids that were removed),
    left_artifacts (URIs) and failed (objects with kind, id and problem).
    """
    from flavorkit.tracking import defaults, garbage
    from flavorkit.tracking.artifacts import choose
    from flavorkit.tracking.server.places import Places

    store = defaults.store(store_uri)
    cutoff = max(0, int((time.time() - older_than.total_seconds()) * 1000))
    items = garbage.find(
        store,
        cutoff,
        run_ids=run_ids,
        experiment_ids=experiment_ids,
        model_ids=logged_model_ids,
    )
    if dry_run or not items:
        _show(items, as_json=as_json, done="would remove")
        return
    places = Places(
        None if artifacts_destination is None else choose.storage(artifacts_destination),
        tuple((root, choose.storage(root)) for root in (*roots, *_own(store.artifact_root))),
    )
    options.confirm(f"Remove {_count(items)} for good", yes)
    from flavorkit.cli.progress import RowProgress

    ends: list[Item] = []
    with RowProgress(len(items), is_wanted=True, unit="items") as progress:
        for item in items:
            ends.append(garbage.remove(store, places, item))
            progress.advance(len(ends), len(ends))
    _show(ends, as_json=as_json, done="removed")
    if any(item.problem for item in ends):
        raise click.exceptions.Exit(1)


def _own(root: str) -> tuple[str, ...]:
    """The place of the store's own, unless a server keeps it."""
    from flavorkit.tracking.server.places import is_proxied

    return () if is_proxied(root) else (root,)


def _count(items: Sequence[Item]) -> str:
    from collections import Counter

    counts = Counter(item.kind for item in items)
    return ", ".join(
        f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items()
    )


def _show(items: Sequence[Item], *, as_json: bool, done: str) -> None:
    gone = [item for item in items if item.problem is None]
    failed = [item for item in items if item.problem is not None]
    left = [uri for item in items for uri in item.left]
    if as_json:
        facts: dict[str, Any] = {
            f"{kind.replace(' ', '_')}s": [item.id for item in gone if item.kind == kind]
            for kind in ("run", "logged model", "experiment")
        }
        failures = [{"kind": one.kind, "id": one.id, "problem": one.problem} for one in failed]
        stores.show_json({**facts, "left_artifacts": left, "failed": failures})
        return
    for item in gone:
        click.echo(f"{done} {item.kind} {item.id}")
    for uri in left:
        click.echo(f"left the artifacts at {options.printable(uri)}", err=True)
    for item in failed:
        problem = options.printable(str(item.problem))
        click.echo(f"Error: {item.kind} {item.id} is in the bin still: {problem}", err=True)
    if not items:
        click.echo("there is nothing to remove")
