"""A small HTTP server: a few paths, GET and HEAD, and bounds on everything that comes from outside.

Each connection is one request and has a thread. It has a few seconds in all, whatever it sends in them; when there are
too many, the oldest is cut off, so that no number of slow ones keeps a new one out.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from tiercel.errors import InputError

log = logging.getLogger("tiercel.serving")

_SECONDS = 5.0  # for a request, from the first byte to the last of the answer
_MOST_HEAD = 8 << 10  # bytes of a request
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is a number of HTTP, ``body`` goes out as it is."""

    status: int
    body: bytes
    type: str = "application/json"


Handler = Callable[[], Answer]


class HttpServer:
    """Serves ``handlers`` by path until :meth:`close`.

    ``port`` is where it listens. Requests are answered by ``workers`` threads at most.

    Args:
        address: an IP address, of either version.
        port: 0 for one that is free.
        certificate: a PEM file with a certificate and its key, to speak TLS; None to speak plainly.

    Raises:
        InputError: the address cannot be bound, or the certificate cannot be read.
    """

    def __init__(
        self,
        address: str,
        port: int,
        handlers: Mapping[str, Handler],
        workers: int = 16,
        certificate: str | None = None,
    ) -> None:
        self.handlers = handlers
        self.workers = max(workers, 1)
        self._tls = _Tls(certificate) if certificate is not None else None
        self._open: dict[socket.socket, None] = {}  # the oldest first
        self._lock = threading.Lock()
        self._closed = False
        version = ipaddress.ip_address(address).version
        try:
            family = socket.AF_INET6 if version == 6 else socket.AF_INET
            self._listener = socket.create_server((address, port), family=family, backlog=64)
        except OSError as error:
            where = f"[{address}]:{port}" if version == 6 else f"{address}:{port}"
            raise InputError(f"webserver: cannot listen on {where}: {error.strerror or error}") from None
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="webserver", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; what is being answered is cut off."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _cut(connection)
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if not self._closed:
                    time.sleep(0.1)  # no descriptors left, or the peer went away
                continue
            with self._lock:
                if len(self._open) >= self.workers:
                    oldest = next(iter(self._open))
                    del self._open[oldest]
                    _cut(oldest)
                self._open[connection] = None
            try:
                threading.Thread(target=self._serve, args=(connection,), name="webserver-request", daemon=True).start()
            except RuntimeError:  # no more threads
                self._leave(connection)

    def _leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.pop(connection, None)
        connection.close()

    def _serve(self, connection: socket.socket) -> None:
        until = time.monotonic() + _SECONDS
        stream = connection
        try:
            connection.settimeout(_SECONDS)
            if self._tls is not None:
                stream = self._tls.context().wrap_socket(connection, server_side=True)
            head = _head(stream, until)
            _send(stream, self._response(head), until)
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):  # who asked went away, or asked for nothing
            pass
        except Exception:
            log.exception("webserver: a request could not be answered")
        finally:
            with contextlib.suppress(OSError):
                stream.close()
            self._leave(connection)

    def _response(self, head: bytes) -> bytes:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _written(_plain(HTTPStatus.BAD_REQUEST), True)
        method, target, _ = words
        if method not in (b"GET", b"HEAD"):
            return _written(_plain(HTTPStatus.METHOD_NOT_ALLOWED), True, "Allow: GET, HEAD\r\n")
        path = target.partition(b"?")[0].decode("latin-1")
        handler = self.handlers.get(path)
        answer = handler() if handler is not None else _plain(HTTPStatus.NOT_FOUND)
        return _written(answer, method == b"GET")


class _Tls:
    """A certificate and its key, read again when their file has changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._state = _state(path)
        self._context = _context(path)

    def context(self) -> ssl.SSLContext:
        """Return what to speak TLS with; where the file is not usable any more, that of before."""
        state = _state(self.path)
        if state != self._state:
            self._state = state
            try:
                self._context = _context(self.path)
            except InputError as error:
                log.error("%s; that of before stays in use", error)
        return self._context


def _state(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error) if not isinstance(error, ssl.SSLError) else error.reason or str(error)
        raise InputError(f"webserver: {certificate}: cannot be used as certificate and key: {reason}") from None
    return context


def _head(stream: socket.socket, until: float) -> bytes:
    """Return a request up to the end of its headers; raise OSError when it is late, ValueError when it is too long."""
    head = b""
    while _END not in head:
        stream.settimeout(_left(until))
        part = stream.recv(4096)
        if not part:
            raise ValueError("ended early")
        head += part
        if len(head) > _MOST_HEAD:
            raise ValueError("too long")
    return head


def _send(stream: socket.socket, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        stream.settimeout(_left(until))
        view = view[stream.send(view) :]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _plain(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.phrase}\n".encode(), "text/plain; charset=utf-8")


def _written(answer: Answer, body: bool, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: {answer.type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        f"{more}"
        "X-Content-Type-Options: nosniff\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (answer.body if body else b"")


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
