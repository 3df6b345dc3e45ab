"""``flavorkit bench``: for a model and for a server, for people and for scripts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

import flavorkit
from flavorkit.cli import main
from flavorkit.testing import Server

BRIEF = ("-c", "2", "-d", "0.3", "--warm-up", "0")


@pytest.fixture
def bench():
    def invoke(*args):
        return CliRunner().invoke(main, ["bench", *map(str, args)])

    return invoke


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "m"
    model = LinearRegression().fit(np.eye(3), range(3))
    flavorkit.save_model(model, path, input_example=np.eye(3)[:2])
    return path


@pytest.fixture(scope="module")
def server(folder):
    server = Server(folder, "--drain", "0")
    yield server
    server.kill()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.port}"


def test_a_model_is_served_for_as_long_as_it_takes(bench, folder, tmp_path):
    done = bench(folder, *BRIEF, "-w", "1", "--json", "-o", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert json.loads((tmp_path / "out.json").read_text()) == figures
    assert figures["outcomes"] == {"200": figures["requests"]}
    assert figures["rows_per_request"] == 2
    assert figures["rows_per_second"] == 2 * figures["requests_per_second"]
    assert figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]


def test_a_server_is_sent_a_file(bench, url, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps({"inputs": [[1, 2, 3]]}))
    done = bench(url, *BRIEF, "--payload", tmp_path / "rows.json")
    assert done.exit_code == 0, done.output
    for said in ("closed loop, 2 connections", "requests / s", "p99.9", "answered"):
        assert said in done.output


def test_an_open_loop(bench, url, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps({"inputs": [[1, 2, 3]]}))
    done = bench(url, *BRIEF, "--rate", "20", "--payload", tmp_path / "rows.json", "--json")
    figures = json.loads(done.stdout)
    assert (figures["loop"], figures["rate_asked"]) == ("open", 20)
    assert figures["answered"] + figures["unsent"] == pytest.approx(6, abs=1)


def test_requests_that_fail_are_shown_and_are_the_exit_status(bench, url, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    done = bench(url, *BRIEF, "--payload", tmp_path / "rows.csv")
    assert done.exit_code == 1
    assert "│ 400 " in done.output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "a server does not tell its model's input example; give --payload"),
        (("--payload", "{tmp}/rows.txt"), "must end in .json, .csv, .parquet"),
    ],
)
def test_a_server_needs_a_payload_it_can_read(bench, url, tmp_path, options, problem):
    (tmp_path / "rows.txt").write_text("x")
    done = bench(url, *(option.format(tmp=tmp_path) for option in options))
    assert done.exit_code == 2
    assert problem in " ".join(done.output.split())


def test_a_model_without_an_example(bench, tmp_path):
    flavorkit.save_model(LinearRegression().fit([[0], [1]], [0, 1]), tmp_path / "m")
    done = bench(tmp_path / "m")
    assert done.exit_code == 2
    assert "the model was saved without an input example; give --payload" in done.output


def test_a_model_that_cannot_be_served(bench, folder, tmp_path):
    (tmp_path / "rows.json").write_text("{}")
    done = bench(tmp_path / "nowhere", "--payload", tmp_path / "rows.json")
    assert done.exit_code == 1
    assert "there is no model folder at" in done.output


def test_a_server_that_is_not_there(bench, tmp_path):
    (tmp_path / "rows.json").write_text("{}")
    done = bench("http://127.0.0.1:9", "--payload", tmp_path / "rows.json")
    assert done.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in done.output


def test_other_urls(bench, tmp_path):
    (tmp_path / "rows.json").write_text("{}")
    done = bench("https://x", "--payload", tmp_path / "rows.json")
    assert done.exit_code == 2
    assert "is not a URL that starts with http://" in done.output
