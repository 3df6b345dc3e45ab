"""What a model version is made of: a reference that this server can resolve, and no other.

A client names a run (``runs:/``), a logged model or a version (``models:/``), or a place. A place
on a disk, or one that goes through this server, must belong to the run or the model that the
request names; one in an object store is kept as text, which no server ever opens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names, references
from flavorkit.tracking.artifacts.paths import ROOT
from flavorkit.tracking.entities import ModelVersion
from flavorkit.tracking.store import Store
from flavorkit.tracking.uris import version_meant

# Places that clients open by themselves, with their own credentials.
ELSEWHERE = frozenset(
    {"s3", "s3a", "gs", "abfs", "abfss", "wasb", "wasbs", "hdfs", "viewfs", "dbfs", "sftp", "oss"}
)
_WITH_USER = frozenset({"abfs", "abfss", "wasb", "wasbs", "sftp"})
"""Schemes whose hosts have a name and an ``@`` before them."""
_WHAT = "model version source"
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
    if scheme in {"runs", "models"}:
        return _agreed(store, _reference(store, given))
    if scheme in ELSEWHERE:
        return _agreed(store, _elsewhere(given, scheme), may_be_unknown=True)
    if scheme in {"", "file", "mlflow-artifacts"} or _is_on_a_server(source, scheme):
        return _agreed(store, _own(store, given))
    raise _refusal(source, f"nobody knows the scheme {scheme}:")


def check_location(place: str) -> None:
    """Look at a place for the artifacts of an experiment, as a client names it.

    It is kept as text. The server opens it only where its operator has named it, too.

    Raises:
        InvalidArgumentError: it depends on who reads it, or is no place of artifacts.
    """
    what = "artifact_location"
    _check_text(place, what)
    scheme = urlsplit(place).scheme.lower()
    if scheme in ELSEWHERE:
        _elsewhere(Source(place, None, None), scheme, what)
    elif scheme == "" and (not place.startswith("/") or place.startswith("//")):
        raise _refusal(place, "write a whole path, or a URI", what)
    elif scheme == "mlflow-artifacts":
        _check_host(place, what)
    elif scheme not in {"", "file"}:
        raise _refusal(place, f"nobody knows the scheme {scheme}:", what)


def _reference(store: Store, given: Source) -> Source:
    uri = references.parse(given.uri)
    if isinstance(uri, references.RunUri):
        _check_same(given, run_id=uri.run_id)
        store.get_run(uri.run_id)
        return Source(given.uri, uri.run_id, given.model_id)
    if isinstance(uri, references.PlaceUri) or uri.path != ROOT:
        raise _refusal(given.uri, "it is no whole model")
    if isinstance(uri, references.LoggedModelUri):
        _check_same(given, model_id=uri.model_id)
        model = store.get_logged_model(uri.model_id)
        return Source(given.uri, given.run_id or model.source_run_id, uri.model_id)
    version = _version(store, uri)
    _check_same(given, run_id=version.run_id, model_id=version.model_id)
    return Source(f"models:/{version.name}/{version.version}", version.run_id, version.model_id)


def _version(store: Store, uri: references.RegisteredModelUri) -> ModelVersion:
    version = version_meant(store, uri)
    if version is None:
        raise NotFoundError(f"the registered model {uri.name!r} has no such version")
    return store.get_model_version(uri.name, version)


def _check_same(given: Source, **known: str | None) -> None:
    for what, value in known.items():
        wanted = getattr(given, what)
        if wanted is not None and wanted != value:
            raise _refusal(given.uri, f"its {what} is not the {what} of the request")


def _agreed(store: Store, found: Source, *, may_be_unknown: bool = False) -> Source:
    """The source, if its model is one that its run has made."""
    if found.model_id is None or found.run_id is None:
        return found
    try:
        made_by = store.get_logged_model(found.model_id).source_run_id
    except NotFoundError:
        if may_be_unknown:
            return found
        raise
    if made_by not in {None, "", found.run_id}:
        raise _refusal(found.uri, "its model is of another run than the request says")
    return found


def _check_host(uri: str, what: str = _WHAT) -> None:
    """Refuse what would send clients, and their credentials, to a server that somebody names."""
    parts = urlsplit(uri)
    if parts.netloc or parts.query or parts.fragment:
        raise _refusal(uri, "write mlflow-artifacts:/ and a path, without a host", what)


def _elsewhere(given: Source, scheme: str, what: str = _WHAT) -> Source:
    parts = urlsplit(given.uri)
    if "::" in given.uri or parts.query or parts.fragment:
        raise _refusal(given.uri, "it is no plain place", what)
    if "@" in parts.netloc and scheme not in _WITH_USER:
        raise _refusal(given.uri, "it has a user in it", what)
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
    parts = urlsplit(given.uri)
    if parts.scheme.lower() == "mlflow-artifacts":
        _check_host(given.uri)
    elif parts.query or parts.fragment or "@" in parts.netloc:
        raise _refusal(given.uri, "it is no plain place")
    if any(_is_within(given.uri, root()) for root in roots):
        if parts.scheme.lower() in {"http", "https"}:
            # This server is meant, by whatever name, and is all that clients are to call.
            below = parts.path.partition(_ON_A_SERVER)[2]
            return replace(given, uri=f"mlflow-artifacts:{below}")
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


def _check_text(source: str, what: str = _WHAT) -> None:
    names.value(source, what, names.MAX_SOURCE)
    plain, before = source, ""
    while plain != before:
        before, plain = plain, unquote(plain)
    if any(ord(one) < 32 or ord(one) == 127 for one in plain):
        raise _refusal(source, "it has control characters", what)
    if (
        "\\" in plain
        or "\ufffd" in plain
        or any(part in {".", ".."} for part in re.split(r"[/:?#;]", plain))
    ):
        raise _refusal(source, "it leads out of where it starts", what)
    try:
        urlsplit(source)
    except ValueError:
        raise _refusal(source, "it is no URI", what) from None


def _refusal(source: str, problem: str, what: str = _WHAT) -> InvalidArgumentError:
    shown = ascii(source)
    shown = shown if len(shown) <= 200 else f"{shown[:197]}..."
    return InvalidArgumentError(f"Invalid {what}: {shown}: {problem}")
