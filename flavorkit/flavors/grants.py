"""What a policy grants to a model whose files were checked. Nothing of the model is looked into."""

from __future__ import annotations

from pathlib import Path

from flavorkit import manifest
from flavorkit.manifest import Manifest
from flavorkit.trust import Evidence, Grant, Policy, decide


def grant_of(folder: Path, checked: Manifest, policy: Policy) -> Grant:
    """What ``policy`` grants to the model in ``folder``.

    Raises:
        TrustError: the policy pins another digest.
        IntegrityError: the manifest carries a signature that its key has not made.
    """
    evidence = Evidence(folder, checked.digest, checked.payload, checked.key, checked.signature)
    return decide(policy, evidence)


def check_installable(folder: Path, policy: Policy, what: str) -> Manifest:
    """Check the files of a model whose packages are to be installed.

    Also of one that is data alone: a package runs code when it is built or imported.

    Args:
        folder: the model's.
        policy: the caller's.
        what: they are installed for: "environment".

    Raises:
        TrustError: the policy does not let the model run code.
        IntegrityError: a file is not what was saved.
    """
    checked = manifest.verify(folder)
    grant = grant_of(folder, checked, policy)
    if not grant.code:
        raise grant.refusal(f"its {what} is made of packages that it names, which can run code")
    return checked
