"""A call: what a client sends, and where to."""

from __future__ import annotations

from dataclasses import dataclass

from flavorkit.tracking.wire.requests import Message

NOTHING = Message()
"""A request without fields."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the REST API.

    Args:
        method: of HTTP; a GET has its fields in the query string, others in a JSON object.
        path: below ``/api/<version>/``; ``{model_id}`` stands for a segment,
            ``{artifact_path:path}`` for all that follows.
        message: the fields of the request.
        version: of the API.
    """

    method: str
    path: str
    message: Message = NOTHING
    version: str = "2.0"

    @property
    def full_path(self) -> str:
        """The path from the root of a server."""
        return f"/api/{self.version}/{self.path}"
