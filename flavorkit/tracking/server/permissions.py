"""What a caller must be allowed to do for a request; every endpoint declares it.

Nobody is refused yet, since there are no users; that no endpoint can be forgotten is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Resource(StrEnum):
    """What a request is about."""

    SERVER = "server"
    EXPERIMENT = "experiment"
    REGISTERED_MODEL = "registered_model"
    ARTIFACTS = "artifacts"


class Action(StrEnum):
    """What it does to that."""

    OPEN = "open"
    """Nothing that anybody could mind."""
    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    MANAGE = "manage"
    """Delete it, or bring it back."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What must be allowed."""

    on: Resource
    action: Action


OPEN = Permission(Resource.SERVER, Action.OPEN)
OPERATE = Permission(Resource.SERVER, Action.READ)
CREATE_EXPERIMENT = Permission(Resource.EXPERIMENT, Action.CREATE)
READ_EXPERIMENT = Permission(Resource.EXPERIMENT, Action.READ)
EDIT_EXPERIMENT = Permission(Resource.EXPERIMENT, Action.EDIT)
MANAGE_EXPERIMENT = Permission(Resource.EXPERIMENT, Action.MANAGE)
CREATE_MODEL = Permission(Resource.REGISTERED_MODEL, Action.CREATE)
READ_MODEL = Permission(Resource.REGISTERED_MODEL, Action.READ)
EDIT_MODEL = Permission(Resource.REGISTERED_MODEL, Action.EDIT)
MANAGE_MODEL = Permission(Resource.REGISTERED_MODEL, Action.MANAGE)
READ_ARTIFACTS = Permission(Resource.ARTIFACTS, Action.READ)
EDIT_ARTIFACTS = Permission(Resource.ARTIFACTS, Action.EDIT)
MANAGE_ARTIFACTS = Permission(Resource.ARTIFACTS, Action.MANAGE)
