"""``flavorkit bench``: for a model and for a server, for people and for scripts."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

import flavorkit
from flavorkit.cli import bench_target, main
from flavorkit.cli.bench import exit_status
from flavorkit.cli.bench_target import Payload
from flavorkit.cli.progress import RowProgress, waiting
from flavorkit.serving.load.client import Target
from flavorkit.serving.load.generator import ask
from flavorkit.testing import Server
from tests.serving.test_workers import metric

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
    assert figures["latency_ms"]["p50"] <= figures["latency_ms"]["max"]
    assert (figures["target"], figures["model"], figures["workers"]) == (str(folder), "m", 1)
    assert figures["payload"] == "the model's input example"


@pytest.fixture
def row(tmp_path):
    path = tmp_path / "row.json"
    path.write_text(json.dumps({"inputs": [[1, 2, 3]]}))
    return path


def test_the_table_says_what_was_measured(bench, url, row):
    done = bench(url, *BRIEF, "--payload", row)
    assert done.exit_code == 0, done.output
    rows = dict(re.findall(r"^│ (\S.*?) +│ +(\S.*?) *│$", done.stdout, re.MULTILINE))
    assert rows["target"] == url
    assert rows["model"] == "m"
    assert (rows["load"], rows["connections"]) == ("closed loop", "2")
    assert rows["payload"] == "row.json: 23 bytes, 1 row"
    assert rows["duration"].endswith(" s after 0 s of warm-up")
    assert rows["latency p50"].endswith(" ms")
    assert {"requests / s", "answered"} < {*rows}
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("x.json", "no json", None),
        ("x.json", "[" * 100_000, None),
        ("x.json", "[]", None),
        ("x.json", '{"inputs": {"a": 1}}', None),
        ("x.json", '{"instances": [[1], [2]]}', 2),
        ("x.json", '{"dataframe_split": {"data": [[1], [2], [3]]}}', 3),
        ("x.csv", "a,b\n1,2\n3,4\n", 2),
        ("x.csv", 'a,b\n1,"two\nlines"\n\n3,4', 2),
        ("x.csv", "", 0),
        ("x.parquet", "PAR1", None),
    ],
)
def test_how_many_rows_a_payload_has(tmp_path, name, content, rows):
    (tmp_path / name).write_text(content)
    assert Payload.of_file(tmp_path / name).rows() == rows


def test_text_that_is_not_utf_8_has_no_rows_that_can_be_told(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a\n\xff\n")
    assert Payload.of_file(tmp_path / "x.csv").rows() is None


def test_an_open_loop(bench, url, row):
    done = bench(url, "-d", "0.3", "--warm-up", "0", "-r", "20", "--payload", row, "--json")
    figures = json.loads(done.stdout)
    assert (figures["loop"], figures["rate_asked"], figures["connections"]) == ("open", 20, 1000)
    assert figures["answered"] + figures["unsent"] == pytest.approx(6, abs=1)


def test_a_load_that_could_not_be_put_on_is_said_and_is_the_exit_status(bench, url, row):
    done = bench(url, "-c", 1, "-r", 100_000, "-d", 0.2, "--warm-up", 0, "--payload", row)
    assert done.exit_code == 1
    assert re.search(r"^Warning: [\d,]+ of 20,000 requests that were due \(", done.stderr)
    assert "as all connections, 1, waited for answers" in done.stderr
    assert "│ due but not sent │" in done.stdout
    assert "│ open loop, 100,000 requests / s " in done.stdout
    assert "│ 1 of at most 1 " in done.stdout


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_server_that_refuses_is_not_measured(bench, url, tmp_path, as_json):
    (tmp_path / "empty.json").write_text("nothing")
    done = bench(url, "--payload", tmp_path / "empty.json", *as_json)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "Error: the server answers with status 400: the body is not valid JSON"
    )


def test_failures_are_measured_for_those_who_want_that(bench, url, tmp_path):
    (tmp_path / "empty.json").write_text("nothing")
    options = (*BRIEF, "--payload", tmp_path / "empty.json", "--allow-failures")
    done = bench(url, *options)
    assert done.exit_code == 0
    assert re.search(r"│ 400 +│ +[\d,]+  the body is not valid JSON", done.stdout)
    figures = json.loads(bench(url, *options, "--json").stdout)
    assert figures["failed"] == figures["outcomes"]["400"] > 0
    assert figures["failures"]["400"].startswith("the body is not valid JSON")
    assert figures["rows_per_second"] is None


def test_requests_that_fail_later_are_the_exit_status():
    figures = {"failed": 1, "unsent": 0, "unsent_share": 0, "connections": 1, "interrupted": False}
    assert exit_status(figures, allow_failures=False) == 1
    assert exit_status(figures, allow_failures=True) == 0


@pytest.mark.parametrize("path", ["no/such.json", "."])
def test_where_figures_cannot_be_written_nothing_is_measured(bench, row, tmp_path, path):
    done = bench("http://127.0.0.1:9", "--payload", row, "-o", tmp_path / path)
    assert done.exit_code == 2
    assert "Invalid value for '-o' / '--output': " in done.output


def test_what_was_measured_is_shown_after_ctrl_c(server, url, row, tmp_path):
    command = [sys.executable, "-m", "flavorkit", "bench", url, "--payload", row]
    command += ["-d", "600", "--warm-up", "0", "-o", tmp_path / "out.json"]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    counter = 'flavorkit_requests_total{status="200"}'
    before = metric(server, counter) or 0
    # One request to try it and sixteen at a time: of twenty the answers to some have arrived.
    while (metric(server, counter) or 0) < before + 20:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "Interrupted; the figures are of what was measured until then.\n"
    assert ", interrupted" in shown
    assert json.loads((tmp_path / "out.json").read_text())["answered"] > 0


def test_a_server_of_its_own_is_spared_ctrl_c_and_ends_with_it(folder):
    def in_other_groups():
        pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return {pid for pid in pids if os.getpgid(int(pid)) != os.getpgrp()}

    before = in_other_groups()
    with (
        pytest.raises(SystemExit, match=r"^143$"),
        bench_target.served(str(folder), 1, None) as started,
    ):
        assert len(in_other_groups() - before) == 1
        signal.raise_signal(signal.SIGTERM)
    nobody = Target.of(started.url, b"", "text/csv")
    with pytest.raises(OSError, match=r"Connect call failed|refused"):
        asyncio.run(ask(nobody, 60))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_who_waits_at_a_terminal_is_told_what_for(monkeypatch, stream):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    with waiting("starting a server for [m]"):
        pass
    assert ("starting a server for [m]" in sys.stderr.getvalue()) == (stream is Terminal)


def test_progress_of_what_is_known_to_take_long_is_shown_at_once(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    moments = iter([0, *[0.1] * 9])
    with RowProgress(
        100, is_wanted=True, unit="requests", patience=0, clock=lambda: next(moments)
    ) as progress:
        progress.advance(50, 5)
    assert "5 requests, 50 requests/s" in sys.stderr.getvalue()


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


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("https://x",), "'https://x' is not a URL that starts with http://"),
        (("http://",), "'http://' has no host; write http://host:port"),
        (("http://x:99999",), "is malformed: Port out of range"),
        (("localhost:5917",), "not a model; for the server there, http://localhost:5917"),
        (("[::1]:5917/invocations",), "for the server there, http://[::1]:5917/invocations"),
        (("",), "the model's path is empty"),
        (("http://x", "-w", "3"), "--workers is for a model; http://x is a server"),
        (("http://x", "--trust", "all"), "--trust is for a model; http://x is a server"),
    ],
)
@pytest.mark.parametrize("with_payload", [True, False])
def test_a_call_that_means_nothing_is_refused(bench, row, args, problem, with_payload):
    done = bench(*args, *(("--payload", row) if with_payload else ()))
    assert done.exit_code == 2
    assert problem in " ".join(done.output.split())
