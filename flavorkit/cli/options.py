"""Options that several commands share, and how they are read."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import click
from click.core import ParameterSource

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

COUNT = click.IntRange(min=1)
SECONDS = click.FloatRange(min=0, min_open=True)
MAYBE_SECONDS = click.FloatRange(min=0)


MODEL_VARIABLE = "FLAVORKIT_MODEL_URI"


def model() -> Decorator:
    """The model, a folder or a URI: as an argument, or after ``-m`` as in MLflow.

    Where neither is given, the variable ``FLAVORKIT_MODEL_URI`` names it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*, model_uri: str | None, **others: Any) -> Any:
            return function(model_uri=model_uri or _model_of_variable(), **others)

        return maybe_model()(command)

    return decorate


def _model_of_variable() -> str:
    """The model that the variable names, as in an image."""
    uri = os.environ.get(MODEL_VARIABLE)
    if uri is None:
        raise click.UsageError("name one model: its folder or URI, with or without -m")
    refuse_empty(uri)
    if uri.startswith("/") and not os.path.isdir(uri):  # noqa: PTH112 - pathlib is not imported
        raise click.UsageError(
            f"there is no model folder at {uri}, which {MODEL_VARIABLE} names: mount one there, or"
            " set the variable to another folder or URI"
        )
    return uri


def maybe_model() -> Decorator:
    """As :func:`model`, for commands that do without one."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*, argument: str | None, option: str | None, **others: Any) -> Any:
            given = [uri for uri in (argument, option) if uri is not None]
            if len(given) > 1:
                raise click.UsageError("name one model: its folder or URI, with or without -m")
            if given:
                refuse_empty(given[0])
            return function(model_uri=given[0] if given else None, **others)

        command = click.option(
            "-m", "--model-uri", "option", metavar="URI", help="The same as MODEL_URI."
        )(command)
        return click.argument("argument", metavar="MODEL_URI", required=False)(command)

    return decorate


def refuse_empty(uri: str) -> None:
    """Refuse a model's path of no length, which a script makes of a variable that is not set.

    It would be read as the folder one is in.
    """
    if not uri.strip():
        raise click.UsageError("the model's path is empty; name its folder or URI")


def blame_variable(error: click.BadParameter) -> None:
    """Let ``error`` name the environment variable a bad value came from, not only the option."""
    option, context = error.param, error.ctx
    if not isinstance(option, click.Option) or context is None or option.name is None:
        return
    if context.get_parameter_source(option.name) is not ParameterSource.ENVIRONMENT:
        return
    names = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
    for name in names:
        if os.environ.get(name):  # click takes the first that says anything
            error.param_hint = f"{name} (the environment variable of {' / '.join(option.opts)})"
            return


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


class RunsInEnvironment(click.Command):
    """A command that can start anew in the environment of its model; see :func:`environment`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse them, and keep them as they were given."""
        ctx.meta[GIVEN_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


GIVEN_ARGUMENTS = "flavorkit.given_arguments"


def environment() -> Decorator:
    """``--env-manager`` and what belongs to it; the function runs in the environment it names."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(
            *,
            env_manager: str,
            no_conda: bool,
            install_mlflow: bool,
            allow_requirement_options: bool,
            **others: Any,
        ) -> Any:
            if env_manager != "local" and not no_conda:
                from flavorkit.cli.environments import start_anew

                start_anew(
                    env_manager,
                    others["model_uri"],
                    others["trust"],
                    allow_options=allow_requirement_options,
                )
            with _plain_warnings():
                return function(**others)

        for option in (
            click.option(
                "--env-manager",
                type=click.Choice(["local", "uv", "virtualenv", "conda"]),
                default="local",
                show_default=True,
                help="Where the model runs: in the environment of this command, or in one of its"
                " own, which is made when it is first asked for.",
            ),
            click.option("--no-conda", is_flag=True, help="The same as --env-manager local."),
            click.option("--install-mlflow", is_flag=True, hidden=True),
            click.option(
                "--strict-env",
                is_flag=True,
                help="Refuse to load the model if other packages are installed than it lists.",
            ),
        ):
            command = option(command)
        return requirement_options()(command)

    return decorate


def requirement_options() -> Decorator:
    """``--allow-requirement-options``: the argument of a save, for those who install."""
    return click.option(
        "--allow-requirement-options",
        is_flag=True,
        help="Let the model's requirements name URLs, paths and pip's options, which can install"
        " from anywhere.",
    )


def json_output() -> Decorator:
    """``--json``: output for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def yes() -> Decorator:
    """``--yes``: for what cannot be undone."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask; for scripts.")


def confirm(what: str, is_confirmed: bool) -> None:
    """Ask whether to do what cannot be undone, unless ``--yes`` was given.

    Raises:
        click.UsageError: there is nobody to ask.
        click.Abort: the answer is no.
    """
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what}: this cannot be undone; add --yes if it is meant")
    click.confirm(f"{what}? This cannot be undone.", abort=True, err=True)


def printable(text: str) -> str:
    """``text`` on one line, with what would move the cursor or forge a line written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning as a line for the caller of a command, who did not write the code it names."""
    shown = warnings.showwarning

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        click.echo(f"Warning: {printable(str(message))}", err=True)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


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
