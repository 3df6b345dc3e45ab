"""What the tracking server answers, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import pytest

from flavorkit.errors import InvalidArgumentError, OverloadedError, StoreUnavailableError
from flavorkit.tracking.entities import Metric
from flavorkit.tracking.server import routes
from flavorkit.tracking.server.blocking import Blocking
from flavorkit.tracking.server.pace import Pace
from flavorkit.tracking.server.permissions import Permission
from flavorkit.tracking.server.routes import Endpoint, Router
from flavorkit.tracking.server.run import check
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.stores import open_store
from flavorkit.tracking.wire import run_calls
from tests.tracking import served

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Client:
    """Requests as they are, over one connection each."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.prefix = parts.hostname, parts.port, parts.path

    def send(self, method, path, body=None, headers=None):
        if isinstance(body, dict):
            body, headers = (
                json.dumps(body),
                {"Content-Type": "application/json", **(headers or {})},
            )
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, self.prefix + path, body, headers or {})
            answer = connection.getresponse()
            answer.content = answer.read()
        return answer

    def call(self, method, path, body=None):
        """The object it answers with, which has to be a success."""
        answer = self.send(method, path, body)
        assert answer.status == 200, answer.content
        return json.loads(answer.content)

    def refusal(self, method, path, body=None, headers=None):
        answer = self.send(method, path, body, headers)
        content = json.loads(answer.content)
        return answer.status, content["error_code"], content["message"]


def eventually(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        threading.Event().wait(0.02)
    raise AssertionError("it never came true")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def client(folder):
    settings = served.settings_in(folder, max_upload_bytes=3_000_000, max_body_bytes=100_000)
    with served.thread(settings) as url:
        yield Client(url)


@pytest.fixture
def run(client):
    return client.call("POST", f"{API}/runs/create", {"experiment_id": "0"})["run"]


class TestRoutes:
    def test_every_endpoint_declares_what_a_caller_must_be_allowed(self):
        assert all(isinstance(one.permission, Permission) for one in routes.ALL)
        with pytest.raises(ValueError, match=r"runs/get does not say what a caller"):
            Router([Endpoint(run_calls.GET, None, lambda service, given: {})])

    def test_two_endpoints_at_one_place_are_refused(self):
        with pytest.raises(ValueError, match=r"there twice"):
            Router([*routes.ALL, routes.ALL[0]])

    def test_each_is_found_for_programs_and_for_pages(self):
        router = Router(routes.ALL)
        for number, endpoint in enumerate(routes.ALL):
            for path in endpoint.paths:
                concrete = path.replace("{artifact_path:path}", "a/b").replace(
                    "{tag_key:path}", "k"
                )
                found, _ = router.find(endpoint.call.method, concrete.replace("{model_id}", "m-1"))
                assert found == number, path

    @pytest.mark.parametrize(
        "path",
        [
            *("/api/2.0/mlflow/webhooks", "/api/3.0/mlflow/workspaces", "/graphql", "/"),
            *("/api/3.0/mlflow/traces/search", "/api/2.0/mlflow/traces", "/api/2.0", "/docs"),
            *("/api/2.0/mlflow/runs/get/", "/api/2.0//mlflow/runs/get", "/openapi.json"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_what_is_not_there_is_said_so_that_clients_know_it(self, client, method, path):
        assert client.refusal(method, path)[:2] == (404, "ENDPOINT_NOT_FOUND")

    def test_a_wrong_method(self, client):
        answer = client.send("PUT", f"{API}/experiments/search")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")

    def test_a_prefix_for_all_paths(self, tmp_path):
        with served.thread(served.settings_in(tmp_path, static_prefix="/ml")) as url:
            client = Client(url)
            assert client.send("GET", "/health").content == b"OK"
            assert client.call("GET", f"{API}/experiments/get?experiment_id=0")["experiment"]
            client.prefix = ""
            assert client.send("GET", f"{API}/experiments/get?experiment_id=0").status == 404

    def test_nothing_but_artifacts(self, tmp_path):
        with served.thread(served.settings_in(tmp_path, artifacts_only=True)) as url:
            client = Client(url)
            assert client.call("GET", FILES) == {}
            assert client.send("GET", f"{API}/experiments/get?experiment_id=0").status == 404


class TestMessages:
    def test_probes(self, client):
        assert client.send("GET", "/health").content == b"OK"
        assert client.send("GET", "/version").content.startswith(b"0.")
        info = client.call("GET", "/api/3.0/mlflow/server-info")
        assert info["store_type"] == "SqlStore"
        assert info["multipart_uploads_enabled"] is False

    def test_head_answers_without_a_body(self, client):
        answer = client.send("HEAD", "/health")
        assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "2")

    def test_pages_use_the_other_prefix(self, client):
        path = "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0"
        assert client.call("GET", path)["experiment"]["name"] == "Default"

    def test_both_spellings(self, client):
        made = client.call("POST", f"{API}/runs/create", {"experimentId": "0", "runName": "camel"})
        assert made["run"]["info"]["run_name"] == "camel"
        run_id = made["run"]["info"]["run_id"]
        found = client.call("GET", f"{API}/runs/get?runUuid={run_id}")
        assert found["run"]["info"]["run_uuid"] == run_id

    def test_numbers_are_numbers_and_ids_are_text(self, client, run):
        info = run["info"]
        assert type(info["start_time"]) is int
        assert info["experiment_id"] == "0"
        assert "end_time" not in info
        assert (run["data"], run["inputs"]) == ({"tags": run["data"]["tags"]}, {})

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
    def test_numbers_that_json_has_not(self, client, run, value):
        run_id = run["info"]["run_id"]
        metric = {"run_id": run_id, "key": "m", "value": value, "timestamp": "1700000000000"}
        client.call("POST", f"{API}/runs/log-metric", metric)
        found = client.call("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=m")
        assert [one["value"] for one in found["metrics"]] == [value]

    def test_old_clients_write_their_json_twice(self, client):
        body = json.dumps(json.dumps({"experiment_id": "0"}))
        answer = client.send(
            "POST", f"{API}/runs/create", body, {"Content-Type": "application/json"}
        )
        assert answer.status == 200

    @pytest.mark.parametrize(
        ("method", "path", "body", "problem"),
        [
            ("GET", "/experiments/get", None, r"Missing value.*experiment_id"),
            ("POST", "/runs/create", {"experiment_id": 0}, r"experiment_id.*must be a string"),
            ("POST", "/runs/create", {"experiment_id": "0", "experimentId": "0"}, r"both"),
            ("POST", "/runs/search", {"max_results": 10**6}, r"max_results"),
            ("POST", "/runs/search", {"filter": "metrics.a ~ 1"}, r"."),
            ("POST", "/runs/update", {"run_id": "a", "status": "DONE"}, r"status.*one of"),
            ("GET", "/model-versions/search?max_results=x", None, r"max_results.*an integer"),
            ("GET", "/registered-models/search?page_token=x", None, r"page token"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, client, method, path, body, problem):
        status, code, message = client.refusal(method, API + path, body)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert re.search(problem, message)

    def test_a_body_has_a_limit(self, client, run):
        params = [{"key": f"p{number}", "value": "x" * 5000} for number in range(30)]
        body = {"run_id": run["info"]["run_id"], "params": params}
        assert client.send("POST", f"{API}/runs/log-batch", body).status == 413
        assert client.call("GET", f"{API}/runs/get?run_id={run['info']['run_id']}")["run"]

    def test_what_a_client_of_mlflow_2_notes_of_a_model(self, client, run):
        run_id = run["info"]["run_id"]
        model = {"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": run_id}
        for number in range(40):
            noted = json.dumps({**model, "number": number, "padding": "x" * 500})
            body = {"run_id": run_id, "model_json": noted}
            client.call("POST", f"{API}/runs/log-model", body)
        tags = client.call("GET", f"{API}/runs/get?run_id={run_id}")["run"]["data"]["tags"]
        (text,) = [tag["value"] for tag in tags if tag["key"] == "mlflow.log-model.history"]
        numbers = [one["number"] for one in json.loads(text)]
        assert numbers == list(range(numbers[0], 40))
        assert len(numbers) > 5

    def test_the_history_of_aliases(self, client):
        client.call("POST", f"{API}/registered-models/create", {"name": "fox"})
        body = {"name": "fox", "source": "s3://bucket/m"}
        client.call("POST", f"{API}/model-versions/create", body)
        body = {"name": "fox", "alias": "best", "version": "1"}
        client.call("POST", f"{API}/registered-models/alias", body)
        found = client.call("GET", "/api/2.0/flavorkit/registered-models/history?name=fox")
        (change,) = found["changes"]
        assert (change["kind"], change["subject"], change["before"], change["after"]) == (
            *("alias", "best"),
            *(None, "1"),
        )
        assert change["user"] == ""  # nobody was asked

    def test_what_went_wrong_inside_stays_inside(self, tmp_path):
        with served.thread(served.settings_in(tmp_path)) as url:
            client = Client(url)
            with contextlib.closing(sqlite3.connect(tmp_path / "flavorkit.db")) as database:
                tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                database.execute("PRAGMA foreign_keys = OFF")
                for (table,) in tables.fetchall():
                    with contextlib.suppress(sqlite3.OperationalError):
                        database.execute(f'DROP TABLE "{table}"')
                database.commit()
            answer = client.send("POST", f"{API}/runs/create", {"experiment_id": "0"})
            assert answer.status in {500, 503}
            for word in (b"SELECT", b"INSERT", b"Traceback", b"no such table", b"sqlite"):
                assert word.lower() not in answer.content.lower()
            assert b"log says more under error" in answer.content
            assert client.send("GET", "/health").status == 200


class TestArtifacts:
    def test_there_and_back(self, client):
        content = os.urandom(2_500_000)
        answer = client.send("PUT", f"{FILES}/0/r/artifacts/sub/data.bin", content)
        assert (answer.status, json.loads(answer.content)) == (200, {})
        assert answer.headers["Repr-Digest"].startswith("sha-256=:")
        found = client.send("GET", f"{FILES}/0/r/artifacts/sub/data.bin")
        assert hashlib.sha256(found.content).digest() == hashlib.sha256(content).digest()
        assert found.headers["Content-Length"] == "2500000"
        assert client.call("GET", f"{FILES}?path=0%2Fr%2Fartifacts%2Fsub") == {
            "files": [{"path": "data.bin", "is_dir": False, "file_size": 2_500_000}]
        }
        assert client.call("GET", f"{FILES}?path=0/r/artifacts")["files"] == [
            {"path": "sub", "is_dir": True}
        ]
        assert client.call("DELETE", f"{FILES}/0/r/artifacts/sub/data.bin") == {}
        assert client.send("GET", f"{FILES}/0/r/artifacts/sub/data.bin").status == 404

    def test_what_browsers_make_of_a_file(self, client):
        client.send("PUT", f"{FILES}/x/page%22.html", b"<script>alert(1)</script>")
        answer = client.send("GET", f"{FILES}/x/page%22.html")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="page_.html"')
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_a_file_has_a_limit(self, client):
        assert client.send("PUT", f"{FILES}/big", b"x" * 3_000_000).status == 200
        assert client.send("PUT", f"{FILES}/bigger", b"x" * 3_000_001).status == 413
        pieces = iter([b"x" * 1_000_000] * 4)
        with contextlib.suppress(ConnectionError):  # it may answer before it was sent all of it
            assert client.send("PUT", f"{FILES}/chunked", pieces).status == 413
        assert client.send("GET", f"{FILES}/bigger").status == 404
        assert client.send("GET", f"{FILES}/chunked").status == 404

    def test_an_upload_that_is_broken_off_leaves_nothing(self, client, folder):
        connection = http.client.HTTPConnection(client.host, client.port, timeout=30)
        connection.putrequest("PUT", f"{FILES}/broken/off")
        connection.putheader("Content-Length", "2000000")
        connection.endheaders(b"x" * 1_500_000)
        eventually((folder / "artifacts" / "broken").is_dir)
        connection.close()
        eventually(lambda: not list((folder / "artifacts" / "broken").iterdir()))
        assert client.call("GET", f"{FILES}?path=broken") == {}

    def test_the_files_of_a_run_and_of_a_version(self, client, run):
        run_id, root = run["info"]["run_id"], run["info"]["artifact_uri"]
        place = root.removeprefix("mlflow-artifacts:/")
        client.send("PUT", f"{FILES}/{place}/model/a.txt", b"hello")
        listed = client.call("GET", f"{API}/artifacts/list?run_id={run_id}&path=model")
        assert listed == {
            "files": [{"path": "model/a.txt", "is_dir": False, "file_size": 5}],
            "root_uri": root,
        }
        assert client.send("GET", f"/get-artifact?run_uuid={run_id}&path=model/a.txt").content == (
            b"hello"
        )
        client.call("POST", f"{API}/registered-models/create", {"name": "files"})
        body = {"name": "files", "source": f"runs:/{run_id}/model"}
        version = client.call("POST", f"{API}/model-versions/create", body)["model_version"]
        assert version["run_id"] == run_id
        path = "/model-versions/get-artifact?name=files&version=1&path=a.txt"
        assert client.send("GET", path).content == b"hello"

    def test_uploads_in_parts_and_urls_of_others_are_not_offered(self, client):
        for path in ("mpu/create/a", "mpu/complete/a", "mpu/abort/a"):
            body = {"path": "a", "num_parts": 2}
            status, code, message = client.refusal(
                "POST", f"/api/2.0/mlflow-artifacts/{path}", body
            )
            assert (status, code) == (501, "NOT_IMPLEMENTED")
            assert message.startswith(
                "Multipart upload is not supported for the current artifact repository"
            )
        assert client.send("GET", "/api/2.0/mlflow-artifacts/presigned/a").status == 501
        assert client.send("POST", f"{API}/artifacts/presigned-upload-url", {}).status == 501

    def test_places_that_the_operator_has_not_named_are_not_opened(self, client, tmp_path):
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "key").write_text("hidden")
        for number, place in enumerate((str(secret), secret.as_uri(), "s3://bucket/x")):
            body = {"name": f"elsewhere {number}", "artifact_location": place}
            made = client.call("POST", f"{API}/experiments/create", body)
            run = client.call("POST", f"{API}/runs/create", made)["run"]["info"]["run_id"]
            for path in (
                f"{API}/artifacts/list?run_id={run}",
                f"/get-artifact?run_id={run}&path=key",
            ):
                assert client.send("GET", path).status == 501

    def test_a_server_that_keeps_none(self, tmp_path):
        root = str(tmp_path / "shared")
        settings = served.settings_in(tmp_path, serves_artifacts=False, default_artifact_root=root)
        with served.thread(settings) as url:
            client = Client(url)
            assert client.refusal("PUT", f"{FILES}/a", b"x")[0] == 501
            run = client.call("POST", f"{API}/runs/create", {"experiment_id": "0"})["run"]["info"]
            assert run["artifact_uri"].startswith(root)
            listed = client.call("GET", f"{API}/artifacts/list?run_id={run['run_id']}")
            assert listed == {"root_uri": run["artifact_uri"]}


class TestSources:
    """What a version of a registered model may be made of."""

    @pytest.fixture
    def name(self, client):
        name = f"sources {secrets.token_hex(4)}"
        return client.call("POST", f"{API}/registered-models/create", {"name": name})[
            "registered_model"
        ]["name"]

    def make(self, client, name, source, **more):
        body = {"name": name, "source": source, **more}
        return client.call("POST", f"{API}/model-versions/create", body)["model_version"]

    def test_references_are_resolved(self, client, name, run):
        run_id = run["info"]["run_id"]
        body = {"experiment_id": "0", "name": "m", "source_run_id": run_id}
        model = client.call("POST", f"{API}/logged-models", body)["model"]["info"]["model_id"]
        made = self.make(client, name, f"models:/{model}")
        assert (made["model_id"], made["run_id"]) == (model, run_id)
        again = self.make(client, name, f"models:/{name}/{made['version']}")
        assert (again["model_id"], again["run_id"]) == (model, run_id)
        body = {"name": name, "alias": "best", "version": made["version"]}
        client.call("POST", f"{API}/registered-models/alias", body)
        by_alias = self.make(client, name, f"models:/{name}@best")
        assert by_alias["source"] == f"models:/{name}/{made['version']}"
        path = f"{API}/model-versions/get-download-uri?name={quote(name)}&version={by_alias['version']}"
        assert client.call("GET", path)["artifact_uri"] == (
            f"mlflow-artifacts:/0/models/{model}/artifacts"
        )

    def test_places_of_the_run_itself(self, client, name, run):
        root, run_id = run["info"]["artifact_uri"], run["info"]["run_id"]
        assert self.make(client, name, f"{root}/model", run_id=run_id)["run_id"] == run_id
        self.make(client, name, "mlflow-artifacts:/0/other/model", run_id=run_id)
        body = {"name": name, "source": f"{root}/model"}
        assert client.refusal("POST", f"{API}/model-versions/create", body)[0] == 400

    @pytest.mark.parametrize(
        "source", ["s3://b/k", "gs://b/k", "abfss://c@a.dfs.core.windows.net/k"]
    )
    def test_places_elsewhere_are_kept_as_text(self, client, name, source):
        made = self.make(client, name, source)
        path = f"{API}/model-versions/get-download-uri?name={quote(name)}&version={made['version']}"
        assert client.call("GET", path)["artifact_uri"] == source
        path = f"/model-versions/get-artifact?name={quote(name)}&version={made['version']}&path=a"
        assert client.send("GET", path).status == 501


class TestNumbers:
    def test_requests_are_counted_by_endpoint_and_status(self, client):
        client.send("GET", f"{API}/experiments/get?experiment_id=0")
        client.send("GET", "/nobody")
        text = client.send("GET", "/metrics").content.decode()
        assert 'requests_total{endpoint="GET mlflow/experiments/get",status="2xx"}' in text
        assert 'requests_total{endpoint="other",status="404"}' in text
        assert 'request_seconds_count{endpoint="GET mlflow/experiments/get"}' in text
        assert "flavorkit_tracking_in_flight 1.0" in text

    def test_a_body_that_does_not_end_is_counted_once(self, tmp_path):
        head = f"POST {API}/runs/create HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
        done = 'request_seconds_count{endpoint="POST mlflow/runs/create"} 1.0'

        def ended():
            text = client.send("GET", "/metrics").content.decode()
            return text if done in text else None

        with served.thread(served.settings_in(tmp_path, body_seconds=0.2)) as url:
            client = Client(url)
            with socket.create_connection((client.host, client.port), timeout=30) as connection:
                connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
                assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
            text = eventually(ended)
        found = re.findall(r'requests_total\{endpoint="([^"]*)",status="4xx"\} ([0-9.]+)', text)
        assert found == [("other", "1.0")]

    def test_what_waits_is_bounded(self):
        async def crowd():
            blocking = Blocking("test", 1, 2)
            gate = threading.Event()
            begun = [asyncio.create_task(blocking.run(gate.wait)) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(OverloadedError, match=r"too many requests"):
                await blocking.run(gate.wait)
            gate.set()
            assert await asyncio.gather(*begun) == [True] * 3
            assert await blocking.run(lambda: 7) == 7
            blocking.close()

        asyncio.run(crowd())

    def test_what_was_let_in_is_not_refused_halfway(self):
        async def crowd():
            blocking = Blocking("test", 1, 0)
            gate = threading.Event()
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(2):
                    opened = lambda: contextlib.nullcontext(7)  # noqa: E731
                    assert await stack.enter_async_context(blocking.entered(opened)) == 7
                with pytest.raises(OverloadedError, match=r"too many requests"):
                    await stack.enter_async_context(blocking.entered(opened))
                begun = asyncio.create_task(blocking.run(gate.wait))
                await asyncio.sleep(0)
                with pytest.raises(OverloadedError, match=r"too many requests"):
                    await blocking.run(gate.wait)
                more = asyncio.create_task(blocking.go_on(lambda: 8))
                gate.set()
                assert [await begun, await more] == [True, 8]
            async with blocking.entered(opened) as value:
                assert value == 7
            blocking.close()

        asyncio.run(crowd())

    def test_calls_move_to_the_loop_while_they_are_quick(self, monkeypatch):
        pace = Pace(may_be_quick=True)
        now = [0.0]
        monkeypatch.setattr(
            "flavorkit.tracking.server.pace.time", SimpleNamespace(perf_counter=lambda: now[0])
        )
        for _ in range(20):
            assert not pace.is_quick
            pace.timed(int)
        assert pace.is_quick
        with pytest.raises(ZeroDivisionError, match=r"division"):
            pace.timed(lambda: 1 / 0)
        assert pace.is_quick
        pace.timed(lambda: now.append(now.pop() + 0.01))
        assert not pace.is_quick
        never = Pace(may_be_quick=False)
        for _ in range(50):
            never.timed(int)
        assert not never.is_quick


class TestSettings:
    def test_an_address_that_others_reach_has_to_be_meant(self):
        for host in ("0.0.0.0", "::", "192.168.0.1", "example.org", ""):
            with pytest.raises(InvalidArgumentError, match=r"--accept-no-auth"):
                check(Settings(host=host))
            check(Settings(host=host, accepts_no_auth=True))
        for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
            check(Settings(host=host))

    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            (Settings(static_prefix="ml"), r"--static-prefix starts with '/'"),
            (Settings(static_prefix="/ml/"), r"--static-prefix"),
            (Settings(allowed_hosts=("*.example.org",)), r"--allowed-hosts"),
            (Settings(allowed_hosts=("a:80",)), r"--allowed-hosts"),
            (Settings(allowed_origins=("*",)), r"--cors-allowed-origins"),
            (Settings(allowed_origins=("https://a/b",)), r"--cors-allowed-origins"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, settings, problem):
        with pytest.raises(InvalidArgumentError, match=problem):
            check(settings)


def both_workers(server):
    """The two processes that serve; the first may answer before the second is there."""
    return eventually(lambda: len(found := server.workers()) == 2 and found)


class TestProcesses:
    def test_it_ends_when_all_that_was_begun_is_answered(self, tmp_path):
        server = served.Process(tmp_path)
        client = Client(server.url)
        connection = http.client.HTTPConnection(client.host, client.port, timeout=30)
        connection.putrequest("PUT", f"{FILES}/late")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"12345")
        eventually(lambda: "in_flight 2.0" in client.send("GET", "/metrics").content.decode())
        os.kill(server.pid, signal.SIGTERM)

        def refuses():
            try:
                client.send("GET", "/health")
            except OSError:
                return True
            return False

        eventually(refuses)
        connection.send(b"67890")
        assert connection.getresponse().status == 200
        connection.close()
        assert server.wait() == 0
        assert (tmp_path / "artifacts" / "late").read_bytes() == b"1234567890"

    def test_what_was_acknowledged_survives_kill_9(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FLAVORKIT_HTTP_REQUEST_MAX_RETRIES", "0")
        acknowledged: dict[str, list[int]] = {}
        for _ in range(3):
            server = served.Process(tmp_path)
            store = open_store(server.url)
            run_id = store.create_run("0").info.run_id
            steps = acknowledged[run_id] = []

            def log(store=store, run_id=run_id, steps=steps):
                with contextlib.suppress(StoreUnavailableError):
                    for step in range(100_000):
                        store.log_metric(run_id, Metric("n", step, step, step))
                        steps.append(step)

            client = threading.Thread(target=log)
            client.start()
            eventually(lambda steps=steps: len(steps) > 50)
            server.kill()
            client.join(60)
            store.close()
        server = served.Process(tmp_path)
        store = open_store(server.url)
        for run_id, steps in acknowledged.items():
            found = [one.step for one in store.get_metric_history(run_id, "n")]
            assert found[: len(steps)] == steps
            assert len(found) <= len(steps) + 1  # one may have been kept and not acknowledged
        store.close()
        assert server.stop() == 0

    def test_several_workers_answer_and_are_replaced(self, tmp_path):
        server = served.Process(tmp_path, "--workers", "2")
        try:
            store = open_store(server.url)
            run_id = store.create_run("0").info.run_id
            first, _ = both_workers(server)
            for step in range(50):
                store.log_metric(run_id, Metric("a", step, 1, step))
            os.kill(first, signal.SIGKILL)
            for step in range(50, 100):
                store.log_metric(run_id, Metric("a", step, 1, step))
            found = store.get_metric_history(run_id, "a")
            assert [one.value for one in found] == list(range(100))

            eventually(lambda: len(set(server.workers()) - {first}) == 2)
            text = Client(server.url).send("GET", "/metrics").content.decode()
            (count,) = [
                float(line.rpartition(" ")[2])
                for line in text.splitlines()
                if 'requests_total{endpoint="POST mlflow/runs/log-metric",status="2xx"}' in line
            ]
            assert 98 <= count <= 100  # the killed one may not have counted its last
            store.close()
            assert server.stop() == 0
        finally:
            server.kill()

    def test_workers_end_with_the_process_that_watches_them(self, tmp_path):
        server = served.Process(tmp_path, "--workers", "2")
        workers = both_workers(server)
        server.kill()
        eventually(lambda: not any(Path("/proc", str(pid)).exists() for pid in workers))
