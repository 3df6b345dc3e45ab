"""The caller decides what may be loaded; the model never does."""

from collections import UserList

import pytest

from flavorkit.errors import IntegrityError, TrustError
from flavorkit.trust import Evidence, Key, Keyring, Policy, decide, signing_key

DIGEST = "sha256:" + "1" * 64
UNSIGNED = Evidence("m", DIGEST, b"payload")
NOBODY = Keyring()


@pytest.fixture
def signed(keys_home):
    key = signing_key(create=True)
    return Evidence("m", DIGEST, b"payload", key.public_key, key.sign(b"payload"))


@pytest.mark.parametrize(
    ("trust", "policy"),
    [
        (None, Policy("signed")),
        ("signed", Policy("signed")),
        ("data", Policy("data")),
        ("all", Policy("all")),
        (DIGEST, Policy("pinned", DIGEST)),
        (["a.B"], Policy("signed", types=frozenset({"a.B"}))),
        ("a.B, c.D", Policy("signed", types=frozenset({"a.B", "c.D"}))),
        (UserList(["a.B"]), Policy("signed", types=frozenset({"a.B"}))),
        (("a.B", "c.d.E"), Policy("signed", types=frozenset({"a.B", "c.d.E"}))),
    ],
)
def test_policies_are_spelled_like_this(trust, policy):
    assert Policy.parse(trust) == policy


@pytest.mark.parametrize(
    "trust",
    ["", "everything", "sha256:1", "True", True, [], ["builtins"], "a.B,", "os system"],
)
def test_other_spellings_are_refused(trust, monkeypatch):
    if trust == "":
        monkeypatch.setenv("FLAVORKIT_TRUST", ",")
        trust = None
    with pytest.raises(ValueError, match="is no trust policy: 'signed', 'data', 'all'"):
        Policy.parse(trust)


def test_policies_cannot_be_combined():
    with pytest.raises(ValueError, match="only names of types can be combined"):
        Policy.parse(["all", "a.B"])


def test_the_environment_sets_the_default(monkeypatch):
    monkeypatch.setenv("FLAVORKIT_TRUST", "data")
    assert Policy.parse(None) == Policy("data")
    assert Policy.parse("all") == Policy("all")


@pytest.mark.parametrize(
    "variable", ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "MLFLOW_TRUST", "MLFLOW_MODELS_TRUST"]
)
def test_no_variable_of_mlflow_widens_it(monkeypatch, variable):
    monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("MLFLOW_TRUST", "all")
    assert Policy.parse(None) == Policy("signed")


@pytest.mark.parametrize(
    ("mode", "code"), [("signed", False), ("data", False), ("all", True), ("pinned", True)]
)
def test_what_nobody_signed(mode, code):
    policy = Policy(mode, DIGEST if mode == "pinned" else None)
    assert decide(policy, UNSIGNED, NOBODY).code is code


@pytest.mark.parametrize(("mode", "code"), [("signed", True), ("data", False), ("all", True)])
def test_what_a_trusted_key_signed(signed, mode, code):
    assert decide(Policy(mode), signed, Keyring.load()).code is code


def test_what_a_stranger_signed(signed):
    grant = decide(Policy("signed"), signed, NOBODY)
    assert not grant.code
    error = grant.refusal("it is a pickle")
    assert "is not in your keyring" in str(error)
    assert f"flavorkit keys trust {signed.key} NAME" in str(error)


def test_a_key_is_not_suggested_where_it_would_not_help(signed):
    error = decide(Policy("data"), signed, NOBODY).refusal("it is a pickle")
    assert "keys trust" not in str(error)


def test_a_pin_is_for_one_content_only(signed):
    with pytest.raises(TrustError, match=r"its digest is sha256:1+, and trust pins sha256:2+"):
        decide(Policy("pinned", "sha256:" + "2" * 64), signed, NOBODY)


@pytest.mark.parametrize("mode", ["signed", "data", "all"])
def test_a_forged_signature_is_refused_under_every_policy(signed, mode):
    forged = Evidence("m", DIGEST, b"another payload", signed.key, signed.signature)
    with pytest.raises(IntegrityError, match="signature in its manifest was not made by"):
        decide(Policy(mode), forged, Keyring.load())


def test_a_claim_to_a_key_that_is_none_is_forged():
    claimed = Evidence("m", DIGEST, b"payload", "not a key", "AAAA")
    with pytest.raises(IntegrityError, match="was not made by not a key"):
        decide(Policy("all"), claimed, NOBODY)


def test_types_are_granted_by_name():
    grant = decide(Policy(types=frozenset({"a.B"})), UNSIGNED, NOBODY)
    assert (grant.code, grant.types) == (False, {"a.B"})


def test_a_refusal_says_every_way_to_allow_it():
    error = decide(Policy(), UNSIGNED, NOBODY).refusal("it holds a.B", types=["a.B"])
    text = str(error)
    assert "nobody has signed it" in text
    assert "trust=['a.B']" in text
    assert f'trust="{DIGEST}"' in text
    assert 'trust="all"' in text


def test_the_keyring_is_read_when_none_is_given(signed):
    assert decide(Policy(), signed).code
    assert Key(signed.key).text in Keyring.load()
