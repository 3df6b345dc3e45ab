"""Workers that end, hang or cannot start, and the process that watches them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.serving import odd
from tests.serving.test_server import eventually

pytestmark = pytest.mark.xdist_group("workers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return odd.save(tmp_path_factory.mktemp("odd") / "m")


@pytest.fixture
def serve(start, folder):
    servers = []

    def run(*options, workers=1, timeout=1):
        given = ("-w", str(workers), "-t", str(timeout), "--overrun", "0.5", "--drain", "0")
        servers.append(start(folder, *given, *options))
        eventually(lambda: metric(servers[-1], "flavorkit_workers_ready") == workers)
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


def ask(server, kind=odd.FINE):
    return server.invoke({"instances": [[kind]]})


def ask_until_answered(server, kind=odd.FINE):
    """As a client that tries again while it is told to, or loses its connection."""
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = ask(server, kind)
            if answer.status != 503:
                return answer
        time.sleep(0.02)


def metric(server, name):
    with contextlib.suppress(OSError, http.client.HTTPException):
        text = server.request("GET", "/metrics").body.decode()
        found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", text, re.MULTILINE)
        return float(found[1]) if found else None


def test_each_worker_is_a_process_of_its_own(serve):
    server = serve(workers=2)
    assert len(server.workers()) == 2
    assert ask(server).status == 200


def test_a_worker_that_is_killed_is_replaced(serve):
    server = serve(workers=2)
    before = server.workers()
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len({*server.workers()} - {*before}) == 1)
    assert before[1] in server.workers()
    assert ask_until_answered(server).status == 200
    said = "was ended by SIGKILL; another is started"
    eventually(lambda: any(said in line for line in server.log))


@pytest.mark.parametrize("kind", [odd.EXITS, odd.CRASHES])
def test_a_prediction_that_ends_its_process_harms_nobody_else(serve, kind):
    server = serve()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(server, kind)
    assert ask_until_answered(server).status == 200


def test_a_prediction_that_hangs_is_given_up_and_its_worker_replaced(serve):
    server = serve()
    before = server.workers()
    assert ask(server, odd.SLEEPS).status == 504
    eventually(lambda: server.workers() and server.workers() != before)
    assert ask_until_answered(server).status == 200


def test_behind_a_prediction_that_hangs_others_are_told_to_come_back(serve):
    server = serve("--overrun", "30")
    assert ask(server, odd.SLEEPS).status == 504
    eventually(lambda: server.request("GET", "/health/ready").status == 503)
    answer = ask(server)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["connection"] == "close"
    assert server.request("GET", "/health/live").status == 200
    ready = server.request("GET", "/health/ready")
    assert (ready.status, ready.json()["reason"]) == (503, "the model does not answer")


def test_one_that_never_lets_go_of_the_interpreter_is_ended_too(serve):
    server = serve()
    (before,) = server.workers()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(server, odd.HOLDS)
    assert ask_until_answered(server).status == 200
    assert before not in server.workers()
    assert metric(server, "flavorkit_worker_kills_total") == 1


def test_while_no_worker_is_ready_the_server_says_so(serve):
    server = serve()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(server, odd.CRASHES)
    seen = []
    while not seen or seen[-1] != 200:
        with contextlib.suppress(OSError, http.client.HTTPException):
            assert server.request("GET", "/health/live").status == 200
            seen.append(server.request("GET", "/health/ready").status)
            assert server.request("GET", "/metrics").status == 200
    assert set(seen) == {503, 200}


def test_a_server_whose_workers_end_again_and_again_is_not_ready(serve):
    server = serve(workers=2)
    for _ in range(5):
        eventually(server.workers)
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda before=before: before[0] not in server.workers())
    reason = "workers fail again and again"
    eventually(lambda: server.request("GET", "/health/ready").json().get("reason") == reason)
    assert server.request("GET", "/health/live").status == 200
    assert ask(server).status == 200


def test_counts_are_those_of_all_workers_and_outlive_them(serve):
    server = serve(workers=2)
    for _ in range(20):
        assert ask(server).status == 200
    name = 'flavorkit_requests_total{status="200"}'
    assert metric(server, name) == 20
    assert metric(server, "flavorkit_request_seconds_count") == 20
    before = server.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(server.workers()) == 2 and not {*server.workers()} & {*before})
    eventually(lambda: metric(server, "flavorkit_workers_ready") == 2)
    assert metric(server, name) == 20
    assert metric(server, "flavorkit_worker_starts_total") == 4
    assert metric(server, "flavorkit_in_flight") == 0


def test_workers_end_when_nobody_watches_them(serve):
    server = serve(workers=2)
    workers = server.workers()
    server.process.kill()
    server.process.wait()
    eventually(lambda: not any(is_running(pid) for pid in workers))


def is_running(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_model_that_ends_the_process_while_it_is_loaded_is_an_error_of_the_command(tmp_path):
    folder = odd.save(tmp_path / "m")
    code = "import os, signal, sys; os.kill(os.getpid(), signal.SIGABRT)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "sitecustomize.py").write_text(
        "import builtins, os, signal\nreal = builtins.__import__\n"
        "def fake(name, *a, **k):\n"
        f"    if name.startswith('sklearn'): {code.replace('import os, signal, sys; ', '')}\n"
        "    return real(name, *a, **k)\nbuiltins.__import__ = fake\n"
    )
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", str(folder), "-p", "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "was ended by SIGABRT while it loaded the model" in done.stderr
    assert "Traceback" not in done.stderr


ONE_WORKER = """
import os, select, socket, sys
from flavorkit.pyfunc import load_model
from flavorkit.serving import metrics, supervisor, watch, worker
from flavorkit.serving.settings import Settings
from flavorkit.web.board import Board

listener = socket.create_server(("127.0.0.1", 0))
(heard, news), (lifeline, lifeline_end) = os.pipe(), os.pipe()
state = watch.Watch(Board(1, watch.WIDTH).row(0))
seat = supervisor.Seat(0, metrics.board(1), state, lifeline, news)
pid = os.fork()
if pid == 0:
    os.close(lifeline_end)
    load = lambda: load_model(sys.argv[1], trust="all")
    told = {"environ": {}, "describe": lambda model: "a model"}
    os._exit(worker.run_worker(seat, "m", load, listener, Settings(drain_seconds=0), **told))
assert b"ready" in os.read(heard, 1000)
client = socket.create_connection(listener.getsockname())
client.sendall(b"GET /health/ready HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n")
print("is answered at once:", bool(select.select([client], [], [], 0.5)[0]))
os.write(lifeline_end, supervisor.GO)
print(client.recv(15).decode())
os.close(lifeline_end)
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

TOLD_TO_GO = """
import os, signal, socket
from flavorkit.serving.settings import Settings
from flavorkit.serving.supervisor import GO, Supervisor

listener = socket.create_server(("127.0.0.1", 0))

def work(seat):
    os.write(seat.news, b'{"ready": "yes"}\\n')
    assert os.read(seat.lifeline, 100) == GO
    listener.settimeout(10)
    for _ in range(100):
        client = socket.create_connection(listener.getsockname())
        listener.accept()[0].close()
        assert client.recv(1) == b""
    print("all were mine", flush=True)
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()  # until it is told to stop, or another would be started

Supervisor(listener, 1, work, Settings(), print).run()
"""


def run_script(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def test_a_worker_accepts_nothing_before_it_is_told_to(folder):
    """Or one client sees it ready, and the next is told by the watching process that none is."""
    assert run_script(ONE_WORKER, folder) == (
        "is answered at once: False\nHTTP/1.1 200 OK\nstatus 0\n"
    )


def test_a_worker_is_told_to_begin_when_nobody_else_accepts():
    said = run_script(TOLD_TO_GO)
    assert sorted(said.splitlines()) == ["all were mine", "yes"]  # two processes print


def test_it_answers_that_it_lives_before_the_model_is_loaded(folder, port):
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", str(folder), "-p", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    seen = []
    try:
        while not seen or seen[-1] != (200, 200):
            statuses = []
            for path in ("/health/live", "/health/ready"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                with contextlib.closing(connection), contextlib.suppress(OSError):
                    connection.request("GET", path)
                    statuses.append(connection.getresponse().status)
            if len(statuses) == 2:
                seen.append(tuple(statuses))
    finally:
        process.terminate()
        assert process.wait(60) == 0
    assert seen[0] == (200, 503)
