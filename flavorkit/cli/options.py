"""Options that several commands share, and how they are read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def model() -> Decorator:
    """The model, a folder or a URI: as an argument, or after ``-m`` as in MLflow."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*, argument: str | None, option: str | None, **others: Any) -> Any:
            given = [uri for uri in (argument, option) if uri is not None]
            if len(given) != 1:
                raise click.UsageError("name one model: its folder or URI, with or without -m")
            return function(model_uri=given[0], **others)

        command = click.option(
            "-m", "--model-uri", "option", metavar="URI", help="The same as MODEL_URI."
        )(command)
        return click.argument("argument", metavar="MODEL_URI", required=False)(command)

    return decorate


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


def printable(text: str) -> str:
    """``text`` on one line, with what would move the cursor or forge a line written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
