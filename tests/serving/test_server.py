"""A server process: what it answers, what it says of itself, how it ends."""

from __future__ import annotations

import gzip
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import flavorkit
from flavorkit.version import __version__

COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
ROW = [5.1, 3.5, 1.4, 0.2]


def test_it_is_alive(server):
    for path in ("/ping", "/health"):
        assert server.request("GET", path).status == 200
        assert server.request("HEAD", path).status == 200


def test_it_says_which_model_it_serves(server, iris_folder):
    said = server.request("GET", "/version").json()
    assert said["flavorkit"] == __version__
    assert said["model"]["digest"] == flavorkit.load_model(iris_folder).digest
    assert said["model"]["flavor"] == "sklearn"


FORMS = {
    "dataframe_split": {"columns": COLUMNS, "data": [ROW]},
    "dataframe_records": [dict(zip(COLUMNS, ROW, strict=True))],
    "instances": [ROW],
    "inputs": {name: [value] for name, value in zip(COLUMNS, ROW, strict=True)},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_answered(server, form):
    answer = server.invoke({form: FORMS[form]})
    assert (answer.status, answer.json()) == (200, {"predictions": [0]})
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [
        ("application/json", {"columns": COLUMNS, "data": [ROW]}),
        ("application/json", {"data": [ROW]}),
        ("application/json", {"data": [ROW], "index": [7]}),
        ("application/json; format=pandas-split", {"columns": COLUMNS, "data": [ROW]}),
        ("application/json; format=pandas-records", FORMS["dataframe_records"]),
    ],
)
def test_what_scripts_for_mlflow_1_send_is_answered_as_then(server, content_type, payload):
    answer = server.invoke(payload, content_type)
    assert (answer.status, answer.json()) == (200, [0])


def test_tables_are_answered(server, iris):
    X, _ = iris
    expected = [0] * 50
    csv = X[:50].to_csv(index=False).encode()
    assert server.invoke(csv, "text/csv").json() == {"predictions": expected}
    assert server.invoke(csv, "text/csv; charset=utf-8").json() == {"predictions": expected}
    buffer = io.BytesIO()
    X[:50].to_parquet(buffer)
    answer = server.invoke(buffer.getvalue(), "application/vnd.apache.parquet")
    assert answer.json() == {"predictions": expected}


def test_one_connection_carries_many_requests(server):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        body = json.dumps({"instances": [ROW]}).encode()
        head = (
            "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        connection.sendall((head + body) * 20)
        received = b""
        while received.count(b'{"predictions":[0]}') < 20:
            chunk = connection.recv(65536)
            assert chunk
            received += chunk


def test_answers_belong_to_their_requests_under_load(server, iris, iris_model):
    X, _ = iris
    expected = iris_model.predict(X).tolist()
    wrong = []

    def client(start):
        for row in range(start, 150, 8):
            answer = server.invoke({"instances": X.iloc[[row]].to_numpy().tolist()}).json()
            if answer != {"predictions": [expected[row]]}:
                wrong.append((row, answer))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.fixture(scope="module")
def odd_model(tmp_path_factory):
    """A model whose first column decides what goes wrong."""
    folder = tmp_path_factory.mktemp("odd") / "m"
    model = make_pipeline(FunctionTransformer(misbehave), LinearRegression())
    model.fit(np.zeros((2, 1)), [0, 0])
    flavorkit.save_model(model, folder, serialization_format="cloudpickle", pip_requirements=[])
    return folder


def misbehave(X):
    match float(np.asarray(X)[0, 0]):
        case 1.0:
            raise ValueError("the data is at fault")
        case 2.0:
            raise RuntimeError("secret /etc/passwd")
        case 3.0:
            time.sleep(2)
        case 4.0:
            return X * np.nan
        case 5.0:
            threading.Event().wait()
    return X


@pytest.fixture(scope="module")
def odd_server(start, odd_model):
    return start(odd_model, "--timeout", "1", "--max-waiting", "2", "--log-requests")


def test_a_value_error_of_the_framework_is_the_requests_fault(odd_server):
    answer = odd_server.invoke({"instances": [[1.0]]})
    assert answer.status == 400
    assert answer.json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "the model cannot predict on this data: the data is at fault",
    }


def test_other_failures_are_the_servers_and_nothing_leaks(odd_server):
    answer = odd_server.invoke({"instances": [[2.0]]})
    assert answer.status == 500
    said = answer.json()
    assert said["error_code"] == "INTERNAL_ERROR"
    assert said["error_id"] in said["message"]
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    eventually(lambda: any(said["error_id"] in line for line in odd_server.log))
    eventually(lambda: any("RuntimeError: secret" in line for line in odd_server.log))


def eventually(condition):
    """Wait for what another process does in its own time; the test's timeout is the limit."""
    while not condition():
        time.sleep(0.01)


def test_an_answer_that_takes_too_long_is_given_up(odd_server):
    answer = odd_server.invoke({"instances": [[3.0]]})
    assert answer.status == 504
    assert answer.json()["error_code"] == "DEADLINE_EXCEEDED"
    assert "larger --timeout" in answer.json()["message"]
    eventually(lambda: odd_server.invoke({"instances": [[0.0]]}).status == 200)


def test_a_client_that_waits_for_less_is_told_that_it_does(odd_server):
    answer = odd_server.request(
        *("POST", "/invocations", b'{"instances": [[3.0]]}'),
        content_type="application/json",
        x_request_timeout="0.1",
    )
    assert answer.status == 504
    assert answer.json()["message"] == (
        "the answer took longer than 0.1 seconds; that is what the request's X-Request-Timeout"
        " allows"
    )
    eventually(lambda: odd_server.invoke({"instances": [[0.0]]}).status == 200)


def is_at_work(server):
    """Whether the model is called for one request, and no other waits."""
    said = server.request("GET", "/metrics").body
    return b"\nflavorkit_in_flight 1.0\n" in said and b"\nflavorkit_queue_depth 0.0\n" in said


def test_more_than_may_wait_are_told_to_come_back(odd_server):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(odd_server.invoke({"instances": [[3.0]]})))
        for _ in range(6)
    ]
    threads[0].start()
    eventually(lambda: is_at_work(odd_server))
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == 3  # one is at work, two wait
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    eventually(lambda: odd_server.invoke({"instances": [[0.0]]}).status == 200)


def test_nan_in_a_prediction_is_null(odd_server):
    answer = odd_server.invoke({"instances": [[4.0]]})
    assert answer.status == 400  # LinearRegression refuses NaN itself
    assert "NaN" in answer.json()["message"]


def test_requests_are_logged_when_that_is_asked_for(odd_server):
    odd_server.invoke({"instances": [[0.0]]})
    eventually(
        lambda: any("POST /invocations" in line and " 200" in line for line in odd_server.log)
    )


def test_a_model_that_may_not_be_loaded_is_not_served(odd_model, tmp_path):
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", str(odd_model), "-p", "0"]
    done = subprocess.run(
        [*command, "--trust", "data"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith("Error: ")
    assert "is a pickle, which can run any code" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_one_line(server, iris_folder):
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", str(iris_folder)]
    done = subprocess.run(
        [*command, "-p", str(server.port)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: cannot listen on 127.0.0.1:{server.port} (Address already in use);"
        " choose another with --port\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to_and_finishes_what_it_began(start, odd_model, number):
    server = start(odd_model)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(server.invoke({"instances": [[3.0]]})))
    idle = threads_of(server)
    slow.start()
    eventually(lambda: threads_of(server) > idle)  # the model's own thread has begun
    assert server.stop(number) == 0
    slow.join()
    assert answers[0].status == 200
    with pytest.raises(ConnectionRefusedError):
        server.request("GET", "/ping")


def test_a_model_that_hangs_does_not_keep_it_from_stopping(start, odd_model):
    server = start(odd_model, "--grace", "1")
    idle = threads_of(server)
    body = b'{"instances": [[5.0]]}'
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        eventually(lambda: threads_of(server) > idle)
        assert server.stop() == 0


def threads_of(server):
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in server.workers())


def test_it_listens_on_loopback_unless_told_otherwise(server):
    assert any("http://127.0.0.1:" in line for line in server.log)


def test_ipv6(start, iris_folder):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as exc:
        pytest.skip(f"no IPv6: {exc}")
    server = start(iris_folder, "-h", "::1")
    assert any("http://[::1]:" in line for line in server.log)


def test_it_says_what_it_loads_and_how_to_call_it(server, iris_folder):
    assert server.log[0] == f"loading {iris_folder} (sklearn)\n"
    assert server.log[1].startswith(
        f"serving {iris_folder} (sklearn, 1 worker) on http://127.0.0.1:"
    )
    eventually(lambda: len(server.log) > 2)
    assert f"-d @{iris_folder}/serving_input_example.json" in server.log[2]


def test_every_line_of_a_json_log_is_an_object(start, iris_folder):
    server = start(iris_folder, "--log-format", "json", "--log-requests")
    answer = server.request(
        *("POST", "/invocations", b"{"), content_type="application/json", x_request_id="mine"
    )
    assert answer.status == 400
    assert server.request("GET", "/nowhere").status == 404
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log]
    said = [line["message"] for line in lines]
    assert said[0] == f"loading {iris_folder} (sklearn)"
    # The worker's last lines may come after it.
    assert any(line.startswith("stopping when what has begun is answered") for line in said)
    assert said[-1] == "stopped"
    (refused,) = [line for line in lines if line.get("request_id") == "mine"]
    assert (refused["method"], refused["path"], refused["status"]) == ("POST", "/invocations", 400)
    assert [line["path"] for line in lines if line.get("status") == 404] == ["/nowhere"]


def test_a_compressed_body_is_refused_by_name(server):
    answer = server.request(
        *("POST", "/invocations", gzip.compress(b"{}")),
        content_type="application/json",
        content_encoding="gzip",
    )
    assert answer.status == 415
    assert "content encoding" in answer.json()["message"]


def test_what_there_is_not_is_counted_too(server):
    def counted():
        text = server.request("GET", "/metrics").body.decode()
        return re.search(r'requests_total{status="404"} ([0-9.]+)', text)[1]

    before = float(counted())
    assert server.request("GET", "/nowhere").status == 404
    assert float(counted()) == before + 1


def test_frames_come_back_as_records(start, tmp_path):
    from sklearn.preprocessing import StandardScaler

    X = pd.DataFrame({"a": [0.0, 2.0]})
    scaler = StandardScaler().set_output(transform="pandas").fit(X)
    flavorkit.save_model(scaler, tmp_path / "m", input_example=X)
    server = start(tmp_path / "m")
    answer = server.invoke({"dataframe_records": [{"a": 0.0}, {"a": None}]})
    assert answer.json() == {"predictions": [{"a": -1.0}, {"a": None}]}
    assert server.stop() == 0


def test_texts_come_in_every_form_and_others_are_refused(start, tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = make_pipeline(TfidfVectorizer(), LinearRegression()).fit(["good", "bad"], [1.0, 0.0])
    example = pd.DataFrame({"review": ["good"]})
    flavorkit.save_model(model, tmp_path / "m", input_example=example)
    server = start(tmp_path / "m")
    good = server.invoke({"dataframe_records": [{"review": "good"}]}).json()
    for payload in ({"instances": [["good"]]}, {"instances": ["good"]}, {"inputs": ["good"]}):
        assert server.invoke(payload).json() == good
    answer = server.invoke({"dataframe_records": [{"review": "good"}, {"review": None}]})
    assert answer.status == 400
    assert answer.json()["message"] == "expected text, row 1 has none"
    assert server.stop() == 0


def test_polars_frames_come_back_as_records(start, tmp_path):
    from sklearn.preprocessing import StandardScaler

    X = pd.DataFrame({"a": [0.0, 2.0]})
    scaler = StandardScaler().set_output(transform="polars").fit(X)
    flavorkit.save_model(scaler, tmp_path / "m", input_example=X)
    server = start(tmp_path / "m")
    answer = server.invoke({"dataframe_records": [{"a": 0.0}]})
    assert answer.json() == {"predictions": [{"a": -1.0}]}
    assert server.stop() == 0


def test_an_error_of_a_users_own_code_is_not_blamed_on_the_request(start, tmp_path):
    def predict(texts: list[str]) -> list[int]:
        return [int(text) for text in texts]

    flavorkit.save_model(predict, tmp_path / "m")
    server = start(tmp_path / "m")
    assert server.invoke({"inputs": ["1"]}).json() == {"predictions": [1]}
    answer = server.invoke({"inputs": ["secret"]})
    assert answer.status == 500
    assert "secret" not in answer.body.decode()
    eventually(lambda: any(answer.json()["error_id"] in line for line in server.log))
    assert server.invoke({"inputs": [5]}).status == 400
    assert server.stop() == 0
