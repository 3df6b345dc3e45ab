"""One's own key, and the keys of those one trusts."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from flavorkit.errors import NotFoundError
from flavorkit.trust.keys import (
    Key,
    KeyFileError,
    Keyring,
    forget_key,
    signing_key,
    trust_key,
)

OTHER, THIRD, FOURTH = (f"ed25519:{letter * 42}A=" for letter in "ABC")


def test_the_key_is_made_on_first_use_and_kept(keys_home):
    assert signing_key(create=False) is None
    first = signing_key(create=True)
    assert signing_key(create=True).public_key == first.public_key
    assert stat.S_IMODE((keys_home / "signing-key.pem").stat().st_mode) == 0o600
    assert [path.name for path in keys_home.iterdir()] == ["signing-key.pem"]


def test_of_many_who_make_it_at_once_all_get_the_same(keys_home):
    with ThreadPoolExecutor(8) as pool:
        made = {pool.submit(lambda: signing_key(create=True).public_key) for _ in range(32)}
    assert len({future.result() for future in made}) == 1


def test_what_it_signs_is_believed_and_nothing_else(keys_home):
    own = signing_key(create=True)
    key = Key(own.public_key)
    signature = own.sign(b"payload")
    assert key.has_signed(b"payload", signature)
    assert not key.has_signed(b"another", signature)
    assert not key.has_signed(b"payload", "not base64!")
    assert not Key(OTHER).has_signed(b"payload", signature)


def test_the_key_may_come_from_a_file_or_from_the_environment_itself(keys_home, monkeypatch):
    public = signing_key(create=True).public_key
    file = keys_home / "signing-key.pem"
    elsewhere = keys_home / "moved.pem"
    file.rename(elsewhere)
    monkeypatch.setenv("FLAVORKIT_SIGNING_KEY", str(elsewhere))
    assert signing_key(create=False).public_key == public
    monkeypatch.setenv("FLAVORKIT_SIGNING_KEY", elsewhere.read_text())
    elsewhere.unlink()
    assert signing_key(create=False).public_key == public


def test_openssl_can_read_the_key(keys_home):
    signing_key(create=True)
    text = (keys_home / "signing-key.pem").read_text()
    assert text.startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"not a key", 0o600, "not a private key in PEM"),
        (b"", 0o644, "others can read the signing key .* chmod 600"),
    ],
)
def test_a_key_that_cannot_be_used_is_an_error(keys_home, content, mode, problem):
    keys_home.mkdir(parents=True)
    path = keys_home / "signing-key.pem"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=problem):
        signing_key(create=True)


def test_a_key_of_another_kind_is_an_error(keys_home, monkeypatch):
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import x25519

    pem = x25519.X25519PrivateKey.generate().private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
    )
    monkeypatch.setenv("FLAVORKIT_SIGNING_KEY", pem.decode())
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        signing_key(create=False)


def test_a_missing_key_file_is_an_error(keys_home, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_SIGNING_KEY", "/nowhere/key.pem")
    with pytest.raises(KeyFileError, match=r"/nowhere/key\.pem cannot be read"):
        signing_key(create=True)


def test_the_keyring_holds_ones_own_key_and_those_trusted(keys_home):
    own = signing_key(create=True).public_key
    assert own in Keyring.load()
    assert OTHER not in Keyring.load()
    trust_key(Key(OTHER, "anna"))
    assert {key.text: key.name for key in Keyring.load()} == {OTHER: "anna", own: "(yours)"}


def test_a_key_that_is_trusted_again_gets_its_new_name(keys_home):
    trust_key(Key(OTHER, "anna"))
    trust_key(Key(OTHER, "anna-at-work"))
    assert [key.name for key in Keyring.load()] == ["anna-at-work"]


@pytest.mark.parametrize("by", [OTHER, "anna"])
def test_a_key_is_forgotten_by_its_text_or_its_name(keys_home, by):
    trust_key(Key(OTHER, "anna"))
    assert forget_key(by) == Key(OTHER, "anna")
    assert list(Keyring.load()) == []
    with pytest.raises(NotFoundError, match="no key"):
        forget_key(by)


def test_reading_the_keyring_makes_no_key(keys_home):
    assert list(Keyring.load()) == []
    assert not keys_home.exists()


def test_the_keyring_may_come_from_the_environment(keys_home, monkeypatch):
    trust_key(Key(OTHER, "anna"))
    third = "ed25519:" + "B" * 42 + "A="
    monkeypatch.setenv("FLAVORKIT_KEYRING", f"{third} bert, {OTHER}")
    assert {key.text for key in Keyring.load()} == {third, OTHER}
    with pytest.raises(KeyFileError, match="change it there"):
        trust_key(Key(third))
    monkeypatch.setenv("FLAVORKIT_KEYRING", "")
    assert list(Keyring.load()) == []


def test_the_keyring_may_be_another_file(keys_home, tmp_path, monkeypatch):
    ring = tmp_path / "ring"
    monkeypatch.setenv("FLAVORKIT_KEYRING", str(ring))
    with pytest.raises(KeyFileError, match="which does not exist"):
        Keyring.load()
    trust_key(Key(OTHER, "anna"))
    assert ring.read_text() == f"{OTHER} anna\n"
    ring.write_text(f"# the team\n\n{OTHER} anna  # since May\n")
    assert [key.name for key in Keyring.load()] == ["anna"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ed25519:",
        "ed25519:AAAA",
        "rsa:" + "A" * 43 + "=",
        "ed25519:" + "!" * 44,
        OTHER[:-1],
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(KeyFileError, match="is not a public key"):
        Key(text)


@pytest.mark.parametrize("name", ["two words", "a,b", "a\nb", "x" * 101])
def test_a_name_has_no_spaces_or_commas(name):
    with pytest.raises(KeyFileError, match="not a name for a key"):
        Key(OTHER, name)


def test_a_broken_keyring_says_which_line(keys_home):
    keys_home.mkdir(parents=True)
    (keys_home / "keyring").write_text(f"{OTHER}\nnonsense\n")
    with pytest.raises(KeyFileError, match="keyring, entry 2: 'nonsense'"):
        Keyring.load()


def test_no_key_is_imported_before_it_is_used():
    code = "import sys, flavorkit.trust; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_several_keys_have_forgets_none(keys_home):
    trust_key(Key(OTHER, "ci"))
    trust_key(Key(THIRD, "ci"))
    trust_key(Key(FOURTH))
    with pytest.raises(KeyFileError, match="several keys are called 'ci'"):
        forget_key("ci")
    with pytest.raises(NotFoundError, match="no key ''"):
        forget_key("")
    assert {OTHER, THIRD, FOURTH} <= set(Keyring.load().keys)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_keyring_that_others_can_write_to_is_refused(what, tmp_path, monkeypatch):
    """Whoever adds a key to it could have this user run any code."""
    ring = tmp_path / "shared" / "ring"
    ring.parent.mkdir()
    ring.write_text(f"{OTHER} anna\n")
    monkeypatch.setenv("FLAVORKIT_KEYRING", str(ring))
    assert OTHER in Keyring.load()
    (ring if what == "file" else ring.parent).chmod(0o777)
    with pytest.raises(KeyFileError, match=r"others can write to .*: chmod go-w"):
        Keyring.load()
