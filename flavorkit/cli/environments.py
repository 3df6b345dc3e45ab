"""``flavorkit prepare-env`` and ``flavorkit envs``, and commands that start anew in one."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options

if TYPE_CHECKING:
    from flavorkit.environment.create import Environment

_DAY_SECONDS = 24 * 3600


@click.command()
@options.model()
@options.trust()
@click.option(
    "--env-manager",
    type=click.Choice(["uv", "virtualenv", "conda"]),
    default="uv",
    show_default=True,
    help="What makes the environment.",
)
@options.requirement_options()
@click.option("--install-mlflow", is_flag=True, hidden=True)
def prepare_env(
    model_uri: str, trust: Any, env_manager: str, allow_requirement_options: bool, **_: Any
) -> None:
    """Make the environment of the model MODEL_URI, and print where its Python is.

    `serve` and `predict` with the same --env-manager then start at once. One that is there already
    is not made again.
    """
    environment = _environment_of(model_uri, env_manager, trust, allow_requirement_options)
    environment.release()
    click.echo(environment.python)


@click.command()
@click.option(
    "--prune",
    "days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Remove those that no process has begun to use for so many days, and incomplete ones.",
)
@click.option("--prune-all", is_flag=True, help="Remove all that are not in use.")
@options.json_output()
def envs(days: float | None, prune_all: bool, as_json: bool) -> None:
    """Show the environments that are kept, the last used first.

    One that a process is using, or making, is never removed.
    """
    from flavorkit.environment import cache

    if days is not None and prune_all:
        raise click.UsageError("pass --prune DAYS or --prune-all, not both")
    removed = cache.prune(None if prune_all else days) if prune_all or days is not None else []
    kept = [_facts_of(one) for one in cache.cached()]
    if as_json:
        click.echo(json.dumps({"root": str(cache.root()), "removed": removed, "kept": kept}))
        return
    for name in removed:
        click.echo(f"removed {name}")
    for facts in kept:
        click.echo(options.printable(_line_of(facts)))


def start_anew(manager: str, model_uri: str, trust: Any, *, allow_options: bool) -> None:
    """Replace this process by the same command in the environment of the model.

    Raises:
        TrustError: making the environment takes more than ``trust`` allows.
        EnvironmentBuildError: it cannot be made.
    """
    from flavorkit.environment.create import tool_environment

    context = click.get_current_context()
    environment = _environment_of(model_uri, manager, trust, allow_options)
    environment.hand_over()
    given = list(context.meta[options.GIVEN_ARGUMENTS])
    # The last of two options counts; what follows "--" is none.
    end = given.index("--") if "--" in given else len(given)
    given[end:end] = ["--env-manager", "local"]
    python = str(environment.python)
    variables = tool_environment()
    folder = str(environment.python.parent)
    variables["PATH"] = os.pathsep.join(filter(None, (folder, variables.get("PATH"))))
    # -P: what happens to lie in the working folder is not imported in place of what is installed.
    command = [python, "-P", "-m", "flavorkit", str(context.command.name), *given]
    os.execve(python, command, variables)  # noqa: S606 - no shell is wanted


def _environment_of(model_uri: str, manager: Any, trust: Any, allow_options: bool) -> Environment:
    from flavorkit import uris
    from flavorkit.environment.create import Spec, prepare
    from flavorkit.flavors.grants import check_installable
    from flavorkit.trust import Policy

    # What the model is made of plays no part, so that nothing heavy is imported here: the process
    # that replaces this one imports it all again.
    folder = uris.fetch(model_uri)
    check_installable(folder, Policy.parse(trust), "environment")
    return prepare(Spec.of(folder, manager, allow_options=allow_options), _report)


def _report(line: str) -> None:
    click.echo(line, err=True)


def _facts_of(one: Any) -> dict[str, Any]:
    used = None if one.used_at is None else datetime.fromtimestamp(one.used_at, UTC)
    return {
        "name": one.name,
        "path": str(one.place.prefix),
        "complete": one.used_at is not None,
        "manager": one.facts.get("manager"),
        "python": one.facts.get("python"),
        "requirements": one.facts.get("requirements", []),
        "used_at": None if used is None else used.isoformat(timespec="seconds"),
        "unused_days": None if used is None else (time.time() - used.timestamp()) / _DAY_SECONDS,
    }


def _line_of(facts: dict[str, Any]) -> str:
    from flavorkit.environment.requirements import without_hashes

    if not facts["complete"]:
        return f"{facts['name']}  incomplete"
    needed = ", ".join(map(without_hashes, facts["requirements"])) or "nothing"
    shown = needed if len(needed) <= 60 else f"{needed[:57]}..."
    days = facts["unused_days"]
    return f"{facts['name']}  Python {facts['python']}  used {days:.0f} days ago  {shown}"
