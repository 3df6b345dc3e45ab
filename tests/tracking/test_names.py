"""What names, keys, values and numbers may be."""

from __future__ import annotations

import math

import pytest

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.entities import Metric, Param

# In many scripts, and with all that other systems have tripped over.
TEXTS = [
    *("plain", "with space", " padded ", "Größe", "模型", "نموذج", "🦊👩‍👩‍👧", "e\u0301", "é"),
    *("quo'te\"s", "50%_off", "a;b", "a#b", "a?b", "$(id)", "{{7*7}}", "<script>", "=HYPERLINK()"),
    *("CON", "-rf", "~", "null", "None", "0", "' OR 1=1 --", "\u202e"),
]
NOT_TEXT = [None, 7, 1.5, True, b"bytes", ["list"], {}]
UNSTORABLE = ["nul\0", "\ud800", "a\udfff"]
CONTROL = ["bell\x07", "a\nb", "a\tb", "a\r", "\x1b[31m", "\x7f", "\x85"]


@pytest.mark.parametrize("text", TEXTS)
def test_an_experiment_may_have_any_name(text):
    assert names.experiment_name(text) == text


@pytest.mark.parametrize("text", [*NOT_TEXT, *UNSTORABLE, *CONTROL, "", " ", "\u3000"], ids=ascii)
def test_what_cannot_be_seen_or_stored_is_no_name(text):
    for check in (names.experiment_name, names.model_name, names.alias):
        with pytest.raises(InvalidArgumentError, match=r"(name|alias)"):
            check(text)
    with pytest.raises(InvalidArgumentError, match=r"the key of a tag"):
        names.key(text, "tag")


@pytest.mark.parametrize(
    ("check", "limit"),
    [
        (names.experiment_name, names.MAX_EXPERIMENT_NAME),
        (names.model_name, names.MAX_MODEL_NAME),
        (names.alias, names.MAX_ALIAS),
        (lambda text: names.key(text, "tag"), names.MAX_KEY),
        (lambda text: names.value(text, "a value", 100), 100),
    ],
)
def test_a_length_is_of_characters_and_has_a_limit(check, limit):
    for letter in ("a", "ü", "模"):
        assert check(letter * limit) == letter * limit
        with pytest.raises(
            InvalidArgumentError, match=rf"at most {limit} characters, not {limit + 1}"
        ):
            check(letter * (limit + 1))


@pytest.mark.parametrize("text", [one for one in TEXTS if "/" not in one])
def test_a_model_may_have_any_name_of_one_step(text):
    assert names.model_name(text) == text


@pytest.mark.parametrize("text", ["a/b", "/", "../x", "a:b", "C:\\x", "a\\b", ".", "..", "..."])
def test_a_name_of_a_model_is_one_step_of_a_path(text):
    with pytest.raises(InvalidArgumentError, match=r"the name of a registered model has no '/'"):
        names.model_name(text)
    with pytest.raises(InvalidArgumentError, match=r"the name of a logged model has no '/'"):
        names.model_name(text, "logged model")


@pytest.mark.parametrize(
    "text",
    [
        *("loss", "val loss", "val/loss", "a.b-c_d:e", "größe/模型", "1", "-", "a/b/c", "...a"),
        *("mlflow.source.name", "~not".replace("~", "_"), "a..b", "CON"),
    ],
)
def test_a_key(text):
    assert names.key(text, "metric") == text


@pytest.mark.parametrize(
    "text",
    [
        *("/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "../../etc/passwd", "/"),
        *("a\\b", "a'b", 'a"b', "a`b", "a;b", "a%b", "a?b", "a*b", "a$b", "a<b", "a=b", "🦊"),
    ],
)
def test_what_is_no_key(text):
    with pytest.raises(InvalidArgumentError, match=r"^the key of a param is made of letters"):
        names.key(text, "param")


@pytest.mark.parametrize("text", ["champion", "v", "v1a", "a-b_c", "2024", "größe", "latest2"])
def test_an_alias(text):
    assert names.alias(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latest", r"would be mistaken for a version"),
        ("LATEST", r"would be mistaken for a version"),
        ("v1", r"would be mistaken for a version"),
        ("V22", r"would be mistaken for a version"),
        ("a b", r"made of letters, digits, '_' and '-'"),
        ("a/b", r"made of letters"),
        ("a.b", r"made of letters"),
        ("a@b", r"made of letters"),
        ("..", r"made of letters"),
    ],
)
def test_what_is_no_alias(text, message):
    with pytest.raises(InvalidArgumentError, match=message):
        names.alias(text)


def test_a_stage_is_spelled_in_any_case():
    assert [names.stage(text) for text in ("production", "STAGING", "None", "archived")] == [
        *("Production", "Staging", "None", "Archived"),
    ]
    for text in ("prod", "", None, 1, "Deleted_Internal"):
        with pytest.raises(InvalidArgumentError, match=r"a stage is one of None, Staging,"):
            names.stage(text)


def test_the_latest_are_asked_for_by_stage():
    assert names.stages_of_latest(["production"]) == ("Production",)
    assert set(names.stages_of_latest(None)) == {"None", "Staging", "Production", "Archived"}
    assert names.stages_of_latest([]) == names.stages_of_latest(None)
    with pytest.raises(InvalidArgumentError, match=r"a stage is one of"):
        names.stages_of_latest(["x"])


def test_a_status_of_a_run():
    assert names.run_status("FINISHED") == "FINISHED"
    for text in ("finished", "", None, 3, "DONE"):
        with pytest.raises(InvalidArgumentError, match=r"the status of a run is one of RUNNING"):
            names.run_status(text)


@pytest.mark.parametrize(
    ("given", "number"), [("1", 1), (7, 7), ("007", 7), (2**31 - 1, 2**31 - 1)]
)
def test_a_version(given, number):
    assert names.version_number(given) == number


@pytest.mark.parametrize(
    "given",
    [
        *("", "x", "1.0", "-1", -1, "+1", " 1", "1\n", "٣", "1_0", 2**31, str(2**31), "9" * 5_000),
        *(10**5_000, None, 1.0, True),
    ],
    ids=range(17),
)
def test_what_is_no_version(given):
    with pytest.raises(InvalidArgumentError, match=r"the version of a model is a number"):
        names.version_number(given)


@pytest.mark.parametrize("text", ["0", "a" * 32, "m-" + "b" * 32, "123456789012345678", "A-b_c"])
def test_an_id(text):
    assert names.identifier(text, "a run") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        ".",
        "a/b",
        "a\\b",
        "a.b",
        "a b",
        "a\n",
        "a\0",
        "%2e%2e",
        "ü",
        "a" * 65,
        None,
        7,
        b"a",
    ],
    ids=ascii,
)
def test_what_is_no_id(text):
    with pytest.raises(InvalidArgumentError, match=r"is no id of a run"):
        names.identifier(text, "a run")


def test_a_message_shows_no_more_than_the_beginning():
    for check in (names.model_name, names.alias, lambda text: names.identifier(text, "a run")):
        with pytest.raises(InvalidArgumentError, match=r".") as caught:
            check("a/" * 120)
        assert len(str(caught.value)) < 300


def test_a_value_is_any_text_that_can_be_stored():
    for text in (*TEXTS, *CONTROL, "", " ", "a\nb\r\n"):
        assert names.value(text, "a value", 100) == text
    for text in UNSTORABLE:
        with pytest.raises(
            InvalidArgumentError, match=r"a value (has no NUL|is not valid Unicode)"
        ):
            names.value(text, "a value", 100)
    for text in NOT_TEXT:
        with pytest.raises(InvalidArgumentError, match=r"a value is text, not "):
            names.value(text, "a value", 100)


@pytest.mark.parametrize(
    "variable", ["FLAVORKIT_TRUNCATE_LONG_VALUES", "MLFLOW_TRUNCATE_LONG_VALUES"]
)
def test_long_values_of_runs_are_cut_unless_told_otherwise(monkeypatch, variable):
    long = "x" * 9_000
    assert names.params([Param("p", long)]) == {"p": long[: names.MAX_PARAM_VALUE]}
    assert names.run_tag_value("t", long) == long[: names.MAX_RUN_TAG_VALUE]
    monkeypatch.setenv(variable, "false")
    with pytest.raises(InvalidArgumentError, match=r"the value of the param 'p' has at most 6000"):
        names.params([Param("p", long)])
    with pytest.raises(InvalidArgumentError, match=r"the tag 't' of a run has at most 8000"):
        names.run_tag_value("t", long)


def test_a_param_has_one_value():
    assert names.params([Param("a", "1"), Param("b", "2"), Param("a", "1")]) == {"a": "1", "b": "2"}
    with pytest.raises(
        InvalidArgumentError, match=r"the param 'a' has the value '1' and cannot be"
    ):
        names.params([Param("a", "1"), Param("a", "2")])


def test_tags_are_checked_by_key_and_value():
    assert names.tags({"a/b": "x"}, "run", 5) == {"a/b": "x"}
    with pytest.raises(InvalidArgumentError, match=r"the key of a tag of a run is made of"):
        names.tags({"../b": "x"}, "run", 5)
    with pytest.raises(InvalidArgumentError, match=r"the tag 'a' of a run has at most 5"):
        names.tags({"a": "x" * 6}, "run", 5)
    with pytest.raises(InvalidArgumentError, match=r"the tag 'a' of a run is text, not int"):
        names.tags({"a": 7}, "run", 5)


def test_a_metric_is_a_number():
    point = Metric("m", 0.5, 1, 2)
    assert names.metric(point) is point
    assert math.isnan(names.metric(Metric("m", math.nan, 1)).value)
    found = names.metric(Metric("m", 3, 1, 2, "m-1", "data", "digest", "run"))
    assert found == Metric("m", 3.0, 1, 2, "m-1", "data", "digest", "run")
    assert type(found.value) is float
    assert names.metric(Metric("m", -(10**400), 1)).value == -math.inf


@pytest.mark.parametrize("number", ["1", None, True, 1j, [1.0]], ids=repr)
def test_what_is_no_number_is_no_metric(number):
    with pytest.raises(InvalidArgumentError, match=r"the value of the metric 'm' is a number, not"):
        names.metric(Metric("m", number, 1))


@pytest.mark.parametrize(
    "number", [1.0, "1", None, True, 2**63, -(2**63) - 1, 10**5_000], ids=range(7)
)
def test_times_and_steps_are_integers_of_64_bits(number):
    with pytest.raises(
        InvalidArgumentError, match=r"the timestamp of the metric 'm' is an integer"
    ):
        names.metric(Metric("m", 1.0, number))
    with pytest.raises(InvalidArgumentError, match=r"the step of the metric 'm' is an integer"):
        names.metric(Metric("m", 1.0, 1, number))
    with pytest.raises(InvalidArgumentError, match=r"a time is an integer of 64 bits"):
        names.timestamp(number)
    assert names.timestamp(-(2**63)) == -(2**63)
    assert names.metric(Metric("m", 1.0, 2**63 - 1, -5)).step == -5


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((1_001, 0, 0), r"at most 1000 metrics, not 1001"),
        ((0, 101, 0), r"at most 100 params, not 101"),
        ((0, 0, 101), r"at most 100 tags, not 101"),
        ((900, 100, 1), r"at most 1000 metrics, params and tags together, not 1001"),
    ],
)
def test_a_batch_has_bounds(counts, message):
    with pytest.raises(InvalidArgumentError, match=message):
        names.check_batch(*([None] * count for count in counts))
    names.check_batch([None] * 800, [None] * 100, [None] * 100)


def test_new_ids_are_ids():
    assert len({names.new_run_id() for _ in range(100)}) == 100
    assert len(names.identifier(names.new_run_id(), "a run")) == 32
    assert names.identifier(names.new_model_id(), "a logged model").startswith("m-")


@pytest.mark.parametrize("text", ["a" * 50_000 + "!", "/" * 50_000, " " * 50_000, "a/" * 25_000])
def test_what_is_long_is_answered(text):
    for check in (
        *(names.experiment_name, names.model_name, names.alias, names.version_number, names.stage),
        *(
            names.run_status,
            lambda one: names.key(one, "tag"),
            lambda one: names.identifier(one, "x"),
        ),
    ):
        with pytest.raises(InvalidArgumentError, match=r"."):
            check(text)
