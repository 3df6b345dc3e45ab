"""``flavorkit predict`` on files larger than a chunk, of every format into every format."""

from __future__ import annotations

import io
import itertools
import json
import operator
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import flavorkit
from flavorkit.cli import main
from flavorkit.cli.progress import RowProgress
from flavorkit.models import ModelSignature
from flavorkit.types import ColSpec, Schema
from tests.conftest import ROOT


@pytest.fixture
def run():
    def invoke(*args, **kwargs):
        return CliRunner().invoke(main, ["predict", *map(str, args)], **kwargs)

    return invoke


def write(frame, path):
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case ".arrow":
            pa.feather.write_feather(pa.Table.from_pandas(frame), str(path))
        case ".arrows":
            table = pa.Table.from_pandas(frame)
            with pa.ipc.new_stream(str(path), table.schema) as stream:
                stream.write_table(table, max_chunksize=11)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".json":
            path.write_text(json.dumps({"dataframe_split": frame.to_dict("split")}))
    return path


def read(path):
    match path.suffix:
        case ".csv":
            return pd.read_csv(path)
        case ".parquet":
            return pa.parquet.read_table(path).to_pandas()
        case ".arrow":
            return pa.ipc.open_file(path.read_bytes()).read_all().to_pandas()
        case ".arrows":
            return pa.ipc.open_stream(path.read_bytes()).read_all().to_pandas()
        case ".jsonl":
            return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    rows = json.loads(path.read_text())["predictions"]
    return pd.DataFrame(rows if isinstance(rows[0], dict) else {"prediction": rows})


INPUTS = ["csv", "parquet", "arrow", "arrows", "jsonl", "json"]
OUTPUTS = ["csv", "parquet", "arrow", "arrows", "jsonl", "json"]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("source", INPUTS)
def test_every_format_into_every_format(
    run, iris_folder, iris, iris_model, tmp_path, source, output
):
    X, _ = iris
    path = write(X, tmp_path / f"in.{source}")
    out = tmp_path / f"out.{output}"
    for options in ([], ["--keep-inputs"]):
        done = run(iris_folder, "-i", path, "-o", out, "--rows-per-chunk", 40, *options)
        assert (done.exit_code, done.output) == (0, "")
        expected = pd.DataFrame({"prediction": iris_model.predict(X)})
        if options:
            expected = pd.concat([X, expected], axis=1)
        pd.testing.assert_frame_equal(read(out), expected, check_dtype=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, out.name])


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "jsonl", "json"])
def test_pipes(run, iris_folder, iris, iris_model, tmp_path, kind):
    body = write(iris[0], tmp_path / f"in.{kind}").read_bytes()
    command = [sys.executable, "-m", "flavorkit", "predict", str(iris_folder), "-t", kind]
    command += ["--output-type", kind, "--rows-per-chunk", "40"]
    done = subprocess.run(command, cwd=ROOT, input=body, capture_output=True, check=True)
    # What goes into a pipe is an Arrow stream, which has no index at its end.
    out = tmp_path / f"out.{'arrows' if kind == 'arrow' else kind}"
    out.write_bytes(done.stdout)
    assert read(out)["prediction"].tolist() == iris_model.predict(iris[0]).tolist()
    assert done.stderr == b""


def test_a_stream_of_arrow_batches_comes_through_a_pipe(run, iris_folder, iris, tmp_path):
    body = write(iris[0], tmp_path / "in.arrows").read_bytes()
    done = run(iris_folder, "-t", "arrow", "--output-type", "csv", input=body)
    assert len(done.output.splitlines()) == 151


def test_csv_without_an_output_type_is_answered_as_by_mlflow(run, iris_folder, iris, tmp_path):
    text = iris[0].to_csv(index=False)
    done = run("-m", iris_folder, "-t", "csv", "--env-manager", "local", input=text)
    whole = json.loads(done.output)
    assert list(whole) == ["predictions"]
    done = run(iris_folder, "-t", "csv", "--no-conda", "--rows-per-chunk", 7, input=text)
    assert json.loads(done.output) == whole


@pytest.fixture
def proba_folder(iris_model, iris, tmp_path):
    flavorkit.sklearn.save_model(
        iris_model, tmp_path / "m", pyfunc_predict_fn="predict_proba", input_example=iris[0][:2]
    )
    return tmp_path / "m"


def test_an_array_of_two_dimensions_is_numbered_columns(run, proba_folder, iris, tmp_path):
    path = write(iris[0], tmp_path / "in.csv")
    run(proba_folder, "-i", path, "-o", tmp_path / "out.parquet", "--rows-per-chunk", 60)
    table = read(tmp_path / "out.parquet")
    assert table.columns.tolist() == ["prediction_0", "prediction_1", "prediction_2"]
    whole = flavorkit.load_model(proba_folder).predict(iris[0])
    np.testing.assert_array_equal(table.to_numpy(), whole)
    done = run(proba_folder, "-i", path, "--rows-per-chunk", 60)
    np.testing.assert_array_equal(json.loads(done.output)["predictions"], whole)


NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
HEAD = ",".join(NAMES) + "\n"


@pytest.mark.parametrize(
    ("suffix", "row", "problem"),
    [
        ("csv", "1,2,x,4", "column 'petal length (cm)': expected a double, row 99 holds 'x'"),
        ("csv", "1,2,3,4,5", "Expected 4 fields in line 101, saw 5"),
        ("jsonl", '{"a": 1', "row 99 (line 100) cannot be read: it is not valid JSON"),
        ("jsonl", '{"a": 1, "a": 2}', "row 99 (line 100) cannot be read: it has the key 'a' twice"),
        ("jsonl", "[1]", "row 99 (line 100) is not an object of names and values"),
    ],
)
def test_the_row_at_fault_is_named(run, iris_folder, iris, tmp_path, suffix, row, problem):
    path = write(iris[0], tmp_path / f"in.{suffix}")
    lines = path.read_text().splitlines()
    lines[99 + (suffix == "csv")] = row
    path.write_text("\n".join(lines))
    done = run(iris_folder, "-i", path, "-o", tmp_path / "out.csv", "--rows-per-chunk", 40)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert problem in done.output
    assert done.output.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_value_of_json_that_does_not_fit_is_named(run, iris_folder, iris, tmp_path):
    path = write(iris[0].astype(object), tmp_path / "in.jsonl")
    lines = path.read_text().splitlines()
    lines[99] = json.dumps({**json.loads(lines[99]), NAMES[0]: "long"})
    path.write_text("\n".join(lines))
    done = run(iris_folder, "-i", path, "--rows-per-chunk", 40)
    assert "column 'sepal length (cm)': expected a double, row 99 holds 'long'" in done.output


def test_a_model_that_fails_is_one_line(run, iris_folder, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(HEAD + "1,2,3,4\n" * 50 + "1,,3,4\n")
    done = run(iris_folder, "-i", path, "-o", tmp_path / "out", "--rows-per-chunk", 40)
    assert done.exit_code == 1
    assert done.output.startswith(
        "Error: the model failed on rows 40 to 50: ValueError: Input X contains NaN."
    )
    assert done.output.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]
    done = run(iris_folder, "-i", path, "--traceback")
    assert "Traceback (most recent call last):" in done.output
    assert done.output.splitlines()[-1].startswith("Error: the model failed on rows 0 to 50")


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_an_error_in_a_user_s_code_is_one_line(run, iris, iris_model, tmp_path, suffix):
    model = make_pipeline(FunctionTransformer(operator.attrgetter("nothing")), iris_model)
    flavorkit.sklearn.save_model(model, tmp_path / "m", serialization_format="cloudpickle")
    path = write(iris[0], tmp_path / f"in.{suffix}")
    done = run(tmp_path / "m", "-i", path)
    where = " on rows 0 to 149" if suffix == "csv" else ""
    problem = "AttributeError: 'DataFrame' object has no attribute 'nothing'"
    assert done.output == f"Error: the model failed{where}: {problem}\n"
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("in.csv", b"", "the file is not CSV with a line of column names"),
        ("in.csv", b"\xff\xfe\n1\n", "the file is not UTF-8"),
        ("in.csv", b"a,a\n1,2\n", "the name 'a' stands twice"),
        ("in.csv", b"a,b\n1,2,3\n", "row 0 has 3 values for 2 names"),
        ("in.csv", b"a,b\n1,2\n", "column 'petal length (cm)' is missing"),
        ("in.csv", b"a,b\n", "column 'petal length (cm)' is missing"),
        ("in.jsonl", b'{"a": 1}\n', "column 'petal length (cm)' is missing"),
        ("in.parquet", b"", "the file is not Parquet"),
        ("in.parquet", b"PAR1" * 20, "the file is not Parquet"),
        ("in.arrow", b"", "the file is not Arrow"),
        ("in.arrow", b"ARROW1" * 20, "the file is not Arrow"),
        ("in.json", b"{}", "exactly one of"),
    ],
)
def test_what_is_no_table_of_the_model_is_refused(run, iris_folder, tmp_path, name, body, problem):
    (tmp_path / name).write_bytes(body)
    (tmp_path / "out.csv").write_text("old")
    done = run(iris_folder, "-i", tmp_path / name, "-o", tmp_path / "out.csv")
    assert done.exit_code == 1
    assert problem in done.output
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "out.csv"])


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("source", ["csv", "parquet", "arrow", "arrows", "jsonl"])
def test_a_file_without_rows_has_predictions_for_none(
    run, iris_folder, iris, tmp_path, source, output
):
    path = tmp_path / f"in.{source}"
    if source == "jsonl":
        path.touch()
    else:
        write(iris[0][:0], path)
    out = tmp_path / f"out.{output}"
    done = run(iris_folder, "-i", path, "-o", out)
    assert (done.exit_code, done.output) == (0, "")
    if output == "json":
        assert out.read_text() == '{"predictions":[]}\n'
    elif output == "jsonl":
        assert out.read_text() == ""
    else:
        assert read(out).shape == (0, 1)
        assert read(out).columns.tolist() == ["prediction"]


STRANGE = pd.DataFrame(
    {
        "x": [1.5, 2.5, 3.5],
        "country": ["NA", "", "null"],
        "text": ['say "hi", you', "two\nlines", "žluťoučký 🐎"],
        "id": ["007", "1e5", " 1 "],
    }
)


@pytest.fixture
def line_folder(tmp_path):
    """A model that doubles the column x."""
    data = pd.DataFrame({"x": [1.0, 2.0]})
    flavorkit.save_model(
        LinearRegression().fit(data, [2, 4]), tmp_path / "line", input_example=data
    )
    return tmp_path / "line"


@pytest.mark.parametrize("output", ["csv", "jsonl", "parquet", "arrow"])
def test_text_that_is_kept_stays_what_it_is(run, line_folder, tmp_path, output):
    path, out = tmp_path / "in.csv", tmp_path / f"out.{output}"
    STRANGE.to_csv(path, index=False)
    done = run(line_folder, "-i", path, "-o", out, "--keep-inputs", "--rows-per-chunk", 1)
    assert done.output == ""
    table = pd.read_csv(out, dtype=str, keep_default_na=False) if output == "csv" else read(out)
    for name in ("country", "text", "id"):
        assert table[name].tolist() == STRANGE[name].tolist()
    assert [round(float(value)) for value in table["prediction"]] == [3, 5, 7]


TYPED = pa.table(
    {
        "x": pa.array([1, None, 3], pa.int32()),
        "long": pa.array([2**53 + 1, None, 3], pa.int64()),
        "date": pa.array([0, 1, None], pa.date32()),
        "moment": pa.array([10**18, None, 0], pa.timestamp("ns")),
        "bytes": pa.array([b"\xff\x00", b"", None], pa.binary()),
        "list": pa.array([[1, 2], [], None], pa.list_(pa.int8())),
        "word": pa.array(["a", None, "a"]).dictionary_encode(),
    }
)


@pytest.fixture
def constant_folder(tmp_path):
    """A model that takes a nullable integer, a word and bytes, and uses the integer only."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer

    data = pd.DataFrame({"x": [1.0, np.nan]})
    model = make_pipeline(
        make_column_transformer((SimpleImputer(), ["x"])), LinearRegression()
    ).fit(data, [1, 2])
    optional = [ColSpec("long", "long", False), ColSpec("binary", "bytes", False)]
    signature = ModelSignature(inputs=Schema([ColSpec("double", "x"), *optional]))
    flavorkit.save_model(model, tmp_path / "m", signature=signature)
    return tmp_path / "m"


@pytest.mark.parametrize("suffix", ["parquet", "arrows"])
def test_types_of_arrow_are_kept(run, constant_folder, tmp_path, suffix):
    path, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    if suffix == "parquet":
        pa.parquet.write_table(TYPED, path)
    else:
        with pa.ipc.new_stream(str(path), TYPED.schema) as stream:
            stream.write_table(TYPED)
    done = run(constant_folder, "-i", path, "-o", out, "--keep-inputs", "--rows-per-chunk", 1)
    assert done.output == ""
    if suffix == "parquet":
        table = pa.parquet.read_table(out)
    else:
        table = pa.ipc.open_stream(out.read_bytes()).read_all()
    assert table.schema.names == [*TYPED.schema.names, "prediction"]
    assert table.drop_columns(["prediction"]).to_pylist() == TYPED.to_pylist()
    done = run(constant_folder, "-i", path, "--output-type", "csv", "--keep-inputs")
    assert done.exit_code == 0, done.output
    cells = pd.read_csv(io.StringIO(done.output), dtype=str, keep_default_na=False)
    assert cells["long"].tolist() == ["9007199254740993", "", "3"]
    assert cells["date"].tolist() == ["1970-01-01", "1970-01-02", ""]
    assert cells["moment"].tolist() == ["2001-09-09T01:46:40", "", "1970-01-01T00:00:00"]
    assert cells["bytes"].tolist() == ["/wA=", "", ""]
    assert cells["list"].tolist() == ["[1,2]", "[]", ""]


def test_integers_with_missing_values_stay_exact(run, tmp_path):
    values = [str(2**53 + 1), "", "5"]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(pd.DataFrame({"n": [2**53 + 1, 5]}))
    signature = ModelSignature(inputs=Schema([ColSpec("long", "n")]))
    flavorkit.save_model(encoder, tmp_path / "m", signature=signature)
    path = tmp_path / "in.csv"
    path.write_text("n,y\n" + "".join(f"{value},1\n" for value in [values[0], values[2]]))
    done = run(tmp_path / "m", "-i", path, "--output-type", "jsonl", "--rows-per-chunk", 1)
    assert [json.loads(line)["prediction_1"] for line in done.output.splitlines()] == [1.0, 0.0]
    path.write_text("n,y\n" + "".join(f"{value},1\n" for value in values))
    done = run(tmp_path / "m", "-i", path, "--rows-per-chunk", 1)
    assert "column 'n': expected a long in every row, row 1 has none" in done.output


def test_without_a_signature_a_column_may_not_change_its_mind(run, iris, iris_model, tmp_path):
    flavorkit.save_model(iris_model, tmp_path / "m")
    path = write(iris[0], tmp_path / "in.csv")
    assert run(tmp_path / "m", "-i", path, "--rows-per-chunk", 40).exit_code == 0
    path.write_text(HEAD + "1,2,3,4\n" * 40 + "1,2,3,x\n")
    done = run(tmp_path / "m", "-i", path, "--rows-per-chunk", 40)
    assert "column 'petal width (cm)' holds numbers above row 40 and text from" in done.output


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\r\n\r", "\r\r\n\n"])
def test_each_row_is_predicted_once_however_lines_end(run, line_folder, tmp_path, ends):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    each = itertools.cycle(re.findall("\r?\n|\r", ends))
    path.write_bytes("".join(cell + next(each) for cell in "x12345").encode())
    done = run(line_folder, "-i", path, "-o", out, "--rows-per-chunk", 2)
    assert done.output == ""
    assert read(out)["prediction"].round(6).tolist() == [2, 4, 6, 8, 10]


@pytest.mark.parametrize("above", ["\n", "\ufeff", "\ufeff\r\n \n"])
def test_what_stands_above_the_names_is_no_row(run, line_folder, tmp_path, above):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(f'{above}"x"\n1\n2\n3\n'.encode())
    done = run(line_folder, "-i", path, "-o", out, "--rows-per-chunk", 2)
    assert done.output == ""
    assert read(out)["prediction"].round(6).tolist() == [2, 4, 6]


def test_a_column_that_the_data_has_already_is_refused(run, line_folder, tmp_path):
    (tmp_path / "in.csv").write_text("x,prediction\n1,2\n")
    done = run(line_folder, "-i", tmp_path / "in.csv", "--keep-inputs")
    assert "the data has the columns ['prediction'] already" in done.output


def test_records_of_other_keys_do_not_fit_a_table(run, line_folder, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"x": 1, "y": 2}\n{"x": 1, "z": 2}\n')
    options = ["-i", tmp_path / "in.jsonl", "--keep-inputs", "--rows-per-chunk", 1]
    done = run(line_folder, *options, "--output-type", "csv")
    assert "some rows have the columns ['y', 'z'] and others do not" in done.output
    done = run(line_folder, *options, "--output-type", "jsonl")
    assert [list(json.loads(line)) for line in done.output.splitlines()] == [
        ["x", "y", "prediction"],
        ["x", "z", "prediction"],
    ]


def test_without_pyarrow_the_error_says_what_to_install(run, iris_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "in.csv").write_text(HEAD + "1,2,3,4\n")
    done = run(iris_folder, "-i", tmp_path / "in.csv", "-o", tmp_path / "out.parquet")
    assert done.output == "Error: writing Parquet needs pyarrow: pip install 'flavorkit[arrow]'\n"
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("end", [signal.SIGKILL])
def test_a_process_that_ends_in_the_middle_leaves_no_output(run, iris_folder, tmp_path, end):
    out = tmp_path / "out.csv"
    out.write_text("old")
    command = [sys.executable, "-m", "flavorkit", "predict", str(iris_folder), "-t", "csv"]
    process = subprocess.Popen(
        [*command, "-o", str(out), "--rows-per-chunk", "100"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        # More than it reads ahead, so it has predicted some of it when all is written.
        process.stdin.write((HEAD + "1,2,3,4\n" * 100_000).encode())
        process.stdin.flush()
        process.send_signal(end)
        said = process.stderr.read()
    assert out.read_text() == "old"
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert said == b"Interrupted; no output was written.\n"
        assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    else:
        assert process.returncode == -signal.SIGKILL
        hidden = [p.name for p in tmp_path.iterdir() if p != out]
        assert len(hidden) == 1
        assert hidden[0].startswith(".flavorkit-partial-")
        assert run(iris_folder, "-t", "csv", "-o", out, input=HEAD + "1,2,3,4\n").exit_code == 0
        assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
        assert len(out.read_text().splitlines()) == 2


def test_an_interruption_is_one_line(run, iris_folder, iris, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(flavorkit.pyfunc.PyFuncModel, "predict_enforced", interrupted)
    path = write(iris[0], tmp_path / "in.csv")
    done = run(iris_folder, "-i", path, "-o", tmp_path / "out.csv")
    assert (done.exit_code, done.output) == (130, "Interrupted; no output was written.\n")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_a_reader_that_goes_away_is_no_traceback(iris_folder, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(HEAD + "1,2,3,4\n" * 50_000)
    command = [sys.executable, "-m", "flavorkit", "predict", str(iris_folder), "-i", str(path)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("seconds", "is_shown"), [(1, False), (10, True)])
def test_progress_is_shown_to_those_who_wait(monkeypatch, seconds, is_shown):
    monkeypatch.setattr(sys, "stderr", Terminal())
    moments = iter([0, *[seconds] * 9])
    with RowProgress(100, is_wanted=True, clock=lambda: next(moments)) as progress:
        progress.advance(50, 5000)
    assert ("5,000 rows, 500 rows/s" in sys.stderr.getvalue()) == is_shown


@pytest.mark.parametrize(("stream", "is_wanted"), [(Terminal, False), (io.StringIO, True)])
def test_progress_is_for_terminals_and_not_when_quiet(monkeypatch, stream, is_wanted):
    monkeypatch.setattr(sys, "stderr", stream())
    moments = iter([0, 10, 10])
    with RowProgress(None, is_wanted=is_wanted, clock=lambda: next(moments)) as progress:
        progress.advance(50, 5000)
    assert sys.stderr.getvalue() == ""


ASK = "say what else it is with -t csv, -t parquet, -t arrow or -t jsonl"


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("train.py", (), f"; JSON was assumed because of the suffix '.py', {ASK}\n"),
        ("rows", (), f"; JSON was assumed for want of a suffix, {ASK}\n"),
        ("rows.json", (), "\n"),
        ("train.py", ("-t", "json"), "\n"),
    ],
)
def test_what_is_no_json_is_named_before_a_model_is_loaded(run, tmp_path, name, options, why):
    path = tmp_path / name
    path.write_text("import sys\n")
    done = run(tmp_path / "no-model", "-i", path, *options)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {path} is not valid JSON: ")
    assert done.output.endswith(f"line 1 column 1 (char 0){why}")


def test_standard_input_that_is_no_json(run, iris_folder):
    done = run(iris_folder, input="a,b\n1,2\n")
    assert done.exit_code == 1
    assert done.output.startswith("Error: standard input is not valid JSON: ")
    assert done.output.endswith(f"; JSON was assumed, {ASK}\n")


def test_output_may_replace_the_input(run, iris_folder, iris, tmp_path):
    path = Path(write(iris[0], tmp_path / "x.csv"))
    run(iris_folder, "-i", path, "-o", path, "--keep-inputs", "--rows-per-chunk", 10)
    assert read(path).shape == (150, 5)


def test_python_code_predicts_on_files_and_its_failure_is_one_line(run, tmp_path):
    def predict(data):
        if data["a"].max() > 2:
            raise RuntimeError("too large")
        return (data["a"] * 2).tolist()

    flavorkit.save_model(predict, tmp_path / "m")
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    done = run(tmp_path / "m", "-i", tmp_path / "in.csv")
    assert (done.exit_code, done.output) == (0, '{"predictions":[2,4]}\n')
    (tmp_path / "in.csv").write_text("a\n1\n3\n")
    done = run(tmp_path / "m", "-i", tmp_path / "in.csv")
    assert done.exit_code == 1
    assert done.output.startswith("Error: the model failed")
    assert "RuntimeError: too large" in done.output
    assert "Traceback" not in done.output
