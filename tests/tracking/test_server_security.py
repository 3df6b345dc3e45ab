"""What is thrown at the server: paths, places, hosts, origins, framing, filters.

Whatever comes, the answer is one of a few, says nothing of the machine, and comes from a server that
still lives, has read no file but its own, and has called nobody.
"""

from __future__ import annotations

import json
import os
import re
import socket
from urllib.parse import quote, urlsplit

import pytest

from flavorkit.tracking.server import routes
from tests.conftest import ROOT
from tests.tracking import served

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
ALLOWED = {200, 400, 403, 404, 405, 408, 409, 413, 415, 421, 422, 429, 431, 501}
CANARY = "the canary sings"

PATHS = [
    *("../etc/passwd", "..%2fetc%2fpasswd", "%2e%2e/etc/passwd", "%2e%2e%2fetc", "..%252fetc"),
    *("%252e%252e%252f", "%25252e%25252e/", "..\\etc", "..%5cetc", "..%255c", "/etc/passwd"),
    *("//etc/passwd", "///etc/passwd", "%2fetc%2fpasswd", "a/../../b", "a/./b", "a//b", "a/"),
    *(".", "..", "...", "%20", "a/..;/b", "a/%2e", "a%00.txt", "%00", "a%0d%0aX:1", "a%0a"),
    *("a%23../../b", "%23../..", "a%3fpath=../", "a;path=../", "C:\\x", "C:/x", "c:x"),
    *("\\\\host\\share\\x", "\\\\?\\C:\\x", "/\\host", "CON", "nul.txt", "aux", "a.txt::$DATA"),
    *("a.%20", "a.", "file:///etc/passwd", "file:/etc", "file:etc", "FILE:///"),
    *("file://localhost/etc", "file://evil/x", "////..", "~/x", "~root", "$HOME/x", "${PATH}"),
    *(
        "%c0%ae%c0%ae/",
        "%e0%80%ae",
        quote("\uff0e\uff0e\uff0fx"),
        quote("\u2025"),
        "%ff",
        "%ed%a0%80",
    ),
    *(quote("é"), quote("e\u0301"), quote("\u202eabc"), "a" * 256, "a/" * 33, "a/" * 5000),
    *("/proc/self/environ", "/dev/zero", "/proc/self/fd/3", "/proc/self/root/etc/passwd"),
    *("link", "link/canary", "folder/canary", "hard", "pipe"),
]
SOURCES = [
    *("file:///etc/passwd", "local:///etc/passwd", "simplecache::file:///etc/passwd"),
    *("filecache::file:///etc/passwd", "blockcache::file:///etc", "s3://b/k::file:///etc/passwd"),
    *("zip://x::http://169.254.169.254/", "dir::file:///", "reference://", "data:,x", "memory://x"),
    *("github://o:r@/x", "git://x/y", "hf://x", "smb://x/y", "ftp://attacker/a"),
    *("http://127.0.0.1:1/", "http://[::1]/", "http://0/", "http://2130706433/", "http://0x7f.1/"),
    *("http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/"),
    *("http://metadata.google.internal/", "http://a@127.0.0.1/", "http://evil#@127.0.0.1/"),
    *("s3://bucket@evil/x", "models:/m/1", "models:/nobody/1", "runs:/../../etc", "runs:/x"),
    *("runs://evil/x/y", "models://evil/x", "models:/m-../x", "mlflow-artifacts:/../../etc"),
    *("mlflow-artifacts:/1/x", "/etc/passwd", "../../etc/passwd", "a/b", ".", "C:\\x", "~/x"),
    *(
        "file:etc",
        "FILE:///etc",
        "s3://b/../k",
        "s3://b/%2e%2e/k",
        "s3://b/%252e%252e/k",
        "s3://b/\nk",
    ),
    *("s3://b/k?versionId=1", "s3://b/k#x", "x" * 3000, "http://[", "//host/share", "\\\\host\\x"),
]
HOSTS = [
    *(
        "evil.com",
        "10.attacker.example",
        "192.168.attacker.example",
        "0.0.0.0",
        "localhost.evil.com",
    ),
    *("127.0.0.1.nip.io", "localhost:99999", "[::1]evil", "a/b", "a?x", "a#", "a@b", "foo/health"),
    *("localhost@evil", "localhost:80:80", "localhost:", "x" * 8000, "localhost evil", "*", ""),
    *("127.0.0.1,evil.com", "[::ffff:127.0.0.1]", "127.1", "2130706433", "localhost."),
]
ORIGINS = [
    *("null", "http://localhost:9999", "http://127.0.0.1.evil", "file://", "HTTP://LOCALHOST"),
    *("http://evil.com", "https://evil.com", "http://localhost.", "chrome-extension://x", "*", ""),
]
FILTERS = [
    *("' OR 1=1 --", '"; DROP TABLE runs;--', "metrics.a > 1 OR 1=1", "params.`a` = 'x'"),
    *("tags.\"a'b\" = 'x'", "attributes.__class__ = 'x'", "params.a LIKE '" + "%" * 10_000 + "'"),
    *("params.a ILIKE '\\%_'", "run_id IN (" + ",".join(["'a'"] * 100_000) + ")", "(" * 10_000),
    *(" AND ".join(["params.a = 'x'"] * 10_000), "x" * 1_000_000, "metrics.a > 1e999"),
    *("metrics.a > 0x10", "metrics.a > NaN", "params.a = “x”", "params.a = 'x' /* */", "\0"),
    *("params.a = 'x\\'", "nobody.a = 'x'", "metrics.a = 'x'", "a" * 50_000 + "!", "params.a = 'x"),
]
ORDERS = [
    "metrics.a; DROP TABLE runs",
    "(SELECT 1)",
    "start_time DESC, 1",
    "attributes.__class__",
    "'",
]
TEXTS = [
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)"),
    *("' OR 1=1 --", "\x1b]8;;http://evil\x07", "line\r\nINFO forged", "\u202eabc", "__proto__"),
    *("{{constructor.constructor('x')()}}", '=HYPERLINK("x")', "a\0b", "\ud800", "x" * 1_000_000),
]


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "canary").write_text(CANARY)
    return folder


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    return tmp_path_factory.mktemp("watched") / "events"


@pytest.fixture(scope="module")
def server(tmp_path_factory, outside, watched):
    folder = tmp_path_factory.mktemp("attacked")
    for name in (".", "still"):  # in one of them the tests write and delete
        files = folder / "artifacts" / name
        (files / "folder").mkdir(parents=True)
        (files / "link").symlink_to(outside)
        (files / "folder" / "canary").symlink_to(outside / "canary")
        os.link(outside / "canary", files / "hard")
        os.mkfifo(files / "pipe")
    process = served.Process(folder, watched=watched)
    yield process
    process.kill()


@pytest.fixture(scope="module")
def ids(server):
    """A run, a logged model and a registered model to aim at."""
    run = call(server, "POST", f"{API}/runs/create", {"experiment_id": "0"})["run"]["info"]
    model = call(server, "POST", f"{API}/logged-models", {"experiment_id": "0", "name": "m"})
    call(server, "POST", f"{API}/registered-models/create", {"name": "aim"})
    return {"run": run["run_id"], "model": model["model"]["info"]["model_id"]}


@pytest.fixture(autouse=True)
def nothing_happened(server, outside, watched):
    before = len(watched.read_bytes())
    yield
    assert server.is_alive
    assert (outside / "canary").read_text() == CANARY
    assert [path.name for path in outside.iterdir()] == ["canary"]
    events = watched.read_bytes()[before:].decode()
    assert "socket.connect" not in events
    assert "Popen" not in events
    opened = re.findall(r"^open \('([^']*)'", events, re.MULTILINE)
    own = (str(server.folder), "/usr/", str(ROOT), "/etc/mime.types", "/etc/localtime")
    foreign = [path for path in opened if path.startswith("/") and not path.startswith(own)]
    assert not [
        path for path in foreign if path.startswith(("/etc/passwd", "/proc", "/dev", str(outside)))
    ]


def send(server, data: bytes, *, is_all: bool = False) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body that the server answers with."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        received = b""
        try:
            connection.sendall(data)
            if is_all:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    return int(first.split(" ")[1]) if first else 0, headers, body


def ask(server, method, target, body=b"", headers=(), host=None):
    """One request, whose target and headers are sent as they are."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        headers = (("content-type", "application/json"), *headers)
    host = urlsplit(server.url).netloc if host is None else host
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method in {"POST", "PUT", "PATCH"}:
        lines.append(f"content-length: {len(body)}")
    head = "\r\n".join(lines).encode("utf-8", "surrogatepass")
    status, answered, content = send(server, head + b"\r\n\r\n" + body)
    check(server, status, answered, content)
    return status, answered, content


def check(server, status, headers, body):
    assert status in ALLOWED, (status, body[:300])
    for secret in (CANARY, "root:", "Traceback", str(server.folder), "sqlalchemy", "site-packages"):
        assert secret.encode() not in body, (secret, body[:300])
    assert headers.get("content-type", "") in {
        *("application/json", "application/octet-stream", "text/plain; charset=utf-8"),
        *("text/plain; version=0.0.4; charset=utf-8",),
    }, headers


def call(server, method, path, body=b""):
    status, _, content = ask(server, method, path, body)
    assert status == 200, content
    return json.loads(content)


class TestPaths:
    @pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:40])
    def test_as_the_path_of_a_url(self, server, path):
        for method in ("GET", "PUT", "DELETE"):
            status, _, _ = ask(server, method, f"{FILES}/{path}", b"x" if method == "PUT" else b"")
            assert status != 413
        ask(server, "POST", f"/api/2.0/mlflow-artifacts/mpu/create/{path}", {"path": "x"})
        ask(server, "GET", f"/api/2.0/mlflow-artifacts/presigned/{path}")
        ask(server, "GET", f"{API}/logged-models/{path}")
        ask(server, "GET", f"/static-files/{path}")

    @pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:40])
    def test_as_a_parameter(self, server, ids, path):
        for query in (path, quote(path, safe="")):
            for target in (
                f"{FILES}?path={query}",
                f"{API}/artifacts/list?run_id={ids['run']}&path={query}",
                f"{API}/artifacts/list?run_id={query}",
                f"{API}/logged-models/{ids['model']}/artifacts/directories"
                f"?artifact_directory_path={query}",
                f"/get-artifact?run_id={ids['run']}&path={query}",
                f"/get-artifact?run_id={query}&path=x",
                f"/model-versions/get-artifact?name=aim&version=1&path={query}",
                f"/model-versions/get-artifact?name={query}&version={query}&path=x",
            ):
                ask(server, "GET", target)

    def test_links_and_pipes_are_no_files(self, server):
        for path in ("link", "link/canary", "folder/canary", "hard", "pipe"):
            assert ask(server, "GET", f"{FILES}/still/{path}")[0] in {400, 404}
        listed = call(server, "GET", f"{FILES}?path=still")
        assert listed == {"files": [{"path": "folder", "is_dir": True}]}


class TestPlaces:
    @pytest.mark.parametrize("source", SOURCES, ids=lambda source: ascii(source)[:50])
    def test_no_version_is_made_of_them(self, server, ids, source):
        for more in ({}, {"run_id": ids["run"]}, {"model_id": ids["model"]}):
            body = {"name": "aim", "source": source, **more}
            status, _, _ = ask(server, "POST", f"{API}/model-versions/create", body)
            assert status in {400, 404}, source

    @pytest.mark.parametrize(
        "place",
        [
            "mlflow-artifacts://evil.example{path}/model",
            "mlflow-artifacts:{path}/model?x",
            "http://a@localhost/api/2.0/mlflow-artifacts/artifacts{path}/model",
            "http://evil.example/api/2.0/mlflow-artifacts/artifacts{path}/model?x=y",
        ],
    )
    def test_nobody_is_sent_to_another_server(self, server, ids, place):
        run = call(server, "GET", f"{API}/runs/get?run_id={ids['run']}")["run"]["info"]
        source = place.format(path=run["artifact_uri"].removeprefix("mlflow-artifacts:"))
        body = {"name": "aim", "source": source, "run_id": ids["run"]}
        assert ask(server, "POST", f"{API}/model-versions/create", body)[0] == 400
        body = {"name": f"by {place}", "artifact_location": source}
        assert ask(server, "POST", f"{API}/experiments/create", body)[0] == 400

    def test_a_place_on_a_server_is_one_on_this(self, server, ids):
        run = call(server, "GET", f"{API}/runs/get?run_id={ids['run']}")["run"]["info"]
        path = run["artifact_uri"].removeprefix("mlflow-artifacts:")
        source = f"http://evil.example/api/2.0/mlflow-artifacts/artifacts{path}/model"
        body = {"name": "aim", "source": source, "run_id": ids["run"]}
        made = call(server, "POST", f"{API}/model-versions/create", body)["model_version"]
        assert made["source"] == f"mlflow-artifacts:{path}/model"

    def test_a_model_of_another_run_is_not_one_of_this(self, server, ids):
        other = call(server, "POST", f"{API}/runs/create", {"experiment_id": "0"})["run"]["info"]
        body = {"experiment_id": "0", "name": "m", "source_run_id": ids["run"]}
        model = call(server, "POST", f"{API}/logged-models", body)["model"]["info"]["model_id"]
        mine = {"run_id": other["run_id"], "model_id": model}
        made_here = f"{other['artifact_uri']}/model"
        for source in (f"runs:/{other['run_id']}/model", made_here, f"models:/{model}"):
            body = {"name": "aim", "source": source, **mine}
            status, _, _ = ask(server, "POST", f"{API}/model-versions/create", body)
            assert status == 400, source

    def test_a_tag_changes_nothing_of_that(self, server):
        tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        body = {"name": "aim", "source": "file:///etc/passwd", "tags": tags}
        assert ask(server, "POST", f"{API}/model-versions/create", body)[0] == 400

    @pytest.mark.parametrize("source", SOURCES, ids=lambda source: ascii(source)[:50])
    def test_the_server_opens_none_of_them(self, server, source):
        name = f"place {SOURCES.index(source)}"
        body = {"name": name, "artifact_location": source}
        status, _, content = ask(server, "POST", f"{API}/experiments/create", body)
        assert status == 400 or source.startswith(("/", "file:", "FILE:", "mlflow-artifacts:/1"))
        if status != 200:
            return
        run = call(server, "POST", f"{API}/runs/create", json.loads(content))["run"]["info"]
        for target in (
            f"{API}/artifacts/list?run_id={run['run_id']}",
            f"/get-artifact?run_id={run['run_id']}&path=passwd",
        ):
            assert ask(server, "GET", target)[0] in {200, 400, 404, 501}


class TestHosts:
    @pytest.mark.parametrize("host", HOSTS, ids=lambda host: ascii(host)[:30])
    def test_other_names_are_refused(self, server, host):
        for method, target in (
            ("GET", f"{API}/experiments/get?experiment_id=0"),
            ("POST", f"{API}/experiments/search"),
            ("GET", "/metrics"),
        ):
            status, _, _ = ask(server, method, target, host=host)
            assert status in {400, 403, 421, 431}, (host, status)

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:5000"])
    def test_names_of_this_machine_are_not(self, server, host):
        target = f"{API}/experiments/get?experiment_id=0"
        assert ask(server, "GET", target, host=host)[0] == 200

    def test_none_or_two(self, server):
        target = f"{API}/experiments/get?experiment_id=0"
        head = f"GET {target} HTTP/1.1\r\nconnection: close\r\n"
        for hosts in ("", "host: localhost\r\nhost: evil.com\r\n"):
            status, _, _ = send(server, f"{head}{hosts}\r\n".encode())
            assert status in {400, 421}

    def test_probes_call_by_any_name(self, server):
        assert ask(server, "GET", "/health", host="10.1.2.3")[0] == 200
        assert ask(server, "POST", "/health", host="10.1.2.3")[0] == 403
        assert ask(server, "GET", "/health/../metrics", host="10.1.2.3")[0] in {403, 404}


class TestOrigins:
    @pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: ascii(origin)[:30])
    def test_pages_of_others_change_nothing(self, server, origin):
        for endpoint in routes.ALL:
            method = endpoint.call.method
            if method == "GET":
                continue
            for path in endpoint.paths:
                target = re.sub(r"\{[^}]*\}", "x", path)
                status, headers, _ = ask(server, method, target, {}, [("origin", origin)])
                assert status == 403, (method, target)
                assert "access-control-allow-origin" not in headers

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "x", ""])
    def test_what_browsers_say_counts(self, server, site):
        headers = [("sec-fetch-site", site)]
        assert ask(server, "POST", f"{API}/experiments/search", {}, headers)[0] == 403

    def test_pages_of_the_server_itself_may(self, server):
        headers = [("origin", server.url), ("sec-fetch-site", "same-origin")]
        assert ask(server, "POST", f"{API}/experiments/search", {}, headers)[0] == 200

    def test_nobody_is_invited(self, server):
        headers = [("origin", "http://evil.com"), ("access-control-request-method", "POST")]
        status, answered, _ = ask(server, "OPTIONS", f"{API}/experiments/search", b"", headers)
        assert status == 405
        assert not [name for name in answered if name.startswith("access-control")]

    def test_origins_that_the_operator_allows(self, tmp_path):
        page = "https://pages.example.org"
        settings = served.settings_in(tmp_path, allowed_origins=(page,))
        with served.thread(settings) as url:
            server = type("Server", (), {"url": url, "folder": tmp_path})
            headers = [("origin", page), ("sec-fetch-site", "cross-site")]
            status, answered, _ = ask(server, "POST", f"{API}/experiments/search", {}, headers)
            assert (status, answered["access-control-allow-origin"]) == (200, page)
            headers = [("origin", "https://evil.org")]
            status, answered, _ = ask(server, "POST", f"{API}/experiments/search", {}, headers)
            assert (status, "access-control-allow-origin" in answered) == (403, False)

    @pytest.mark.parametrize(
        "content_type",
        [
            *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
            *("application/json; charset=utf-7", "application/json, text/plain", "json", ""),
        ],
    )
    def test_json_is_sent_as_json(self, server, content_type):
        headers = [("content-type", content_type)]
        status, _, _ = ask(server, "POST", f"{API}/experiments/search", b"{}", headers)
        assert status == 415

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
    def test_nothing_is_inflated(self, server, encoding):
        headers = [("content-encoding", encoding)]
        assert ask(server, "POST", f"{API}/experiments/search", {}, headers)[0] == 415
        assert ask(server, "PUT", f"{FILES}/inflated", b"x" * 100, headers)[0] == 415

    def test_every_answer_is_safe_in_a_browser(self, server):
        for method, target in (("GET", "/health"), ("GET", "/nobody"), ("POST", "/health")):
            _, headers, _ = ask(server, method, target)
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "sameorigin"
            assert headers["content-security-policy"].startswith("default-src 'none'")


class TestFraming:
    @pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "OPTIONS", "get", "X" * 30])
    def test_methods_that_nobody_has(self, server, method):
        for endpoint in routes.ALL[::7]:
            target = re.sub(r"\{[^}]*\}", "x", endpoint.paths[0])
            data = f"{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            status, _, body = send(server, data.encode())
            assert status in {400, 404, 405, 501}, (method, target)
            assert CANARY.encode() not in body

    def test_methods_are_not_overridden(self, server):
        headers = [("x-http-method-override", "DELETE")]
        assert ask(server, "POST", f"{API}/registered-models/delete", {"name": "aim"}, headers)[
            0
        ] == (405)

    @pytest.mark.parametrize(
        "headers",
        [
            "content-length: -1",
            "content-length: 2\r\ncontent-length: 3",
            "content-length: 2\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked, identity",
            "content-length: 0x2",
            "x: " + "a" * 20_000_000,
            "\r\n".join(f"x{number}: 1" for number in range(10_000)),
        ],
        ids=lambda headers: headers[:50],
    )
    def test_what_is_no_http(self, server, headers):
        head = f"POST {API}/experiments/search HTTP/1.1\r\nhost: localhost\r\n"
        data = f"{head}content-type: application/json\r\n{headers}\r\n\r\n{{}}".encode()
        status, _, _ = send(server, data, is_all=True)
        assert status in {0, 400, 413, 431}

    def test_chunks_without_an_end(self, server):
        head = (
            f"PUT {FILES}/chunks HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for chunks in (b"FFFFFFFFFFFFFFFF\r\nx", b"5\r\nhel", b"zz\r\n", b"5;" + b"x" * 100_000):
            status, _, _ = send(server, head.encode() + chunks, is_all=True)
            assert status in {0, 400, 413, 431}
        assert ask(server, "GET", f"{FILES}/chunks")[0] == 404

    def test_a_target_with_a_host_in_it(self, server):
        for target in (f"http://evil{API}/experiments/get", "//evil/health", "/a#../../b", "*"):
            ask(server, "GET", target)

    def test_no_upgrade(self, server):
        headers = [("upgrade", "websocket"), ("sec-websocket-version", "13")]
        headers += [("sec-websocket-key", "x" * 24)]
        lines = "\r\n".join(f"{name}: {value}" for name, value in headers)
        data = f"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, close\r\n{lines}\r\n\r\n"
        assert send(server, data.encode())[0] in {200, 400, 426}
        assert send(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", is_all=True)[0] in {0, 400}

    def test_many_requests_on_one_connection(self, server):
        one = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
            connection.sendall(one.encode() * 20)
            received = b""
            while received.count(b"HTTP/1.1 200") < 20:
                received += connection.recv(65536)

    @pytest.mark.parametrize(
        "body", [b"[" * 100_000, b"NaN", b'{"max_results": 1e999}', b"\xff", b'"\\ud800"']
    )
    def test_json_that_is_none(self, server, body):
        headers = [("content-type", "application/json")]
        assert ask(server, "POST", f"{API}/experiments/search", body, headers)[0] == 400


class TestText:
    @pytest.mark.parametrize("text", FILTERS, ids=lambda text: ascii(text)[:30])
    def test_filters(self, server, text):
        for path in ("runs/search", "experiments/search", "logged-models/search"):
            body = {"experiment_ids": ["0"], "filter": text}
            assert ask(server, "POST", f"{API}/{path}", body)[0] in {200, 400}
        if len(text) < 5000:
            for path in ("registered-models/search", "model-versions/search"):
                target = f"{API}/{path}?filter={quote(text)}"
                assert ask(server, "GET", target)[0] in {200, 400}

    @pytest.mark.parametrize("order", ORDERS)
    def test_orders(self, server, order):
        body = {"experiment_ids": ["0"], "order_by": [order]}
        assert ask(server, "POST", f"{API}/runs/search", body)[0] == 400
        terms = [{"field_name": order}]
        body = {"experiment_ids": ["0"], "order_by": terms}
        assert ask(server, "POST", f"{API}/logged-models/search", body)[0] == 400
        target = f"{API}/registered-models/search?order_by={quote(order)}"
        assert ask(server, "GET", target)[0] == 400

    @pytest.mark.parametrize("token", ["x", "e30=", "eyJvZmZzZXQiOiAtMX0=", "A" * 100_000])
    @pytest.mark.parametrize("page", [-1, 0, 2**31, 1.5, "x"])
    def test_pages(self, server, token, page):
        for body in ({"page_token": token}, {"max_results": page}):
            for path in ("runs/search", "experiments/search", "logged-models/search"):
                content = {"experiment_ids": ["0"], **body}
                assert ask(server, "POST", f"{API}/{path}", content)[0] == 400

    @pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
    def test_text_comes_back_as_text_or_not_at_all(self, server, text):
        body = {"experiment_id": "0", "run_name": text, "tags": [{"key": "t", "value": text}]}
        status, headers, content = ask(server, "POST", f"{API}/runs/create", body)
        assert status in {200, 400}
        assert headers["content-type"] == "application/json"
        if status == 200:
            info = json.loads(content)["run"]["info"]
            assert info["run_name"] == text or len(text) > 1000
        ask(server, "POST", f"{API}/registered-models/create", {"name": text})
        ask(server, "POST", f"{API}/experiments/create", {"name": text})
        assert not any("forged" in line and line.startswith("INFO") for line in server.lines)
