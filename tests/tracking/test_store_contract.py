"""What every store promises, whatever is behind it."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from flavorkit.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedByStoreError,
)
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from flavorkit.tracking.search.order import LoggedModelOrder

SOME_TIME = 1_700_000_000_000
# In many scripts, with what quoting has to be right for.
NAMES = ["plain", "with space", "Größe", "模型", "نموذج", "🦊", "quo'te\"s", "50%_off", "a" * 250]
MISSING_RUN = "0" * 32


@pytest.fixture
def experiment(store):
    return store.create_experiment("an experiment")


@pytest.fixture
def run(store, experiment):
    return store.create_run(experiment, user_id="ada", start_time=SOME_TIME, run_name="first")


def run_with(store, experiment, *, start_time=SOME_TIME, metrics=None, params=None, tags=None):
    """The id of a new run with all that."""
    run = store.create_run(experiment, start_time=start_time)
    store.log_batch(
        run.info.run_id,
        [Metric(key, value, SOME_TIME, 0) for key, value in (metrics or {}).items()],
        [Param(key, value) for key, value in (params or {}).items()],
        [RunTag(key, value) for key, value in (tags or {}).items()],
    )
    return run.info.run_id


def ids(runs):
    return [run.info.run_id for run in runs]


def all_pages(search, **query):
    """Everything that a search finds, page by page."""
    found, token = [], None
    while True:
        page = search(page_token=token, **query)
        found += page
        token = page.token
        if not token:
            return found


class TestExperiments:
    def test_the_default_experiment_is_there_from_the_start(self, store):
        default = store.get_experiment("0")
        assert (default.name, default.lifecycle_stage) == ("Default", "active")
        assert store.get_experiment_by_name("Default") == default

    @pytest.mark.parametrize("name", NAMES)
    def test_any_name_comes_back_as_it_was(self, store, name):
        experiment_id = store.create_experiment(name, tags={"purpose": "test"})
        found = store.get_experiment(experiment_id)
        assert (found.name, dict(found.tags)) == (name, {"purpose": "test"})
        assert store.get_experiment_by_name(name) == found
        assert type(experiment_id) is str

    def test_names_that_differ_in_case_or_accents_are_different(self, store):
        made = [store.create_experiment(name) for name in ("Test", "test", "tést", "Test ")]
        assert len(set(made)) == 4
        assert store.get_experiment_by_name("test").experiment_id == made[1]

    def test_a_name_is_given_once(self, store, experiment):
        with pytest.raises(AlreadyExistsError, match=r"an experiment"):
            store.create_experiment("an experiment")
        store.delete_experiment(experiment)
        with pytest.raises(AlreadyExistsError, match=r"an experiment.*(restore|deleted)"):
            store.create_experiment("an experiment")

    def test_of_many_who_create_the_same_one_succeeds(self, store):
        def create(number):
            try:
                return store.create_experiment("contested")
            except AlreadyExistsError:
                return None

        with ThreadPoolExecutor(8) as pool:
            made = [one for one in pool.map(create, range(8)) if one]
        assert made == [store.get_experiment_by_name("contested").experiment_id]

    def test_a_place_for_artifacts_is_kept(self, store):
        experiment_id = store.create_experiment("elsewhere", artifact_location="s3://bucket/there")
        assert store.get_experiment(experiment_id).artifact_location == "s3://bucket/there"
        run = store.create_run(experiment_id)
        assert run.info.artifact_uri == f"s3://bucket/there/{run.info.run_id}/artifacts"

    def test_places_for_artifacts_differ_by_experiment(self, store, experiment):
        other = store.create_experiment("another")
        places = {store.get_experiment(one).artifact_location for one in (experiment, other, "0")}
        assert len(places) == 3

    def test_it_is_renamed(self, store, experiment):
        store.rename_experiment(experiment, "a better name")
        assert store.get_experiment(experiment).name == "a better name"
        assert store.get_experiment_by_name("an experiment") is None
        store.create_experiment("an experiment")
        with pytest.raises(AlreadyExistsError, match=r"an experiment"):
            store.rename_experiment(experiment, "an experiment")

    def test_deleted_and_restored_with_its_runs(self, store, experiment, run):
        gone_before = store.create_run(experiment).info.run_id
        store.delete_run(gone_before)
        store.delete_experiment(experiment)
        assert store.get_experiment(experiment).lifecycle_stage == "deleted"
        assert store.get_experiment_by_name("an experiment").lifecycle_stage == "deleted"
        assert store.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
        with pytest.raises(InvalidArgumentError, match=r"(deleted|active)"):
            store.create_run(experiment)
        with pytest.raises((InvalidArgumentError, NotFoundError), match=r"(deleted|active)"):
            store.rename_experiment(experiment, "x")
        store.restore_experiment(experiment)
        assert store.get_experiment(experiment).lifecycle_stage == "active"
        assert store.get_run(run.info.run_id).info.lifecycle_stage == "active"

    @pytest.mark.parametrize("missing", ["12345", "987654321987654321"])
    def test_one_that_is_not_there(self, store, missing):
        for ask in (
            store.get_experiment,
            store.delete_experiment,
            store.restore_experiment,
            store.create_run,
        ):
            with pytest.raises(NotFoundError, match=missing):
                ask(missing)
        assert store.get_experiment_by_name("nobody") is None

    def test_tags_are_set_changed_and_deleted(self, store, experiment):
        store.set_experiment_tag(experiment, "team", "a")
        store.set_experiment_tag(experiment, "team", "b")
        store.set_experiment_tag(experiment, "Größe/模型", "x" * 20_000)
        assert dict(store.get_experiment(experiment).tags) == {
            "team": "b",
            "Größe/模型": "x" * 20_000,
        }
        store.delete_experiment_tag(experiment, "team")
        assert "team" not in store.get_experiment(experiment).tags
        with pytest.raises(NotFoundError, match=r"team"):
            store.delete_experiment_tag(experiment, "team")

    @pytest.mark.parametrize("name", ["", " ", "a" * 501, "nul\0", "bell\x07", "\ud800", 7, None])
    def test_what_is_no_name_is_refused(self, store, name):
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.create_experiment(name)

    @pytest.mark.parametrize(
        ("filter_string", "found"),
        [
            (None, "abc"),
            ("", "abc"),
            ("name = 'b'", "b"),
            ("name != 'b'", "ac"),
            ("name LIKE 'B%'", ""),
            ("name ILIKE 'B%'", "b"),
            ("attribute.name LIKE '_'", "abc"),
            ("tags.team = 'x'", "a"),
            ("tags.`team` != 'x'", "b"),
            ("tag.team IS NULL", "c"),
            ("tags.team IS NOT NULL AND name = 'b'", "b"),
            ("creation_time > 0", "abc"),
            ("last_update_time < 5", ""),
        ],
    )
    def test_searched(self, store, filter_string, found):
        store.delete_experiment("0")
        for name, tags in (("a", {"team": "x"}), ("b", {"team": "y"}), ("c", {})):
            store.create_experiment(name, tags=tags)
        names = [one.name for one in store.search_experiments(filter_string=filter_string)]
        assert sorted(names) == sorted(found)

    def test_searched_in_order_and_by_pages(self, store):
        for name in "dacb":
            store.create_experiment(name)
        found = all_pages(store.search_experiments, max_results=2, order_by=["name DESC"])
        assert [one.name for one in found] == ["d", "c", "b", "a", "Default"]

    def test_searched_by_stage(self, store, experiment):
        store.delete_experiment(experiment)
        by_view = {
            view: {one.name for one in store.search_experiments(view)}
            for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
        }
        assert by_view == {1: {"Default"}, 2: {"an experiment"}, 3: {"Default", "an experiment"}}


class TestRuns:
    def test_a_run_says_what_it_is(self, store, experiment, run):
        info = run.info
        assert (info.experiment_id, info.user_id, info.start_time) == (experiment, "ada", SOME_TIME)
        assert (info.status, info.lifecycle_stage, info.end_time) == ("RUNNING", "active", None)
        assert info.run_name == "first"
        assert run.data.tags["mlflow.runName"] == "first"
        assert info.artifact_uri.endswith(f"/{info.run_id}/artifacts")
        assert store.get_run(info.run_id) == run

    def test_a_name_comes_from_the_tag_or_is_made_up(self, store, experiment):
        named = store.create_run(experiment, tags=[RunTag("mlflow.runName", "by tag")])
        assert named.info.run_name == "by tag"
        made_up = {store.create_run(experiment).info.run_name for _ in range(5)}
        assert len(made_up) > 1
        assert all(made_up)

    def test_two_names_that_differ_are_refused(self, store, experiment):
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.create_run(experiment, tags=[RunTag("mlflow.runName", "a")], run_name="b")

    def test_it_is_updated(self, store, run):
        run_id = run.info.run_id
        info = store.update_run(run_id, "FINISHED", SOME_TIME + 5, "renamed")
        assert (info.status, info.end_time, info.run_name) == (
            "FINISHED",
            SOME_TIME + 5,
            "renamed",
        )
        found = store.get_run(run_id)
        assert found.info == info
        assert found.data.tags["mlflow.runName"] == "renamed"
        store.set_tag(run_id, RunTag("mlflow.runName", "by tag"))
        assert store.get_run(run_id).info.run_name == "by tag"
        store.update_run(run_id, status="FAILED")
        assert store.get_run(run_id).info.run_name == "by tag"
        with pytest.raises(InvalidArgumentError, match=r"status"):
            store.update_run(run_id, status="SLEEPING")

    def test_deleted_and_restored(self, store, run):
        run_id = run.info.run_id
        store.log_metric(run_id, Metric("loss", 1.0, SOME_TIME, 0))
        store.delete_run(run_id)
        assert store.get_run(run_id).info.lifecycle_stage == "deleted"
        for log in (
            lambda: store.log_metric(run_id, Metric("loss", 2.0, SOME_TIME, 1)),
            lambda: store.log_param(run_id, Param("p", "1")),
            lambda: store.set_tag(run_id, RunTag("t", "1")),
            lambda: store.log_batch(run_id, [Metric("loss", 2.0, SOME_TIME, 1)]),
            lambda: store.update_run(run_id, "FINISHED"),
            lambda: store.log_outputs(run_id, [LoggedModelOutput("m-1", 0)]),
        ):
            with pytest.raises(InvalidArgumentError, match=r"(deleted|active)"):
                log()
        store.restore_run(run_id)
        assert store.get_run(run_id).info.lifecycle_stage == "active"
        assert store.get_run(run_id).data.metrics == {"loss": 1.0}

    def test_one_that_is_not_there(self, store):
        for ask in (
            store.get_run,
            store.delete_run,
            store.restore_run,
            lambda run_id: store.log_metric(run_id, Metric("a", 1.0, SOME_TIME, 0)),
            lambda run_id: store.log_batch(run_id, [Metric("a", 1.0, SOME_TIME, 0)]),
            lambda run_id: store.log_param(run_id, Param("a", "1")),
            lambda run_id: store.set_tag(run_id, RunTag("a", "1")),
            lambda run_id: store.delete_tag(run_id, "a"),
            lambda run_id: store.update_run(run_id, "FINISHED"),
            lambda run_id: store.get_metric_history(run_id, "a"),
        ):
            with pytest.raises(NotFoundError, match=MISSING_RUN):
                ask(MISSING_RUN)

    @pytest.mark.parametrize("bad", ["../../etc/passwd", "a/b", "", "x" * 300, "a\0b", "%2e%2e"])
    def test_what_is_no_id_finds_nothing(self, store, bad):
        with pytest.raises((NotFoundError, InvalidArgumentError), match=r"."):
            store.get_run(bad)
        with pytest.raises((NotFoundError, InvalidArgumentError), match=r"."):
            store.get_experiment(bad)
        with pytest.raises((NotFoundError, InvalidArgumentError), match=r"."):
            store.get_logged_model(bad)


class TestMetrics:
    @pytest.mark.parametrize(
        "value",
        [0.0, -0.0, 1.5, 1e-308, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 3],
    )
    def test_any_double_comes_back(self, store, run, value):
        run_id = run.info.run_id
        store.log_metric(run_id, Metric("m", value, SOME_TIME, 2))
        latest = store.get_run(run_id).data.metrics["m"]
        (point,) = store.get_metric_history(run_id, "m")
        assert (point.key, point.timestamp, point.step) == ("m", SOME_TIME, 2)
        for found in (latest, point.value):
            assert found == pytest.approx(value, rel=0, abs=0, nan_ok=True)
            assert type(found) is float

    def test_the_latest_is_of_the_largest_step_then_time_then_value(self, store, run):
        run_id = run.info.run_id
        for value, timestamp, step in (
            *((1.0, 10, 5), (9.0, 20, 3), (2.0, 11, 5), (1.5, 11, 5)),
            *((7.0, 5, 5), (8.0, 99, -1)),
        ):
            store.log_metric(run_id, Metric("m", value, timestamp, step))
        assert store.get_run(run_id).data.metrics == {"m": 2.0}
        (latest,) = store.get_run(run_id).data.latest_metrics
        assert (latest.value, latest.timestamp, latest.step) == (2.0, 11, 5)

    def test_the_latest_of_a_batch_is_found_likewise(self, store, run):
        run_id = run.info.run_id
        points = [Metric("m", float(step), SOME_TIME, step) for step in range(300)]
        store.log_batch(run_id, points[::-1])
        store.log_batch(run_id, [Metric("m", -1.0, SOME_TIME, 5), Metric("n", 1.0, SOME_TIME, 0)])
        assert store.get_run(run_id).data.metrics == {"m": 299.0, "n": 1.0}

    def test_history_is_whole_and_in_order(self, store, run):
        run_id = run.info.run_id
        points = [Metric("m", step / 7, SOME_TIME + step, step) for step in range(50)]
        store.log_batch(run_id, points[25:])
        store.log_batch(run_id, points[:25])
        assert [
            (one.value, one.timestamp, one.step) for one in store.get_metric_history(run_id, "m")
        ] == [(one.value, one.timestamp, one.step) for one in points]
        assert store.get_metric_history(run_id, "other") == []

    def test_history_by_pages(self, store, run):
        run_id = run.info.run_id
        store.log_batch(run_id, [Metric("m", float(i), SOME_TIME, i) for i in range(25)])
        found, token = [], None
        while True:
            page = store.get_metric_history(run_id, "m", 10, token)
            assert len(page) <= 10
            found += page
            token = page.token
            if not token:
                break
        assert [one.step for one in found] == list(range(25))

    def test_a_call_that_is_repeated_counts_once(self, store, run):
        run_id = run.info.run_id
        point = Metric("m", 0.1, SOME_TIME, 1)
        for _ in range(3):
            store.log_metric(run_id, point)
            store.log_batch(run_id, [point, point])
        assert len(store.get_metric_history(run_id, "m")) == 1

    def test_of_several_runs_at_once(self, store, experiment):
        first = run_with(store, experiment)
        second = run_with(store, experiment)
        for run_id in (first, second):
            store.log_batch(run_id, [Metric("m", float(i), SOME_TIME, i) for i in range(20)])
        found = store.get_metric_history_bulk([first, second], "m", start_step=5, end_step=9)
        assert {one.run_id for one in found} == {first, second}
        assert {one.step for one in found} == set(range(5, 10))
        assert len(store.get_metric_history_bulk([first], "m", max_results=5)) <= 7

    @pytest.mark.parametrize("key", ["a/b/c", "val loss", "Größe", "模型", "a.b-c:d_e", "k" * 250])
    def test_any_key(self, store, run, key):
        run_id = run.info.run_id
        store.log_batch(
            run_id, [Metric(key, 1.0, SOME_TIME, 0)], [Param(key, "v")], [RunTag(key, "t")]
        )
        data = store.get_run(run_id).data
        assert (data.metrics[key], data.params[key], data.tags[key]) == (1.0, "v", "t")
        assert [one.value for one in store.get_metric_history(run_id, key)] == [1.0]

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "a" * 251,
            "../up",
            "a/../b",
            "/a",
            "a//b",
            "a/",
            ".",
            "a\nb",
            "a'b",
            'a"b',
            "a`b",
            "a;b",
            "a\0",
            "a\\b",
            None,
        ],
    )
    def test_what_is_no_key_is_refused(self, store, run, key):
        run_id = run.info.run_id
        for log in (
            lambda: store.log_metric(run_id, Metric(key, 1.0, SOME_TIME, 0)),
            lambda: store.log_param(run_id, Param(key, "1")),
            lambda: store.set_tag(run_id, RunTag(key, "1")),
        ):
            with pytest.raises(InvalidArgumentError, match=r"key"):
                log()

    @pytest.mark.parametrize(
        ("metric", "problem"),
        [
            (Metric("m", "1", SOME_TIME, 0), r"number"),
            (Metric("m", True, SOME_TIME, 0), r"number"),
            (Metric("m", None, SOME_TIME, 0), r"number"),
            (Metric("m", 1.0, "now", 0), r"timestamp"),
            (Metric("m", 1.0, SOME_TIME, 1.5), r"step"),
            (Metric("m", 1.0, 2**63, 0), r"timestamp"),
            (Metric("m", 1.0, SOME_TIME, 2**63), r"step"),
        ],
    )
    def test_what_is_no_metric_is_refused(self, store, run, metric, problem):
        with pytest.raises(InvalidArgumentError, match=problem):
            store.log_metric(run.info.run_id, metric)
        assert store.get_run(run.info.run_id).data.metrics == {}

    def test_many_threads_lose_nothing(self, store, run):
        run_id = run.info.run_id

        def log(worker):
            for step in range(10):
                store.log_metric(
                    run_id, Metric(f"m{worker % 2}", float(worker), SOME_TIME, step + 100 * worker)
                )

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(log, range(8)))
        for key in ("m0", "m1"):
            assert len(store.get_metric_history(run_id, key)) == 40
        assert store.get_run(run_id).data.metrics == {"m0": 6.0, "m1": 7.0}


class TestParamsAndTags:
    def test_a_param_keeps_its_value(self, store, run):
        run_id = run.info.run_id
        store.log_param(run_id, Param("lr", "0.1"))
        store.log_param(run_id, Param("lr", "0.1"))
        with pytest.raises(InvalidArgumentError, match=r"lr.*0\.1.*0\.2"):
            store.log_param(run_id, Param("lr", "0.2"))
        with pytest.raises(InvalidArgumentError, match=r"lr"):
            store.log_batch(run_id, params=[Param("new", "1"), Param("lr", "0.2")])
        with pytest.raises(InvalidArgumentError, match=r"twice"):
            store.log_batch(run_id, params=[Param("twice", "1"), Param("twice", "2")])
        assert dict(store.get_run(run_id).data.params) == {"lr": "0.1"}

    def test_a_batch_is_logged_whole_or_not_at_all(self, store, run):
        run_id = run.info.run_id
        with pytest.raises(InvalidArgumentError, match=r"key"):
            store.log_batch(
                run_id,
                [Metric("m", 1.0, SOME_TIME, 0)],
                [Param("p", "1")],
                [RunTag("t", "1"), RunTag("", "no key")],
            )
        data = store.get_run(run_id).data
        assert (data.metrics, dict(data.params)) == ({}, {})
        assert "t" not in data.tags

    def test_values_come_back_to_the_byte(self, store, run):
        run_id = run.info.run_id
        values = {
            f"k{i}": text
            for i, text in enumerate(["", " x ", "ünï", "🦊", "a\nb\r\nc", "'\"\\%_", "NULL"])
        }
        store.log_batch(
            run_id,
            params=[Param(key, text) for key, text in values.items()],
            tags=[RunTag(key, text) for key, text in values.items()],
        )
        data = store.get_run(run_id).data
        assert dict(data.params) == values
        assert {key: data.tags[key] for key in values} == values

    def test_long_values_are_cut_unless_told_otherwise(self, store, run, monkeypatch):
        run_id = run.info.run_id
        store.log_batch(run_id, params=[Param("p", "x" * 7000)], tags=[RunTag("t", "y" * 9000)])
        data = store.get_run(run_id).data
        assert (data.params["p"], data.tags["t"]) == ("x" * 6000, "y" * 8000)

    @pytest.mark.parametrize(
        ("metrics", "params", "tags"), [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (950, 60, 0)]
    )
    def test_a_batch_has_a_size(self, store, run, metrics, params, tags):
        with pytest.raises(InvalidArgumentError, match=r"at most"):
            store.log_batch(
                run.info.run_id,
                [Metric(f"m{i}", 1.0, SOME_TIME, 0) for i in range(metrics)],
                [Param(f"p{i}", "1") for i in range(params)],
                [RunTag(f"t{i}", "1") for i in range(tags)],
            )

    def test_a_batch_of_the_largest_size(self, store, run):
        run_id = run.info.run_id
        store.log_batch(
            run_id,
            [Metric(f"m{i}", 1.0, SOME_TIME, 0) for i in range(800)],
            [Param(f"p{i}", "1") for i in range(100)],
            [RunTag(f"t{i}", "1") for i in range(100)],
        )
        data = store.get_run(run_id).data
        assert (len(data.metrics), len(data.params)) == (800, 100)

    def test_tags_are_set_changed_and_deleted(self, store, run):
        run_id = run.info.run_id
        store.set_tag(run_id, RunTag("t", "1"))
        store.set_tag(run_id, RunTag("t", "2"))
        assert store.get_run(run_id).data.tags["t"] == "2"
        store.delete_tag(run_id, "t")
        assert "t" not in store.get_run(run_id).data.tags
        with pytest.raises(NotFoundError, match=r"t"):
            store.delete_tag(run_id, "t")


class TestInputsAndOutputs:
    def test_what_a_run_used_and_made(self, store, experiment, run):
        run_id = run.info.run_id
        used = store.create_logged_model(experiment, "used")
        made = store.create_logged_model(experiment, "made", source_run_id=run_id)
        dataset = Dataset(
            "iris", "abc123", "local", '{"uri": "iris.csv"}', '{"s": 1}', '{"rows": 150}'
        )
        given = DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
        for _ in range(2):  # to note it again changes nothing
            store.log_inputs(run_id, [given], [LoggedModelInput(used.model_id)])
        store.log_outputs(run_id, [LoggedModelOutput(made.model_id, 3)])
        found = store.get_run(run_id)
        assert [(one.dataset, list(one.tags)) for one in found.inputs.dataset_inputs] == [
            (dataset, [InputTag("mlflow.data.context", "training")])
        ]
        assert list(found.inputs.model_inputs) == [LoggedModelInput(used.model_id)]
        assert list(found.outputs.model_outputs) == [LoggedModelOutput(made.model_id, 3)]

    def test_datasets_of_one_name_and_different_content(self, store, run):
        run_id = run.info.run_id
        for digest in ("a", "b"):
            store.log_inputs(run_id, [DatasetInput(Dataset("data", digest, "local", "{}"))])
        found = store.get_run(run_id).inputs.dataset_inputs
        assert sorted(one.dataset.digest for one in found) == ["a", "b"]


@pytest.fixture
def searched(store, experiment):
    """Five runs, a to e, from the oldest to the newest; letter to id."""
    found = {}
    for number, (letter, metrics, params, tags) in enumerate(
        [
            ("a", {"loss": 0.5, "acc": 0.9}, {"model": "tree", "depth": "3"}, {"team": "x"}),
            ("b", {"loss": 0.1}, {"model": "Tree"}, {"team": "y", "note": "100%_sure"}),
            ("c", {"loss": math.nan}, {"model": "net"}, {}),
            ("d", {}, {}, {"team": "x"}),
            ("e", {"loss": -2.0, "acc": 0.1}, {"model": "linear"}, {"a key/with.dots": "v"}),
        ]
    ):
        run_id = run_with(
            store,
            experiment,
            start_time=SOME_TIME + number,
            metrics=metrics,
            params=params,
            tags=tags,
        )
        store.update_run(run_id, run_name=f"run {letter}")
        found[letter] = run_id
    store.update_run(found["a"], "FINISHED", SOME_TIME + 100)
    store.log_inputs(
        found["b"],
        [
            DatasetInput(
                Dataset("iris", "d1", "local", "{}"), [InputTag("mlflow.data.context", "train")]
            )
        ],
    )
    store.log_inputs(
        found["c"],
        [
            DatasetInput(
                Dataset("wine", "d2", "local", "{}"), [InputTag("mlflow.data.context", "eval")]
            )
        ],
    )
    return found


class TestSearchingRuns:
    @pytest.mark.parametrize(
        ("filter_string", "found"),
        [
            (None, "abcde"),
            ("metrics.loss < 0.5", "be"),
            ("metrics.loss <= 0.5", "abe"),
            ("metric.loss > 0.1", "a"),
            ("metrics.`loss` >= 0.1", "ab"),
            ("metrics.loss = 0.1", "b"),
            ('metrics."loss" != 0.1', "ae"),
            ("metrics.loss > -3 AND metrics.acc < 0.5", "e"),
            ("metrics.loss < 1 and metrics.loss > -1", "ab"),
            ("metrics.nothing > 0", ""),
            ("params.model = 'tree'", "a"),
            ("params.model != 'tree'", "bce"),
            ("param.model LIKE 'tr%'", "a"),
            ("params.model ILIKE 'TR%'", "ab"),
            ("params.model LIKE '%e%'", "abce"),
            ("params.model LIKE 'n_t'", "c"),
            ("params.depth IS NULL", "bcde"),
            ("parameters.depth IS NOT NULL", "a"),
            ("tags.team = 'x'", "ad"),
            ("tags.team != 'x'", "b"),
            ("tag.team IS NULL", "ce"),
            ("tags.note LIKE '100\\%%'", ""),
            ("tags.note LIKE '100%'", "b"),
            ("tags.`a key/with.dots` = 'v'", "e"),
            ('tags."a key/with.dots" = "v"', "e"),
            ("tags.mlflow.runName = 'run a'", "a"),
            ("attributes.status = 'FINISHED'", "a"),
            ("status != 'FINISHED'", "bcde"),
            ("attributes.status LIKE 'RUN%'", "bcde"),
            ("run_name = 'run b'", "b"),
            ("attributes.`run name` = 'run b'", "b"),
            ("attribute.run_name ILIKE 'RUN %'", "abcde"),
            (f"start_time > {SOME_TIME + 2}", "de"),
            (f"attributes.start_time <= {SOME_TIME}", "a"),
            (f"attributes.end_time >= {SOME_TIME}", "a"),
            (f"created = {SOME_TIME + 1}", "b"),
            ("datasets.name = 'iris'", "b"),
            ("dataset.digest IN ('d1', 'd2')", "bc"),
            ("datasets.context LIKE 'ev%'", "c"),
            ("datasets.name = 'iris' AND datasets.context = 'eval'", ""),
            ("params.model = 'it''s' AND status = 'RUNNING'", ""),
            (
                "params.model = 'net' AND tags.`mlflow.runName` = 'run c' AND status = 'RUNNING'",
                "c",
            ),
            ('params.model = "tree\' OR 1=1 --"', ""),
        ],
    )
    def test_by_filter(self, store, experiment, searched, filter_string, found):
        result = store.search_runs([experiment], filter_string)
        assert sorted(ids(result)) == sorted(searched[letter] for letter in found)

    def test_by_lists_of_ids(self, store, experiment, searched):
        some = "', '".join([searched["a"], searched["c"]])
        assert set(ids(store.search_runs([experiment], f"run_id IN ('{some}')"))) == {
            searched["a"],
            searched["c"],
        }
        assert len(store.search_runs([experiment], f"attributes.run_id NOT IN ('{some}')")) == 3

    @pytest.mark.parametrize(
        ("order_by", "found"),
        [
            (None, "edcba"),
            (["start_time ASC"], "abcde"),
            (["metrics.loss"], "ebacd"),
            (["metrics.loss DESC"], "abecd"),
            (["metrics.`acc` ASC"], "eadcb"),
            (["params.model ASC", "start_time ASC"], "becad"),
            (["tags.team", "start_time DESC"], "dabec"),
            (["attributes.run_name DESC"], "edcba"),
            (["status ASC", "attribute.start_time DESC"], "aedcb"),
            (["attributes.end_time DESC"], "aedcb"),
        ],
    )
    def test_in_order(self, store, experiment, searched, order_by, found):
        result = ids(store.search_runs([experiment], order_by=order_by))
        letters = {run_id: letter for letter, run_id in searched.items()}
        assert "".join(letters[run_id] for run_id in result) == found

    @pytest.mark.parametrize("order_by", [None, ["metrics.loss"], ["tags.team DESC"]])
    def test_pages_hold_each_run_once(self, store, experiment, searched, order_by):
        whole = ids(store.search_runs([experiment], order_by=order_by))
        paged = all_pages(
            store.search_runs, experiment_ids=[experiment], order_by=order_by, max_results=2
        )
        assert ids(paged) == whole
        assert len(set(whole)) == 5

    def test_the_runs_come_with_all_that_get_run_gives(self, store, experiment, searched):
        for run in store.search_runs([experiment]):
            expected = store.get_run(run.info.run_id)
            assert run.info == expected.info
            assert dict(run.data.params) == dict(expected.data.params)
            assert dict(run.data.tags) == dict(expected.data.tags)
            assert run.data.metrics == pytest.approx(expected.data.metrics, nan_ok=True)
            assert len(run.inputs.dataset_inputs) == len(expected.inputs.dataset_inputs)

    def test_in_several_experiments(self, store, experiment, searched):
        other = store.create_experiment("other")
        elsewhere = run_with(store, other, metrics={"loss": 0.3}, start_time=SOME_TIME + 50)
        assert elsewhere not in ids(store.search_runs([experiment]))
        both = ids(store.search_runs([experiment, other], "metrics.loss < 0.5"))
        assert set(both) == {searched["b"], searched["e"], elsewhere}
        assert store.search_runs([]) == []
        assert store.search_runs(["424242"]) == []

    def test_by_stage(self, store, experiment, searched):
        store.delete_run(searched["a"])
        views = {
            view: set(ids(store.search_runs([experiment], view_type=view))) for view in (1, 2, 3)
        }
        assert views[2] == {searched["a"]}
        assert views[1] == set(searched.values()) - views[2]
        assert views[3] == set(searched.values())

    @pytest.mark.parametrize(
        "filter_string",
        [
            "metrics.loss < 'x'",
            "metrics.loss LIKE 'x'",
            "params.model > 'a'",
            "params.model = tree",
            "metrics.loss > 1 OR 1=1",
            "(metrics.loss > 1)",
            "nonsense",
            "attributes.__class__ = 'x'",
            "thing.x = 'y'",
            "' OR 1=1 --",
            '"; DROP TABLE runs;--',
            "metrics.loss > 1; DROP TABLE runs",
            "metrics.loss",
            "metrics.loss >",
            "datasets.rows = '1'",
            "metrics.loss > 1e999",
            "metrics.loss > 0x10",
            "metrics.loss > NaN",
            "params.a = 'unclosed",
            "AND",
            "metrics.loss > 1 AND",
            "metrics.loss > 1 /* comment */",
        ],
    )
    def test_a_filter_that_cannot_be_read_is_refused(self, store, experiment, filter_string):
        with pytest.raises(InvalidArgumentError, match=r"."):
            store.search_runs([experiment], filter_string)

    @pytest.mark.parametrize(
        "order_by",
        [
            ["metrics.a; DROP TABLE runs"],
            ["(SELECT 1)"],
            ["nonsense"],
            ["start_time SIDEWAYS"],
            ["datasets.name"],
            [""],
        ],
    )
    def test_an_order_that_cannot_be_read_is_refused(self, store, experiment, order_by):
        with pytest.raises(InvalidArgumentError, match=r"."):
            store.search_runs([experiment], order_by=order_by)

    @pytest.mark.parametrize(
        "page",
        [
            {"max_results": 0},
            {"max_results": -1},
            {"max_results": 2**31},
            {"page_token": "garbage"},
            {"page_token": "eyJvZmZzZXQiOiAtMX0="},
            {"page_token": "e30="},
        ],
    )
    def test_a_page_that_cannot_be_is_refused(self, store, experiment, page):
        with pytest.raises(InvalidArgumentError, match=r"(max_results|page token)"):
            store.search_runs([experiment], **page)


class TestLoggedModels:
    def test_a_model_from_begin_to_end(self, store, experiment, run):
        model = store.create_logged_model(
            experiment,
            "forest",
            source_run_id=run.info.run_id,
            tags={"team": "x"},
            params={"depth": "3"},
            model_type="classifier",
        )
        assert model.model_id.startswith("m-")
        assert (model.name, model.status) == ("forest", LoggedModelStatus.PENDING)
        assert (model.source_run_id, model.model_type) == (run.info.run_id, "classifier")
        assert (dict(model.tags), dict(model.params)) == ({"team": "x"}, {"depth": "3"})
        assert model.artifact_location.endswith(f"/models/{model.model_id}/artifacts")
        store.log_logged_model_params(model.model_id, {"trees": "10"})
        store.set_logged_model_tags(model.model_id, {"team": "y", "new": "1"})
        store.delete_logged_model_tag(model.model_id, "new")
        ready = store.finalize_logged_model(model.model_id, "READY")
        assert ready.status == LoggedModelStatus.READY
        found = store.get_logged_model(model.model_id)
        assert found.status == LoggedModelStatus.READY
        assert dict(found.tags) == {"team": "y"}
        assert dict(found.params) == {"depth": "3", "trees": "10"}
        with pytest.raises(NotFoundError, match=r"new"):
            store.delete_logged_model_tag(model.model_id, "new")

    def test_it_has_the_metrics_that_were_measured_of_it(self, store, experiment, run):
        run_id = run.info.run_id
        model = store.create_logged_model(experiment, "m", source_run_id=run_id)
        store.log_metric(
            run_id,
            Metric("acc", 0.9, SOME_TIME, 1, model.model_id, "iris", "d1"),
        )
        store.log_batch(run_id, [Metric("auc", 0.8, SOME_TIME, 0, model_id=model.model_id)])
        found = {one.key: one for one in store.get_logged_model(model.model_id).metrics}
        assert found["acc"].value == 0.9
        assert (found["acc"].dataset_name, found["acc"].dataset_digest) == ("iris", "d1")
        assert found["auc"].value == 0.8
        assert store.get_run(run_id).data.metrics == {"acc": 0.9, "auc": 0.8}

    def test_names_are_made_up_and_need_not_be_unique(self, store, experiment):
        assert store.create_logged_model(experiment).name
        first = store.create_logged_model(experiment, "same")
        second = store.create_logged_model(experiment, "same")
        assert first.model_id != second.model_id

    @pytest.mark.parametrize("name", ["a/b", "a:b", "..", "", "x\0"])
    def test_what_is_no_name_is_refused(self, store, experiment, name):
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.create_logged_model(experiment, name)

    def test_deleted(self, store, experiment):
        model = store.create_logged_model(experiment, "gone")
        store.delete_logged_model(model.model_id)
        with pytest.raises(NotFoundError, match=model.model_id):
            store.get_logged_model(model.model_id)
        assert store.search_logged_models([experiment]) == []

    @pytest.mark.parametrize(
        ("filter_string", "found"),
        [
            (None, "abc"),
            ("name = 'a'", "a"),
            ("name LIKE '_'", "abc"),
            ("name IN ('a', 'c')", "ac"),
            ("attributes.status = 'READY'", "a"),
            ("model_type = 'net'", "b"),
            ("params.depth = '3'", "a"),
            ("tags.team != 'x'", "b"),
            ("metrics.acc > 0.5", "b"),
            ("metrics.acc <= 0.5", "a"),
            ("creation_timestamp > 0", "abc"),
        ],
    )
    def test_searched(self, store, experiment, run, filter_string, found):
        models = {
            "a": store.create_logged_model(
                experiment, "a", params={"depth": "3"}, tags={"team": "x"}
            ),
            "b": store.create_logged_model(experiment, "b", model_type="net", tags={"team": "y"}),
            "c": store.create_logged_model(experiment, "c"),
        }
        store.finalize_logged_model(models["a"].model_id, "READY")
        for letter, value in (("a", 0.5), ("b", 0.75)):
            store.log_metric(
                run.info.run_id, Metric("acc", value, SOME_TIME, 0, models[letter].model_id)
            )
        result = store.search_logged_models([experiment], filter_string)
        assert sorted(one.name for one in result) == sorted(found)

    def test_searched_in_order_and_by_pages(self, store, experiment, run):
        for name, value in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
            model = store.create_logged_model(experiment, name)
            store.log_metric(run.info.run_id, Metric("acc", value, SOME_TIME, 0, model.model_id))
        store.create_logged_model(experiment, "none")
        found = all_pages(
            store.search_logged_models,
            experiment_ids=[experiment],
            order_by=[LoggedModelOrder("metrics.acc", ascending=False)],
            max_results=2,
        )
        assert [one.name for one in found] == ["b", "c", "a", "none"]


@pytest.fixture
def model(store):
    store.create_registered_model("fox", tags={"team": "x"}, description="finds foxes")
    return "fox"


class TestRegisteredModels:
    @pytest.mark.parametrize("name", [name for name in NAMES if '"' not in name])
    def test_any_name(self, store, name):
        made = store.create_registered_model(name, description="d")
        found = store.get_registered_model(name)
        assert (found.name, found.description) == (name, "d")
        assert found == made
        assert store.create_model_version(name, "s3://bucket/m").version == "1"

    @pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "..", "x\0", "a" * 257, None, 7])
    def test_what_is_no_name_is_refused(self, store, name):
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.create_registered_model(name)

    def test_a_name_is_given_once(self, store, model):
        with pytest.raises(AlreadyExistsError, match=r"fox.*already exists"):
            store.create_registered_model(model)
        store.create_registered_model("Fox")
        assert store.get_registered_model("Fox").name == "Fox"

    def test_described_renamed_and_deleted(self, store, model):
        assert store.update_registered_model(model, "new text").description == "new text"
        store.create_model_version(model, "s3://b/m", tags={"t": "1"})
        store.set_registered_model_alias(model, "best", "1")
        assert store.rename_registered_model(model, "wolf").name == "wolf"
        with pytest.raises(NotFoundError, match=r"fox"):
            store.get_registered_model("fox")
        assert store.get_model_version("wolf", "1").name == "wolf"
        assert store.get_model_version_by_alias("wolf", "best").version == "1"
        store.create_registered_model("taken")
        with pytest.raises(AlreadyExistsError, match=r"taken"):
            store.rename_registered_model("wolf", "taken")
        store.delete_registered_model("wolf")
        for ask in (
            store.get_registered_model,
            store.delete_registered_model,
            lambda name: store.create_model_version(name, "s3://b/m"),
            lambda name: store.get_model_version(name, "1"),
            store.get_latest_versions,
        ):
            with pytest.raises(NotFoundError, match=r"wolf"):
                ask("wolf")

    def test_tags(self, store, model):
        store.set_registered_model_tag(model, "stage", "x" * 50_000)
        assert dict(store.get_registered_model(model).tags) == {"team": "x", "stage": "x" * 50_000}
        store.delete_registered_model_tag(model, "stage")
        store.delete_registered_model_tag(model, "stage")
        assert dict(store.get_registered_model(model).tags) == {"team": "x"}

    @pytest.mark.parametrize(
        ("filter_string", "found"),
        [
            (None, ["Lynx", "ask", "fox", "foxes"]),
            ("name = 'fox'", ["fox"]),
            ("name LIKE 'fox%'", ["fox", "foxes"]),
            ("name ILIKE 'l%'", ["Lynx"]),
            ("name IN ('fox', 'Lynx')", ["Lynx", "fox"]),
            ("tags.team = 'x'", ["fox"]),
            ("tag.`team` != 'x'", ["foxes"]),
            # What MLflow's clients ask for; models without the tag are meant too.
            ("tag.`mlflow.prompt.is_prompt` != 'true'", ["Lynx", "fox", "foxes"]),
            ("name LIKE 'f%' AND tag.`mlflow.prompt.is_prompt` != 'true'", ["fox", "foxes"]),
            ("tag.`mlflow.prompt.is_prompt` = 'false'", ["Lynx", "fox", "foxes"]),
            ("tag.`mlflow.prompt.is_prompt` = 'true'", ["ask"]),
            ("tag.`mlflow.prompt.is_prompt` != 'false'", ["ask"]),
        ],
    )
    def test_searched(self, store, model, filter_string, found):
        store.create_registered_model("foxes", tags={"team": "y"})
        store.create_registered_model("Lynx")
        store.create_registered_model("ask", tags={"mlflow.prompt.is_prompt": "true"})
        result = store.search_registered_models(filter_string)
        assert sorted(one.name for one in result) == sorted(found)

    def test_searched_in_order_and_by_pages(self, store):
        for name in "cab":
            store.create_registered_model(name)
        found = all_pages(store.search_registered_models, max_results=2, order_by=["name DESC"])
        assert [one.name for one in found] == ["c", "b", "a"]
        assert [one.name for one in store.search_registered_models()] == ["a", "b", "c"]


class TestModelVersions:
    def test_a_version_says_what_it_is(self, store, model, run):
        version = store.create_model_version(
            model,
            "s3://bucket/model",
            run_id=run.info.run_id,
            tags={"checked": "yes"},
            run_link="http://elsewhere/run",
            description="the first",
        )
        assert (version.name, version.version, version.current_stage) == ("fox", "1", "None")
        assert (version.source, version.run_id) == ("s3://bucket/model", run.info.run_id)
        assert (version.status, version.description) == ("READY", "the first")
        assert version.run_link == "http://elsewhere/run"
        assert dict(version.tags) == {"checked": "yes"}
        assert store.get_model_version(model, "1") == version
        assert store.get_model_version_download_uri(model, "1") == "s3://bucket/model"

    def test_of_a_logged_model(self, store, model, experiment, run):
        logged = store.create_logged_model(experiment, "m", source_run_id=run.info.run_id)
        version = store.create_model_version(model, f"models:/{logged.model_id}")
        assert version.model_id == logged.model_id
        assert store.get_model_version_download_uri(model, "1") == logged.artifact_location

    def test_of_a_model_that_a_run_has_logged(self, store, model, experiment, run):
        run_id = run.info.run_id
        older, newer = (
            store.create_logged_model(experiment, "m", source_run_id=run_id) for _ in range(2)
        )
        gone = store.create_logged_model(experiment, "m", source_run_id=run_id)
        store.delete_logged_model(gone.model_id)
        other = store.create_logged_model(experiment, "other")
        for source, model_id, found, place in (
            ("m", older.model_id, older.model_id, older.artifact_location),
            ("m/files", older.model_id, older.model_id, f"{older.artifact_location}/files"),
            ("other", None, None, f"{run.info.artifact_uri}/other"),
            ("other", other.model_id, other.model_id, f"{run.info.artifact_uri}/other"),
            ("deep/m", None, None, f"{run.info.artifact_uri}/deep/m"),
        ):
            made = store.create_model_version(model, f"runs:/{run_id}/{source}", model_id=model_id)
            assert (made.source, made.model_id) == (f"runs:/{run_id}/{source}", found)
            assert store.get_model_version_download_uri(model, made.version) == place
        made = store.create_model_version(model, f"runs:/{run_id}/m")
        assert made.run_id == run_id
        # Either may be the newer one: times are milliseconds.
        known = {one.model_id: one.artifact_location for one in (older, newer)}
        place = store.get_model_version_download_uri(model, made.version)
        assert place == known[made.model_id]

    def test_numbers_are_dense_and_never_given_twice(self, store, model):
        assert [store.create_model_version(model, "s3://b/m").version for _ in range(3)] == [
            *("1", "2", "3")
        ]
        store.delete_model_version(model, "3")
        assert store.create_model_version(model, "s3://b/m").version == "4"

    def test_numbers_are_dense_among_threads(self, store, model):
        made = []

        def create():
            made.extend(store.create_model_version(model, "s3://b/m").version for _ in range(3))

        threads = [threading.Thread(target=create) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(int, made)) == list(range(1, 25))

    def test_described_tagged_and_deleted(self, store, model):
        store.create_model_version(model, "s3://b/m")
        assert store.update_model_version(model, "1", "text").description == "text"
        store.set_model_version_tag(model, "1", "k", "v")
        store.set_model_version_tag(model, "1", "k", "w")
        assert dict(store.get_model_version(model, "1").tags) == {"k": "w"}
        store.delete_model_version_tag(model, "1", "k")
        assert dict(store.get_model_version(model, "1").tags) == {}
        store.set_registered_model_alias(model, "best", "1")
        store.delete_model_version(model, "1")
        with pytest.raises(NotFoundError, match=r"fox.*1"):
            store.get_model_version(model, "1")
        assert dict(store.get_registered_model(model).aliases) == {}

    @pytest.mark.parametrize("version", ["0", "99", "x", "-1", "1.5", "", None, "1; DROP", "٣"])
    def test_one_that_is_not_there(self, store, model, version):
        with pytest.raises((NotFoundError, InvalidArgumentError), match=r"version"):
            store.get_model_version(model, version)

    def test_stages(self, store, model):
        for _ in range(3):
            store.create_model_version(model, "s3://b/m")
        assert store.transition_model_version_stage(model, "1", "production").current_stage == (
            "Production"
        )
        store.transition_model_version_stage(model, "2", "Production")
        store.transition_model_version_stage(
            model, "3", "Production", archive_existing_versions=True
        )
        stages = [store.get_model_version(model, one).current_stage for one in "123"]
        assert stages == ["Archived", "Archived", "Production"]
        with pytest.raises(InvalidArgumentError, match=r"Staging"):
            store.transition_model_version_stage(model, "1", "Somewhere")

    def test_the_latest_of_each_stage(self, store, model):
        for _ in range(4):
            store.create_model_version(model, "s3://b/m")
        store.transition_model_version_stage(model, "1", "Production")
        store.transition_model_version_stage(model, "2", "Staging")
        latest = {one.current_stage: one.version for one in store.get_latest_versions(model)}
        assert latest == {"None": "4", "Production": "1", "Staging": "2"}
        assert [one.version for one in store.get_latest_versions(model, ["staging"])] == ["2"]
        assert store.get_latest_versions(model, ["Archived"]) == []
        of_model = store.get_registered_model(model).latest_versions
        assert {one.version for one in of_model} == {"4", "1", "2"}
        store.transition_model_version_stage(model, "4", "Archived")
        latest = {one.current_stage: one.version for one in store.get_latest_versions(model)}
        assert latest == {"None": "3", "Production": "1", "Staging": "2", "Archived": "4"}

    def test_aliases_point_at_versions(self, store, model):
        for _ in range(2):
            store.create_model_version(model, "s3://b/m")
        store.set_registered_model_alias(model, "champion", "1")
        store.set_registered_model_alias(model, "best", "1")
        assert sorted(store.get_model_version(model, "1").aliases) == ["best", "champion"]
        store.set_registered_model_alias(model, "champion", "2")
        assert store.get_model_version_by_alias(model, "champion").version == "2"
        assert dict(store.get_registered_model(model).aliases) == {"best": "1", "champion": "2"}
        store.delete_registered_model_alias(model, "champion")
        store.delete_registered_model_alias(model, "champion")
        with pytest.raises(InvalidArgumentError, match=r"champion.*not found"):
            store.get_model_version_by_alias(model, "champion")
        with pytest.raises(NotFoundError, match=r"7"):
            store.set_registered_model_alias(model, "best", "7")

    @pytest.mark.parametrize(
        "alias", ["", "latest", "Latest", "v1", "V12", "a b", "a/b", "x" * 256, "a'b"]
    )
    def test_what_is_no_alias_is_refused(self, store, model, alias):
        store.create_model_version(model, "s3://b/m")
        with pytest.raises(InvalidArgumentError, match=r"alias"):
            store.set_registered_model_alias(model, alias, "1")

    def test_who_changed_what_when(self, store, model):
        for _ in range(2):
            store.create_model_version(model, "s3://b/m")
        store.set_registered_model_alias(model, "champion", "1")
        store.set_registered_model_alias(model, "champion", "2")
        store.transition_model_version_stage(model, "2", "Production")
        store.delete_registered_model_alias(model, "champion")
        changes = store.get_registry_history(model)
        assert [(one.kind, one.subject, one.before, one.after) for one in changes] == [
            ("alias", "champion", None, "1"),
            ("alias", "champion", "1", "2"),
            ("stage", "2", "None", "Production"),
            ("alias", "champion", "2", None),
        ]
        assert [one.at for one in changes] == sorted(one.at for one in changes)
        assert all(one.name == model and one.at > SOME_TIME for one in changes)

    @pytest.mark.parametrize(
        ("filter_string", "found"),
        [
            (None, ["fox 1", "fox 2", "owl 1"]),
            ("name = 'fox'", ["fox 1", "fox 2"]),
            ("name LIKE 'o%'", ["owl 1"]),
            ("name='fox' AND version_number > 1", ["fox 2"]),
            ("version_number = 1", ["fox 1", "owl 1"]),
            ("source_path = 's3://b/2'", ["fox 2"]),
            ("tags.t = '1'", ["owl 1"]),
            ("name IN ('owl', 'fox') AND tags.t != '2'", ["owl 1"]),
            ("run_id = 'RUN'", ["fox 2"]),
            ("run_id IN ('RUN', 'other')", ["fox 2"]),
        ],
    )
    def test_searched(self, store, model, run, filter_string, found):
        store.create_registered_model("owl")
        store.create_model_version("fox", "s3://b/1")
        store.create_model_version("fox", "s3://b/2", run_id=run.info.run_id)
        store.create_model_version("owl", "s3://b/3", tags={"t": "1"})
        text = filter_string and filter_string.replace("RUN", run.info.run_id)
        result = store.search_model_versions(text)
        assert sorted(f"{one.name} {one.version}" for one in result) == sorted(found)

    def test_searched_in_order_and_by_pages(self, store, model):
        store.create_registered_model("owl")
        for name in ("fox", "owl", "fox"):
            store.create_model_version(name, "s3://b/m")
        found = all_pages(
            store.search_model_versions, max_results=2, order_by=["name", "version_number DESC"]
        )
        assert [(one.name, one.version) for one in found] == [
            *(("fox", "2"), ("fox", "1"), ("owl", "1"))
        ]


class TestTheBin:
    def test_what_is_deleted_can_be_removed_for_good(self, store, experiment):
        try:
            store.purge()
        except UnsupportedByStoreError as exc:
            pytest.skip(str(exc))
        keep = run_with(store, experiment, metrics={"m": 1.0})
        gone = run_with(store, experiment, metrics={"m": 1.0}, params={"p": "1"})
        logged = store.create_logged_model(experiment, "m", params={"a": "b"})
        with pytest.raises(InvalidArgumentError, match=r"(deleted|active)"):
            store.purge(run_ids=[gone])
        store.delete_run(gone)
        store.delete_logged_model(logged.model_id)
        runs, experiments, models = store.deleted_before(2**62)
        assert (runs, experiments, models) == ([gone], [], [logged.model_id])
        assert store.deleted_before(0) == ([], [], [])
        places = store.artifacts_in_bin(run_ids=[gone], model_ids=[logged.model_id])
        assert places == {
            gone: store.get_run(gone).info.artifact_uri,
            logged.model_id: logged.artifact_location,
        }
        with pytest.raises(InvalidArgumentError, match=r"(deleted|active)"):
            store.artifacts_in_bin(experiment_ids=[experiment])
        store.purge(run_ids=[gone], model_ids=[logged.model_id])
        with pytest.raises(NotFoundError, match=gone):
            store.get_run(gone)
        assert store.get_run(keep).data.metrics == {"m": 1.0}
        uri = store.get_run(keep).info.artifact_uri
        assert uri.startswith(store.artifact_root)
        store.delete_experiment(experiment)
        assert store.artifacts_in_bin(experiment_ids=[experiment]) == {keep: uri}
        store.purge(experiment_ids=[experiment])
        with pytest.raises(NotFoundError, match=experiment):
            store.get_experiment(experiment)
        store.create_experiment("an experiment")
