"""Alerts by HTTP: one POST for each, in order, over a connection that stays open."""

from __future__ import annotations

import gzip
import http.client
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from tiercel.errors import InputError
from tiercel.outputs.channels.settings import HttpSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.channels.tls import context
from tiercel.outputs.queue_record import Record

log = logging.getLogger("tiercel.outputs")

ID_HEADER = "X-Tiercel-Alert-Id"
_NEVER = {400, 413, 415, 422}
"""Answers that say the alert itself will not be taken, now or later."""
_ANSWER = 64 << 10  # bytes of an answer that are read on an open connection


class HttpSink:
    """Posts alerts.

    An alert is delivered when the answer is 2xx. Answers 400, 413, 415 and 422 refuse that alert for good; after any
    other the same alert is tried again.

    Raises:
        InputError: the URL or a certificate cannot be used.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self.refused = 0
        self._timeouts = 0
        self._connection: http.client.HTTPConnection | None = None
        try:
            url = urlsplit(settings.url.strip("\"'"))
            host, port = url.hostname or "", url.port
        except ValueError as error:
            raise InputError(f"http_output.url: {settings.url}: {error}") from error
        if url.scheme not in ("http", "https") or not host:
            raise InputError(f"http_output.url: '{settings.url}' is no http:// or https:// address")
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._headers = self._fixed_headers()
        self._connect: Callable[[], http.client.HTTPConnection]
        if url.scheme == "https":
            tls = context(settings.tls, "http_output")
            self._connect = lambda: http.client.HTTPSConnection(host, port, timeout=settings.timeout, context=tls)
        else:
            self._connect = lambda: http.client.HTTPConnection(host, port, timeout=settings.timeout)

    def _fixed_headers(self) -> dict[str, str]:
        settings = self.settings
        headers = {
            "Content-Type": "application/json" if settings.json else "text/plain",
            "User-Agent": settings.user_agent,
        }
        if settings.compress_uploads:
            headers["Content-Encoding"] = "gzip"
        headers.update(settings.headers)
        for name, value in headers.items():
            if "\n" in name + value or "\r" in name + value or not name.strip() or ":" in name:
                raise InputError(f"http_output.headers: '{name}' cannot be a header")
            try:
                value.encode("latin-1")
            except UnicodeEncodeError:
                raise InputError(f"http_output.headers: the value of '{name}' is not Latin-1") from None
        return headers

    def send(self, records: Sequence[Record]) -> None:
        for at, record in enumerate(records):
            try:
                self._post(record, at)
            except SinkError:
                self.reopen()
                raise
            except TimeoutError as error:
                self.reopen()
                self._timeouts += 1
                if self._timeouts == self.settings.max_consecutive_timeouts:
                    log.error("http_output: %d timeouts in a row", self._timeouts)
                raise SinkError(f"no answer within {self.settings.timeout:g} s", at) from error
            except (OSError, http.client.HTTPException, AttributeError) as error:
                self.reopen()  # AttributeError: http.client finds its socket closed by stop()
                raise SinkError(f"{self.settings.url}: {_said(error)}", at) from error
            self._timeouts = 0

    def _post(self, record: Record, at: int) -> None:
        body = gzip.compress(record.line, 1) if self.settings.compress_uploads else record.line
        headers = {**self._headers, ID_HEADER: record.id}
        try:
            answer, said = self._exchange(body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server closes a connection that was idle for long: that is no failure, once.
            self.reopen()
            answer, said = self._exchange(body, headers)
        if self.settings.echo:
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
        status = answer.status
        if 200 <= status < 300:
            return
        if status in _NEVER:
            self.refused += 1
            log.error("http_output: the server refuses alert %s: %d %s", record.id, status, answer.reason)
            return
        wait = answer.getheader("Retry-After", "")
        raise SinkError(
            f"{self.settings.url}: the server says {status} {answer.reason}",
            at,
            float(wait) if wait.isascii() and wait.isdigit() else 0.0,
        )

    def _exchange(self, body: bytes, headers: Mapping[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.settings.keep_alive:
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.request("POST", self._target, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read(_ANSWER)
        if answer.will_close or not answer.isclosed():
            self.reopen()  # the rest of a long answer is not worth reading
        return answer, said

    def settle(self) -> None:
        """Every answer was waited for already."""

    def reopen(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def stop(self) -> None:
        connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        self.reopen()


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
