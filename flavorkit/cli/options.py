"""Options that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def model_uri() -> Decorator:
    """``-m``: the model, a folder or a URI."""
    return click.option(
        "-m", "--model-uri", required=True, metavar="URI", help="The folder or URI of the model."
    )


def trust() -> Decorator:
    """``--trust``: how far the caller trusts where the model comes from."""
    return click.option(
        "--trust",
        multiple=True,
        metavar="POLICY",
        callback=_one_policy,
        help="signed (the default), data, all, sha256:<digest>, or the name of a type that may be"
        " built; names may be given several times.",
    )


def local_environment() -> Decorator:
    """``--env-manager`` and what MLflow has beside it."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--env-manager",
                type=click.Choice(["local"]),
                default="local",
                show_default=True,
                help="Where the model runs: in the environment of this command.",
            ),
            click.option("--no-conda", is_flag=True, help="The same as --env-manager local."),
            click.option("--install-mlflow", is_flag=True, hidden=True),
        ):
            function = option(function)
        return function

    return decorate


def json_output() -> Decorator:
    """``--json``: output for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def _one_policy(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> str | list[str] | None:
    from flavorkit.trust import Policy

    policy = value[0] if len(value) == 1 else list(value) or None
    try:
        Policy.parse(policy)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None
    return policy
