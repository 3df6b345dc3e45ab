"""Filters and orders mean here what they mean to stock MLflow, but where we say otherwise."""

from __future__ import annotations

import pytest

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.search import fields
from flavorkit.tracking.search.grammar import parse_filter
from flavorkit.tracking.search.order import parse_order

ENTITIES = {
    entity.name: entity
    for entity in (
        fields.RUNS,
        fields.EXPERIMENTS,
        fields.REGISTERED_MODELS,
        fields.MODEL_VERSIONS,
        fields.LOGGED_MODELS,
    )
}

FILTERS = {
    "runs": r"""
        metrics.a > 1
        metric.a >= -1
        metrics.`a b` < 1e-5
        metrics."a.b/c" != .5
        metrics.a = 1.
        metrics.a <= 1E5
        metrics.a > +1
        metrics.a > 1e+5
        metrics.a > 0x10
        metrics.a > 1e999
        metrics.a > NaN
        metrics.a > '1'
        metrics.a.b > 1
        metrics.1a > 1
        metrics.1 > 1
        metrics.a-b > 1
        metrics.a/b > 1
        metrics.größe > 1
        metrics.学习率 > 1
        metrics.a$b > 1
        metrics.a>1 and metrics.b<2
        metrics.a > 1 AND metrics.b < 2 And metrics.c = 3
        metrics.a > 1 OR metrics.b < 2
        (metrics.a > 1)
        NOT metrics.a > 1
        metrics.a > 1;
        metrics.a > 1 --x
        metrics.a > 1 /* x */
        metrics.a <> 1
        metrics.a == 1
        metrics.a LIKE 'x'
        metrics.a BETWEEN 1 AND 2
        metrics.a > 1_000
        metrics. > 1
        Metrics.a > 1
        `metrics`.a > 1
        "metrics".a > 1
        metrics . a > 1
        params.a = 'x'
        param.a != "x"
        parameter.a LIKE '%x_'
        parameters.a ILIKE 'X'
        params.a like 'x'
        params.`a` = 'x'
        params.`a``b` = 'x'
        params.a IS NULL
        params.a is not null
        params.a IN ('x')
        params.a NOT LIKE 'x'
        params.a = 1
        params.a = x
        params.a = `x`
        params.a = 'it''s'
        params.a = "say ""hi"" x"
        params.a = 'a\'b'
        params.a = 'C:\'
        params.a = 'C:\' AND params.b = 'x'
        params.a = 'a"b'
        params.a = ''
        params.a = 'x' 'y'
        params.a = N'x'
        params.a = ?
        params.a > 'x'
        params.order = 'x'
        params.from = 'x'
        params.and = 'x'
        params.null = 'x'
        tags.mlflow.source.name = 'x'
        tags.`mlflow.note.content` != 'x'
        tag.a = 'x'
        tags."a'b" = 'x'
        tags.a IS NULL AND tags.b IS NOT NULL
        attributes.status = 'FINISHED'
        attr.status LIKE 'F%'
        run.status ILIKE 'f%'
        status = 'FINISHED'
        status IN ('FINISHED')
        run_id IN ('a', 'b')
        run_id in ('a',)
        run_id NOT IN ('a','b')
        run_id IN ()
        run_id IN ('a' 'b')
        run_id IN ("a", 'b')
        run_id IN (1)
        `run name` = 'x'
        "run name" = 'x'
        attributes."Run Name" LIKE 'x'
        run name = 'x'
        user_id = 'me'
        artifact_uri LIKE 's3://%'
        start_time > 1000
        end_time <= 1.5
        created > 1
        Created < 99999999999999999999999
        start_time > '5'
        run_uuid = 'x'
        attributes.__class__ = 'x'
        datasets.name = 'x'
        dataset.digest LIKE 'x%'
        datasets.context IN ('train','eval')
        datasets.context NOT IN ('x')
        datasets.profile = 'x'
        foo.bar = 'x'
        'x' = params.a
        params.a = params.b
        params.a
        AND
        metrics.a > 1 AND
        AND metrics.a > 1
        metrics.a > 1 metrics.b > 2
        metrics.a > 1 AND AND metrics.b > 2
        metrics.a > 1 AND run_id IN ('a') AND params.x IS NULL AND status = 'F'
    """,
    "experiments": """
        name = 'x'
        name LIKE 'x%'
        name ILIKE "X"
        name IN ('a')
        experiment_id IN ('1','2')
        experiment_id = '1'
        attribute.name = 'x'
        attributes.name = 'x'
        creation_time > 5
        creation_time LIKE 'x'
        last_update_time <= 5
        tags.a = 'x'
        tag.`a b` IS NULL
        name IS NULL
        name = 'x' AND tags.a != 'y'
        metrics.a > 1
        experiment_id = 1
    """,
    "registered models": """
        name = 'x'
        name ilike 'a'
        name IN ('a','b')
        attribute.name = 'x'
        tags.a = 'x'
        tag.a LIKE 'x'
        tags.`mlflow.prompt.is_prompt` != 'true'
        tags.a IS NULL
        creation_timestamp > 5
        run_id = 'x'
    """,
    "model versions": """
        name = 'x'
        name IN ('a')
        run_id IN ('a','b')
        source_path LIKE 's3%'
        version_number >= 3 AND name = 'x'
        version_number = '3'
        version = 3
        tag.`a` ILIKE 'x'
        attribute.run_id = 'x'
        tags.a IS NULL
        current_stage = 'Production'
    """,
    "logged models": """
        name = 'x'
        name like 'x%'
        name IN ('a','b')
        name NOT IN ('a')
        model_type = 'agent'
        status = 'READY'
        attributes.name = 'x'
        creation_time > 5
        creation_timestamp_ms > 5
        last_updated_timestamp > 5
        last_updated_time > 5
        metrics.a > 0.5
        metrics.`a b` > 0.5
        metrics.a > 'x'
        params.a ILIKE 'x'
        params.a IN ('x','y')
        tags.`a.b` = 'x'
        param.a = 'x'
        metric.a > 1
        name = "x"
        name = 'x' AND metrics.a > 1 AND params.b = 'c'
        tags.a IS NULL
    """,
}

# Where we are not MLflow, and why.
NO_SUCH_NAME = "no key is empty or has a backtick in it"
HALF_A_FILTER = "MLflow overlooks an AND too many or too few; we say so"
ONE_QUOTE = "MLflow looks for two quotes; doubling is how SQL writes one"
OTHERWISE = {
    "metrics.a > 1e999": "MLflow finds nothing; the number is larger than any",
    "metrics. > 1": NO_SUCH_NAME,
    "params.`a``b` = 'x'": NO_SUCH_NAME,
    "params.a = 'it''s'": ONE_QUOTE,
    'params.a = "say ""hi"" x"': ONE_QUOTE,
    "run_id IN ('a' 'b')": "MLflow reads it as Python, where two texts side by side are one",
    "Created < 99999999999999999999999": "an integer of 64 bits, as those it is compared with",
    "AND": HALF_A_FILTER,
    "metrics.a > 1 AND": HALF_A_FILTER,
    "AND metrics.a > 1": HALF_A_FILTER,
    "metrics.a > 1 metrics.b > 2": HALF_A_FILTER,
    "metrics.a > 1 AND AND metrics.b > 2": HALF_A_FILTER,
    'name = "x"': "MLflow takes double quotes for a part of the name of a logged model",
}

# What MLflow refuses, and nobody could mean otherwise.
WIDER = {
    *("metrics.a > +1", "metrics.a > 1e+5", "metrics.a > 1;", "metrics.a <> 1", "metrics.a == 1"),
    *('"metrics".a > 1', "metrics . a > 1", "params.from = 'x'", "params.a IN ('x')"),
    *("status IN ('FINISHED')", "start_time > '5'", "name IN ('a')", "attributes.name = 'x'"),
    *("tags.a IS NULL", "param.a = 'x'", "metric.a > 1"),
}

ORDERS = {
    "runs": """
        metrics.a
        metric.a desc
        metrics.`a b` DESC
        metrics."a b"
        params.a
        tag.`a.b` asc
        start_time DESC
        attributes.start_time
        attr.end_time
        run.run_id
        created
        Created desc
        run_name
        lifecycle_stage
        metrics.a FOO
        metrics.a DESC NULLS LAST
        metrics.a, metrics.b
        metrics.a; DROP TABLE runs
        metrics.a.b desc
        foo.a
        (SELECT 1)
        attributes.__class__
    """,
    "experiments": """
        name
        experiment_id DESC
        creation_time ASC
        attribute.name
        foo
    """,
    "registered models": """
        name DESC
        last_updated_timestamp desc
        creation_timestamp
        description
    """,
    "model versions": """
        version_number DESC
        creation_timestamp
        last_updated_timestamp ASC
        run_id
    """,
}


def lines(table):
    return [
        pytest.param(ENTITIES[name], line.strip(), id=f"{name}: {line.strip()}")
        for name, text in table.items()
        for line in text.strip().splitlines()
    ]


@pytest.fixture(scope="module")
def theirs(mlflow):
    """MLflow's class for an entity."""
    from mlflow.utils import search_utils

    return {
        "runs": search_utils.SearchUtils,
        "experiments": search_utils.SearchExperimentsUtils,
        "registered models": search_utils.SearchModelUtils,
        "model versions": search_utils.SearchModelVersionUtils,
    }


def translated(entity, kind, key):
    """A field in our words."""
    kind = {"metrics": "metric", "params": "param", "parameter": "param"}.get(kind, kind)
    kind = {"tags": "tag", "attributes": "attribute"}.get(kind, kind)
    if kind == "attribute" and key in entity.numbers:
        key = entity.numbers[key]
    elif kind == "attribute" and key in entity.texts:
        key = entity.texts[key]
    return kind, key


def by_mlflow(entity, text, theirs):
    """What stock MLflow makes of a filter; None if it refuses it."""
    from mlflow.utils.search_logged_model_utils import parse_filter_string

    try:
        if entity is fields.LOGGED_MODELS:
            return [
                (*translated(entity, one.entity.type.value, one.entity.key), one.op, one.value)
                for one in parse_filter_string(text)
            ]
        parser = theirs[entity.name]
        found = []
        for one in parser.parse_search_filter(text):
            kind, key, operator, value = (
                *(one["type"], one["key"], one["comparator"].upper()),
                one["value"],
            )
            # Some operators are only refused when runs are compared.
            checks = (parser.is_metric, parser.is_param, parser.is_tag, parser.is_dataset)
            of_attribute = (parser.is_string_attribute, parser.is_numeric_attribute)
            assert any(check(kind, operator) for check in checks) or any(
                check(kind, key, operator) for check in of_attribute
            )
            if kind == "metric" or (key == "version_number" and isinstance(value, str)):
                value = float(value)
            found.append((*translated(entity, kind, key), operator, value))
    except Exception:  # noqa: BLE001 - MLflow refuses with errors of any kind
        return None
    return found


def by_us(entity, text):
    try:
        return [
            (str(one.field.kind), one.field.key, one.operator, one.value)
            for one in parse_filter(text, entity)
        ]
    except InvalidArgumentError:
        return None


@pytest.mark.parametrize(("entity", "text"), lines(FILTERS))
def test_a_filter_means_the_same(entity, text, theirs):
    mine, stock = by_us(entity, text), by_mlflow(entity, text, theirs)
    if text in OTHERWISE and mine != stock:
        return
    if stock is None and text in WIDER:
        assert mine is not None
        return
    assert mine == stock


def test_every_difference_is_one(theirs):
    """A reason without a difference would be out of date."""
    for text in OTHERWISE:
        assert any(
            by_us(ENTITIES[name], text) != by_mlflow(ENTITIES[name], text, theirs)
            for name, table in FILTERS.items()
            if text in table
        ), text


@pytest.mark.parametrize(("entity", "text"), lines(ORDERS))
def test_an_order_means_the_same(entity, text, theirs):
    parser = theirs[entity.name]
    parse = {
        "runs": "parse_order_by_for_search_runs",
        "experiments": "parse_order_by_for_search_experiments",
        "registered models": "parse_order_by_for_search_registered_models",
        "model versions": "parse_order_by_for_search_model_versions",
    }[entity.name]
    try:
        kind, key, ascending = getattr(parser, parse)(text)
        stock = (*translated(entity, kind, key), ascending)
    except Exception:  # noqa: BLE001 - MLflow refuses with errors of any kind
        stock = None
    try:
        (mine,) = parse_order([text], entity, ())
        mine = (str(mine.field.kind), mine.field.key, mine.ascending)
    except InvalidArgumentError:
        mine = None
    assert mine == stock
