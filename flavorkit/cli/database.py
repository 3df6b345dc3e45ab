"""``flavorkit db``."""

from __future__ import annotations

import click

from flavorkit.cli import options, stores


@click.group()
def db() -> None:
    """Look after a database of runs and models."""


@db.command()
@click.argument("url")
@options.json_output()
def upgrade(url: str, as_json: bool) -> None:
    """Bring the tables of the database at URL to the revision of this flavorkit.

    Make a copy of the database first, and stop what uses it: the way back is the copy. One that is
    up to date stays as it is, an empty one gets the tables. --json prints an object with before
    (null if it was empty) and now, the revisions.
    """
    from flavorkit.tracking.sql.revisions import upgrade as bring

    before, now = bring(url)
    if as_json:
        stores.show_json({"before": before, "now": now})
    elif before == now:
        click.echo(f"the tables are of revision {now} already")
    else:
        click.echo(f"the tables are now of revision {now}, and were {before or 'not there'}")
