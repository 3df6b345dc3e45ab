"""Write the generated parts of docs/, and the stubs of flavors, again: `make docs`.

A test compares them with the code.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import click

from flavorkit import cli

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import estimators  # noqa: E402
import stubs  # noqa: E402

COMMANDS = """\
# Commands

What `flavorkit COMMAND --help` says. `make docs` writes this page again, and a test compares it
with the code. Every command ends with exit status 0 when it has done what it says, with 1 and one
line on standard error when it could not, and with 2 when it was called wrongly.
"""

INTRODUCTION = """\
# scikit-learn estimators

Every estimator of scikit-learn {sklearn} that can be constructed with its defaults and fitted, and
those that stand around another one with a simple member, was saved with skops {skops}, loaded
with `trust="data"`, and predicted the same as the original. `make docs` writes this page again, and
a test compares it with the code.

An estimator loads as *data* when every type in its file is on a reviewed list, so that nothing in
it can run code. One that *needs a signature* loads when you or somebody you trust signed it, which
for your own models happens by itself. What skops cannot save is saved with
`serialization_format="cloudpickle"`, which is of the class code. [trust.md](trust.md) says more.

| | estimators |
|---|--:|
| load as data | {data} |
| need a signature | {signed} |
| cannot be saved by skops | {unsavable} |
| could not be fitted on the data tried | {untried} |

| estimator | loads as data |
|---|---|
"""


def estimators_page() -> str:
    """docs/sklearn-estimators.md, from what really happens."""
    results = list(estimators.results())
    count = {
        outcome: sum(result.outcome == outcome for result in results)
        for outcome in ("data", "needs a signature", "skops cannot save it")
    }
    lines = [
        INTRODUCTION.format(
            sklearn=version("scikit-learn"),
            skops=version("skops"),
            data=count["data"],
            signed=count["needs a signature"],
            unsavable=count["skops cannot save it"],
            untried=sum(not result.was_tried for result in results),
        )
    ]
    for result in results:
        if result.was_tried:
            answer = "yes" if result.outcome == "data" else f"no: {result.outcome}"
            lines.append(f"| {result.name} | {answer} |\n")
    untried = ", ".join(result.name for result in results if not result.was_tried)
    if untried:
        lines.append(f"\nNot tried: {untried}.\n")
    return "".join(lines)


def commands_page() -> str:
    """docs/commands.md, from the commands themselves."""
    parts = [COMMANDS]
    for path, command in _commands(cli.main, ("flavorkit",)):
        settings = {**cli.main.context_settings, "terminal_width": 100}
        context = click.Context(command, info_name=" ".join(path), **settings)
        parts.append(f"\n## {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, (*path, name))


def formatted(text: str) -> str:
    """Python as ruff writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "stub.pyi", "-"]
    sorting = [
        *(sys.executable, "-m", "ruff", "check", "--fix", "--quiet", "--select", "I,UP"),
        *("--stdin-filename", "stub.pyi", "-"),
    ]
    for step in (sorting, command):
        done = subprocess.run(
            step, cwd=HERE.parent, input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text


def stub_makers() -> dict[str, Callable[[], str]]:
    """What writes each stub, by its path as seen from here."""
    return {path: lambda make=make: formatted(make()) for path, make in stubs.paths().items()}


PAGES = {
    "commands.md": commands_page,
    "sklearn-estimators.md": estimators_page,
    **stub_makers(),
}


def main() -> None:
    """Write every generated page."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), "utf-8")
        print(f"wrote docs/{name}")  # noqa: T201


if __name__ == "__main__":
    main()
