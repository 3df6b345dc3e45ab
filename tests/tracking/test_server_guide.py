"""The guide to the server names everything there is to set, call and count, as it is."""

from __future__ import annotations

import dataclasses
import re

import click
import pytest

from flavorkit.cli.server import server
from flavorkit.tracking.server import app, routes
from flavorkit.tracking.server.metrics import Metrics
from flavorkit.tracking.server.settings import Settings
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "server.md").read_text()
OPTIONS = {
    option.opts[0]: option
    for option in server.params
    if isinstance(option, click.Option) and not option.hidden
}


def row_of(option):
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{option}`")]
    return row


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_is_there_with_its_variable_and_default(name):
    option, row = OPTIONS[name], row_of(name)
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or [""]
    assert variables[0] in row
    with click.Context(server) as context:
        default = option.get_default(context)
    if isinstance(default, int | float) or (default and isinstance(default, str)):
        assert f"| {default} |" in row


def test_the_page_has_no_option_that_is_not():
    assert {*re.findall(r"^\| `(--[a-z-]+)`", PAGE, re.MULTILINE)} == OPTIONS.keys()


def test_the_defaults_of_the_command_are_those_of_an_application():
    with click.Context(server) as context:
        given = {name: option.get_default(context) for name, option in OPTIONS.items()}
    settings = Settings()
    assert given["--port"] == settings.port
    assert given["--host"] == settings.host
    assert given["--grace"] == settings.grace_seconds
    assert given["--max-artifact-mib"] * 1024 * 1024 == settings.max_upload_bytes
    assert settings.store_uri in row_of("--backend-store-uri")


LIMITS = {
    "max_body_bytes": "4 MiB",
    "max_header_bytes": "32 KiB",
    "max_headers": "64 headers",
    "header_seconds": "10 seconds",
    "body_seconds": "60 seconds",
    "idle_seconds": "75 seconds",
    "max_connections": "1,024",
    "max_calls": "8 and",
    "max_waiting": "and 256",
    "max_transfers": "of which 32",
}
UNITS = {"MiB": 1024 * 1024, "KiB": 1024}


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_what_the_page_says(name):
    said = LIMITS[name]
    assert said in PAGE.partition("What cannot be set")[2]
    (number,) = re.findall(r"[0-9,]+", said)
    unit = UNITS.get(said.split()[-1], 1)
    assert int(number.replace(",", "")) * unit == getattr(Settings(), name)


def test_every_limit_is_there():
    assert {field.name for field in dataclasses.fields(Settings().limits)} <= LIMITS.keys()


def test_every_endpoint_that_is_not_of_the_api_is_there():
    own = [one.call.path for one in routes.ALL if one.call.path.startswith("/")]
    for path in {*own} - {"/get-artifact", "/model-versions/get-artifact"}:
        assert f"`GET {path}`" in PAGE


def test_every_metric_is_there():
    metrics = Metrics(["one", "other"], app.board(Settings()), 0)
    for metric in metrics.collect():
        name = metric.name + ("_total" if metric.type == "counter" else "")
        assert re.search(rf"^\| `{name}[`{{]", PAGE, re.MULTILINE), name


def test_every_status_that_is_counted_by_itself_is_explained():
    for status in ("400", "403", "404", "405", "408", "413", "421", "429", "431", "500", "503"):
        assert f"\n| {status} |" in PAGE
