"""What a caller lets a loader build. It comes from the caller, never from the model.

Formats fall into two classes. Loading *data* builds numbers, text and types from a reviewed list;
loading *code* can run whatever the folder brings. ``trust`` says how far the caller goes:

``"signed"`` (the default, also in ``FLAVORKIT_TRUST``)
    data always; code, and types beyond the list, when a key in the caller's keyring signed it.
``"data"``
    data only.
``"all"``
    anything.
``"sha256:..."``
    anything, but only the one folder with this digest.
a list of type names
    as ``"signed"``, and these types count as reviewed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flavorkit.errors import IntegrityError, TrustError
from flavorkit.trust.keys import Key, KeyFileError, Keyring

VARIABLE = "FLAVORKIT_TRUST"
Mode = Literal["signed", "data", "all", "pinned"]
Trust = str | Sequence[str] | None

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TYPE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class Policy:
    """A parsed ``trust`` argument."""

    mode: Mode = "signed"
    digest: str | None = None
    types: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, trust: Trust = None) -> Policy:
        """The policy that ``trust`` spells; None is what ``FLAVORKIT_TRUST`` says, else "signed".

        Raises:
            ValueError: it spells none; the message lists what does.
        """
        if trust is None:
            trust = os.environ.get(VARIABLE) or "signed"
        try:
            words = trust.split(",") if isinstance(trust, str) else [*trust]
        except TypeError:  # it is True, or another value that has no words
            words = [str(trust)]
        match [word.strip() for word in words]:
            case ["signed"]:
                return cls("signed")
            case ["data"]:
                return cls("data")
            case ["all"]:
                return cls("all")
            case [digest] if _DIGEST.fullmatch(digest):
                return cls("pinned", digest=digest)
            case names if names and all(map(_TYPE_NAME.fullmatch, names)):
                return cls(types=frozenset(names))
        if len(words) > 1 and {"signed", "data", "all"} & set(words):
            raise ValueError(f"{trust!r} is no trust policy: only names of types can be combined")
        raise ValueError(
            f"{trust!r} is no trust policy: 'signed', 'data', 'all', 'sha256:<digest>', or names of"
            " types such as 'mypackage.features.Binner'"
        )


@dataclass(frozen=True)
class Evidence:
    """What is known of a folder before anything in it is parsed.

    Args:
        folder: where it is; only used in messages.
        digest: what :attr:`flavorkit.manifest.Manifest.digest` says, whether or not it has a file.
        payload: what its signature would cover.
        key: the public key that claims to have signed it, or None.
        signature: the claimed signature, or None.
    """

    folder: object
    digest: str
    payload: bytes = b""
    key: str | None = None
    signature: str | None = None


@dataclass(frozen=True)
class Grant:
    """What this load may build: the policy, applied to the evidence."""

    code: bool
    """Whether the folder may run code."""
    types: frozenset[str]
    """Types beyond the reviewed list that may be built; all of them when ``code`` is set."""
    evidence: Evidence
    reason: str
    """Why nothing more is granted, as half a sentence."""
    asks_keyring: bool = False
    """Whether more would be granted if the signer's key were in the keyring."""

    @classmethod
    def of_own(cls, folder: object) -> Grant:
        """For what this very process has just written, to see that it can be read back."""
        return cls(True, frozenset(), Evidence(folder, "sha256:"), "")

    def refusal(self, refused: str, *, types: Sequence[str] = ()) -> TrustError:
        """The error that says what was refused, why, and how to allow it.

        Args:
            refused: half a sentence: "model.pkl can run any code when it is loaded".
            types: the type names that would have to be allowed, if that is all it takes.
        """
        digest, key = self.evidence.digest, self.evidence.key
        ways = []
        if types:
            listed = ", ".join(repr(name) for name in types)
            options = " ".join(f"--trust {name}" for name in types)
            ways.append(f"trust=[{listed}] ({options}), if you have reviewed these types")
        if key is not None and self.asks_keyring:
            ways.append(
                f"`flavorkit keys trust {key} NAME`, if you trust everything its owner signs"
            )
        ways.append(f'trust="{digest}" (--trust {digest}), for this very content and no other')
        ways.append('trust="all" (--trust all), if you know where the folder comes from')
        return TrustError(self.evidence.folder, refused, self.reason, ways)


def decide(policy: Policy, evidence: Evidence, keyring: Keyring | None = None) -> Grant:
    """What ``policy`` grants to the folder that ``evidence`` describes.

    Args:
        policy: the caller's.
        evidence: the folder's.
        keyring: the caller's keys; read from the configuration when needed and not given.

    Raises:
        IntegrityError: the folder carries a signature that its key has not made.
        TrustError: the policy pins another digest.
    """
    signer = _checked_signer(evidence)
    match policy.mode:
        case "all":
            return Grant(True, frozenset(), evidence, "")
        case "data":
            return Grant(False, frozenset(), evidence, 'trust="data" allows data only')
        case "pinned" if policy.digest == evidence.digest:
            return Grant(True, frozenset(), evidence, "")
        case "pinned":
            reason = f"trust pins {policy.digest}"
            raise Grant(False, frozenset(), evidence, reason).refusal(
                f"its digest is {evidence.digest}"
            )
    if signer is None:
        return Grant(False, policy.types, evidence, "nobody has signed it")
    known = Keyring.load() if keyring is None else keyring
    if signer in known:
        return Grant(True, policy.types, evidence, "")
    reason = f"the key that signed it, {signer}, is not in your keyring"
    return Grant(False, policy.types, evidence, reason, asks_keyring=True)


def _checked_signer(evidence: Evidence) -> str | None:
    """The key that has signed the folder; a claim that does not hold is not the same as none."""
    if evidence.key is None or evidence.signature is None:
        return None
    try:
        genuine = Key(evidence.key).has_signed(evidence.payload, evidence.signature)
    except KeyFileError:
        genuine = False
    if not genuine:
        raise IntegrityError(
            evidence.folder, [f"the signature in its manifest was not made by {evidence.key[:80]}"]
        )
    return evidence.key
