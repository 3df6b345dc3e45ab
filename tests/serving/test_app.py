"""The application as a value: what it needs, and what goes wrong before a server runs."""

from __future__ import annotations

import pytest

import flavorkit
from flavorkit.errors import RequestError
from flavorkit.serving.app import create_app
from flavorkit.tables.strict_json import parse as parse_json
from flavorkit.web.listening import AddressError, bind


def test_one_model_for_now():
    with pytest.raises(ValueError, match="expected one model to serve, got 0"):
        create_app({})


def test_it_has_the_endpoints_of_mlflow(iris_folder):
    app = create_app({"iris": lambda: flavorkit.load_model(iris_folder)})
    mlflows = {"/ping", "/health", "/version", "/invocations"}
    ours = {"/health/live", "/health/ready", "/metrics"}
    assert {route.path for route in app.routes} == mlflows | ours


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "b": {"a": 2}}',
        b'[{"a": 1}, {"a": 1}]',
        b'{"a": "x: y", "b": "::"}',
        b'{"a": "\\u003a", "b": "\\\\u003a"}',
        b'{"a:b": 1, "a\\u003ac": 2}',
        b'{"dataframe_records": [{"a": 1}, {"b": 2}, 3]}',
        b"5",
    ],
)
def test_keys_that_stand_once_in_each_object_are_fine(text):
    assert parse_json(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": "\\u003a"}}',
        b'[[{"a": ":", "a": ""}]]',
        b'{"a": 1, "\\u0061": ":"}',
        b'{"dataframe_records": [{"a": 1}, {"a": {"b": 1, "b": 2}}]}',
    ],
)
def test_a_key_twice_in_one_object_is_refused(text):
    with pytest.raises(RequestError, match="twice in one object"):
        parse_json(text)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.0.0.1"])
def test_an_address_that_is_nobodys_is_an_error(host):
    with pytest.raises(AddressError, match=f"cannot listen on {host}:0"):
        bind(host, 0)
