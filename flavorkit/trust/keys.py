"""The key that signs what this user saves, and the keys of those whom this user trusts.

Keys are Ed25519. A public key is written ``ed25519:`` and 44 characters of base64, so that it can
be sent in a message; the signing key is a PEM file that only its owner can read. Both can come from
the environment instead, for machines that keep no files:

``FLAVORKIT_SIGNING_KEY``
    the path of a PEM file, or the PEM text itself.
``FLAVORKIT_KEYRING``
    the path of a keyring file, or public keys separated by commas or line ends.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from flavorkit.errors import FlavorkitError, NotFoundError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNING_KEY_VARIABLE = "FLAVORKIT_SIGNING_KEY"
KEYRING_VARIABLE = "FLAVORKIT_KEYRING"
_SIGNING_KEY_FILE = "signing-key.pem"
_KEYRING_FILE = "keyring"
_PREFIX = "ed25519:"
_NAME = re.compile(r"[^\s,]{0,100}")


class KeyFileError(FlavorkitError):
    """A key cannot be read, or others could read it too."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


@dataclass(frozen=True)
class Key:
    """A public key, and what its trusting user calls it."""

    text: str
    name: str = ""

    def __post_init__(self) -> None:
        _decode(self.text)
        if not _NAME.fullmatch(self.name):
            raise KeyFileError(f"{self.name!r} is not a name for a key: no spaces, no commas")

    def __str__(self) -> str:
        return f"{self.text} {self.name}".rstrip()

    def has_signed(self, payload: bytes, signature: str) -> bool:
        """Whether ``signature`` is this key's signature of ``payload``."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            raw = base64.b64decode(signature, validate=True)
            Ed25519PublicKey.from_public_bytes(_decode(self.text)).verify(raw, payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class SigningKey:
    """A private key. It satisfies :class:`flavorkit.manifest.Signer`."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @property
    def public_key(self) -> str:
        """The public key, as text."""
        return _PREFIX + base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def sign(self, payload: bytes) -> str:
        """The signature of ``payload``, as base64."""
        return base64.b64encode(self._private.sign(payload)).decode()


def signing_key(*, create: bool) -> SigningKey | None:
    """This user's key: from the environment, else from the configuration folder.

    Args:
        create: make one where there is none yet.

    Returns:
        None where there is none and none was made.

    Raises:
        KeyFileError: there is one, and it cannot be read or is readable by others.
    """
    given = os.environ.get(SIGNING_KEY_VARIABLE)
    if given:
        if given.lstrip().startswith("-----BEGIN"):
            return _parse_pem(given.encode(), SIGNING_KEY_VARIABLE)
        return _read_pem(Path(given))
    path = config_folder() / _SIGNING_KEY_FILE
    if not path.exists():
        if not create:
            return None
        _make_key(path)
    return _read_pem(path)


def config_folder() -> Path:
    """Where this user's keys are kept."""
    return platformdirs.user_config_path("flavorkit")


@dataclass(frozen=True)
class Keyring:
    """The public keys whose signatures this user believes, the user's own among them."""

    keys: Mapping[str, Key] = field(default_factory=dict)

    def __contains__(self, text: object) -> bool:
        return text in self.keys

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys.values())

    @classmethod
    def load(cls) -> Keyring:
        """The keyring of this user.

        Raises:
            KeyFileError: a line of it is not a key.
        """
        keys = list(_listed_keys())
        own = signing_key(create=False)
        if own is not None:
            keys.append(Key(own.public_key, "(yours)"))
        return cls({key.text: key for key in keys})


def trust_key(key: Key) -> None:
    """Add ``key`` to the keyring file; a key that is there already gets its new name.

    Raises:
        KeyFileError: the keyring comes from the environment, which is changed there.
    """
    path = _own_keyring_file()
    kept = [known for known in _read_keyring(path) if known.text != key.text]
    _write_keyring(path, [*kept, key])


def forget_key(key: str) -> Key:
    """Take a key out of the keyring file, by its text or its name.

    Raises:
        NotFoundError: no such key is in the file.
        KeyFileError: the keyring comes from the environment, which is changed there.
    """
    path = _own_keyring_file()
    known = _read_keyring(path)
    found = [one for one in known if key and key in {one.text, one.name}]
    if not found:
        raise NotFoundError(f"no key {key!r} in {path}; `flavorkit keys` shows those that are")
    if len(found) > 1:
        listed = ", ".join(one.text for one in found)
        raise KeyFileError(f"several keys are called {key!r}; name the one to forget: {listed}")
    _write_keyring(path, [one for one in known if one not in found])
    return found[0]


def _listed_keys() -> list[Key]:
    given = os.environ.get(KEYRING_VARIABLE)
    if given is None:
        return _read_keyring(config_folder() / _KEYRING_FILE)
    if not given.strip():
        return []
    if given.lstrip().startswith(_PREFIX):
        return _parse_keyring(re.split(r"[,\n]", given), KEYRING_VARIABLE)
    if not Path(given).exists():
        raise KeyFileError(f"{KEYRING_VARIABLE} names {given}, which does not exist")
    return _read_keyring(Path(given))


def _own_keyring_file() -> Path:
    given = os.environ.get(KEYRING_VARIABLE)
    if given is None:
        return config_folder() / _KEYRING_FILE
    if given.lstrip().startswith(_PREFIX):
        raise KeyFileError(f"the keyring comes from {KEYRING_VARIABLE}; change it there")
    return Path(given)


def _read_keyring(path: Path) -> list[Key]:
    try:
        _refuse_writable(path)
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as exc:
        raise KeyFileError(f"{path} cannot be read: {exc}") from None
    return _parse_keyring(text.splitlines(), str(path))


def _refuse_writable(path: Path) -> None:
    """Whoever can write a keyring can have this user run any code."""
    for one in (path, path.resolve().parent):
        status = one.stat()
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & 0o022 and not sticky:
            raise KeyFileError(f"others can write to {one}: chmod go-w {one}")
        if hasattr(os, "getuid") and status.st_uid not in {0, os.getuid()}:
            raise KeyFileError(f"{one} belongs to another user, who could add keys to it")


def _parse_keyring(lines: list[str], where: str) -> list[Key]:
    keys = []
    for number, line in enumerate(lines, start=1):
        text, _, name = line.partition("#")[0].strip().partition(" ")
        if not text:
            continue
        try:
            keys.append(Key(text, name.strip()))
        except KeyFileError as exc:
            raise KeyFileError(f"{where}, entry {number}: {exc}") from None
    return keys


def _write_keyring(path: Path, keys: list[Key]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = "".join(f"{key}\n" for key in keys)
    _replace(path, content.encode(), exclusive=False)


def _make_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(path, pem, exclusive=True)


def _replace(path: Path, content: bytes, *, exclusive: bool) -> None:
    """Write a private file whole or not at all; if exclusive, the first of several writers wins."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if exclusive:
            with contextlib.suppress(FileExistsError):
                os.link(scratch, path)
        else:
            Path(scratch).replace(path)
    finally:
        Path(scratch).unlink(missing_ok=True)


def _read_pem(path: Path) -> SigningKey:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as exc:
        raise KeyFileError(f"the signing key {path} cannot be read: {exc.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"others can read the signing key {path}: chmod 600 {path}")
    return _parse_pem(content, str(path))


def _parse_pem(content: bytes, where: str) -> SigningKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as exc:
        raise KeyFileError(f"{where} is not a private key in PEM: {exc}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"{where} is not an Ed25519 key")
    return SigningKey(private)


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(_PREFIX) or len(raw) != 32:
        raise KeyFileError(f"{text[:80]!r} is not a public key (ed25519: and 44 characters)")
    return raw
