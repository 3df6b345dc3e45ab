"""What ``runs:``, ``models:`` and the like mean, and where artifacts are never looked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flavorkit.uris
from flavorkit import load_model
from flavorkit.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PathOccupiedError,
)
from flavorkit.tracking import defaults, references, uris
from flavorkit.tracking.artifacts import choose, transfer
from flavorkit.tracking.artifacts.filesystems import RemoteRoot, connect
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.proxied import ProxiedArtifactRepository
from flavorkit.tracking.artifacts.remote import RemoteArtifactRepository
from flavorkit.tracking.references import LoggedModelUri, PlaceUri, RegisteredModelUri, RunUri

MODEL_ID = "m-0123456789abcdef0123456789abcdef"


def path(text):
    return ArtifactPath.parse(text)


@pytest.mark.parametrize(
    ("uri", "meant"),
    [
        ("runs:/abc", RunUri("abc")),
        ("runs:/abc/", RunUri("abc")),
        ("runs:/abc/plots/roc curve#1.png", RunUri("abc", path("plots/roc curve#1.png"))),
        ("RUNS:/abc/x", RunUri("abc", path("x"))),
        ("models:/m-1", LoggedModelUri("m-1")),
        (f"models:/{MODEL_ID}", LoggedModelUri(MODEL_ID)),
        (f"models:/{MODEL_ID}/MLmodel", LoggedModelUri(MODEL_ID, path("MLmodel"))),
        ("models:/name/3", RegisteredModelUri("name", version="3")),
        (
            "models:/name/3/code/a.py",
            RegisteredModelUri("name", version="3", path=path("code/a.py")),
        ),
        ("models:/name/latest", RegisteredModelUri("name")),
        ("models:/name/Latest", RegisteredModelUri("name")),
        ("models:/name/production", RegisteredModelUri("name", stage="Production")),
        ("models:/name/None", RegisteredModelUri("name", stage="None")),
        ("models:/name@champion", RegisteredModelUri("name", alias="champion")),
        (
            "models:/name@champion/x/y",
            RegisteredModelUri("name", alias="champion", path=path("x/y")),
        ),
        ("models:/a@b/3", RegisteredModelUri("a@b", version="3")),
        ("models:/a@b@c", RegisteredModelUri("a@b", alias="c")),
        ("models:/模型 v1/7", RegisteredModelUri("模型 v1", version="7")),
        ("models:/50%2F/1", RegisteredModelUri("50%2F", version="1")),
        ("s3://bucket/a", PlaceUri("s3://bucket/a")),
        ("mlflow-artifacts:/1/a", PlaceUri("mlflow-artifacts:/1/a")),
        ("some/folder", PlaceUri("some/folder")),
        ("file:///some/folder", PlaceUri("file:///some/folder")),
    ],
)
def test_what_uris_say(uri, meant):
    assert references.parse(uri) == meant


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "runs:",
            "runs:/",
            "runs:abc",
            "runs://abc/x",
            "runs:/../x",
            "runs:/a b/x",
            "runs:/abc/../x",
        ),
        *(
            "runs:/abc//x",
            "models:",
            "models:/",
            "models://name/3",
            "models:/name",
            "models:/name/",
        ),
        *("models:/name/4.5", "models:/name/dev", "models:/name/-1", "models:/name/99999999999"),
        *(
            "models:/name/٣",
            "models:/name@",
            "models:/name@v1",
            "models:/name@latest",
            "models:/@x",
        ),
        *("models:/name/3/../..", "models:/../3", "models:/a\nb/3", "models:/name@a b"),
    ],
)
def test_what_says_nothing_is_refused(uri):
    with pytest.raises(InvalidArgumentError, match=r"."):
        references.parse(uri)


# Table 2.2 of what attackers send as the place of a model, and more.
NO_PLACES = [
    *("local:///etc", "simplecache::file:///etc/passwd", "filecache::file:///etc/passwd"),
    *("blockcache::s3://b/k", "s3://b/k::file:///etc/passwd", "zip://x::http://169.254.169.254/"),
    *("dir::file:///etc", "reference://x", "data:,x", "memory://x", "github://o:r@/x", "git://x/y"),
    *("hf://x/y", "smb://h/x", "ftp://attacker/a", "http://127.0.0.1:1/", "http://[::1]/"),
    *(
        "http://0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest/meta-data/",
    ),
    *("http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://a@127.0.0.1/"),
    *("http://metadata.google.internal/", "http://evil#@127.0.0.1/", "https://evil/x", "ssh://h/x"),
    *("s3://bucket@evil/x", "s3://bucket:80/x", "s3:///x", "s3://", "s3://b/../c", "s3://b/a//c"),
    *("s3://bu%2fcket/x", "s3://bucket/a?versionId=1", "s3://bucket/a#b", "S3://bucket/x"),
    *("gs://bucket@evil/x", "gs://b ucket/x", "gs://../x", "gcs://bucket/x", "s3a://bucket/x"),
    *("abfs://c@evil.example/", "abfss://c@a.dfs.core.windows.net.evil.example/x"),
    *("abfss://c@evil/x", "abfs://c@127.0.0.1/x", "abfs://c@account.blob.core.windows.net:80/x"),
    *("abfs://C/x", "abfs://a@b@account.dfs.core.windows.net/x", "wasb://c@a/x", "az://c/x"),
    *("sftp://host/x", "sftp://root@127.0.0.1/x", "sftp://allowed.example:23/x"),
    *("sftp://u:p@allowed.example/x", "sftp://allowed.example@evil/x", "sftp://-oProxyCommand=x/x"),
    *("file://evil/x", "file://127.0.0.1/etc", "file:///x?y", "file:///x#y", "file:///x%00", ""),
    *("hdfs://n/x", "dbfs:/x", "webhdfs://h/x", "arrow_hdfs://h", "oci://b/x", "jupyter://h/x"),
]

_NO_SOCKETS = """
import sys
connected = []
sys.addaudithook(lambda event, given: connected.append((event, given)) if event in {
    "socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.exec",
} or event == "open" and str(given[0]).startswith("/etc/pass") else None)
from flavorkit.errors import FlavorkitError
from flavorkit.tracking import uris
from flavorkit.tracking.artifacts import choose
import os
os.environ["FLAVORKIT_SFTP_HOSTS"] = "allowed.example"
taken = []
for uri in eval(sys.stdin.read()):
    for open_it in (choose.repository, choose.storage, uris.locate, uris.download):
        try:
            open_it(uri)
        except FlavorkitError as error:
            assert type(error).__name__ in {"InvalidArgumentError", "NotFoundError"}, error
        else:
            taken.append((open_it.__qualname__, uri))
print(taken, connected)
"""


def test_nothing_is_opened_or_asked_elsewhere():
    given = repr(NO_PLACES)
    done = subprocess.run(
        [sys.executable, "-c", _NO_SOCKETS],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "[] []\n"


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("s3://bucket", RemoteRoot("s3", "bucket", "", ROOT)),
        ("s3://my.bucket-1/a/b/", RemoteRoot("s3", "my.bucket-1", "", path("a/b"))),
        ("gs://bucket/a b%", RemoteRoot("gs", "bucket", "", path("a b%"))),
        ("abfss://c-1/a", RemoteRoot("abfss", "c-1", "", path("a"))),
        (
            "abfs://con@account1.dfs.core.windows.net/a",
            RemoteRoot("abfs", "con", "account1.dfs.core.windows.net", path("a")),
        ),
        (
            "sftp://me@allowed.example:2022/a",
            RemoteRoot("sftp", "", "me@allowed.example:2022", path("a")),
        ),
    ],
)
def test_the_roots_of_object_stores(uri, root, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_SFTP_HOSTS", "other, me@allowed.example:2022")
    assert RemoteRoot.parse(uri) == root
    assert RemoteRoot.parse(root.uri) == root
    assert isinstance(choose.repository(uri), RemoteArtifactRepository)


@pytest.mark.parametrize(
    ("uri", "package", "extra"),
    [
        ("s3://bucket", "s3fs", "s3"),
        ("gs://bucket", "gcsfs", "gcs"),
        ("abfs://con", "adlfs", "azure"),
        ("sftp://host", "sshfs", "sftp"),
    ],
)
def test_a_missing_library_is_named(uri, package, extra, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_SFTP_HOSTS", "host")
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.core", None)
    root = RemoteRoot.parse(uri)
    with pytest.raises(
        MissingDependencyError, match=rf"needs {package}: pip install .*\[{extra}\]"
    ):
        connect(root)


def test_what_is_uploaded_with_must_be_json(monkeypatch):
    monkeypatch.setenv("FLAVORKIT_S3_UPLOAD_EXTRA_ARGS", "[1]")
    with pytest.raises(InvalidArgumentError, match=r"UPLOAD_EXTRA_ARGS is a JSON object"):
        connect(RemoteRoot.parse("s3://bucket"))


@pytest.mark.parametrize(
    ("uri", "server", "url", "base"),
    [
        ("mlflow-artifacts:/1/a", "http://host:5000", "http://host:5000", "1/a"),
        ("mlflow-artifacts:/", "http://host:5000/", "http://host:5000", ""),
        ("mlflow-artifacts:///1/a/", "https://u:p@host/sub", "https://host/sub", "1/a"),
        ("mlflow-artifacts://host:5000/1#2", "http://host:5000", "http://host:5000", "1#2"),
        ("mlflow-artifacts://other:1/x", "https://host/sub", "https://other:1/sub", "x"),
        (
            "http://host:5000/api/2.0/mlflow-artifacts/artifacts/1",
            "http://host:5000",
            "http://host:5000",
            "1",
        ),
    ],
)
def test_what_a_server_keeps(uri, server, url, base):
    repository = choose.repository(uri, server)
    assert isinstance(repository, ProxiedArtifactRepository)
    assert repository.uri == f"mlflow-artifacts:/{base}"
    assert repository._connection.url == url


def test_another_server_does_not_get_our_credentials():
    repository = choose.repository("mlflow-artifacts://other/x", "http://user:secret@host")
    assert repository._connection._credentials.authorization is None
    own = choose.repository("mlflow-artifacts:/x", "http://user:secret@host")
    assert own._connection._credentials.authorization


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        ("mlflow-artifacts:/x", None),
        ("mlflow-artifacts:/x", "sqlite:///x.db"),
        ("mlflow-artifacts:/../x", "http://host"),
        ("http://host/api/2.0/mlflow-artifacts/artifactsx", "http://host"),
        ("http://evil/api/2.0/mlflow-artifacts/artifacts/x", "http://host"),
        ("http://evil@host/api/2.0/mlflow-artifacts/artifacts/x", "http://host"),
    ],
)
def test_what_no_server_keeps(uri, server):
    with pytest.raises(InvalidArgumentError, match=r"."):
        choose.repository(uri, server)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store of this process, and a run."""
    monkeypatch.chdir(tmp_path)
    defaults.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    yield defaults.store()
    defaults.close_stores()
    defaults.set_tracking_uri(None)


@pytest.fixture
def run(store):
    return store.create_run(store.create_experiment("e"))


@pytest.fixture
def logged(store, run, iris_folder):
    """A logged model of the run, named ``model``."""
    model = store.create_logged_model(
        run.info.experiment_id, "model", source_run_id=run.info.run_id
    )
    transfer.upload_folder(choose.repository(model.artifact_location), iris_folder)
    return store.finalize_logged_model(model.model_id, "READY")


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_an_artifact_of_a_run_is_used_where_it_is(run, tmp_path):
    repository = choose.repository(run.info.artifact_uri)
    repository.put(path("a/x.txt"), [b"x"])
    uri = f"runs:/{run.info.run_id}"
    assert uris.download(f"{uri}/a/x.txt").read_bytes() == b"x"
    assert names(uris.download(uri)) == ["a"]
    assert uris.download(f"{uri}/a") == uris.download(uri) / "a"
    copy = uris.download(f"{uri}/a", tmp_path / "copy")
    assert copy == tmp_path / "copy"
    assert names(copy) == ["x.txt"]
    with pytest.raises(PathOccupiedError, match=r"not empty"):
        uris.download(f"{uri}/a", tmp_path / "copy")


def test_a_run_without_artifacts_is_an_empty_folder(run, tmp_path):
    assert names(uris.download(f"runs:/{run.info.run_id}")) == []
    assert names(uris.download(f"runs:/{run.info.run_id}", tmp_path / "copy")) == []
    with pytest.raises(
        NotFoundError, match=r"has no artifact at x/y, nor has it logged a model 'x'"
    ):
        uris.download(f"runs:/{run.info.run_id}/x/y")


def test_every_way_to_name_a_model(store, run, logged, iris, iris_folder):
    store.create_registered_model("iris")
    store.create_model_version("iris", f"models:/{logged.model_id}", model_id=logged.model_id)
    store.create_model_version("iris", logged.artifact_location, run_id=run.info.run_id)
    store.transition_model_version_stage("iris", "1", "Production")
    store.set_registered_model_alias("iris", "champion", "2")
    for uri in (
        logged.model_uri,
        f"runs:/{run.info.run_id}/model",
        *("models:/iris/1", "models:/iris/2", "models:/iris/production", "models:/iris/latest"),
        "models:/iris@champion",
    ):
        assert names(flavorkit.uris.fetch(uri)) == names(iris_folder), uri
        assert uris.download(f"{uri}/MLmodel").is_file(), uri
    assert load_model("models:/iris@champion").predict(iris[0][:2]).tolist() == [0, 0]


def test_what_there_is_not_of_a_model(store, logged):
    store.create_registered_model("iris")
    for uri, error, problem in (
        ("models:/nix/1", NotFoundError, r"nix"),
        ("models:/iris/1", NotFoundError, r"."),
        ("models:/iris/latest", NotFoundError, r"the model 'iris' has no version$"),
        ("models:/iris/Staging", NotFoundError, r"has no version in the stage Staging"),
        ("models:/iris@nix", InvalidArgumentError, r"."),
        ("models:/m-nix", NotFoundError, r"m-nix"),
        ("runs:/nix/x", NotFoundError, r"nix"),
        (f"{logged.model_uri}/nix.txt", NotFoundError, r"there is no artifact at nix.txt"),
    ):
        with pytest.raises(error, match=problem):
            uris.download(uri)
    with pytest.raises(NotFoundError, match=r"is a file, not the folder of a model"):
        flavorkit.uris.fetch(f"{logged.model_uri}/MLmodel")


def test_artifacts_of_a_run_come_before_its_models(store, run, logged):
    choose.repository(run.info.artifact_uri).put(path("model/own.txt"), [b"1"])
    assert names(uris.download(f"runs:/{run.info.run_id}/model")) == ["own.txt"]


def test_a_model_of_another_run_is_not_taken(store, run, logged):
    other = store.create_run(run.info.experiment_id)
    with pytest.raises(NotFoundError, match=r"nor has it logged a model 'model'"):
        uris.download(f"runs:/{other.info.run_id}/model")


@pytest.mark.parametrize("name", ["it's", 'say "x"', 'it\'s "x"'])
def test_names_with_quotes_are_found(store, run, name):
    model = store.create_logged_model(run.info.experiment_id, name, source_run_id=run.info.run_id)
    choose.repository(model.artifact_location).put(path("x"), [b"1"])
    assert uris.download(f"runs:/{run.info.run_id}/{name}/x").read_bytes() == b"1"


class Circle:
    """A registry whose versions are wherever it is told."""

    def __init__(self, places):
        self._places = places

    def get_model_version_download_uri(self, name, version):
        return self._places[name, version]


@pytest.mark.parametrize(
    "places",
    [
        {("a", "1"): "models:/a/1"},
        {("a", "1"): "models:/b/1", ("b", "1"): "models:/a/1"},
        {("a", str(number)): f"models:/a/{number + 1}" for number in range(1, 20)},
    ],
    ids=["itself", "each other", "far"],
)
def test_references_in_a_circle_end(places, monkeypatch):
    monkeypatch.setitem(defaults._defaults.stores, "http://circle", Circle(places))
    with pytest.raises(
        InvalidArgumentError, match=r"models:/a/1 leads in a circle: models:/a/1 ->"
    ):
        uris.locate("models:/a/1", "http://circle")


def test_places_are_taken_as_they_are(tmp_path, iris_folder):
    (tmp_path / "link").symlink_to(iris_folder)
    assert uris.download(str(tmp_path / "link")) == tmp_path / "link"
    assert uris.download(iris_folder.as_uri()) == iris_folder
    assert uris.download(f"{iris_folder}/MLmodel") == iris_folder / "MLmodel"
    assert names(uris.download(str(iris_folder), tmp_path / "copy")) == names(iris_folder)
    assert isinstance(uris.locate(str(iris_folder)).repository, LocalArtifactRepository)
    with pytest.raises(NotFoundError, match=r"there is nothing at"):
        uris.download(str(tmp_path / "nix"))


@pytest.mark.parametrize(
    ("uri", "root", "below"),
    [
        ("s3://bucket", "s3://bucket", ""),
        ("s3://bucket/", "s3://bucket", ""),
        ("s3://bucket/a/b.txt", "s3://bucket/a", "b.txt"),
        ("mlflow-artifacts:/", "mlflow-artifacts:/", ""),
        ("mlflow-artifacts:/a", "mlflow-artifacts:/", "a"),
        ("mlflow-artifacts:/a/b", "mlflow-artifacts:/a", "b"),
    ],
)
def test_a_place_may_be_a_file(uri, root, below):
    located = uris.locate(uri, "http://host")
    assert (located.repository.uri, str(located.path)) == (root, below)


def test_what_was_fetched_goes_with_the_process(tmp_path):
    code = """
import os
from flavorkit.tracking import uris
folder = uris._scratch_folder()
(folder / "x").touch()
if os.fork() == 0:
    raise SystemExit
os.wait()
assert folder.is_dir()
print(folder)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith("/")
    assert not __import__("pathlib").Path(done.stdout.strip()).exists()
