"""What an application hears of its clients."""

from __future__ import annotations

import asyncio

import uvicorn
from uvicorn.server import ServerState

from flavorkit.serving.metrics import Metrics
from flavorkit.serving.settings import Settings
from flavorkit.web.connections import Connection, Janitor


class Application:
    """Answers nobody, and notes what it is asked, and which of those who asked have gone."""

    def __init__(self):
        self.asked, self.gone, self.bodies = [], [], []
        self.changed = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.asked.append(scope["path"])
        self.changed.set()
        message = await receive()
        self.bodies.append(message.get("body"))
        while message["type"] != "http.disconnect":
            message = await receive()
        self.gone.append(scope["path"])
        self.changed.set()

    async def until(self, is_so):
        async with asyncio.timeout(30):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()


def served(scenario):
    async def body():
        app = Application()
        config = uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None)
        config.load()
        janitor = Janitor(Settings().limits, Metrics())
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(janitor, config=config, server_state=ServerState(), app_state={}),
            "127.0.0.1",
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await scenario(app, reader, writer)

    asyncio.run(body())


def test_who_leaves_is_missed_though_more_was_asked_meanwhile():
    async def scenario(app, reader, writer):
        writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(3)))
        await app.until(lambda: app.asked == ["/0"])
        writer.close()
        await app.until(lambda: app.gone == ["/0"])
        assert app.asked == ["/0"]

    served(scenario)


def test_a_body_in_the_smallest_of_pieces_is_one_body():
    pieces = [b"%d" % (n % 10) for n in range(5000)]

    async def scenario(app, reader, writer):
        writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in [*pieces, b"a" * 5000, *pieces]:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")
        await app.until(lambda: app.asked == ["/x"])
        writer.close()
        await app.until(lambda: app.gone == ["/x"])
        assert app.bodies == [b"".join([*pieces, b"a" * 5000, *pieces])]

    served(scenario)
