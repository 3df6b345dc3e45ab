"""JSON is read strictly, and what is no JSON for us is a request that cannot be read."""

import pytest

from flavorkit.errors import RequestError
from flavorkit.tables import strict_json


def nested(text, depth=1000):
    return "[" * depth + text + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        nested('"a"'),
        nested('"\\u003a"'),
        nested('{"\\u003a": 1, "\\u003a": 2}'),
        f'{{"a": {nested("1")}, "a": 2}}',
        f'{{"\\u003a": {nested("1")}, "\\u003a": 2}}',
    ],
)
def test_a_deep_text_is_refused_however_its_colons_are_written(text):
    with pytest.raises(RequestError, match=r"nested too deep"):
        strict_json.parse(text.encode())


def test_a_key_twice_is_named_however_its_colons_are_written():
    with pytest.raises(RequestError, match=r"the key ':' twice"):
        strict_json.parse(nested('{":": 1, "\\u003A": 2}', 100).encode())
