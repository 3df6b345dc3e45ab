"""What operators ask a server: does it live, is it ready, what does it serve, how does it do."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from flavorkit.serving.metrics import exposition
from flavorkit.serving.service import Service
from flavorkit.version import __version__
from flavorkit.web.error_answers import JSON

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def live(request: Request) -> Response:
    """Say that the process answers; what the model does has no part in it."""
    return _json({"status": "ok"})


async def ready(request: Request) -> Response:
    """Say whether requests should be sent here, and if not, why."""
    reason = _service_of(request).unready_because
    if reason is None:
        return _json({"status": "ready"})
    return _json({"status": "not ready", "reason": reason}, 503)


async def ping(request: Request) -> Response:
    """Say that the model is loaded, as MLflow's server does."""
    return _json({"status": "ok"})


async def version(request: Request) -> Response:
    """Say which model this is, and which flavorkit serves it."""
    service = _service_of(request)
    model = service.model
    described = {
        "name": service.name,
        "flavor": model.flavor.name,
        "uuid": model.metadata.model_uuid,
        "id": model.model_id,
        "digest": model.digest,
    }
    return _json({"flavorkit": __version__, "model": described})


async def metrics(request: Request) -> Response:
    """What is counted and measured, of all workers together."""
    service = _service_of(request)
    content = exposition(service.shared.numbers, service.info)
    return Response(content, headers={"content-type": METRICS_TYPE})


def _service_of(request: Request) -> Service:
    service: Service = request.scope["state"]["service"]
    return service


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type=JSON)
