"""Falco's gRPC services, which Falco no longer has: every subscriber is sent every alert.

While nobody subscribes, alerts wait in the queue; who comes first is sent them all. The services have no answers: an
alert is delivered when it was handed to the connection of one subscriber.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from tiercel.errors import InputError
from tiercel.outputs.channels.grpc_messages import version_message, with_id
from tiercel.outputs.channels.settings import GrpcSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.queue_record import Record

log = logging.getLogger("tiercel.outputs")

_STALLED = 30.0  # seconds after which a subscriber that takes nothing is cut off
_CONTEXTS = 10  # calls at a time, for each unit of threadiness


class _Subscriber:
    """One call. ``items`` are to be sent, ``done`` counts those of the present batch that were; guarded by the sink."""

    def __init__(self, until: int | None) -> None:
        self.until = until
        self.items: deque[Record] = deque()
        self.done = 0
        self.last = 0
        self.gone = False
        self.moved = time.monotonic()


class GrpcSink:
    """Serves ``falco.outputs.service`` and ``falco.version.service``.

    ``newest`` and ``settled`` tell the number of the newest alert, and up to which all are delivered.

    Raises:
        InputError: the address cannot be bound, or a key or certificate cannot be read.
    """

    most = 256 << 10

    def __init__(self, settings: GrpcSettings) -> None:
        self.settings = settings
        self.refused = 0
        self.newest: Callable[[], int] = lambda: 0
        self.settled: Callable[[], int] = lambda: 0
        self._moved = threading.Condition()
        self._subscribers: list[_Subscriber] = []
        self._stopped = False
        threads = _CONTEXTS * (settings.threadiness or max(2, os.cpu_count() or 1))
        self._server = grpc.server(ThreadPoolExecutor(threads, "grpc"), options=[("grpc.so_reuseport", 0)])
        outputs = {
            "sub": grpc.stream_stream_rpc_method_handler(self._sub),
            "get": grpc.unary_stream_rpc_method_handler(self._get),
        }
        version = {"version": grpc.unary_unary_rpc_method_handler(lambda _request, _context: version_message())}
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler("falco.outputs.service", outputs),
                grpc.method_handlers_generic_handler("falco.version.service", version),
            )
        )
        self.port = _bind(self._server, settings)
        self._server.start()

    # The side of the queue

    def send(self, records: Sequence[Record]) -> None:
        done = 0
        while done < len(records):
            with self._moved:
                self._moved.wait_for(lambda: self._stopped or self._subscribers)
                if self._stopped:
                    raise SinkError("stopped", done)
                done += self._hand_out(records[done:])

    def _hand_out(self, records: Sequence[Record]) -> int:
        """Give records to all who are there; return how many the one that came furthest was sent."""
        targets = list(self._subscribers)
        for target in targets:
            target.items.extend(records)
            target.done, target.moved = 0, time.monotonic()
        self._moved.notify_all()
        while not self._stopped and any(target.items or target.done < len(records) for target in self._there(targets)):
            self._moved.wait(1.0)
        return max(target.done for target in targets)

    def _there(self, targets: list[_Subscriber]) -> list[_Subscriber]:
        now = time.monotonic()
        for target in targets:
            if not target.gone and now - target.moved > _STALLED:
                log.warning("grpc_output: a subscriber took nothing for %g s and is cut off", _STALLED)
                self._leave(target)
        return [target for target in targets if not target.gone]

    def settle(self) -> None:
        """The services have no answers."""

    def reopen(self) -> None:
        """Subscribers stay."""

    def stop(self) -> None:
        with self._moved:
            self._stopped = True
            self._moved.notify_all()

    def close(self) -> None:
        self.stop()
        self._server.stop(0.5).wait(2)
        path = _socket_path(self.settings.bind_address)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    # The side of the subscribers

    def _sub(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        """Send alerts from the first request on until the client ends the call; further requests change nothing."""
        try:
            next(requests)
        except StopIteration:
            return
        threading.Thread(target=_read_out, args=(requests,), name="grpc-requests", daemon=True).start()
        yield from self._serve(context, None)

    def _get(self, _request: bytes, context: Any) -> Iterator[bytes]:
        """Send the alerts that wait, and end."""
        yield from self._serve(context, self.newest())

    def _serve(self, context: Any, until: int | None) -> Iterator[bytes]:
        subscriber = _Subscriber(until)
        if not context.add_callback(lambda: self._left(subscriber)):
            return
        with self._moved:
            self._subscribers.append(subscriber)
            self._moved.notify_all()
        try:
            while (record := self._next(subscriber)) is not None:
                yield with_id(record.extra, record.id)
                with self._moved:
                    subscriber.items.popleft()
                    subscriber.done += 1
                    subscriber.last, subscriber.moved = record.number, time.monotonic()
                    if not subscriber.items:
                        self._moved.notify_all()
        finally:
            self._left(subscriber)

    def _next(self, subscriber: _Subscriber) -> Record | None:
        with self._moved:
            while not subscriber.items:
                if subscriber.gone or self._stopped:
                    return None
                if subscriber.until is None:
                    self._moved.wait()
                elif subscriber.last >= subscriber.until or self.settled() >= subscriber.until:
                    return None
                else:
                    self._moved.wait(0.1)
            return None if subscriber.gone else subscriber.items[0]

    def _left(self, subscriber: _Subscriber) -> None:
        with self._moved:
            self._leave(subscriber)

    def _leave(self, subscriber: _Subscriber) -> None:
        subscriber.gone = True
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
        self._moved.notify_all()


def _read_out(requests: Iterator[bytes]) -> None:
    with contextlib.suppress(Exception):  # how the call ended is told to the one who serves it
        for _ in requests:
            pass


def _socket_path(address: str) -> Path | None:
    return Path("/" + address[5:].lstrip("/")) if address.startswith("unix:") else None


def _bind(server: grpc.Server, settings: GrpcSettings) -> int:
    """Bind to the address; return the port."""
    address = settings.bind_address
    path = _socket_path(address)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_stale(path)
            before = os.umask(0o117)  # the socket is for its owner and group
            try:
                return int(server.add_insecure_port(f"unix://{path}"))
            finally:
                os.umask(before)
        files = (settings.private_key, settings.cert_chain, settings.root_certs)
        key, chain, root = (Path(name).read_bytes() for name in files)
        credentials = grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True)
        return int(server.add_secure_port(address, credentials))
    except OSError as error:
        raise InputError(f"grpc: {error.filename or address}: {error.strerror or error}") from error
    except RuntimeError as error:
        raise InputError(f"grpc.bind_address: '{address}' cannot be bound: {error}") from error


def _remove_stale(path: Path) -> None:
    """Remove a socket nobody listens on.

    Raises:
        InputError: somebody does, or it is something else.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise InputError(f"grpc.bind_address: {path} exists and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise InputError(f"grpc.bind_address: {path} is in use by another process")
