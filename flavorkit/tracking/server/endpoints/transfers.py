"""Endpoints that artifacts come and go through, piece by piece, whatever their size."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from flavorkit.errors import UnsupportedByStoreError
from flavorkit.tracking.artifacts.paths import ArtifactPath
from flavorkit.tracking.artifacts.repository import CHUNK_BYTES, ArtifactStorage
from flavorkit.tracking.server import answers, places
from flavorkit.tracking.server.exchange import Exchange
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire.values import Json

_BYTES = b"application/octet-stream"


async def upload(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Take a file; it appears when all of it is here."""
    path = ArtifactPath.parse(given["artifact_path"])
    storage, limit = service.places.storage, service.settings.max_upload_bytes
    async with service.transfers.entered(lambda: storage.writing(path)) as writer:
        async for piece in _pieces(exchange, limit):
            data = piece
            await service.transfers.go_on(lambda: writer.write(data))  # noqa: B023 - awaited here
    digest = answers.digest(writer.stored.sha256)
    await exchange.answer(replace(answers.json({}), headers=digest))


async def download(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Give a file that a client has sent."""
    path = ArtifactPath.parse(given["artifact_path"])
    await _send(service, exchange, service.places.storage, path)


async def of_run(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Give a file of a run."""
    below = ArtifactPath.parse(given["path"])
    run = await service.calls.run(lambda: service.store.get_run(given["run_id"]))
    storage, folder = service.places.find(run.info.artifact_uri)
    await _send(service, exchange, storage, folder / below)


async def of_version(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Give a file of a model version."""
    below = ArtifactPath.parse(given["path"])
    uri = await service.calls.run(
        lambda: service.store.get_model_version_download_uri(given["name"], given["version"])
    )
    storage, folder = service.places.find(uri)
    await _send(service, exchange, storage, places.inside(folder, str(below)))


async def delete(service: Service, given: dict[str, Any], exchange: Exchange) -> None:
    """Delete a file or a folder."""
    path = ArtifactPath.parse(given["artifact_path"].removesuffix("/"))
    storage = service.places.storage
    await service.transfers.run(lambda: storage.delete(path))
    await exchange.answer(answers.json({}))


def no_parts(service: Service, given: dict[str, Any]) -> Json:
    """No uploads in parts; a client that is told so sends the file as one."""
    raise UnsupportedByStoreError(
        "Multipart upload is not supported for the current artifact repository"
    )


def not_presigned(service: Service, given: dict[str, Any]) -> Json:
    """No URLs of other servers; a client that is told so comes here."""
    raise UnsupportedByStoreError(
        "Presigned URLs are not supported for the current artifact repository"
    )


async def _send(
    service: Service, exchange: Exchange, storage: ArtifactStorage, path: ArtifactPath
) -> None:
    go_on = service.transfers.go_on
    async with service.transfers.entered(lambda: contextlib.closing(storage.open(path))) as reader:
        headers = [*answers.attachment(str(path))]
        if reader.sha256 is not None:
            headers += answers.digest(reader.sha256)
        await exchange.begin(200, _BYTES, reader.size, headers)
        if exchange.method == "HEAD":
            await exchange.finish()
            return
        gone = asyncio.ensure_future(exchange.until_gone())
        try:
            while not gone.done() and (piece := await go_on(lambda: reader.read(CHUNK_BYTES))):
                await exchange.send(piece)
        finally:
            gone.cancel()
        await exchange.finish()


async def _pieces(exchange: Exchange, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces that are worth the way to a thread."""
    held: list[bytes] = []
    size = 0
    async for part in exchange.body(limit):
        held.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
