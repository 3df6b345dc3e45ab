"""Only the plain part of YAML is read, and it means what it means to MLflow."""

import pytest
import yaml

from flavorkit import strict_yaml
from flavorkit.errors import DescriptorError


def read(text):
    return strict_yaml.loads(text if isinstance(text, bytes) else text.encode(), path="MLmodel")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        "a: {b: [1, 2.5, x, 'y', true, null, ~]}",
        "a: 12:30:45\nb: no\nc: 1_000\nd: 0o17\ne: 017\nf: 1e3\ng: .inf",
        "a: 2026-01-31\nb: 2026-01-31 12:00:00",
        "- a\n-\n  - b",
        'a: "quoted \\u00e9"\nb: |\n  two\n  lines\n',
        "2: x\ntrue: y",
    ],
)
def test_plain_documents_mean_what_they_mean_to_mlflow(text):
    assert read(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x [1]\nb: *x", "line 1: anchors and aliases"),
        ("a: *x", "anchors and aliases|undefined alias"),
        ("a: {<<: {b: 1}}", "line 1: merge keys"),
        ("!!python/object/apply:os.system [id]", "line 1: tags are not allowed"),
        ("a: !!python/name:os.system x", "line 1: tags"),
        ("a: !!str 1", "line 1: tags"),
        ("a: !custom {}", "line 1: tags"),
        ("%TAG ! tag:x,2000:\n---\n!y z", "tags"),
        ("a: 1\na: 2", "line 2: the key 'a' stands twice"),
        ("{a: 1, a: 2}", "stands twice"),
        ("? [a]\n: b", "a key must be a plain value"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("[" * 100_000, "nested deeper than 32"),
        ("{a: " * 100_000, "nested deeper than 32"),
        ("\n".join("  " * n + "a:" for n in range(100)), "nested deeper than 32"),
        ("a: [", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: 2026-99-99", "month must be in"),
        ("a: " + "9" * 5000, "line 1"),
        ("a: 0x" + "f" * 5000, "too long for a number"),
        ("a: " + "1:" * 5000 + "1", "too long for a number"),
        ("1.5: a", "is not text"),
        (f"{2**61 - 1}: a", "is not text"),
        (b"a: \xff", "not UTF-8"),
        (b"x" * (strict_yaml.MAX_BYTES + 1), "larger than"),
    ],
)
def test_everything_else_is_refused_at_once(text, problem):
    with pytest.raises(DescriptorError, match=problem) as caught:
        read(text)
    assert len(str(caught.value)) < 1000


def test_what_is_written_reads_back_the_same():
    value = {"b": [1, None, "x: y", {"c": "é\n"}], "a": {"z": 1.5}}
    text = strict_yaml.dumps(value)
    assert read(text) == value
    assert text == yaml.safe_dump(value, default_flow_style=False)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DescriptorError, match=r"gone\.yaml: .*not found"):
        strict_yaml.read(tmp_path / "gone.yaml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DescriptorError, match="cannot be read"):
        strict_yaml.read(tmp_path)
