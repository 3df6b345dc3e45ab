"""``flavorkit server``: what it takes, and what it refuses with a reason."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from flavorkit.cli import COMMANDS, main
from flavorkit.cli.server import REFUSED, REFUSED_FLAGS


def run(*arguments, **environment):
    return CliRunner(env=environment).invoke(main, ["server", *arguments])


@pytest.mark.parametrize("flag", [*REFUSED, *REFUSED_FLAGS])
def test_what_is_only_mlflows_is_refused_with_a_reason(flag):
    result = run(flag, *([] if flag in REFUSED_FLAGS else ["1"]))
    assert result.exit_code == 2
    assert f"{flag} is MLflow's: " in result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-h", "0.0.0.0"), "--accept-no-auth"),
        (("--static-prefix", "x"), "--static-prefix starts with '/'"),
        (("--allowed-hosts", "a,*.b"), "--allowed-hosts"),
        (("--cors-allowed-origins", "*"), "--cors-allowed-origins"),
        (("--backend-store-uri", "nobody://x"), "there is no store of runs"),
    ],
)
def test_settings_that_make_no_sense(arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("--port", "0", *arguments)
    assert result.exit_code == 1
    assert problem in result.output


@pytest.mark.parametrize("name", ["FLAVORKIT_HOST", "MLFLOW_HOST"])
def test_the_environment_says_the_same(name):
    result = run("--port", "0", **{name: "192.0.2.1"})
    assert "at 192.0.2.1 other machines can reach this server" in result.output


def test_ui_is_its_name_in_mlflow():
    assert COMMANDS["ui"][0] == COMMANDS["server"][0]
