"""Requests and answers of HTTP/1.1 over one connection, several requests at a time if need be.

The library's own client takes one request at a time, and most of its time for the headers of answers, of which few
matter. What a server says is not trusted: lengths are capped, and what is no answer ends the connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = 64 << 10  # bytes of the head of an answer
_KEPT = 64 << 10  # bytes of its body that are kept
_BODY = 16 << 20  # bytes of its body that are read


class BadAnswer(OSError):
    """What the server said is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The beginning of a body, and what matters of a head; ``last`` when the server closes the connection after it."""

    status: int
    reason: str
    retry_after: str
    body: bytes
    last: bool


class Connection:
    """An open connection.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, host: str, port: int, timeout: float, tls: ssl.SSLContext | None, keep_alive: bool) -> None:
        plain = socket.create_connection((host, port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if keep_alive:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise
        self._data = bytearray()
        self.answered = 0

    def ask(self, requests: Sequence[bytes]) -> None:
        """Send requests, each of which has an answer.

        Raises:
            OSError: the connection is gone, or nothing moved for as long as the timeout.
        """
        self.socket.sendall(b"".join(requests))

    def answer(self) -> Answer:
        """Read the next answer.

        Raises:
            BadAnswer: there is none.
            OSError: as :meth:`ask`.
        """
        while True:
            status, reason, headers, new = self._head()
            if status >= 200:
                break
        last = headers.get(b"connection", b"" if new else b"close").lower() == b"close"
        if status in (204, 304):
            body = b""
        elif b"chunked" in headers.get(b"transfer-encoding", b"").lower():
            body = self._chunks()
        elif b"content-length" in headers:
            body = self._exactly(_number(headers[b"content-length"], 10))[:_KEPT]
        else:
            body, last = self._rest(), True
        self.answered += 1
        return Answer(status, reason, headers.get(b"retry-after", b"").decode("latin-1"), body, last)

    def close(self) -> None:
        self.socket.close()

    def interrupt(self) -> None:
        """Have another thread that waits here end with an error."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _head(self) -> tuple[int, str, dict[bytes, bytes], bool]:
        """Return status, reason, headers by lower-case name, and whether the version is 1.1."""
        while (end := self._data.find(b"\r\n\r\n")) < 0:
            if len(self._data) > _HEAD:
                raise BadAnswer("the head of the answer has no end")
            self._more()
        first, *lines = bytes(self._data[:end]).split(b"\r\n")
        del self._data[: end + 4]
        version, _, rest = first.partition(b" ")
        code, _, reason = rest.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not code.isdigit() or len(code) != 3:
            raise BadAnswer("this is no HTTP server")
        headers = {}
        for entry in lines:
            name, _, value = entry.partition(b":")
            headers[name.strip().lower()] = value.strip()
        return int(code), reason.decode("latin-1"), headers, version != b"HTTP/1.0"

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._data += data

    def _exactly(self, size: int) -> bytes:
        if size > _BODY:
            raise BadAnswer(f"an answer of {size:,} bytes")
        while len(self._data) < size:
            self._more()
        found = bytes(self._data[:size])
        del self._data[:size]
        return found

    def _line(self) -> bytes:
        while (end := self._data.find(b"\r\n")) < 0:
            if len(self._data) > _HEAD:
                raise BadAnswer("a line of the answer has no end")
            self._more()
        return self._exactly(end + 2)[:-2]

    def _chunks(self) -> bytes:
        kept, total = b"", 0
        while size := _number(self._line().partition(b";")[0].strip(), 16):
            total += size
            if total > _BODY:
                raise BadAnswer(f"an answer of {total:,} bytes")
            kept = (kept + self._exactly(size))[:_KEPT]
            self._exactly(2)
        while self._line():  # trailers
            pass
        return kept

    def _rest(self) -> bytes:
        with contextlib.suppress(ConnectionResetError):
            while len(self._data) <= _KEPT:
                self._more()
        return bytes(self._data[:_KEPT])


def _number(text: bytes, base: int) -> int:
    try:
        return int(text, base) if text.isalnum() and len(text) < 16 else _none(text)
    except ValueError:
        return _none(text)


def _none(text: bytes) -> int:
    raise BadAnswer(f"a length of {text[:20]!r}")
