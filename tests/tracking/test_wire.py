"""MLflow's messages: what is read of a request, what is written, and what comes back."""

from __future__ import annotations

import contextlib
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit import errors
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    ModelVersion,
    Param,
    RegisteredModel,
    RegistryChange,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)
from flavorkit.tracking.search.order import LoggedModelOrder
from flavorkit.tracking.wire import (
    bodies,
    experiments,
    logged_models,
    metrics,
    registry,
    registry_calls,
    run_calls,
    runs,
)
from flavorkit.tracking.wire import errors as wire_errors
from flavorkit.tracking.wire.requests import (
    Message,
    flag,
    integer,
    many,
    number,
    one_of,
    optional,
    required,
    text,
)

SOME_TIME = 1_700_000_000_000


KEYS = ["run_id", "runId", "metrics", "key", "value", "timestamp", "params", "tags"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
)


def through_json(content):
    return bodies.parse(bodies.write(content))


class TestReading:
    message = Message(
        {"run_uuid": "run_id"},
        run_id=required(text),
        max_results=optional(integer, 7),
        value=optional(number),
        is_on=optional(flag),
        status=optional(one_of({"RUNNING": 1, "FINISHED": 3})),
        order_by=optional(many(text), ()),
    )

    def test_fields_have_their_defaults_and_unknown_keys_are_passed_over(self):
        assert self.message.read({"run_id": "a", "nobody_knows": {"x": 1}, "value": None}) == {
            "run_id": "a",
            "max_results": 7,
            "value": None,
            "is_on": None,
            "status": None,
            "order_by": (),
        }

    @pytest.mark.parametrize("key", ["run_id", "runId", "run_uuid", "runUuid"])
    def test_both_spellings_and_the_older_name_are_read(self, key):
        assert self.message.read({key: "a"})["run_id"] == "a"

    def test_older_and_newer_name_may_both_be_there_if_they_agree(self):
        assert self.message.read({"run_id": "a", "run_uuid": "a"})["run_id"] == "a"
        with pytest.raises(errors.InvalidArgumentError, match=r"run_uuid and run_id differ"):
            self.message.read({"run_id": "a", "run_uuid": "b"})

    def test_a_field_in_both_spellings_is_refused(self):
        with pytest.raises(errors.InvalidArgumentError, match=r"both max_results and maxResults"):
            self.message.read({"run_id": "a", "max_results": 1, "maxResults": 1})

    @pytest.mark.parametrize("missing", [None, {}, {"run_id": None}, {"run_id": ""}])
    def test_what_is_required_has_to_be_there(self, missing):
        with pytest.raises(errors.InvalidArgumentError, match=r"Missing value.*'run_id'"):
            self.message.read(missing)

    @pytest.mark.parametrize(
        ("field", "value", "read"),
        [
            ("max_results", "12", 12),
            ("max_results", -5, -5),
            ("max_results", 3.0, 3),
            ("max_results", 2**63 - 1, 2**63 - 1),
            ("max_results", str(-(2**63)), -(2**63)),
            ("value", 1, 1.0),
            ("value", "1.5", 1.5),
            ("value", "Infinity", math.inf),
            ("value", "-Infinity", -math.inf),
            ("status", 3, "FINISHED"),
            ("status", "3", "FINISHED"),
            ("status", "RUNNING", "RUNNING"),
            ("is_on", False, False),
            ("order_by", ["a", "b"], ["a", "b"]),
        ],
    )
    def test_values_in_all_their_forms(self, field, value, read):
        found = self.message.read({"run_id": "a", field: value})[field]
        assert (found, type(found)) == (read, type(read))

    def test_nan_has_a_name(self):
        assert math.isnan(self.message.read({"run_id": "a", "value": "NaN"})["value"])

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("run_id", 1),
            ("run_id", ["a"]),
            ("max_results", 1.5),
            ("max_results", True),
            ("max_results", "1_0"),
            ("max_results", "one"),
            ("max_results", 2**63),
            ("max_results", "9" * 30),
            ("value", True),
            ("value", "nan"),
            ("value", "1e999"),
            ("value", 10**400),
            ("value", [1]),
            ("is_on", "true"),
            ("is_on", 1),
            ("status", "DONE"),
            ("status", 9),
            ("status", True),
            ("order_by", "a"),
            ("order_by", [1]),
            ("order_by", {}),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, field, value):
        with pytest.raises(errors.InvalidArgumentError, match=rf"{field}"):
            self.message.read({"run_id": "a", field: value})

    @pytest.mark.parametrize("body", [[], "x", 1, True, [{"run_id": "a"}]])
    def test_a_request_is_an_object(self, body):
        with pytest.raises(errors.InvalidArgumentError, match=r"JSON object"):
            self.message.read(body)

    def test_a_query_string(self):
        query = b"runId=a%20b&order_by=x&order_by=y&is_on=TRUE&value=Infinity&max_results=3&z=1"
        found = self.message.read(self.message.parse_query(query))
        assert found["run_id"] == "a b"
        assert found["order_by"] == ["x", "y"]
        assert (found["is_on"], found["value"], found["max_results"]) == (True, math.inf, 3)

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            (b"run_id=a&run_id=b", r"run_id twice"),
            (b"run_id=a&is_on=yes", r"is_on.*true or false"),
            (b"run_id=%ff", r"not UTF-8"),
            (b"&".join([b"run_id=1"] * 3000), r"more than 2000"),
        ],
    )
    def test_a_query_string_that_cannot_be_read(self, query, problem):
        with pytest.raises(errors.FlavorkitError, match=problem):
            self.message.read(self.message.parse_query(query))

    def test_what_is_wrong_inside_of_a_list_is_named_by_its_place(self):
        given = {"run_id": "r", "metrics": [{"key": "a", "value": 1, "timestamp": "now"}]}
        with pytest.raises(errors.InvalidArgumentError, match=r"metrics\[0\]\.timestamp"):
            run_calls.LOG_BATCH.message.read(given)
        with pytest.raises(errors.InvalidArgumentError, match=r"params\[1\]\.key"):
            run_calls.LOG_BATCH.message.read(
                {"run_id": "r", "params": [{"key": "a"}, {"value": "b"}]}
            )

    @given(ANY_JSON)
    def test_whatever_comes_is_read_or_refused(self, content):
        with contextlib.suppress(errors.InvalidArgumentError):
            run_calls.LOG_BATCH.message.read(content)


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [b"{", b"NaN", b'{"a": NaN}', b"1e999", b"\xff", b'"\\ud800"', b"[" * 100_000],
    )
    def test_what_is_not_json(self, body):
        with pytest.raises(errors.RequestError, match=r"JSON|deep"):
            bodies.parse(body)

    @pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
    def test_nesting_has_a_limit(self, left, right):
        for depth in (63, 64):
            bodies.parse(left * depth + b"1" + right * depth)
        with pytest.raises(errors.RequestError, match=r"too deep, beyond 64 levels"):
            bodies.parse(left * 65 + b"1" + right * 65)

    def test_brackets_in_text_do_not_count(self):
        assert bodies.parse(orjson.dumps(["[" * 500])) == ["[" * 500]

    def test_many_objects_side_by_side_are_not_deep(self):
        assert (
            len(bodies.parse(b'{"metrics":[' + b'{"key":"a[]"},' * 999 + b"{}]}")["metrics"])
            == 1000
        )

    def test_nothing(self):
        assert bodies.parse(b"") is None


EXPERIMENT = Experiment("7", "Größe", "s3://b/7", "active", {"a": "b"}, SOME_TIME, SOME_TIME + 1)
RUN = Run(
    RunInfo("r" * 32, "7", "ada", "FINISHED", SOME_TIME, SOME_TIME + 5, "active", "s3://b", "fox"),
    RunData(
        [Metric("a", 1.5, SOME_TIME, 3, "m-1", "d", "1", "r" * 32)], {"p": "1"}, {"t": "", "u": "x"}
    ),
    RunInputs(
        (DatasetInput(Dataset("d", "1", "local", "{}", "s", "p"), (InputTag("k", "v"),)),),
        (LoggedModelInput("m-1"),),
    ),
    RunOutputs((LoggedModelOutput("m-2", 4),)),
)
MODEL = LoggedModel(
    *("m-1", "7", "fox", "s3://b/m", SOME_TIME, SOME_TIME + 1, "sklearn", "r" * 32),
    LoggedModelStatus.READY,
    *("fine", {"a": "b"}, {"c": "d"}, [Metric("a", 0.5, SOME_TIME, run_id="r" * 32)]),
)
VERSION = ModelVersion(
    *("fox", "3", SOME_TIME, SOME_TIME + 1, "d", "ada", "Staging", "models:/m-1", "r" * 32),
    *("READY", "fine", {"a": "b"}, "http://x", ("best",), "m-1"),
)
REGISTERED = RegisteredModel(
    "fox", SOME_TIME, SOME_TIME + 1, "d", {"a": "b"}, {"best": "3"}, (VERSION,)
)


class TestEntities:
    @pytest.mark.parametrize(
        ("entity", "write", "read"),
        [
            (EXPERIMENT, experiments.to_json, experiments.from_json),
            (Experiment("0", "x", ""), experiments.to_json, experiments.from_json),
            (RUN, runs.to_json, runs.from_json),
            (MODEL, logged_models.to_json, logged_models.from_json),
            (VERSION, registry.version_to_json, registry.version_from_json),
            (ModelVersion("a", "1", 1, 2), registry.version_to_json, registry.version_from_json),
            (REGISTERED, registry.to_json, registry.from_json),
            (
                RegistryChange("fox", SOME_TIME, "", "alias", "best", None, "1"),
                registry.change_to_json,
                registry.change_from_json,
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_is_written_is_read_as_it_was(self, entity, write, read):
        assert read(through_json(write(entity))) == entity

    def test_a_run_as_mlflow_writes_it(self):
        info = RunInfo("r", "7", "ada", "RUNNING", SOME_TIME, run_name="fox", artifact_uri="a:/b")
        assert runs.to_json(Run(info)) == {
            "info": {
                "run_id": "r",
                "run_uuid": "r",
                "run_name": "fox",
                "experiment_id": "7",
                "user_id": "ada",
                "status": "RUNNING",
                "start_time": SOME_TIME,
                "artifact_uri": "a:/b",
                "lifecycle_stage": "active",
            },
            "data": {},
            "inputs": {},
        }

    @pytest.mark.parametrize(
        ("value", "written"),
        [(1.5, 1.5), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN")],
    )
    def test_doubles_that_json_has_not_are_names(self, value, written):
        content = through_json(metrics.to_json(Metric("a", value, 1, 0)))
        assert content["value"] == written
        back = metrics.from_json(content).value
        assert back == value or (math.isnan(back) and math.isnan(value))

    @given(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1))
    def test_no_digit_is_lost(self, value, step):
        content = through_json(metrics.to_json(Metric("a", value, SOME_TIME, step)))
        found = metrics.from_json(content)
        assert (found.value, found.step) == (value, step)

    def test_integers_that_a_server_writes_as_text_are_read(self):
        content = {"key": "a", "value": 1, "timestamp": str(SOME_TIME), "step": "3"}
        assert metrics.from_json(content) == Metric("a", 1.0, SOME_TIME, 3)

    def test_the_logged_model_of_a_version_is_known_by_its_source(self):
        content = {"name": "fox", "version": 3, "source": "models:/m-0a1b", "run_id": ""}
        found = registry.version_from_json(content)
        assert (found.version, found.model_id, found.run_id) == ("3", "m-0a1b", None)

    def test_requests_with_entities_inside(self):
        given = {
            "run_id": "r",
            "metrics": [metrics.to_json(Metric("a", math.inf, 5, 2, "m-1", "d", "1"))],
            "params": [{"key": "p", "value": "1"}],
            "tags": [],
        }
        found = run_calls.LOG_BATCH.message.read(through_json(given))
        assert found["metrics"] == [Metric("a", math.inf, 5, 2, "m-1", "d", "1")]
        assert (found["params"], found["tags"]) == ([Param("p", "1")], [])
        order = LoggedModelOrder("metrics.a", False, "d", "1")
        query = {"experiment_ids": ["1"], "order_by": [logged_models.order_to_json(order)]}
        assert logged_models.SEARCH.message.read(through_json(query))["order_by"] == [order]

    def test_booleans_in_queries(self):
        message = registry_calls.TRANSITION_STAGE.message
        query = b"name=a&version=1&stage=x&archive_existing_versions=true"
        assert message.read(message.parse_query(query))["archive_existing_versions"] is True


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("RESOURCE_DOES_NOT_EXIST", errors.NotFoundError),
            ("RESOURCE_ALREADY_EXISTS", errors.AlreadyExistsError),
            ("INVALID_PARAMETER_VALUE", errors.InvalidArgumentError),
            ("BAD_REQUEST", errors.InvalidArgumentError),
            ("ENDPOINT_NOT_FOUND", errors.UnsupportedByStoreError),
            ("NOT_IMPLEMENTED", errors.UnsupportedByStoreError),
            ("PERMISSION_DENIED", errors.AccessDeniedError),
            ("TEMPORARILY_UNAVAILABLE", errors.StoreUnavailableError),
            ("INTERNAL_ERROR", errors.StoreUnavailableError),
            ("WHO_KNOWS", errors.StoreUnavailableError),
        ],
    )
    def test_there_and_back(self, code, kind):
        error = wire_errors.decode(500, wire_errors.encode(code, "so it is"), "http://x")
        assert (type(error), error.message) == (kind, "so it is")

    def test_as_mlflow_writes_them(self):
        assert orjson.loads(wire_errors.encode("RESOURCE_DOES_NOT_EXIST", "no")) == {
            "error_code": "RESOURCE_DOES_NOT_EXIST",
            "message": "no",
            "sqlstate": "KAM00",
            "error_class": "RESOURCE_NOT_FOUND",
        }

    @pytest.mark.parametrize(
        "body", [b"", b"<html>no\n</html>", b"[]", b'{"detail": "x"}', b"\xff"]
    )
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (404, errors.UnsupportedByStoreError),
            (401, errors.AccessDeniedError),
            (400, errors.InvalidArgumentError),
            (502, errors.StoreUnavailableError),
        ],
    )
    def test_answers_of_others_count_by_their_status(self, status, kind, body):
        error = wire_errors.decode(status, body, "http://x")
        assert type(error) is kind
        assert f"http://x answered with status {status}" in error.message
