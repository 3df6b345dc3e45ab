"""What a model version is made of: a reference that this server can resolve, and no other.

A client names a run (``runs:/``), a logged model or a version (``models:/``), or a place. A place
on a disk, or one that goes through this server, must belong to the run or the model that the
request names; one in an object store is kept as text, which no server ever opens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import ModelVersion
from flavorkit.tracking.store import Store

# Places that clients open by themselves, with their own credentials.
ELSEWHERE = frozenset(
    {"s3", "s3a", "gs", "abfs", "abfss", "wasb", "wasbs", "hdfs", "viewfs", "dbfs", "sftp", "oss"}
)
_WITH_USER = frozenset({"abfs", "abfss", "wasb", "wasbs", "sftp"})
"""Schemes whose hosts have a name and an ``@`` before them."""
_MODEL_ID = re.compile(r"m-[A-Za-z0-9]{1,64}\Z")
_ON_A_SERVER = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True, slots=True)
class Source:
    """A reference that was checked, and what is known of where it comes from."""

    uri: str
    run_id: str | None
    model_id: str | None


def resolve(store: Store, source: str, run_id: str | None, model_id: str | None) -> Source:
    """What a request for a new version refers to.

    Raises:
        InvalidArgumentError: the source is not one that a version may have, or belongs to another
            run or model than the request says.
        NotFoundError: what it refers to is not there.
    """
    _check_text(source)
    scheme = urlsplit(source).scheme.lower()
    given = Source(source, run_id or None, model_id or None)
    if scheme == "runs":
        return _of_run(store, given)
    if scheme == "models":
        return _of_model(store, given)
    if scheme in ELSEWHERE:
        return _elsewhere(given, scheme)
    if scheme in {"", "file", "mlflow-artifacts"} or _is_on_a_server(source, scheme):
        return _own(store, given)
    raise _refusal(source, f"nobody knows the scheme {scheme}:")


def _of_run(store: Store, given: Source) -> Source:
    parts = urlsplit(given.uri)
    run_id, _, path = parts.path.strip("/").partition("/")
    if parts.netloc or not path:
        raise _refusal(given.uri, "write runs:/<run_id>/<path>")
    if given.run_id is not None and given.run_id != run_id:
        raise _refusal(given.uri, f"it is of another run than {given.run_id}")
    store.get_run(names.identifier(run_id, "a run"))
    return Source(given.uri, run_id, given.model_id)


def _of_model(store: Store, given: Source) -> Source:
    parts = urlsplit(given.uri)
    reference = parts.path.strip("/")
    if parts.netloc or not reference:
        raise _refusal(given.uri, "write models:/<name>/<version> or models:/<model_id>")
    if _MODEL_ID.match(reference):
        if given.model_id is not None and given.model_id != reference:
            raise _refusal(given.uri, f"it is another model than {given.model_id}")
        model = store.get_logged_model(reference)
        return Source(given.uri, given.run_id or model.source_run_id, reference)
    version = _version(store, unquote(reference), given.uri)
    for what, wanted, known in (
        ("run_id", given.run_id, version.run_id),
        ("model_id", given.model_id, version.model_id),
    ):
        if wanted is not None and wanted != known:
            raise _refusal(given.uri, f"its {what} is not {wanted}")
    return Source(f"models:/{version.name}/{version.version}", version.run_id, version.model_id)


def _version(store: Store, reference: str, source: str) -> ModelVersion:
    name, at, alias = reference.partition("@")
    if at:
        return store.get_model_version_by_alias(name, alias)
    name, _, number = reference.rpartition("/")
    if not name:
        raise _refusal(source, "write models:/<name>/<version> or models:/<name>@<alias>")
    if number.isascii() and number.isdigit():
        return store.get_model_version(name, number)
    stages = None if number.lower() == "latest" else [names.stage(number)]
    newest = max(
        store.get_latest_versions(name, stages or names.STAGES),
        key=lambda version: int(version.version),
        default=None,
    )
    if newest is None:
        raise NotFoundError(f"{name!r} has no such version")
    return newest


def _elsewhere(given: Source, scheme: str) -> Source:
    parts = urlsplit(given.uri)
    if "::" in given.uri or parts.query or parts.fragment:
        raise _refusal(given.uri, "it is no plain place")
    if "@" in parts.netloc and scheme not in _WITH_USER:
        raise _refusal(given.uri, "it has a user in it")
    return given


def _own(store: Store, given: Source) -> Source:
    """A place that belongs to the run or the model that the request names."""
    roots: list[Callable[[], str]] = []
    if given.model_id is not None:
        model_id = given.model_id
        roots.append(lambda: store.get_logged_model(model_id).artifact_location)
    if given.run_id is not None:
        run = store.get_run(given.run_id)
        roots.append(lambda: run.info.artifact_uri)
        roots.append(lambda: store.get_experiment(run.info.experiment_id).artifact_location)
    if any(_is_within(given.uri, root()) for root in roots):
        return given
    raise _refusal(
        given.uri,
        "a place on a disk or on this server must be inside the artifacts of the run or the model"
        " that run_id or model_id names. Log the model to a run, and register"
        " runs:/<run_id>/<path> or models:/<model_id>",
    )


def _is_within(source: str, root: str) -> bool:
    own, above = _place(source), _place(root)
    length = len(above[1])
    return own[0] == above[0] and length > 0 and own[1][:length] == above[1]


def _place(uri: str) -> tuple[str, tuple[str, ...]]:
    """What kind of place it is, and the segments of its path."""
    parts = urlsplit(uri)
    scheme, path = parts.scheme.lower(), parts.path
    if scheme in {"http", "https"}:
        scheme, path = "mlflow-artifacts", path.partition(_ON_A_SERVER)[2]
    elif scheme == "file":
        scheme = "" if parts.netloc in {"", "localhost"} else f"file://{parts.netloc}"
    return scheme, tuple(unquote(part) for part in path.split("/") if part)


def _is_on_a_server(source: str, scheme: str) -> bool:
    return scheme in {"http", "https"} and _ON_A_SERVER in urlsplit(source).path


def _check_text(source: str) -> None:
    names.value(source, "the source of a version", names.MAX_SOURCE)
    plain, before = source, ""
    while plain != before:
        before, plain = plain, unquote(plain)
    if any(ord(one) < 32 or ord(one) == 127 for one in plain):
        raise _refusal(source, "it has control characters")
    if (
        "\\" in plain
        or "\ufffd" in plain
        or any(part in {".", ".."} for part in re.split(r"[/:?#;]", plain))
    ):
        raise _refusal(source, "it leads out of where it starts")
    try:
        urlsplit(source)
    except ValueError:
        raise _refusal(source, "it is no URI") from None


def _refusal(source: str, problem: str) -> InvalidArgumentError:
    shown = ascii(source)
    shown = shown if len(shown) <= 200 else f"{shown[:197]}..."
    return InvalidArgumentError(f"Invalid model version source: {shown}: {problem}")
