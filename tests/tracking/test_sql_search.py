"""How the store in a SQL database searches: by its indexes, and without running what users write."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from sqlalchemy import event

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import Metric, Param, RunTag
from flavorkit.tracking.search.order import LoggedModelOrder
from flavorkit.tracking.stores import open_store
from tests.tracking import databases


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url):
    store = open_store(url)
    yield store
    store.close()


def explained(store, search):
    """The plans of the statements of a search, and how many statements there were."""
    engine, statements = store._database.engine, []

    def note(connection, cursor, statement, parameters, context, many):
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    search()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = [
            [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            for text, values in statements
        ]
    return [" / ".join(plan) for plan in plans], len(statements)


class TestPlans:
    @pytest.fixture
    def experiment(self, store):
        experiment = store.create_experiment("searched")
        for number in range(20):
            run = store.create_run(experiment, start_time=number).info.run_id
            store.log_batch(
                run,
                [Metric("loss", number / 20, 1, 1), Metric("acc", 0.5, 1, 1)],
                [Param("p", str(number % 3))],
            )
        return experiment

    @pytest.mark.parametrize("order", ["ASC", "DESC"])
    @pytest.mark.parametrize("filter_string", [None, "metrics.loss < 0.5", "params.p = '1'"])
    def test_an_order_by_a_metric_follows_its_index(self, store, experiment, filter_string, order):
        plans, _ = explained(
            store,
            lambda: store.search_runs(
                [experiment], filter_string, order_by=[f"metrics.loss {order}"], max_results=5
            ),
        )
        (plan,) = [one for one in plans if "latest_metrics_values" in one]
        assert plan.startswith("SEARCH latest_metrics USING COVERING INDEX latest_metrics_values")
        assert "SEARCH runs USING INTEGER PRIMARY KEY" in plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan
        assert not any("SCAN" in one for one in plans)

    def test_few_runs_that_fit_are_found_by_the_index(self, store, experiment):
        plans, _ = explained(
            store, lambda: store.search_runs([experiment], "metrics.loss < 0.1 AND metrics.acc > 0")
        )
        assert any("SEARCH runs USING INTEGER PRIMARY KEY" in one for one in plans)
        assert not any("SCAN runs" in one or "SCAN latest" in one for one in plans)

    def test_the_newest_runs_are_read_off_their_index(self, store, experiment):
        plans, _ = explained(store, lambda: store.search_runs([experiment], max_results=5))
        assert "USING COVERING INDEX runs_newest" in plans[0]
        assert "TEMP B-TREE" not in plans[0]

    def test_a_page_takes_the_same_number_of_statements_whatever_its_length(
        self, store, experiment
    ):
        def statements(length):
            return explained(store, lambda: store.search_runs([experiment], max_results=length))[1]

        counts = {statements(length) for length in (1, 5, 20)}
        assert len(counts) == 1
        assert counts.pop() <= 12

    def test_pages_go_on_where_values_end(self, store, experiment):
        nan = store.create_run(experiment, start_time=50).info.run_id
        store.log_metric(nan, Metric("loss", float("nan"), 1, 1))
        without = [store.create_run(experiment, start_time=60 + n).info.run_id for n in range(3)]
        found, token = [], None
        while True:
            page = store.search_runs(
                [experiment], order_by=["metrics.loss DESC"], max_results=3, page_token=token
            )
            found += page
            token = page.token
            if not token:
                break
        losses = [one.data.metrics["loss"] for one in found[:20]]
        assert losses == sorted(losses, reverse=True)
        assert [one.info.run_id for one in found[20:]] == [nan, *reversed(without)]

    def test_many_that_fit_are_found_in_order(self, store, monkeypatch, experiment):
        from flavorkit.tracking.sql import run_search

        few = store.search_runs([experiment], "metrics.loss < 0.5", max_results=4)
        monkeypatch.setattr(run_search, "_FEW", 3)
        many = store.search_runs([experiment], "metrics.loss < 0.5", max_results=4)
        assert many == few
        assert [one.info.start_time for one in many] == [9, 8, 7, 6]


class TestText:
    """What users write is compared, and never run."""

    @pytest.fixture(
        params=[
            "sqlite",
            pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql")),
            pytest.param("mariadb", marks=pytest.mark.xdist_group("mariadb")),
        ]
    )
    def store(self, request, url):
        if request.param != "sqlite":
            url = databases.emptied(request.getfixturevalue(f"{request.param}_url"))
        store = open_store(url)
        yield store
        store.close()

    VALUES = (
        *("plain", "100%", "a_c", "abc", "back\\slash", "%", "_", "[x]", "*", "?", "x%\\y"),
        *("It's", '"quoted"', "ÄÖÜ", "äöü", "ПРИВЕТ", "привет", "'; DROP TABLE runs;--", "end "),
    )

    def test_patterns_mean_the_same_everywhere(self, store):
        from flavorkit.tracking.search.matching import like

        for value in self.VALUES:
            run = store.create_run("0").info.run_id
            store.set_tag(run, RunTag("t", value))
        for pattern in (*self.VALUES, "%", "a%", "_b_", "%\\%", "[x%", "*%", "%%%", "ä%", "ПР%"):
            if "'" in pattern:
                continue
            found = store.search_runs(["0"], f"tags.t LIKE '{pattern}'")
            assert sorted(one.data.tags["t"] for one in found) == sorted(
                value for value in self.VALUES if like(value, pattern)
            )
            found = store.search_runs(["0"], f"tags.t ILIKE '{pattern}'")
            assert sorted(one.data.tags["t"] for one in found) == sorted(
                value for value in self.VALUES if like(value.lower(), pattern.lower())
            )

    def test_every_value_equals_itself_alone(self, store):
        for value in self.VALUES:
            run = store.create_run("0").info.run_id
            store.set_tag(run, RunTag("t", value))
        for value in self.VALUES:
            quoted = value.replace("'", "''")
            found = store.search_runs(["0"], f"tags.t = '{quoted}'")
            assert [one.data.tags["t"] for one in found] == [value]

    @pytest.mark.parametrize(
        "filter_string",
        [
            "' OR 1=1 --",
            '"; DROP TABLE runs;--',
            "metrics.a > 1 OR 1=1",
            "attributes.__class__ = 'x'",
            "params.`a` = 'x' /* comment */",
            "metrics.a > 1e999",
            "metrics.a = 'x'",
            "tags.a LIKE '" + "%" * 10_000 + "'",
            "tags.a LIKE '" + "%a" * 6_000 + "'",
            "tags.a ILIKE '" + "_\\%" * 3_000 + "'",
            "run_id IN (" + ", ".join(["'x'"] * 1_000) + ")",
            "run_id IN (" + ", ".join(["'x'"] * 100_000) + ")",
            "(" * 10_000,
            " AND ".join(["tags.a = 'b'"] * 10_000),
            " AND ".join(["tags.a = 'b'"] * 60),
            "tags.a = '" + "x" * 1_000_000 + "'",
            "tags.a = '\0'",
            "tags.a = '\ud800'",
            "tags.`a'b\"` = 'x'",
            "metrics.`'; DROP TABLE metrics; --` > 1",
            "params.`\ud800` IS NULL",
            "tags.a = '\\'",
            "start_time > 99999999999999999999999",
            "start_time > 9999999999999999999",
            "start_time = -1.5",
        ],
        ids=itertools.count(),
    )
    def test_hostile_filters_do_nothing(self, store, filter_string):
        run = store.create_run("0").info.run_id
        for search in (
            lambda: store.search_runs(["0"], filter_string),
            lambda: store.search_experiments(filter_string=filter_string),
            lambda: store.search_registered_models(filter_string),
            lambda: store.search_model_versions(filter_string),
            lambda: store.search_logged_models(["0"], filter_string),
        ):
            with contextlib.suppress(InvalidArgumentError):
                search()
        assert [one.info.run_id for one in store.search_runs(["0"])] == [run]

    @pytest.mark.parametrize(
        "key", ["a'b", 'a"b', "a;b", "\ud800", "a\0b", "x" * 5_000, "a`b"], ids=range(7)
    )
    def test_hostile_orders_do_nothing(self, store, key):
        for part in ("metrics", "params", "tags"):
            with contextlib.suppress(InvalidArgumentError):
                store.search_runs(["0"], order_by=[f'{part}."{key}" DESC'])
            with contextlib.suppress(InvalidArgumentError):
                store.search_logged_models(["0"], order_by=[LoggedModelOrder(f"{part}.`{key}`")])
        assert store.search_runs(["0"]) == []
