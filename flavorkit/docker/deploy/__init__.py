"""What runs an image of a model: manifests for Kubernetes and KServe, and a compose file.

Each is plain data that is made from typed options and written as YAML as a whole. No text is put
into other text, so no value can become more than a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flavorkit import strict_yaml

Document = dict[str, Any]


def text(documents: Iterable[Document]) -> str:
    """YAML of ``documents``, the same for the same documents, in the order of their keys."""
    return "---\n".join(strict_yaml.dumps(document, sort_keys=False) for document in documents)
