"""Connections of HTTP/1.1 with limits: on the size of a head, on time, and on how many there are.

uvicorn's protocol parses and answers; what is added is the keeping of the limits. A connection is
always in one phase, and nothing but a request at work may last: :class:`Janitor` closes those that
stay in another phase for too long, and the one that has for longest when there are too many, so
that a new client always gets in.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from flavorkit.errors import FlavorkitError, HeadTooLargeError, RequestTimeoutError
from flavorkit.web.corking import CorkedTransport
from flavorkit.web.error_answers import JSON, encode_error
from flavorkit.web.limits import Limits, Watcher

Scope = MutableMapping[str, Any]
IS_GONE = "flavorkit.is_gone"
"""Key in an ASGI scope: a function that says whether the client has left."""
REFUSED = "flavorkit.refused"
"""Key in an ASGI scope: the status a request was refused with, and counted, while it arrived."""


_PIECE_BYTES = 4096
"""Smaller pieces of a body are put together: a chunk of two bytes would take fifty as an object."""

_MOST_PIPELINED = 64
"""How many requests may wait behind the one that is at work on their connection."""


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWER = "the client to take its answer"
    WORK = "the answer"


class Janitor:
    """All connections of one worker, those that wait for their client in order of how long.

    Args:
        limits: of each connection, and of all.
        watcher: is told how many connections there are.
        is_streamed: whether the application reads the body of the request of this ASGI scope as it
            comes, and limits its size itself. Of other requests it gets the body when all is here.
    """

    def __init__(
        self,
        limits: Limits,
        watcher: Watcher,
        is_streamed: Callable[[Scope], bool] = lambda scope: False,
    ) -> None:
        self.limits = limits
        self.is_streamed = is_streamed
        self.is_draining = False
        self._watcher = watcher
        self._waiting: OrderedDict[Connection, float] = OrderedDict()
        self._count = 0
        self._seconds = {
            Phase.IDLE: limits.idle_seconds,
            Phase.HEAD: limits.header_seconds,
            Phase.BODY: limits.body_seconds,
            Phase.ANSWER: limits.body_seconds,
        }

    def opened(self, connection: Connection) -> None:
        """A client has come; if there are too many, the one that waits longest has to go."""
        self._count += 1
        self._watcher.connected(self._count)
        self.waits(connection)
        if self._count > self.limits.max_connections:
            self.close_oldest()

    def waits(self, connection: Connection) -> None:
        """The connection waits for its client, from now on."""
        self._waiting[connection] = time.monotonic()
        self._waiting.move_to_end(connection)

    def works(self, connection: Connection) -> None:
        """The client waits for us."""
        self._waiting.pop(connection, None)

    def refused(self, status: int) -> None:
        """A request was answered before it became one."""
        self._watcher.answered(status)

    def closed(self, connection: Connection) -> None:
        """The connection is no more."""
        self._waiting.pop(connection, None)
        self._count -= 1
        self._watcher.connected(self._count)

    def close_oldest(self) -> None:
        """Close the connection that waits for its client longest, if any does."""
        if self._waiting:
            connection, _ = self._waiting.popitem(last=False)
            connection.transport.abort()

    def sweep(self) -> None:
        """Close what has waited for too long."""
        now = time.monotonic()
        shortest = min(self._seconds.values())
        late = []
        for connection, since in self._waiting.items():
            if now - since < shortest:
                break  # those that follow came later
            if now - since >= self._seconds[connection.phase]:
                late.append(connection)
        for connection in late:
            connection.give_up()


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, janitor: Janitor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.phase = Phase.IDLE
        self._janitor = janitor
        self._max_head = janitor.limits.max_header_bytes
        self._max_headers = janitor.limits.max_headers
        self._max_body = janitor.limits.max_body_bytes
        self._head_bytes = 0
        self._unexplained = 0
        self._is_body_open = False
        self._is_streamed = False
        self._refusal = b""
        self._unsent = 0
        self._body: list[bytes | bytearray] = []
        self._body_bytes = 0
        self._at_work: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        self._corked = CorkedTransport(transport)
        super().connection_made(self._corked)  # type: ignore[arg-type]
        self._janitor.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._janitor.closed(self)
        super().connection_lost(exc)
        # Of several requests the base class tells only the one that came last.
        self.pipeline.clear()
        if self._at_work is not None and not self._at_work.response_complete:
            self._at_work.disconnected = True
            self._at_work.message_event.set()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._at_work = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and refuse what is no HTTP or too much of it."""
        if self._refusal:
            return
        if self.phase is Phase.IDLE:
            self._wait_for(Phase.HEAD)
        self._unexplained += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked
        except httptools.HttpParserCallbackError as exc:
            known = isinstance(exc.__context__, FlavorkitError)
            self._refuse(exc.__context__ if known else _NOT_HTTP)
        except httptools.HttpParserError:
            self._refuse(_NOT_HTTP)
        else:
            if self._unexplained > 2 * self._max_head:  # of a field that does not end
                self._refuse(HeadTooLargeError(self._max_head, self._max_headers))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope[IS_GONE] = self.transport.is_closing  # type: ignore[literal-required]
        self._head_bytes = self._unexplained = 0

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the request."""
        self._unexplained = 0
        super().on_header(name, value)
        self._count_head(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """The request can be looked at."""
        self._head_bytes = self._unexplained = 0
        self._is_body_open = True
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise _NotHttpError("too many requests before the first was answered")
        if self.phase is not Phase.WORK:  # else it stands behind another, whose answer is due
            self._wait_for(Phase.BODY)
        super().on_headers_complete()
        self._is_streamed = self._janitor.is_streamed(self.scope)  # type: ignore[arg-type]
        if self._janitor.is_draining:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body, which the application gets when all of it is here, or too much."""
        self._unexplained = 0
        if self.cycle.response_complete:
            return
        if self._is_streamed:
            if self.phase is Phase.BODY:
                self._wait_for(Phase.BODY)  # as long as it comes, it may take as long as it likes
            super().on_body(body)
            return
        if len(body) >= _PIECE_BYTES:
            self._body.append(body)
        elif self._body and isinstance(self._body[-1], bytearray):
            self._body[-1] += body
        else:
            self._body.append(bytearray(body))
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body:
            self._hand_over()
            self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is here."""
        self._unexplained = 0
        self._hand_over()
        self._is_body_open = False
        if self.cycle.response_complete:  # before its body was here
            self._wait_for(Phase.IDLE)
        else:
            self.phase = Phase.WORK
            self._janitor.works(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is on its way."""
        self.server_state.total_requests += 1
        self._corked.flush()
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            if not self.pipeline:
                self.flow.resume_reading()
            self._start_asgi_task(cycle, app)
            if self._is_body_open and not self.pipeline:
                self._wait_for(Phase.BODY)
            return
        self.flow.resume_reading()
        if self._refusal:
            self.transport.write(self._refusal)
            self.transport.close()
        elif self.phase in {Phase.WORK, Phase.ANSWER}:
            self._wait_for(Phase.ANSWER if self.flow.write_paused else Phase.IDLE)

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it comes."""
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        if self.phase is Phase.WORK:
            self._wait_for(Phase.ANSWER)

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        if self.phase is Phase.ANSWER and self.cycle.response_complete:
            self._wait_for(Phase.IDLE)
        elif self.phase is Phase.ANSWER:
            self.phase = Phase.WORK
            self._janitor.works(self)

    def give_up(self) -> None:
        """The client has taken too long."""
        unsent = self.transport.get_write_buffer_size()
        if self.phase is Phase.ANSWER and unsent < self._unsent:  # slowly, but it takes it
            self._unsent = unsent
            self._wait_for(Phase.ANSWER)
        elif self.phase is Phase.ANSWER or self.transport.is_closing():
            self.transport.abort()
        elif self.phase is Phase.IDLE:
            self.transport.close()
        elif self.phase is Phase.HEAD:
            self._refuse(RequestTimeoutError(self._janitor.limits.header_seconds))
        elif self.cycle.response_started:
            self.transport.abort()
        else:
            late = RequestTimeoutError(self._janitor.limits.body_seconds)
            self.scope[REFUSED] = late.status  # type: ignore[literal-required]
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse(late)

    def _wait_for(self, phase: Phase) -> None:
        self.phase = phase
        self._janitor.waits(self)

    def _hand_over(self) -> None:
        if not self.cycle.response_complete:
            self.cycle.body += b"".join(self._body)
        self._body, self._body_bytes = [], 0

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._max_head or len(self.headers) > self._max_headers:
            raise HeadTooLargeError(self._max_head, self._max_headers)

    def _refuse(self, error: FlavorkitError) -> None:
        content = encode_error(error)
        head = (
            f"content-type: {JSON}\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self._janitor.refused(error.status)
        refusal = STATUS_LINE[error.status] + head.encode() + content
        if self.phase is Phase.WORK and not self.cycle.response_complete:
            self._refusal = refusal  # behind the answers that are due
            return
        self.transport.write(refusal)
        self.transport.close()


class _NotHttpError(FlavorkitError):
    """What was sent is not HTTP."""

    status = 400
    error_code = "BAD_REQUEST"


_NOT_HTTP = _NotHttpError("this is not a valid HTTP/1.1 request")
