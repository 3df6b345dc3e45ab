"""How the store over HTTP bears with a server: patience, credentials, redirects, forks."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flavorkit.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnsupportedByStoreError,
)
from flavorkit.tracking.entities import Metric
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.http.credentials import Credentials
from flavorkit.tracking.http.retries import Retries, wished
from flavorkit.tracking.http.store import HttpStore
from flavorkit.tracking.stores import open_store
from tests.tracking import served

EXPERIMENT = {"experiment": {"experiment_id": "1", "name": "e", "artifact_location": "s3://b"}}


class Peer:
    """A server that answers what it is told to, one answer after the other, and notes requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                peer.requests.append((self.command, self.path, headers, body))
                answer = peer.answers.pop(0) if peer.answers else (200, {}, EXPERIMENT)
                if answer is None:  # the connection breaks
                    self.close_connection = True
                    return
                status, more, content = answer
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def store(peer):
    """A store that waits for next to nothing."""
    connection = Connection(peer.url, Credentials(), Retries(most=3, first=0.001))
    opened = HttpStore(connection)
    yield opened
    opened.close()


BUSY = (503, {}, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"})
LIMITED = (429, {"Retry-After": "0"}, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later"})
GATEWAY = (502, {}, b"<html>bad gateway</html>")


class TestPatience:
    @pytest.mark.parametrize("trouble", [BUSY, LIMITED, GATEWAY, None])
    def test_a_question_is_asked_again(self, peer, store, trouble):
        peer.answers = [trouble, trouble]
        assert store.get_experiment("1").name == "e"
        assert len(peer.requests) == 3

    @pytest.mark.parametrize("trouble", [BUSY, LIMITED, GATEWAY, None])
    def test_a_metric_is_sent_again(self, peer, store, trouble):
        peer.answers = [trouble, (200, {}, {})]
        store.log_metric("a" * 32, Metric("m", 1.0, 1, 0))
        assert len(peer.requests) == 2
        assert peer.requests[0][3] == peer.requests[1][3]

    @pytest.mark.parametrize("trouble", [BUSY, LIMITED])
    def test_what_makes_something_new_is_sent_again_where_nothing_was_done(
        self, peer, store, trouble
    ):
        peer.answers = [trouble, (200, {}, {"experiment_id": "7"})]
        assert store.create_experiment("e") == "7"

    @pytest.mark.parametrize("trouble", [GATEWAY, None])
    def test_what_makes_something_new_is_not_sent_twice_otherwise(self, peer, store, trouble):
        peer.answers = [trouble]
        with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1"):
            store.create_experiment("e")
        assert len(peer.requests) == 1

    def test_patience_has_an_end(self, peer, store):
        peer.answers = [BUSY] * 10
        with pytest.raises(StoreUnavailableError, match=r"later"):
            store.get_experiment("1")
        assert len(peer.requests) == 4

    def test_refusals_are_final(self, peer, store):
        peer.answers = [(500, {}, {"error_code": "INTERNAL_ERROR", "message": "no"})]
        with pytest.raises(StoreUnavailableError, match=r"no"):
            store.get_experiment("1")
        assert len(peer.requests) == 1

    def test_nobody_there(self, peer):
        peer.close()
        connection = Connection(peer.url, Credentials(), Retries(most=1, first=0.001))
        with pytest.raises(StoreUnavailableError, match=r"does not answer"):
            HttpStore(connection).create_experiment("e")

    @pytest.mark.parametrize(
        ("said", "seconds"), [(None, 0), ("3", 3), ("0.5", 0.5), ("9999", 20), ("-1", 0)]
    )
    def test_how_long_a_server_wants_us_to_wait(self, said, seconds):
        assert wished(said) == seconds

    def test_a_date_is_a_moment(self):
        assert wished("Wed, 21 Oct 2026 07:28:00 GMT") == 1

    def test_pauses_grow_and_differ(self):
        pauses = list(Retries(most=12, first=0.1).pauses())
        assert len(pauses) == 12
        assert pauses[0] < 0.2
        assert all(pause <= 30 for pause in pauses)
        assert pauses != list(Retries(most=12, first=0.1).pauses())


class TestAnswers:
    def test_redirects_are_not_followed(self, peer, store):
        peer.answers = [(302, {"Location": "http://evil.example/"}, b"")]
        with pytest.raises(StoreUnavailableError, match=r"sends us on to 'http://evil.example/'"):
            store.get_experiment("1")
        assert len(peer.requests) == 1

    @pytest.mark.parametrize("content", [b"<html>hello</html>", b"[]", b"1", b"\xff"])
    def test_what_is_no_json_is_no_server(self, peer, store, content):
        peer.answers = [(200, {}, content)]
        with pytest.raises(StoreUnavailableError, match=r"is it a server\?"):
            store.get_experiment("1")

    def test_who_we_are_is_not_enough(self, peer, store):
        peer.answers = [(401, {}, b"You are not authenticated.")]
        with pytest.raises(AccessDeniedError, match=r"status 401.*not authenticated"):
            store.get_experiment("1")

    def test_nothing_is_an_answer(self, peer, store):
        peer.answers = [(200, {}, b"")]
        store.log_metric("a" * 32, Metric("m", 1.0, 1, 0))

    def test_what_mlflows_servers_cannot_do(self, peer, store):
        peer.answers = [(404, {}, b"<html>not found</html>")]
        with pytest.raises(UnsupportedByStoreError, match=r"status 404"):
            store.get_registry_history("fox")
        peer.answers = [(404, {}, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})]
        assert store.get_experiment_by_name("nobody") is None

    def test_all_pages_of_a_history(self, peer, store):
        pages = [{"metrics": [{"key": "m", "value": n, "timestamp": n}]} for n in range(3)]
        for number in range(2):
            pages[number]["next_page_token"] = f"after {number}"
        peer.answers = [(200, {}, page) for page in pages]
        assert [one.value for one in store.get_metric_history("r", "m")] == [0, 1, 2]
        assert "page_token=after+1" in peer.requests[2][1]

    def test_bulk_histories_in_pieces_that_mlflow_takes(self, peer, store):
        refusal = (400, {}, {"error_code": "INVALID_PARAMETER_VALUE", "message": "at most 2500"})
        peer.answers = [refusal, *[(200, {}, {"metrics": []})] * 3]
        store.get_metric_history_bulk([f"r{number}" for number in range(250)], "m")
        asked = [request[1] for request in peer.requests]
        assert [path.count("run_ids=") for path in asked] == [100, 100, 100, 50]
        assert ["max_results=2500&" in f"{path}&" for path in asked] == [False, True, True, True]


class TestCredentials:
    def header(self, peer, uri=None):
        store = open_store(uri or peer.url)
        store.get_experiment("1")
        store.close()
        return peer.requests[-1][2].get("authorization")

    def test_none(self, peer):
        assert self.header(peer) is None

    def test_name_and_password(self, peer, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass:word")
        assert self.header(peer) == "Basic YWRhOnBhc3M6d29yZA=="

    def test_a_token(self, peer, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "theirs")
        monkeypatch.setenv("FLAVORKIT_TRACKING_TOKEN", "ours")
        assert self.header(peer) == "Bearer ours"

    def test_those_of_a_url_are_sent_and_never_shown(self, peer):
        uri = peer.url.replace("http://", "http://ada:secret@")
        assert self.header(peer, uri) == "Basic YWRhOnNlY3JldA=="
        peer.answers = [(500, {}, b"")]
        store = open_store(uri)
        with pytest.raises(StoreUnavailableError, match=r"status 500") as raised:
            store.get_experiment("1")
        assert "secret" not in str(raised.value)
        assert "secret" not in repr(Credentials.from_environment(uri))
        store.close()

    def test_contradictions_are_refused(self, peer, monkeypatch):
        monkeypatch.setenv("FLAVORKIT_TRACKING_INSECURE_TLS", "true")
        monkeypatch.setenv("FLAVORKIT_TRACKING_SERVER_CERT_PATH", "/x.pem")
        with pytest.raises(InvalidArgumentError, match=r"contradict"):
            open_store(peer.url)

    @pytest.mark.parametrize(
        "uri", ["http://", "http://a:b@", "http://host:port", "http://h:99999", "https://h?x=1"]
    )
    def test_what_is_no_url(self, uri):
        with pytest.raises(InvalidArgumentError, match=r"is no URL|no valid port") as raised:
            open_store(uri)
        assert "a:b" not in str(raised.value)

    def test_a_path_before_the_api(self, peer):
        store = open_store(f"{peer.url}/team/a/")
        store.get_experiment("1")
        store.close()
        assert peer.requests[-1][1].startswith("/team/a/api/2.0/mlflow/experiments/get?")

    def test_a_proxy(self, peer, monkeypatch):
        monkeypatch.setenv("http_proxy", peer.url)
        monkeypatch.setenv("no_proxy", "")
        store = open_store("http://tracking.example:5000")
        assert store.get_experiment("1").name == "e"
        store.close()
        assert peer.requests[-1][1].startswith("http://tracking.example:5000/api/2.0/mlflow/")


class TestProcesses:
    def test_a_forked_process_has_connections_of_its_own(self, tmp_path):
        with contextlib.ExitStack() as until_tested:
            # Not in a thread of this process, which would be forked while that uses SQLite.
            server = served.Process(tmp_path)
            until_tested.callback(server.kill)
            store = open_store(server.url)
            run_id = store.create_run("0").info.run_id
            children = []
            for child in range(4):
                pid = os.fork()
                if pid == 0:
                    status = 1
                    try:
                        for step in range(20):
                            store.log_metric(run_id, Metric(f"m{child}", step, step, step))
                        status = 0
                    finally:
                        os._exit(status)
                children.append(pid)
            for step in range(20):
                store.log_metric(run_id, Metric("parent", step, step, step))
            assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
            for key in ("parent", "m0", "m1", "m2", "m3"):
                found = store.get_metric_history(run_id, key)
                assert [one.value for one in found] == list(range(20)), key
            store.close()

    def test_threads_share_it(self, tmp_path):
        with served.thread(served.settings_in(tmp_path)) as url:
            store = open_store(url)
            run_id = store.create_run("0").info.run_id

            def log(worker):
                for step in range(20):
                    store.log_metric(run_id, Metric(f"m{worker}", step, step, step))

            threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(store.get_run(run_id).data.metrics) == 8
            with pytest.raises(NotFoundError, match=r"."):
                store.get_run("0" * 32)
            store.close()
