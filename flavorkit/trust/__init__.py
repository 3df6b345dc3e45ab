"""Who may load what: signing keys, and the policy that the caller of a load decides by."""

from flavorkit.trust.keys import Key, Keyring, SigningKey, signing_key
from flavorkit.trust.policy import Evidence, Grant, Policy, decide

__all__ = ["Evidence", "Grant", "Key", "Keyring", "Policy", "SigningKey", "decide", "signing_key"]
