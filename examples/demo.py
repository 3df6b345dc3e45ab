"""The whole path of one model: a small search, the best of it registered, served, and called.

Run it with ``make demo``, or with ``python examples/demo.py`` where ``flavorkit[sklearn]`` is
installed. It writes to a temporary folder and leaves nothing running.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

REQUESTS = 200
CHAMPION = "models:/diabetes@champion"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flavorkit-demo-") as scratch:
        os.environ["FLAVORKIT_TRACKING_URI"] = f"sqlite:///{scratch}/flavorkit.db"
        table = search()
        show_origin()
        folder = show(Path(scratch, "champion"))
        with serving(CHAMPION) as (host, port):
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
  remember runs       flavorkit.start_run(), log_metric(...), log_model(...): docs/tracking.md
  look into a folder  .venv/bin/flavorkit inspect folder
  serve it            .venv/bin/flavorkit serve -m folder
  predict on a file   .venv/bin/flavorkit predict -m folder -i rows.csv
  read on             README.md, docs/quickstart.md"""


def search() -> str:
    """Train a few models and register the best; answer with five rows kept apart, as CSV."""
    say("Train pipelines on 442 diabetes patients: does the disease progress fast?")
    with timed("imported scikit-learn"):
        import pandas as pd
        from sklearn.compose import make_column_transformer
        from sklearn.datasets import load_diabetes
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.model_selection import cross_val_score, train_test_split
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

    with timed("imported flavorkit"):
        import flavorkit
    flavorkit.set_experiment("diabetes")
    print("  trees   right in cross-validation")
    for trees in (10, 30, 100):
        with flavorkit.start_run(run_name=f"{trees} trees"):
            forest = GradientBoostingClassifier(n_estimators=trees, random_state=0)
            model = make_pipeline(columns, forest)
            right = cross_val_score(model, X_train, y_train).mean()
            flavorkit.log_param("trees", trees)
            flavorkit.log_metric("right", right)
        print(f"  {trees:>5}   {right:.1%}")

    say("Register the best as diabetes, and call it the champion")
    best = flavorkit.search_runs(order_by=["metrics.right DESC"], output_format="list")[0]
    model.set_params(gradientboostingclassifier__n_estimators=int(best.data.params["trees"]))
    with timed("trained on all of them"):
        model.fit(X_train, y_train)
    with flavorkit.start_run(run_id=best.info.run_id), timed("saved, read back, signed, logged"):
        flavorkit.log_metric("right on unseen", model.score(X_test, y_test))
        logged = flavorkit.log_model(
            model, name="model", input_example=X_test[:2], registered_model_name="diabetes"
        )
    client = flavorkit.MlflowClient()
    client.set_registered_model_alias("diabetes", "champion", logged.registered_model_version)
    print(f"  right on {model.score(X_test, y_test):.0%} of the patients it has not seen")
    return X_test[2:7].to_csv(index=False)


def show_origin() -> None:
    import flavorkit

    say("Where it came from: flavorkit registry show diabetes @champion")
    command("registry", "show", "diabetes", "@champion")
    version = flavorkit.MlflowClient().get_model_version_by_alias("diabetes", "champion")
    print(f"\nThe run that made it: flavorkit runs describe --run-id {version.run_id}")
    command("runs", "describe", "--run-id", version.run_id)


def show(place: Path) -> Path:
    """Print what the champion consists of; answer with the folder that has it."""
    import flavorkit

    folder = Path(flavorkit.artifacts.download_artifacts(CHAMPION, dst_path=str(place)))
    say("What was saved")
    for file in sorted(folder.iterdir()):
        print(f"  {file.stat().st_size:>8,} bytes  {file.name}")
    print("\nMLmodel")
    for line in (folder / "MLmodel").read_text().splitlines():
        print(f"  {line[:110]}{' ...' if len(line) > 110 else ''}")
    return folder


def command(*arguments: str) -> None:
    """Run a command of flavorkit, its output moved in."""
    done = subprocess.run(
        [sys.executable, "-m", "flavorkit", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(textwrap.indent(done.stdout, "  "), end="")


@contextlib.contextmanager
def serving(uri: str) -> Iterator[tuple[str, int]]:
    """The host and port of a server for the model; it is stopped in any case."""
    say(f"Serve it: flavorkit serve -m {uri}")
    begun = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "flavorkit", "serve", "-m", uri, "--port", "0"],
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
