"""What is special to R: a process that stays, values of another language, and R's own folders."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit import manifest
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    MissingDependencyError,
    PredictionError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors.crate import process as r_process
from flavorkit.flavors.crate.values import encode
from flavorkit.flavors.registry import get_flavor
from flavorkit.testing import Server
from flavorkit.trust import Evidence, Grant
from tests.flavors.cases.crate import CASE, R, run
from tests.flavors.folders import unsigned

pytestmark = [
    pytest.mark.xdist_group("crate"),
    pytest.mark.skipif(CASE.missing() is not None, reason="R is not installed"),
]

# What the tests ask R for, by the name of the parameter `ask`.
ANSWERS = """
seen <- 0
predict_fn <- function(data, ask = "pid") {
  seen <<- seen + 1
  switch(ask,
    pid = rep(Sys.getpid(), NROW(data)),
    seen = rep(seen, NROW(data)),
    data = data,
    stop = stop("the engine is cold"),
    warn = { warning("lukewarm"); rep(1, NROW(data)) },
    quit = quit(status = 3L),
    kill = tools::pskill(Sys.getpid(), tools::SIGKILL),
    shout = { cat("o\\n"); system("echo o; echo o >&2"); message("o"); rep(7, NROW(data)) },
    eval(parse(text = ask))
  )
}
"""
ROWS = pd.DataFrame({"x": [1.0, 2.0, 3.0]})


def source(folder, text=ANSWERS, name="model.R"):
    path = folder / name
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("crate")
    flavorkit.save_model(source(home), home / "m", input_example=(ROWS, {"ask": "pid"}))
    return home / "m"


@pytest.fixture
def native(folder):
    """The function, in a process of the test's own."""
    return flavorkit.crate.load_model(folder)


def ask(native, question, data=ROWS):
    return native.predict(data, {"ask": question})


def pid_of(native):
    return int(ask(native, "pid")[0])


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- One process, which stays


def test_one_process_answers_every_call(native):
    pids = {pid_of(native) for _ in range(20)}
    assert len(pids) == 1
    assert pids != {os.getpid()}
    assert ask(native, "seen")[0] == 21


def test_one_process_answers_every_thread_with_what_it_asked(native):
    def sent(number):
        data = pd.DataFrame({"x": np.full(500, float(number)), "text": f"grün {number}"})
        return ask(native, "data", data)

    with ThreadPoolExecutor(8) as pool:
        pids = set(pool.map(lambda _: pid_of(native), range(32)))
        answers = list(pool.map(sent, range(32)))
    assert len(pids) == 1
    for number, answer in enumerate(answers):
        assert (answer["x"] == number).all()
        assert (answer["text"] == f"grün {number}").all()


def test_one_process_answers_every_request(folder):
    server = Server(folder)
    try:
        answers = [server.invoke({"inputs": {"x": [1.0]}}) for _ in range(5)]
        assert {answer.status for answer in answers} == {200}
        assert len({answer.json()["predictions"][0] for answer in answers}) == 1
        failed = server.invoke({"inputs": {"x": [1.0]}, "params": {"ask": "stop"}})
        assert failed.status == 500
        ended = server.invoke({"inputs": {"x": [1.0]}, "params": {"ask": "kill"}})
        assert ended.status == 500
        after = server.invoke({"inputs": {"x": [1.0]}})
        assert after.status == 200
        assert after.json() != answers[0].json()
    finally:
        server.kill()


def test_each_model_has_its_own_process(folder):
    one, other = (flavorkit.crate.load_model(folder) for _ in range(2))
    assert pid_of(one) != pid_of(other)


def test_a_killed_process_is_an_error_and_the_next_call_starts_another(native):
    first = pid_of(native)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(
        PredictionError,
        match=r"R was ended by the signal SIGKILL; the next request starts it again",
    ):
        ask(native, "pid")
    assert ask(native, "seen")[0] == 1  # loaded anew
    second = pid_of(native)
    assert second != first
    assert pid_of(native) == second


@pytest.mark.parametrize(
    ("how", "match"),
    [("kill", r"R was ended by the signal SIGKILL"), ("quit", r"R ended with the status 3")],
)
def test_a_process_that_ends_while_it_works_is_an_error_that_says_how(native, how, match):
    with pytest.raises(PredictionError, match=match):
        ask(native, how)
    assert ask(native, "seen").tolist() == [1, 1, 1]


def test_a_crash_under_many_threads_fails_only_the_call_that_was_being_answered(native):
    pid_of(native)

    def one(number):
        try:
            return ask(native, "kill" if number == 5 else "data")["x"].tolist()
        except PredictionError as exc:
            return str(exc)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(16)))
    failed = answers.pop(5)
    assert "SIGKILL" in failed
    assert answers == [ROWS["x"].tolist()] * 15


def test_the_process_ends_with_its_model(folder):
    native = flavorkit.crate.load_model(folder)
    pid, home = pid_of(native), ask(native, "getwd()")[0]
    assert is_there(pid)
    del native
    assert not is_there(pid)
    assert not Path(home).exists()


@pytest.mark.parametrize("ending", ["", "os.kill(os.getpid(), 9)"])
def test_the_process_ends_with_python_however_that_ends(folder, ending):
    code = f"""
        import os, sys, flavorkit
        native = flavorkit.crate.load_model(sys.argv[1])
        print(int(native.predict([1])[0]), flush=True)
        {ending}
    """
    # R holds the stream of errors: that it ends is that R has.
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)], capture_output=True, check=False
    )
    assert int(done.stdout) > 1
    assert done.stderr == b""


def test_a_forked_process_of_python_starts_its_own(folder):
    code = """
        import os, sys, flavorkit
        native = flavorkit.crate.load_model(sys.argv[1])
        mine = native.predict([1])[0]
        child = os.fork()
        if child == 0:
            os._exit(10 if native.predict([1])[0] != mine else 20)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10
        assert native.predict([1])[0] == mine
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(folder)], check=True)


def test_what_r_prints_does_not_get_between_the_answers(capfd, folder):
    native = flavorkit.crate.load_model(folder)  # its streams are those of now
    assert ask(native, "shout").tolist() == [7.0, 7.0, 7.0]
    assert ask(native, "data")["x"].tolist() == [1.0, 2.0, 3.0]
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("o") == 4


# --- Errors


def test_an_error_of_r_is_one_of_the_model_and_the_process_stays(native):
    before = pid_of(native)
    with pytest.raises(PredictionError, match=r"the model failed: R: the engine is cold"):
        ask(native, "stop")
    assert pid_of(native) == before


def test_a_warning_of_r_is_none(native):
    assert ask(native, "warn").tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("question", "match"),
    [
        ("function(x) x", r"an object of the class function cannot be a prediction"),
        ("complex(1)", r"an object of the class complex cannot be a prediction"),
        ("as.Date(Inf)", r"a date is infinite"),
        ("data.frame(a = 1, a = 2, check.names = FALSE)", r"more than one column named 'a'"),
        ("list(a = 1, a = 2)", r"more than one item named 'a'"),
        ("data.frame(a = I(matrix(1:4, 2)))", r"a column of the data frame is itself a table"),
        ("no_such_function()", r"could not find function"),
    ],
)
def test_what_is_no_prediction_is_an_error_of_the_model(native, question, match):
    with pytest.raises(PredictionError, match=match):
        ask(native, question)
    assert ask(native, "warn").tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("column", "match"),
    [
        ([b"a"], r"column 'x': R has no type for values of the kind 'bytes'"),
        ([1j], r"of the kind 'complex'"),
        ([1, "a"], r"of the kind 'mixed-integer'"),
        ([[1, 2]], r"of the kind 'mixed'"),
        ([2**60], r"R has no integers beyond 2\*\*53, send them as text"),
        ([-(2**63)], r"R has no integers beyond 2\*\*53"),
        ([2**70], r"R has no integers beyond 2\*\*53"),
        (["a\0b"], r"no texts with a character of code 0"),
        (pd.Series(["\ud800"], dtype=object), r"no valid Unicode"),
        (pd.to_timedelta([1]), r"of the kind 'timedelta64'"),
    ],
)
def test_what_r_has_no_type_for_is_an_error_of_the_caller(native, column, match):
    with pytest.raises(InvalidInputError, match=match):
        ask(native, "data", pd.DataFrame({"x": column}))


# --- Values


FRAME = pd.DataFrame(
    {
        "double": [1.5, np.nan, -np.inf],
        "single": np.array([0.5, 1, 2], np.float32),
        "integer": [2**31 - 1, -(2**31) + 1, 0],
        "large": [2**53, 1, -(2**53)],
        "least": [-(2**31), 1, 2],  # what R takes for a missing one
        "nullable": pd.array([1, None, 3], dtype="Int64"),
        "logical": [True, False, True],
        "optional": pd.array([True, None, False], dtype="boolean"),
        "text": ["grün", None, '日本 😀\r\n\t"q"\\'],
        "empty": ["", "NA", "NULL"],
        "factor": pd.Categorical(["b", None, "a"], categories=["b", "a", "c"]),
        "date": [dt.date(2020, 2, 29), None, dt.date(1969, 12, 31)],
        "time": pd.to_datetime(["2020-02-29 12:34:56.789012", None, "1969-12-31 23:59:59.5"]),
        "zone": pd.to_datetime(["2020-06-01 12:00", None, "2020-12-01 00:00"]).tz_localize(
            "Asia/Tokyo"
        ),
        "far": [dt.datetime(9999, 12, 31, 23, 59, 59), None, dt.datetime(1, 1, 1)],
        "none": [None] * 3,
        "größe in %": [1, 2, 3],
    }
)
CLASSES = {
    "double": "numeric",
    "single": "numeric",
    "integer": "integer",
    "large": "numeric",
    "least": "numeric",
    "nullable": "integer",
    "logical": "logical",
    "optional": "logical",
    "text": "character",
    "empty": "character",
    "factor": "factor",
    "date": "Date",
    "time": "POSIXct",
    "zone": "POSIXct",
    "far": "POSIXct",
    "none": "logical",
    "größe in %": "integer",
}


def test_each_type_is_its_own_in_r(native):
    found = ask(native, "vapply(data, function(x) class(x)[1], '')", FRAME)
    assert dict(zip(FRAME.columns, found, strict=True)) == CLASSES
    missing = ask(native, "vapply(data, function(x) sum(is.na(x)), 1L)", FRAME)
    assert missing.tolist() == FRAME.isna().sum().tolist()
    assert ask(native, "names(data)", FRAME).tolist() == list(FRAME.columns)


def test_each_type_comes_back_with_its_missing_values(native):
    found = ask(native, "data", FRAME)
    assert list(found.columns) == list(FRAME.columns)
    expected = FRAME.assign(
        factor=FRAME["factor"].astype(object),
        date=pd.to_datetime(FRAME["date"]),
        zone=FRAME["zone"].dt.tz_convert("UTC").dt.tz_localize(None),
    )
    for name in FRAME.columns:
        here, there = expected[name], found[name]
        assert there.isna().tolist() == here.isna().tolist(), name
        assert there[~there.isna()].tolist() == here[~here.isna()].tolist(), name
    kinds = {name: str(found.dtypes[name]) for name in ("integer", "nullable", "optional", "time")}
    assert kinds == {
        "integer": "int32",
        "nullable": "Int32",
        "optional": "boolean",
        "time": "datetime64[ns]",
    }


def test_a_factor_keeps_its_levels_and_their_order(native):
    levels = ask(native, "levels(data$factor)", FRAME)
    assert levels.tolist() == ["b", "a", "c"]
    assert ask(native, "as.integer(data$factor)", FRAME)[[0, 2]].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("c(1.5, NA, Inf)", np.array([1.5, np.nan, np.inf])),
        ("c(1L, NA)", np.array([1, np.nan])),
        ("c(TRUE, NA)", np.array([True, None], object)),
        ("c('ä', NA)", np.array(["ä", None], object)),
        ("factor(c('b', NA, 'a'))", np.array(["b", None, "a"], object)),
        ("matrix(1:6, 2)", np.array([[1, 3, 5], [2, 4, 6]])),
        ("array(1:8, c(2, 2, 2))", np.arange(1, 9).reshape(2, 2, 2, order="F")),
        ("iconv('\\u00e4', 'UTF-8', 'latin1')", np.array(["ä"], object)),
        ("as.POSIXlt('2020-02-29', tz = 'UTC')", np.array(["2020-02-29"], "datetime64[ns]")),
        ("seq_len(1e6)", np.arange(1, 1_000_001)),
    ],
)
def test_what_r_gives_is_what_python_gets(native, question, expected):
    found = ask(native, question)
    np.testing.assert_array_equal(found, expected)
    assert found.shape == expected.shape


def test_a_missing_number_of_r_is_calculated_with_in_silence(native):
    assert np.isnan(ask(native, "NA_real_") * 2).all()


def test_tables_and_lists_of_r(native):
    named = ask(native, "cbind(yes = c(0.25, 1), no = c(0.75, 0))")
    pd.testing.assert_frame_equal(named, pd.DataFrame({"yes": [0.25, 1.0], "no": [0.75, 0.0]}))
    assert ask(native, "list(a = 1, b = 'x')") == {"a": [1.0], "b": ["x"]}
    assert ask(native, "list(1, 'x', c(1L, 2L))") == [1.0, "x", [1, 2]]
    assert ask(native, "NULL") is None


def test_arrays_lists_and_no_rows_reach_r(native):
    block = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(ask(native, "data", block), block)
    assert ask(native, "dim(data)", block).tolist() == [2, 3, 4]
    assert ask(native, "data", ["a", None]).tolist() == ["a", None]
    none = ask(native, "data", FRAME[:0])
    assert none.shape == (0, len(FRAME.columns))


def test_a_message_larger_than_a_pipe_holds_comes_back_exactly(native):
    random = np.random.default_rng(0)
    data = pd.DataFrame({"x": random.normal(size=200_000), "text": ["grün " * 5] * 200_000})
    found = ask(native, "data", data)
    assert found["x"].to_numpy().tobytes() == data["x"].to_numpy().tobytes()
    assert (found["text"] == data["text"]).all()


def test_rows_keep_their_index(folder):
    data = ROWS.set_axis([7, 3, 5])
    loaded = flavorkit.load_model(folder)
    assert loaded.predict(data, {"ask": "data"}).index.tolist() == [7, 3, 5]


def test_parameters_that_the_function_does_not_take_are_left_out(tmp_path):
    text = "predict_fn <- function(data, least = 0) pmax(data$x, least)"
    flavorkit.save_model(source(tmp_path, text), tmp_path / "m")
    native = flavorkit.crate.load_model(tmp_path / "m")
    assert native.predict(ROWS, {"least": 2, "other": 1}).tolist() == [2.0, 2.0, 3.0]


# --- Saving from Python


def test_data_may_stand_in_folders_and_paths_out_of_the_folder_are_refused(tmp_path):
    text = "limits <- read.csv('in/limits.csv')\npredict_fn <- function(data) data$x > limits$x"
    (tmp_path / "other.csv").write_text("x\n1.5\n")
    path = source(tmp_path, text)
    data = {"in/limits.csv": tmp_path / "other.csv"}
    flavorkit.crate.save_model(path, tmp_path / "m", data=data, input_example=ROWS)
    assert (tmp_path / "m/source/in/limits.csv").is_file()
    assert flavorkit.load_model(tmp_path / "m").predict(ROWS).tolist() == [False, True, True]
    for name in ("../limits.csv", "/tmp/limits.csv"):
        with pytest.raises(UnsavableModelError, match=r"names relative to the source"):
            flavorkit.crate.save_model(path, tmp_path / "n", data={name: tmp_path / "other.csv"})


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("x <- 1", UnreadableModelError, r"does not define a function predict_fn"),
        ("predict_fn <- function(data) {", UnreadableModelError, r"unexpected end of input"),
        ("stop('no weights')", UnreadableModelError, r"no weights"),
        ("quit(status = 4)", UnreadableModelError, r"R ended with the status 4 while it loaded"),
        (
            "library(nosuchpackage)",
            MissingDependencyError,
            r"the R package nosuchpackage: in R, install.packages\('nosuchpackage'\)",
        ),
    ],
)
def test_source_that_does_not_load_is_not_saved(tmp_path, text, error, match):
    with pytest.raises(error, match=match):
        flavorkit.save_model(source(tmp_path, text), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_saved_says_what_can(tmp_path):
    path = source(tmp_path)
    cases = [
        ((tmp_path / "none.R",), {}, r"there is no file at"),
        ((object(),), {}, r"is not the path of R source"),
        ((path,), {"data": tmp_path / "none.csv"}, r"the file of data 'none.csv' is not at"),
        ((path,), {"data": [path]}, r"data cannot have the name of the source"),
        ((path,), {"data": [path, R / "../r" / path.name]}, r"two files of data have the same"),
    ]
    for arguments, options, match in cases:
        with pytest.raises(UnsavableModelError, match=match):
            flavorkit.crate.save_model(*arguments, tmp_path / "m", **options)
    run(
        "saveRDS(function(data) 1, args[1]); saveRDS(1, args[2])",
        tmp_path / "f.rds",
        tmp_path / "n.rds",
    )
    with pytest.raises(UnsavableModelError, match=r"takes its data along; pass none"):
        flavorkit.crate.save_model(tmp_path / "f.rds", tmp_path / "m", data=[path])
    with pytest.raises(UnreadableModelError, match=r"it holds a numeric and not a function"):
        flavorkit.crate.save_model(tmp_path / "n.rds", tmp_path / "m")


def test_packages_are_attached_and_their_versions_noted(tmp_path):
    path = source(tmp_path, "predict_fn <- function(data) bs(data$x, df = 3)[, 1]")
    written = flavorkit.crate.save_model(path, tmp_path / "m", packages="splines", signature=False)
    version = run("cat(as.character(packageVersion('splines')))")
    assert written.flavors["crate"]["packages"] == {"splines": version}
    assert written.flavors["crate"]["r_version"] == version  # it comes with R
    assert len(flavorkit.load_model(tmp_path / "m").predict(ROWS)) == 3


def test_without_r_it_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setattr(r_process, "PROGRAM", "no-such-program")
    with pytest.raises(MissingDependencyError, match=r"needs R, .* apt-get install r-base-core"):
        flavorkit.load_model(folder)


# --- Nothing runs without the grant


@pytest.fixture
def no_process(monkeypatch):
    """Rscript may not be started."""

    def refuse(self):
        pytest.fail("Rscript was started")

    monkeypatch.setattr(r_process._Process, "__init__", refuse)


@pytest.mark.parametrize("kind", ["source", "rds"])
def test_nothing_runs_without_the_grant(kind, tmp_path, request):
    canary = tmp_path / "canary"
    if kind == "source":
        text = f"file.create({str(canary)!r})\npredict_fn <- function(data) data$x"
        path = source(tmp_path, text)
    else:
        path = tmp_path / "f.rds"
        run("saveRDS(function(data) data$x, args[1])", path)
    flavorkit.save_model(path, tmp_path / "m", input_example=ROWS)
    canary.unlink(missing_ok=True)
    copy = unsigned(tmp_path / "m", tmp_path / "copy")
    request.getfixturevalue("no_process")
    for trust in ("data", "signed", None, ["some.Type"]):
        with pytest.raises(TrustError, match=r"can run any"):
            flavorkit.load_model(copy, trust=trust)
        with pytest.raises(TrustError, match=r"can run any"):
            flavorkit.crate.load_model(copy, trust=trust)
    with pytest.raises(TrustError, match=r"can run any"):
        flavorkit.load_model(tmp_path / "m", trust="data")
    section = yaml.safe_load((copy / "MLmodel").read_text())["flavors"]["crate"]
    with pytest.raises(TrustError, match=r"can run any"):
        get_flavor("crate").load(
            copy, section, trust=Grant(False, frozenset(), Evidence(copy, "sha256:"), "no")
        )
    done = subprocess.run(
        [sys.executable, "-m", "flavorkit", "inspect", str(copy)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "can run any" in " ".join(done.stdout.split())
    assert not canary.exists()


def test_the_descriptor_names_no_file_and_no_code_outside_of_the_folder(
    folder, tmp_path, no_process
):
    copy = unsigned(folder, tmp_path / "m")
    written = yaml.safe_load((copy / "MLmodel").read_text())
    for section, match in [
        ({"source": "../model.R"}, r"\.\./model\.R"),
        ({"source": "/etc/passwd"}, r"/etc/passwd"),
        ({"source": "source/none.R"}, r"is not there"),
        ({"model": "none.bin"}, r"is not there"),
        ({}, r"'' leads out of the folder"),
        ({"source": "source/model.R", "packages": [1]}, r"expected names of R packages"),
    ]:
        written["flavors"]["crate"] = section
        (copy / "MLmodel").write_text(yaml.safe_dump(written))
        with pytest.raises((DescriptorError, UnreadableModelError), match=match):
            flavorkit.load_model(copy, trust="all")


def test_the_name_of_a_package_is_no_code(folder, tmp_path):
    copy = unsigned(folder, tmp_path / "m")
    written = yaml.safe_load((copy / "MLmodel").read_text())
    name = f"stats); file.create({str(tmp_path / 'canary')!r}"
    written["flavors"]["crate"]["packages"] = {name: "1.0"}
    (copy / "MLmodel").write_text(yaml.safe_dump(written))
    with pytest.raises((MissingDependencyError, UnreadableModelError), match=r"stats\)"):
        flavorkit.load_model(copy, trust="all")
    assert not (tmp_path / "canary").exists()


def test_data_is_no_code(native, tmp_path):
    canary = tmp_path / "canary"
    attack = f'"); file.create("{canary}"); ("'
    data = pd.DataFrame({attack: [attack], "y": pd.Categorical([attack])})
    found = ask(native, "data", data)
    assert found.to_numpy().ravel().tolist() == [attack, attack]
    assert not canary.exists()
    assert encode({"data": data})


# --- Saving from R

SAVING = f"""
    source({str(flavorkit.crate.R_SCRIPT)!r})
    known <- data.frame(x = c(0, 1, 2, 3), y = c(1, 3, 5, 7.5))
    fit <- lm(y ~ x, known)
    flavorkit_save_model(
      function(data, least = -Inf) pmax(predict(fit, data), least), args[1], fit = fit
    )
"""


@pytest.fixture(scope="module")
def from_r(tmp_path_factory):
    path = tmp_path_factory.mktemp("from_r") / "größe"
    run(textwrap.dedent(SAVING), path)
    return path


def line(x):
    slope, start = np.polyfit([0, 1, 2, 3], [1, 3, 5, 7.5], 1)
    return slope * np.asarray(x) + start


def test_a_model_saved_from_r_loads_for_those_who_trust_it(from_r):
    assert sorted(path.name for path in from_r.iterdir()) == [
        *("MLmodel", "conda.yaml", "crate.bin", "requirements.txt"),
    ]
    with pytest.raises(TrustError, match=r"nobody has signed it"):
        flavorkit.load_model(from_r)
    for trust in ("all", manifest.verify(from_r).digest):
        loaded = flavorkit.load_model(from_r, trust=trust)
        np.testing.assert_allclose(loaded.predict(ROWS), line(ROWS["x"]))
    native = flavorkit.crate.load_model(from_r, trust="all")
    np.testing.assert_allclose(native.predict(ROWS, {"least": 5}), np.maximum(line(ROWS["x"]), 5))


def test_a_model_saved_from_r_is_served(from_r):
    server = Server(from_r, "--trust", "all")
    try:
        answer = server.invoke({"dataframe_records": [{"x": 1.0}, {"x": 2.0}]})
    finally:
        server.kill()
    assert answer.status == 200, answer.body
    np.testing.assert_allclose(answer.json()["predictions"], line([1.0, 2.0]))


def test_saved_again_from_python_it_is_signed_and_has_a_signature(from_r, tmp_path):
    flavorkit.crate.save_model(from_r / "crate.bin", tmp_path / "signed", input_example=ROWS)
    loaded = flavorkit.load_model(tmp_path / "signed")
    assert loaded.signature.inputs.input_names() == ["x"]
    np.testing.assert_allclose(loaded.predict(ROWS), line(ROWS["x"]))


def test_packages_of_a_model_saved_from_r_are_noted(tmp_path):
    run(
        f"source({str(flavorkit.crate.R_SCRIPT)!r});"
        " flavorkit_save_model(function(data) bs(data$x, df = 3)[, 1], args[1], packages = 'splines')",
        tmp_path / "m",
    )
    section = yaml.safe_load((tmp_path / "m/MLmodel").read_text())["flavors"]["crate"]
    assert list(section["packages"]) == ["splines"]
    assert len(flavorkit.load_model(tmp_path / "m", trust="all").predict(ROWS)) == 3


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ("flavorkit_save_model(1, args[1])", r"fn is not a function"),
        ("flavorkit_save_model(function(data) 1, dirname(args[1]))", r"is there already"),
        ("flavorkit_save_model(function(data) 1, args[1], 2)", r"name what fn uses"),
        (
            "flavorkit_save_model(structure(function(data) 1, class = 'crate'), args[1], a = 2)",
            r"give it to carrier::crate\(\)",
        ),
        ("flavorkit_save_model(function(data) 1, args[1], packages = 'nosuch')", r"nosuch"),
    ],
)
def test_what_r_cannot_save_leaves_nothing_behind(tmp_path, call, match):
    with pytest.raises(AssertionError, match=match):
        run(f"source({str(flavorkit.crate.R_SCRIPT)!r}); {call}", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


# --- Folders that MLflow's R package has written

# What mlflow_save_model.crate writes; the function is a crate, whose class carrier gives it.
MLFLOW = """
    fn <- function(data) data$x * factor
    environment(fn) <- list2env(list(factor = 3), parent = globalenv())
    class(fn) <- "crate"
    dir.create(args[1])
    saveRDS(serialize(fn, NULL), file.path(args[1], "crate.bin"))
"""
MLMODEL = """
flavors:
  crate:
    version: 0.1.0
    model: crate.bin
utc_time_created: '2024-05-06 07:08:09.123456'
run_id: 1f9a0f5d1f9a0f5d1f9a0f5d1f9a0f5d
artifact_path: model
"""


@pytest.fixture(scope="module")
def from_mlflow(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlflow") / "m"
    run(textwrap.dedent(MLFLOW), path)
    (path / "MLmodel").write_text(MLMODEL)
    return path


def test_a_folder_of_mlflows_r_package_loads(from_mlflow):
    with pytest.raises(TrustError, match=r"crate.bin is an R object, which can run any code"):
        flavorkit.load_model(from_mlflow)
    loaded = flavorkit.load_model(from_mlflow, trust="all")
    assert loaded.predict(ROWS).tolist() == [3.0, 6.0, 9.0]
    native = flavorkit.crate.load_model(from_mlflow, trust="all")
    assert native.predict(ROWS).tolist() == [3.0, 6.0, 9.0]


def test_a_folder_of_ours_is_what_mlflows_r_package_reads(from_r):
    # mlflow_load_flavor.mlflow_flavor_crate is: unserialize(readRDS(file.path(path, "crate.bin")))
    code = (
        "fn <- unserialize(readRDS(file.path(args[1], 'crate.bin')));"
        " cat(format(fn(data.frame(x = c(1, 2, 3))), digits = 15))"
    )
    found = [float(text) for text in run(code, from_r).split()]
    np.testing.assert_allclose(found, line([1, 2, 3]))
    section = yaml.safe_load((from_r / "MLmodel").read_text())["flavors"]["crate"]
    assert section["model"] == "crate.bin"
    assert section["version"] == "0.1.0"
