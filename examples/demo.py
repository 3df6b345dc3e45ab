"""The whole path of one model: train, save, look at it, serve it, call it with curl.

Run it with ``make demo``, or with ``python examples/demo.py`` where ``flavorkit[sklearn]`` is
installed. It writes to a temporary folder and leaves nothing running.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REQUESTS = 200


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flavorkit-demo-") as scratch:
        folder = Path(scratch, "diabetes")
        table = train_and_save(folder)
        show(folder)
        with serving(folder) as (host, port):
            url = f"http://{host}:{port}/invocations"
            say("Call it with JSON: the example that was saved with the model")
            curl(url, "application/json", folder / "serving_input_example.json")
            say("Call it with CSV: five patients the model has not seen")
            unseen = Path(scratch, "unseen.csv")
            unseen.write_text(table)
            print(table)
            curl(url, "text/csv", unseen)
            measure(host, port, (folder / "serving_input_example.json").read_bytes())
        say("The server has stopped, and the temporary folder is removed. What to try next")
        print(NEXT)


NEXT = """\
  your own model      import flavorkit; flavorkit.save_model(model, "folder", input_example=X[:5])
  look into a folder  .venv/bin/flavorkit inspect folder
  serve it            .venv/bin/flavorkit serve -m folder
  predict on a file   .venv/bin/flavorkit predict -m folder -i rows.csv
  read on             README.md, docs/quickstart.md"""


def train_and_save(folder: Path) -> str:
    """Make the model folder; answer with five rows that were kept apart, as CSV."""
    say("Train a pipeline on 442 diabetes patients: does the disease progress fast?")
    with timed("imported scikit-learn"):
        import pandas as pd
        from sklearn.compose import make_column_transformer
        from sklearn.datasets import load_diabetes
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.model_selection import train_test_split
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    bands = ["under", "normal", "over", "obese"]  # of the World Health Organization
    X["weight"] = pd.cut(X.pop("bmi"), [0, 18.5, 25, 30, 100], labels=bands).astype(str)
    X["sex"] = "code " + X["sex"].astype(int).astype(str)  # the data do not say which is which
    y = (progression > progression.median()).map({True: "fast", False: "slow"})
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)

    words = ["sex", "weight"]
    numbers = [name for name in X if name not in words]
    columns = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), words)
    )
    model = make_pipeline(columns, GradientBoostingClassifier(random_state=0))
    with timed("trained"):
        model.fit(X_train, y_train)
    print(f"  right on {model.score(X_test, y_test):.0%} of the patients it has not seen")

    say("Save it")
    with timed("imported flavorkit"):
        import flavorkit
    with timed("saved, read back, signed"):
        flavorkit.save_model(model, folder, input_example=X_test[:2])
    return X_test[2:7].to_csv(index=False)


def show(folder: Path) -> None:
    say("What was saved")
    for file in sorted(folder.iterdir()):
        print(f"  {file.stat().st_size:>8,} bytes  {file.name}")
    print(f"\n{folder.name}/MLmodel")
    for line in (folder / "MLmodel").read_text().splitlines():
        print(f"  {line[:110]}{' ...' if len(line) > 110 else ''}")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """The host and port of a server for the model; it is stopped in any case."""
    say("Serve it: flavorkit serve -m diabetes")
    begun = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "flavorkit", "serve", "-m", str(folder), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if line.startswith("serving "):
                break
        else:
            sys.exit(f"the server did not start:\n{said}")
        print(f"  ready in {time.perf_counter() - begun:.1f} s, most of it importing scikit-learn")
        host, port = said.rsplit("//", 1)[1].strip().rsplit(":", 1)
        yield host, int(port)
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        server.kill()
        server.communicate()


def curl(url: str, content_type: str, body: Path) -> None:
    command = ["curl", "--silent", "--show-error", url, "-H", f"Content-Type: {content_type}"]
    print(f"  $ curl {url} -H 'Content-Type: {content_type}' --data-binary @{body.name}")
    if shutil.which("curl") is None:
        sys.exit("curl is not installed; on Debian and Ubuntu: apt-get install curl")
    command += ["--data-binary", f"@{body}", "--write-out", r"\n  %{http_code}, %{time_total} s\n"]
    subprocess.run(command, check=True)


def measure(host: str, port: int, body: bytes) -> None:
    say(f"Call it {REQUESTS} times over one connection")
    connection = http.client.HTTPConnection(host, port)
    seconds = []
    with contextlib.closing(connection):
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            seconds.append(time.perf_counter() - begun)
    median, slow = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    print(f"  {median * 1000:.1f} ms in the median, 19 of 20 within {slow * 1000:.1f} ms")


def say(step: str) -> None:
    print(f"\n{step}", flush=True)


@contextlib.contextmanager
def timed(done: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"  {done} in {(time.perf_counter() - begun) * 1000:,.0f} ms", flush=True)


if __name__ == "__main__":
    main()
