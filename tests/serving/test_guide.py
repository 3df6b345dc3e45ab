"""The operator's guide names everything that there is to set, call and count, as it is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from flavorkit.cli.serve import serve
from flavorkit.serving.app import create_app
from flavorkit.serving.metrics import METRICS, STAGES
from flavorkit.serving.settings import Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "serving.md").read_text()
OPTIONS = {
    option.opts[-1] if option.opts[-1].startswith("--") else option.opts[0]: option
    for option in serve.params
    if isinstance(option, click.Option) and not option.hidden
}
# What several commands have is described on pages of its own.
SHARED = {"--model-uri", "--trust", "--env-manager", "--no-conda", "--strict-env"}
SHARED |= {"--allow-requirement-options", "--name", "--workers", "--log-requests"}


def row_of(option):
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{option}`")]
    assert len(rows) == 1, option
    return rows[0]


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - SHARED))
def test_every_option_is_there_with_its_variable_and_default(name):
    option, row = OPTIONS[name], row_of(name)
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar
    assert f"`{variables[0]}`" in row
    assert f"| {option.default} |" in row


@pytest.mark.parametrize("name", ["--name", "--workers", "--log-requests", "--trust"])
def test_the_others_are_there(name):
    assert row_of(name)


def test_the_page_has_no_option_that_is_not():
    assert {*re.findall(r"^\| `(--[a-z-]+)`", PAGE, re.MULTILINE)} <= OPTIONS.keys()


def test_the_defaults_of_the_command_are_those_of_an_application():
    with click.Context(serve):
        given = {option.name: option.default for option in OPTIONS.values()}
    scaled = {
        "timeout_seconds": given["timeout"],
        "grace_seconds": given["grace"],
        "drain_seconds": given["drain"],
        "overrun_seconds": given["overrun"],
        "max_body_bytes": given["max_body_mib"] * 1024 * 1024,
        "max_header_bytes": given["max_header_kib"] * 1024,
        "batch_wait_seconds": given["batch_wait_ms"] / 1000,
        "log_requests": False,
    }
    for field in dataclasses.fields(Settings):
        assert field.default == scaled.get(field.name, given.get(field.name)), field.name


def test_every_endpoint_is_there():
    app = create_app({"m": lambda: None})
    for route in app.routes:
        assert re.search(rf"`(GET|POST) {re.escape(route.path)}`", PAGE), route.path


def test_every_metric_and_stage_is_there():
    for metric in METRICS:
        name = metric.name + ("_total" if metric.kind == "counter" else "")
        label = f"{{{metric.label}}}" if metric.label else ""
        assert f"| `{name}{label}` |" in PAGE
    for stage in STAGES:
        assert f"| `{stage}` |" in PAGE


def test_every_status_that_has_a_row_in_the_metrics_is_explained():
    for status in ("400", "404", "405", "408", "413", "415", "429", "431", "500", "503", "504"):
        assert re.search(rf"^\| (?:\d+, )*{status}(?:, \d+)* \|", PAGE, re.MULTILINE), status
