"""What may stand in a Dockerfile, on the command line of an engine, and in a deployment.

Each kind of text has a grammar, and whatever does not fit it is refused before anything is written
or started. Nothing is quoted that could be refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError

# The grammar of https://github.com/distribution/reference.
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*(?::[0-9]{{1,5}})?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MAX_IMAGE_NAME = 255
_PLATFORM = re.compile(r"linux/[a-z0-9]+(?:/v[0-9]+)?")
# The names of Debian's packages, perhaps with the version wanted (Debian policy, section 5.6).
_APT_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+:~-]+)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Label keys as Docker recommends them: of reverse domains, in lower case.
_LABEL = re.compile(r"[a-z0-9]+(?:[./_-][a-z0-9]+)*")
# The part of a URL before its path: no user, and so no password either.
_INDEX_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/%+-]*)?")
# A password may have slashes, though it must not.
_SECRET = re.compile(r"\w+://.*@", re.DOTALL)
# A label of RFC 1123. Services of Kubernetes before 1.34, and those of KServe, begin with a letter.
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
MAX_TEXT = 32 * 1024


@dataclass(frozen=True)
class Image:
    """The name of an image: where it is, its tag, its digest."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Image:
        """The image that ``text`` names, as in ``registry.example.com/team/model:1``.

        Raises:
            InvalidArgumentError: no image can be called that.
        """
        match = _IMAGE.fullmatch(text)
        if match is None or len(match["name"]) > _MAX_IMAGE_NAME:
            hint = "" if text == text.lower() else "; names of images are in lower case"
            raise InvalidArgumentError(
                f"{text!r} is no name of an image, such as registry.example.com/team/model:1{hint}"
            )
        return cls(match["name"], match["tag"], match["digest"])

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


def platform(text: str) -> str:
    """A platform to build for, as in ``linux/arm64``.

    Raises:
        InvalidArgumentError: it is none.
    """
    if not _PLATFORM.fullmatch(text):
        raise InvalidArgumentError(
            f"{text!r} is no platform, such as linux/amd64 or linux/arm64/v8"
        )
    return text


def apt_package(text: str) -> str:
    """A package of Debian or Ubuntu, perhaps with its version.

    Raises:
        InvalidArgumentError: none can be called that.
    """
    if not _APT_PACKAGE.fullmatch(text):
        raise InvalidArgumentError(f"{text!r} is no package of Debian's, such as libgomp1")
    return text


def index_url(text: str) -> str:
    """The URL of a package index.

    Raises:
        InvalidArgumentError: it is none, or it names a user, who would stay in the image's files.
    """
    if _SECRET.match(text):
        raise InvalidArgumentError(
            "the URL of a package index must not name a user or a password, which would stay in"
            " what is written; pass them with --netrc FILE"
        )
    if not _INDEX_URL.fullmatch(text):
        raise InvalidArgumentError(f"{text!r} is no URL of a package index")
    return text


def variable(text: str) -> tuple[str, str]:
    """Name and value of an environment variable, out of ``NAME=VALUE``.

    Raises:
        InvalidArgumentError: the name is none, or the value has characters that do not print.
    """
    name, equals, value = text.partition("=")
    if not equals or not _VARIABLE.fullmatch(name):
        raise InvalidArgumentError(f"{text[:200]!r} is no environment variable, such as NAME=value")
    return name, printable(value, f"the value of {name}")


def label(text: str) -> tuple[str, str]:
    """Key and value of a label, out of ``KEY=VALUE``.

    Raises:
        InvalidArgumentError: the key is none, or the value has characters that do not print.
    """
    key, equals, value = text.partition("=")
    if not equals or not _LABEL.fullmatch(key):
        raise InvalidArgumentError(f"{text[:200]!r} is no label, such as com.example.team=search")
    return key, printable(value, f"the label {key}")


def dns_label(text: str) -> str:
    """A name that can be a host's, a container's and a file's: a label of RFC 1123, in lower case.

    Raises:
        InvalidArgumentError: nothing can be called that.
    """
    if not _DNS_LABEL.fullmatch(text):
        raise InvalidArgumentError(
            f"{text[:200]!r} is no name: up to 63 of a-z, 0-9 and '-', which neither begins nor"
            " ends it"
        )
    return text


def service(text: str) -> str:
    """The name of a service in a cluster or a compose file, which is a part of a host's name too.

    Raises:
        InvalidArgumentError: none can be called that.
    """
    if not _SERVICE.fullmatch(text):
        raise InvalidArgumentError(
            f"{text[:200]!r} is no name of a service: at most 63 of a-z, 0-9 and -, first a letter,"
            " last no -"
        )
    return text


def namespace(text: str) -> str:
    """A namespace of a Kubernetes cluster.

    Raises:
        InvalidArgumentError: none can be called that.
    """
    if not _DNS_LABEL.fullmatch(text):
        raise InvalidArgumentError(
            f"{text[:200]!r} is no namespace: at most 63 of a-z, 0-9 and -, first and last no -"
        )
    return text


def printable(value: str, what: str) -> str:
    """``value``, if it has no character that does not print, such as the end of a line.

    Raises:
        InvalidArgumentError: it has one, or is longer than any engine takes.
    """
    if not value.isprintable():
        raise InvalidArgumentError(f"{what} has characters that do not print: {value[:200]!r}")
    if len(value) > MAX_TEXT:
        raise InvalidArgumentError(f"{what} is longer than {MAX_TEXT} characters")
    return value
