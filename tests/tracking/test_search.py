"""The grammar of the searches: what a filter, an order and a page token mean, and what is refused."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass, field

import pytest

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.search import grammar, matching, order, pages
from flavorkit.tracking.search.fields import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    Field,
    Kind,
)
from flavorkit.tracking.search.grammar import parse_filter
from flavorkit.tracking.search.matching import like, matches, ordered
from flavorkit.tracking.search.order import LoggedModelOrder, parse_order


def parsed(text, entity=RUNS):
    return [
        (str(one.field.kind), one.field.key, one.operator, one.value)
        for one in parse_filter(text, entity)
    ]


MEANINGS = {
    # keys
    "metrics.loss < 0.1": ("metric", "loss", "<", 0.1),
    "metric.loss < 0.1": ("metric", "loss", "<", 0.1),
    "metrics.`val loss` >= 1": ("metric", "val loss", ">=", 1.0),
    'metrics."val/loss" >= 1': ("metric", "val/loss", ">=", 1.0),
    "metrics.val.loss > 1": ("metric", "val.loss", ">", 1.0),
    "metrics.2nd > 1": ("metric", "2nd", ">", 1.0),
    "metrics.größe > 1": ("metric", "größe", ">", 1.0),
    "metrics.学习率 > 1": ("metric", "学习率", ">", 1.0),
    "params.model = 'tree'": ("param", "model", "=", "tree"),
    "parameters.model = 'tree'": ("param", "model", "=", "tree"),
    "params.select = 'from'": ("param", "select", "=", "from"),
    "params.and = 'and'": ("param", "and", "=", "and"),
    "tags.mlflow.source.name = 'x'": ("tag", "mlflow.source.name", "=", "x"),
    "tag.`a'b` = 'x'": ("tag", "a'b", "=", "x"),
    "tags.\"a'b\" = 'x'": ("tag", "a'b", "=", "x"),
    "status = 'FINISHED'": ("attribute", "status", "=", "FINISHED"),
    "attributes.status = 'FINISHED'": ("attribute", "status", "=", "FINISHED"),
    "run.status = 'FINISHED'": ("attribute", "status", "=", "FINISHED"),
    "attr.`Run name` = 'x'": ("attribute", "run_name", "=", "x"),
    "\"run name\" = 'x'": ("attribute", "run_name", "=", "x"),
    "Created > 5": ("attribute", "start_time", ">", 5),
    "dataset.digest = 'x'": ("dataset", "digest", "=", "x"),
    # operators
    "metrics.a != 1": ("metric", "a", "!=", 1.0),
    "metrics.a <> 1": ("metric", "a", "!=", 1.0),
    "metrics.a == 1": ("metric", "a", "=", 1.0),
    "metrics.a>1": ("metric", "a", ">", 1.0),
    "params.a like '%x'": ("param", "a", "LIKE", "%x"),
    "params.a iLiKe '%x'": ("param", "a", "ILIKE", "%x"),
    "params.a is null": ("param", "a", "IS NULL", None),
    "tags.a IS NOT NULL": ("tag", "a", "IS NOT NULL", None),
    "run_id IN ('a', \"b\",)": ("attribute", "run_id", "IN", ("a", "b")),
    "run_id NOT IN ('a')": ("attribute", "run_id", "NOT IN", ("a",)),
    "datasets.context in ('train')": ("dataset", "context", "IN", ("train",)),
    # values
    "metrics.a > -1": ("metric", "a", ">", -1.0),
    "metrics.a > .5": ("metric", "a", ">", 0.5),
    "metrics.a > 1.": ("metric", "a", ">", 1.0),
    "metrics.a > 1E-5": ("metric", "a", ">", 1e-5),
    "start_time > 1.5": ("attribute", "start_time", ">", 1.5),
    "start_time > '15'": ("attribute", "start_time", ">", 15),
    "start_time > 99999999999999999999": ("attribute", "start_time", ">", 2**63 - 1),
    "start_time > -99999999999999999999": ("attribute", "start_time", ">", -(2**63)),
    "start_time > 0.00000000000000000000001": ("attribute", "start_time", ">", 1e-23),
    "params.a = ''": ("param", "a", "=", ""),
    'params.a = "x\'s"': ("param", "a", "=", "x's"),
    "params.a = 'it''s'": ("param", "a", "=", "it's"),
    "params.a = 'C:\\'": ("param", "a", "=", "C:\\"),
    r"params.a = 'a\'b'": ("param", "a", "=", r"a\'b"),
    "params.a = 'a\nb'": ("param", "a", "=", "a\nb"),
    " params.a = 'x' ; ": ("param", "a", "=", "x"),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_condition_means(text):
    assert parsed(text) == [MEANINGS[text]]


def test_conditions_are_joined_with_and():
    assert parsed("metrics.a > 1 AND params.b = 'AND' and\n status != 'FAILED'") == [
        ("metric", "a", ">", 1.0),
        ("param", "b", "=", "AND"),
        ("attribute", "status", "!=", "FAILED"),
    ]


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_no_filter_lets_all_through(text):
    assert parsed(text) == []


@pytest.mark.parametrize(
    ("entity", "text", "meaning"),
    [
        (EXPERIMENTS, "name LIKE 'x%'", ("attribute", "name", "LIKE", "x%")),
        (EXPERIMENTS, "last_update_time > 5", ("attribute", "last_update_time", ">", 5)),
        (EXPERIMENTS, "tags.a IS NULL", ("tag", "a", "IS NULL", None)),
        (REGISTERED_MODELS, "name IN ('a', 'b')", ("attribute", "name", "IN", ("a", "b"))),
        (REGISTERED_MODELS, "tag.a ILIKE 'x'", ("tag", "a", "ILIKE", "x")),
        (MODEL_VERSIONS, "version_number >= 3", ("attribute", "version_number", ">=", 3)),
        (MODEL_VERSIONS, "version_number = '3'", ("attribute", "version_number", "=", 3)),
        (MODEL_VERSIONS, "source_path = 's3://x'", ("attribute", "source_path", "=", "s3://x")),
        (LOGGED_MODELS, "creation_time > 5", ("attribute", "creation_timestamp", ">", 5)),
        (LOGGED_MODELS, "creation_timestamp_ms > 5", ("attribute", "creation_timestamp", ">", 5)),
        (LOGGED_MODELS, "params.a IN ('x', 'y')", ("param", "a", "IN", ("x", "y"))),
        (LOGGED_MODELS, "metrics.a > 0.5", ("metric", "a", ">", 0.5)),
    ],
)
def test_every_entity_has_its_fields(entity, text, meaning):
    assert parsed(text, entity) == [meaning]


REFUSED = {
    "metrics.a > 1 OR metrics.b > 1": r"expected AND or the end before 'OR'",
    "(metrics.a > 1)": r"expected a name before '\('",
    "NOT metrics.a > 1": r"runs have no attribute 'NOT' here",
    "metrics.a > 1 AND": r"expected a name at the end",
    "metrics.a > 1 metrics.b > 1": r"expected AND or the end before 'metrics'",
    "metrics.a": r"expected a comparison at the end",
    "metrics.": r"expected a name at the end",
    "metrics.a-b > 1": r"unexpected '-b > 1'",
    "metrics.a BETWEEN 1 AND 2": r"expected a comparison before 'BETWEEN'",
    "metrics.a LIKE 'x'": r"metric 'a' of runs is compared with !=, <, <=, =, >, >=, not with LIKE",
    "metrics.a IS NULL": r"not with IS NULL",
    "metrics.a > 'x'": r"metric 'a' is compared with a number; expected one before",
    "metrics.a > '1'": r"is compared with a number",
    "metrics.a > x": r"is compared with a number; expected one before 'x'",
    "metrics.a > NaN": r"is compared with a number",
    "metrics.a > 0x10": r"is compared with a number",
    "metrics.a > 1e999": r"'1e999' is larger than any number",
    "start_time > 'x'": r"attribute 'start_time' is compared with a number",
    "params.a = 1": r"expected text in quotes before '1'",
    "params.a = x": r"expected text in quotes before 'x'",
    "params.a = `x`": r"expected text in quotes",
    "params.a > 'x'": r"param 'a' of runs is compared with .*, not with >",
    "params.a = 'x": r"unexpected \"'x\"",
    "params.a NOT LIKE 'x'": r"expected IN before 'LIKE'",
    "params.a IS 'x'": r"expected NULL before",
    "run_id IN ()": r"expected text in quotes before '\)'",
    "run_id IN ('a' 'b')": r"expected \) or , before",
    "run_id IN 'a'": r"expected a list in parentheses",
    "run_id IN (1)": r"expected text in quotes before '1'",
    "status IS NULL": r"attribute 'status' of runs is compared with",
    "foo.a = 'x'": r"runs are not searched by 'foo'; what stands before the dot is one of attr,",
    "lifecycle_stage = 'x'": r"runs have no attribute 'lifecycle_stage' here; there is Created,",
    "datasets.profile = 'x'": r"datasets are searched by name, digest and context, not by 'profile'",
    "metrics.a > 1 -- really": r"expected AND or the end|unexpected '-- really'",
    "metrics.a > 1 /* */": r"unexpected",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_filter_is_refused_with_a_message(text):
    with pytest.raises(InvalidArgumentError, match=REFUSED[text]):
        parse_filter(text, RUNS)


@pytest.mark.parametrize(
    ("entity", "text", "message"),
    [
        (EXPERIMENTS, "metrics.a > 1", r"experiments are not searched by 'metrics'"),
        (REGISTERED_MODELS, "run_id = 'x'", r"registered models have no attribute 'run_id' here"),
        (REGISTERED_MODELS, "creation_timestamp > 1", r"have no attribute 'creation_timestamp'"),
        (MODEL_VERSIONS, "version = 3", r"model versions have no attribute 'version' here"),
        (LOGGED_MODELS, "datasets.name = 'x'", r"logged models are not searched by 'datasets'"),
    ],
)
def test_an_entity_has_no_fields_of_others(entity, text, message):
    with pytest.raises(InvalidArgumentError, match=message):
        parse_filter(text, entity)


ATTACKS = [
    "' OR 1=1 --",
    '"; DROP TABLE runs;--',
    "metrics.a > 1 OR 1=1",
    "metrics.a > 1; DROP TABLE runs",
    "attributes.__class__ = 'x'",
    "__class__ = 'x'",
    "metrics.a = 'x'",
    "metrics.a > (SELECT 1)",
    "params.a = CHAR(65)",
    "params.a = 0x41",
    "params.a = \u2018x\u2019",
    "metrics.a > \uff11\uff10 OR 1",
    "params.a = 'x' UNION SELECT * FROM runs",
    "run_id IN (SELECT run_id FROM runs)",
    "params.a = 'x' ESCAPE '\\'",
    "params.a = 'x\\",
    "\0",
    "params.a = \0",
    "\ud800 = 'x'",
    "(" * 10_000,
    "((" * 10_000 + "metrics.a > 1" + "))" * 10_000,
    "metrics.a > 1" + " AND metrics.a > 1" * 10_000,
    "run_id IN (" + ",".join(["'a'"] * 5_000) + ")",
    "params.a = '" + "x" * 1_000_000 + "'",
    "metrics.a > " + "9" * 60_000,
]


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_is_refused(text):
    with pytest.raises(InvalidArgumentError, match=r"."):
        parse_filter(text, RUNS)


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "'; DROP TABLE runs;--", "%", "\\", "\u202e", "{{7*7}}", "$(id)"]
)
def test_text_in_quotes_is_nothing_but_text(value):
    quoted = value.replace("'", "''")
    assert parsed(f"params.a = '{quoted}'") == [("param", "a", "=", value)]
    assert parsed(f"tags.`{value}` = 'x'") == [("tag", value, "=", "x")]


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 50_000 + "!", "1" * 50_000 + "a", "1" * 25_000 + "." + "1" * 25_000 + "a"),
        *("1e" + "1" * 50_000 + "x", " " * 50_000 + "!", "'" * 50_001, '"' * 50_001),
        *("'" + "\\" * 50_000, "'" + "\\'" * 25_000, "'" + "''" * 25_000, "`" * 50_001),
        *("a." * 25_000, "." * 50_000, "," * 50_000, "a AND " * 8_000, "metrics." * 6_000),
        *("metrics.a > -" + "-" * 50_000, "metrics.a > 1" + "e1" * 25_000, "<" * 50_000),
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_what_is_long_and_wrong_is_answered(text):
    """Each is the worst for some expression of the tokens; none of them may take more than once
    through the text."""
    with pytest.raises(InvalidArgumentError, match=r"."):
        parse_filter(text, RUNS)
    with pytest.raises(InvalidArgumentError, match=r"."):
        parse_order([text], RUNS, order.RUNS_LAST)


def test_a_filter_has_bounds():
    most = " AND ".join(["metrics.a > 1"] * grammar.MAX_COMPARISONS)
    assert len(parse_filter(most, RUNS)) == grammar.MAX_COMPARISONS
    with pytest.raises(InvalidArgumentError, match=r"at most 100 conditions"):
        parse_filter(f"{most} AND metrics.a > 1", RUNS)
    listed = ", ".join(["'a'"] * grammar.MAX_LIST)
    assert parse_filter(f"run_id IN ({listed})", RUNS)
    with pytest.raises(InvalidArgumentError, match=r"at most 1000 values"):
        parse_filter(f"run_id IN ({listed}, 'a')", RUNS)
    text = "x" * (grammar.MAX_LENGTH - len("params.a = ''"))
    assert parse_filter(f"params.a = '{text}'", RUNS)
    with pytest.raises(InvalidArgumentError, match=r"at most 65536 characters"):
        parse_filter(f"params.a = '{text}x'", RUNS)


def test_a_message_shows_no_more_than_the_beginning():
    with pytest.raises(InvalidArgumentError, match=r"^cannot read .{200,}") as caught:
        parse_filter("params.a = " + "x" * 60_000, RUNS)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("term", "meaning"),
    [
        ("metrics.loss", ("metric", "loss", True)),
        ("metrics.`val loss` DESC", ("metric", "val loss", False)),
        ("params.a asc", ("param", "a", True)),
        ("tags.a.b desc", ("tag", "a.b", False)),
        ("start_time", ("attribute", "start_time", True)),
        ("attributes.created DESC", ("attribute", "start_time", False)),
        (" status ", ("attribute", "status", True)),
        ("metrics.desc desc", ("metric", "desc", False)),
    ],
)
def test_an_order_means(term, meaning):
    first, *rest = parse_order([term], RUNS, order.RUNS_LAST)
    assert (str(first.field.kind), first.field.key, first.ascending) == meaning
    assert {one.field.key for one in (first, *rest)} >= {"start_time", "run_id"}


def test_an_order_is_complete_and_has_each_field_once():
    terms = parse_order(["start_time", "start_time DESC"], RUNS, order.RUNS_LAST)
    assert [(one.field.key, one.ascending) for one in terms] == [
        ("start_time", True),
        ("run_id", True),
    ]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("metrics.a; DROP TABLE runs", r"expected ASC or DESC or the end"),
        ("(SELECT 1)", r"expected a name before '\('"),
        ("metrics.a, metrics.b", r"expected ASC or DESC or the end before ','"),
        ("metrics.a DESC NULLS LAST", r"expected ASC or DESC or the end before 'NULLS'"),
        ("attributes.__class__", r"runs have no attribute '__class__' here"),
        ("datasets.name", r"runs are not ordered by datasets"),
        ("foo.a", r"runs are not searched by 'foo'"),
        ("", r"expected a name at the end"),
        ("1", r"expected a name before '1'"),
    ],
)
def test_an_order_is_refused_with_a_message(term, message):
    with pytest.raises(InvalidArgumentError, match=message):
        parse_order([term], RUNS, order.RUNS_LAST)


def test_an_order_has_bounds():
    with pytest.raises(InvalidArgumentError, match=r"at most 20 terms"):
        parse_order(["start_time"] * 21, RUNS, order.RUNS_LAST)


def test_logged_models_are_ordered_by_a_metric_on_a_dataset():
    term = LoggedModelOrder("metrics.`a b`", False, "data", "digest").parsed()
    assert term == order.Order(Field(Kind.METRIC, "a b", is_number=True), ascending=False)
    with pytest.raises(InvalidArgumentError, match=r"dataset_digest needs a dataset_name"):
        LoggedModelOrder("metrics.a", dataset_digest="x").parsed()
    with pytest.raises(InvalidArgumentError, match=r"a dataset_name goes with a metric only"):
        LoggedModelOrder("name", dataset_name="x").parsed()
    with pytest.raises(InvalidArgumentError, match=r"logged models have no attribute 'foo'"):
        LoggedModelOrder("foo").parsed()


def test_a_page_token_leads_to_the_next_page():
    assert pages.offset_of(None) == pages.offset_of("") == 0
    assert pages.offset_of(pages.token_of(7)) == 7
    assert json.loads(base64.b64decode(pages.token_of(7))) == {"offset": 7}
    assert pages.offset_of(pages.token_of(7, of=["1"]), of=["1"]) == 7


def forged(content):
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        *("x", "????", "\ud800", "\u00e4", "a" * 100_001, base64.b64encode(b"\xff").decode()),
        *(forged(one) for one in (7, [], {}, None, "x", {"offset": -1}, {"offset": 2**31 + 1})),
        *(forged(one) for one in ({"offset": "7"}, {"offset": 7.0}, {"offset": True})),
        *(forged(one) for one in ({"offset": None}, {"offset": [7]}, {"offset": 7, "x": 1})),
        base64.b64encode(b"[" * 100_000).decode(),
        base64.b64encode(b'{"offset": ' + b"9" * 100_000 + b"}").decode(),
        base64.b64encode(b'{"offset": NaN}').decode(),
        pages.token_of(7, of=["2"]),
    ],
    ids=ascii,
)
def test_a_forged_page_token_is_refused(token):
    with pytest.raises(InvalidArgumentError, match=r"the page token is (not one that a|one of)"):
        pages.offset_of(token)


def test_a_page_token_is_good_for_its_search_only():
    with pytest.raises(InvalidArgumentError, match=r"the page token is one of another search"):
        pages.offset_of(pages.token_of(7, of=["2"]), of=["1"])


@pytest.mark.parametrize("number", [0, -1, 1001, 2**31, 1.0, "5", True, None])
def test_a_page_has_a_length(number):
    with pytest.raises(InvalidArgumentError, match=r"max_results is from 1 to 1000, not"):
        pages.check_max_results(number, 1000)
    assert pages.check_max_results(1000, 1000) == 1000


@dataclass
class Thing:
    metrics: dict = field(default_factory=dict)
    texts: dict = field(default_factory=dict)
    datasets: tuple = ()
    name: str = ""


def get(thing, of):
    if of.kind is Kind.DATASET:
        return thing.datasets
    values = thing.metrics if of.kind is Kind.METRIC else thing.texts
    return values.get(of.key)


THING = Thing({"a": 1.5, "nan": math.nan}, {"b": "Tree", "empty": ""}, ("train", "eval"))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("metrics.a > 1", True),
        ("metrics.a < 1.5", False),
        ("metrics.a <= 1.5 AND metrics.a >= 1.5 AND metrics.a = 1.5", True),
        ("metrics.a != 1.5", False),
        ("metrics.missing != 1", False),
        ("metrics.nan != 1", False),
        ("metrics.nan > 1", False),
        ("metrics.nan <= 1", False),
        ("params.b = 'Tree'", True),
        ("params.b = 'tree'", False),
        ("params.b LIKE 'T%'", True),
        ("params.b LIKE 't%'", False),
        ("params.b ILIKE 't%'", True),
        ("params.missing != 'x'", False),
        ("params.missing IS NULL", True),
        ("params.missing IS NOT NULL", False),
        ("params.empty IS NULL", False),
        ("params.empty = ''", True),
        ("params.b IN ('x', 'Tree')", True),
        ("params.b NOT IN ('x', 'Tree')", False),
        ("params.missing NOT IN ('x')", False),
        ("datasets.context = 'eval'", True),
        ("datasets.context = 'test'", False),
        ("datasets.context != 'eval'", True),
        ("datasets.context IN ('x', 'eval')", True),
        ("metrics.a > 1 AND params.b = 'x'", False),
    ],
)
def test_a_thing_matches(text, holds):
    assert matches(THING, parse_filter(text, RUNS), get) is holds


def test_what_has_no_tag_of_prompts_is_no_prompt():
    """MLflow's clients add such a condition to every search of registered models."""
    for text, holds in (("!= 'true'", True), ("= 'false'", True), ("= 'true'", False)):
        comparisons = parse_filter(f"tags.`{matching.PROMPT_TAG}` {text}", REGISTERED_MODELS)
        assert matches(Thing(), comparisons, get) is holds
    prompt = Thing(texts={matching.PROMPT_TAG: "true"})
    comparisons = parse_filter(f"tags.`{matching.PROMPT_TAG}` != 'true'", REGISTERED_MODELS)
    assert not matches(prompt, comparisons, get)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "bc", False),
        ("abc", "a_c", True),
        ("abc", "____", False),
        ("abc", "%", True),
        ("", "%", True),
        ("", "", True),
        ("", "_", False),
        ("abc", "%%%c", True),
        ("abc", "%b%", True),
        ("abcabc", "a%bc", True),
        ("abcab", "a%bc", False),
        ("aab", "%ab", True),
        ("a%b", "a%b", True),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
        ("a[b", "a[_", True),
        ("a\nb", "a%b", True),
        ("a\n", "a", False),
        ("a\\b", "a\\b", True),
        ("xaxbx", "%a%b%", True),
        ("xbxax", "%a%b%", False),
        ("aaa", "%a_a%", True),
        ("\U0001f600", "_", True),
    ],
)
def test_text_is_like_a_pattern(text, pattern, fits):
    assert like(text, pattern) is fits


@pytest.mark.parametrize(
    "pattern",
    ["%" * 10_000 + "x", "%a" * 10_000, "%_" * 4_000 + "b", "a%" * 5_000 + "b", "_" * 60_000],
    ids=range(5),
)
def test_a_pattern_of_any_kind_is_answered(pattern):
    assert not like("a" * 8_000, pattern)


def test_no_value_comes_last_and_nan_before_it():
    values = [2.0, None, math.nan, -math.inf, 1.0]
    things = [Thing({} if value is None else {"a": value}) for value in values]
    for direction, first in (("ASC", [-math.inf, 1.0, 2.0]), ("DESC", [2.0, 1.0, -math.inf])):
        orders = parse_order([f"metrics.a {direction}"], RUNS, ())
        found = [thing.metrics.get("a") for thing in ordered(things, orders, get)]
        assert found[:3] == first
        assert math.isnan(found[3])
        assert found[4] is None


def test_later_terms_decide_between_equals():
    things = [Thing({"a": a}, {"b": b}) for a, b in ((1, "x"), (1, "y"), (0, "z"))]
    orders = parse_order(["metrics.a DESC", "params.b DESC"], RUNS, ())
    assert [thing.texts["b"] for thing in ordered(things, orders, get)] == ["y", "x", "z"]
