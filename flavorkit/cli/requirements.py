"""``flavorkit models update-pip-requirements``."""

from __future__ import annotations

from typing import Any

import click

from flavorkit.cli import options


@click.command()
@click.option("-m", "--model-uri", metavar="URI", required=True, help="The model: folder or URI.")
@options.trust()
@options.requirement_options()
@click.argument("operation", type=click.Choice(["add", "remove"]))
@click.argument("requirements", nargs=-1, required=True)
def update_pip_requirements(
    model_uri: str,
    operation: Any,
    requirements: tuple[str, ...],
    trust: Any,
    allow_requirement_options: bool,
) -> None:
    """Add REQUIREMENTS to those of a saved model, or remove the packages of these names.

    An added one replaces what the model lists of the same package. The model is signed anew, with
    your key, and changes in one step.
    """
    from flavorkit.flavors.requirements import update_model_requirements

    needed = update_model_requirements(
        model_uri,
        operation,
        requirements,
        trust=trust,
        allow_requirement_options=allow_requirement_options,
    )
    for line in needed.lines:
        click.echo(line)
