"""The ``flavorkit`` command. Each command lives in a module that is imported when it is called."""

from __future__ import annotations

import importlib
from typing import Any

import click

from flavorkit.cli.options import blame_variable, printable
from flavorkit.errors import FlavorkitError
from flavorkit.version import __version__

# name -> "module:command" and the line that --help shows. The modules are imported when needed, so
# that --help is quick.
COMMANDS = {
    "serve": ("flavorkit.cli.serve:serve", "Serve a model over HTTP."),
    "predict": ("flavorkit.cli.predict:predict", "Predict on a file or on standard input."),
    "server": (
        "flavorkit.cli.server:server",
        "Remember runs and models for many clients, MLflow's among them.",
    ),
    "experiments": (
        "flavorkit.cli.experiments:experiments",
        "Make, find, rename and delete experiments.",
    ),
    "runs": ("flavorkit.cli.runs:runs", "Make, find and delete runs."),
    "artifacts": (
        "flavorkit.cli.artifacts:artifacts",
        "Send files to runs, show them, and fetch them.",
    ),
    "registry": (
        "flavorkit.cli.registry:registry",
        "Registered models: their versions, and what aliases and stages mean.",
    ),
    "db": ("flavorkit.cli.database:db", "Look after a database of runs and models."),
    "gc": (
        "flavorkit.cli.gc:gc",
        "Remove deleted runs and experiments for good, with their artifacts.",
    ),
    "bench": ("flavorkit.cli.bench:bench", "Measure how fast a server answers."),
    "deployments": (
        "flavorkit.cli.deployments:deployments",
        "Deploy models: as processes or containers of this machine, and by plug-ins.",
    ),
    "build-docker": (
        "flavorkit.cli.images:build_docker",
        "Build an image that serves a model.",
    ),
    "generate-dockerfile": (
        "flavorkit.cli.images:generate_dockerfile",
        "Write the Dockerfile of such an image, for building it elsewhere.",
    ),
    "deploy": (
        "flavorkit.cli.deploy:deploy",
        "Write the manifests that run an image of a model.",
    ),
    "inspect": (
        "flavorkit.cli.inspect:inspect",
        "Show what a model folder holds, without loading it.",
    ),
    "verify": (
        "flavorkit.cli.verify:verify",
        "Check that a model folder is what was saved, and by whom.",
    ),
    "prepare-env": (
        "flavorkit.cli.environments:prepare_env",
        "Make the environment of a model beforehand.",
    ),
    "envs": (
        "flavorkit.cli.environments:envs",
        "Show the environments that are kept, and remove unused ones.",
    ),
    "keys": ("flavorkit.cli.keys:keys", "Show, trust and forget the keys that sign models."),
    "ui": ("flavorkit.cli.server:server", "The same as server, as MLflow calls it."),
    "models": (
        "flavorkit.cli:models",
        "The commands for models, under the names they have in MLflow.",
    ),
}
MODELS_COMMANDS = {
    **{
        name: COMMANDS[name]
        for name in ("serve", "predict", "prepare-env", "build-docker", "generate-dockerfile")
    },
    "list": (
        "flavorkit.cli.registry:list_models",
        "Show the registered models, and where each alias points.",
    ),
    "update-pip-requirements": (
        "flavorkit.cli.requirements:update_pip_requirements",
        "Add requirements to a saved model, or remove some.",
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(
        self, *args: Any, commands_table: dict[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what flavorkit raises on purpose becomes one line and exit status 1."""
        try:
            return super().invoke(ctx)
        except click.BadParameter as exc:
            blame_variable(exc)
            raise
        except FlavorkitError as exc:
            raise click.ClickException(printable(exc.message)) from exc
        except OSError as exc:
            what = f"{exc.filename or ''}: {exc.strerror or exc}"
            raise click.ClickException(printable(what)) from exc


@click.group(
    cls=LazyGroup, commands_table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="flavorkit")
def main() -> None:
    """Package a trained model of any framework, and serve it the same way."""


@click.group(cls=LazyGroup, commands_table=MODELS_COMMANDS)
def models() -> None:
    """Work with models, under the names that the commands have in MLflow."""
