"""What may name an image, a package, a variable: and what is refused before anything is written."""

from __future__ import annotations

import pytest

from flavorkit.docker import names
from flavorkit.docker.names import Image
from flavorkit.errors import InvalidArgumentError

DIGEST = "sha256:" + "0" * 64

# Out of the advisories on tools that write Dockerfiles.
HOSTILE = [
    "python:3.11\nRUN id",
    "python:3.11\rRUN id",
    "--platform=x y",
    "-t x",
    "a;id",
    "a$(id)",
    "${VAR}",
    "$HOME",
    "`id`",
    "A=1\nRUN id",
    "A B",
    "python:3.11 AS x",
    "python:3.11\x00",
    "pyth\u03bfn:3.11",  # a Greek letter
    "../../etc",
    '"quoted"',
    "ONBUILD RUN id",
    "",
    " ",
    "\\",
    "a" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_names_no_image(text):
    with pytest.raises(InvalidArgumentError, match=r"is no name of an image"):
        Image.parse(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_platform(text):
    with pytest.raises(InvalidArgumentError, match=r"is no platform"):
        names.platform(text)


@pytest.mark.parametrize("text", [*HOSTILE[:-1], "../x.deb", "/tmp/x.deb", "-o", "libgomp1 curl"])
def test_hostile_text_is_no_package(text):
    with pytest.raises(InvalidArgumentError, match=r"is no package of Debian's"):
        names.apt_package(text)


@pytest.mark.parametrize("text", [*HOSTILE, "A-B=1", "1A=2", "=x", "A B=1", "A\n=1"])
def test_hostile_text_is_no_variable(text):
    with pytest.raises(InvalidArgumentError, match=r"is no environment variable|do not print"):
        names.variable(text)


@pytest.mark.parametrize("text", [*HOSTILE, "a b=1", "A=1", '"x"=1', "a$b=1", "a\n=1", "=1"])
def test_hostile_text_is_no_label(text):
    with pytest.raises(InvalidArgumentError, match=r"is no label|do not print"):
        names.label(text)


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in HOSTILE if "://" not in text),
        "ftp://example.com",
        "file:///etc",
        "https://example.com/\nRUN id",
        "https://example.com/$(id)",
        "https://example.com/?a=1",
    ],
)
def test_hostile_text_is_no_index(text):
    with pytest.raises(InvalidArgumentError, match=r"is no URL of a package index"):
        names.index_url(text)


def test_a_password_does_not_come_into_a_file():
    with pytest.raises(InvalidArgumentError, match=r"pass them with --netrc FILE") as raised:
        names.index_url("https://ada:s3cret@example.com/simple")
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    "text",
    [
        "model",
        "team/model:1",
        "registry.example.com:5000/team/model:1.2-rc_3",
        "localhost:5000/model",
        f"python@{DIGEST}",
        f"python:3.11-slim@{DIGEST}",
    ],
)
def test_images_are_named_as_registries_name_them(text):
    assert str(Image.parse(text)) == text


def test_the_error_says_that_names_are_in_lower_case():
    with pytest.raises(InvalidArgumentError, match=r"names of images are in lower case"):
        Image.parse("Team/Model")


def test_what_is_well_formed_passes():
    assert names.platform("linux/arm64/v8") == "linux/arm64/v8"
    assert names.apt_package("libgomp1=12.2.0-14+deb12u1") == "libgomp1=12.2.0-14+deb12u1"
    assert names.variable("A=b=c $x") == ("A", "b=c $x")
    assert names.label("com.example.team=search 😀") == ("com.example.team", "search 😀")
    assert names.index_url("https://example.com:8443/simple/") == "https://example.com:8443/simple/"


def test_a_value_longer_than_engines_take_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"longer than 32768 characters"):
        names.variable("A=" + "x" * 40_000)
