"""Endpoints about the server itself."""

from __future__ import annotations

from typing import Any

from flavorkit.tracking.server import answers
from flavorkit.tracking.server.exchange import Exchange
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire.values import Json
from flavorkit.version import __version__


async def health(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """That the server lives."""
    await exchange.answer(answers.Answer(b"OK", content_type=answers.TEXT))


async def version(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Which flavorkit this is."""
    await exchange.answer(answers.Answer(__version__.encode(), content_type=answers.TEXT))


async def metrics(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """What was counted, as Prometheus reads it."""
    content = service.metrics.exposition()
    kind = b"text/plain; version=0.0.4; charset=utf-8"
    await exchange.answer(answers.Answer(content, content_type=kind))


def server_info(service: Service, given: dict[str, Any]) -> Json:
    """What clients of MLflow ask once, to know what the server can do."""
    return {
        "store_type": "SqlStore" if service.settings.is_database else "FileStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
        "flavorkit_version": __version__,
    }
