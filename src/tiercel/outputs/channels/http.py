"""Alerts by HTTP: one POST for each, in order, over a connection that stays open."""

from __future__ import annotations

import gzip
import logging
import ssl
import sys
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from tiercel.errors import InputError
from tiercel.outputs.channels.http_connection import Answer, Connection
from tiercel.outputs.channels.settings import HttpSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.channels.tls import context
from tiercel.outputs.queue_record import Record

log = logging.getLogger("tiercel.outputs")

ID_HEADER = "X-Tiercel-Alert-Id"
_NEVER = {400, 413, 415, 422}
"""Answers that say the alert itself will not be taken, now or later."""


class HttpSink:
    """Posts alerts.

    An alert is delivered when the answer is 2xx. Answers 400, 413, 415 and 422 refuse that alert for good; after any
    other the same alert is tried again.

    Raises:
        InputError: the URL or a certificate cannot be used.
    """

    most = 32 << 10

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self.refused = 0
        self._timeouts = 0
        self._connection: Connection | None = None
        try:
            url = urlsplit(settings.url.strip("\"'"))
            host, port = url.hostname or "", url.port
        except ValueError as error:
            raise InputError(f"http_output.url: {settings.url}: {error}") from error
        if url.scheme not in ("http", "https") or not host:
            raise InputError(f"http_output.url: '{settings.url}' is no http:// or https:// address")
        tls = context(settings.tls, "http_output") if url.scheme == "https" else None
        number = port or (443 if tls else 80)
        self._connect: Callable[[], Connection] = lambda: Connection(
            host, number, settings.timeout, tls, settings.keep_alive
        )
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        name = f"[{host}]" if ":" in host else host
        self._head = self._fixed_head(target, name + (f":{port}" if port else ""))

    def _fixed_head(self, target: str, host: str) -> bytes:
        """Return the part of a request that is the same for all alerts."""
        settings = self.settings
        headers = {
            "Host": host,
            "User-Agent": settings.user_agent,
            "Accept": "*/*",
            "Content-Type": "application/json" if settings.json else "text/plain",
        }
        if settings.compress_uploads:
            headers["Content-Encoding"] = "gzip"
        headers.update(settings.headers)
        for name, value in headers.items():
            if any(end in name + value for end in "\r\n\0") or not name.strip() or set(name) & set(": "):
                raise InputError(f"http_output.headers: '{name}' cannot be a header")
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        try:
            return "\r\n".join(lines).encode("latin-1")
        except UnicodeEncodeError:
            raise InputError(f"http_output: {settings.url}: the URL and headers must be Latin-1") from None

    def send(self, records: Sequence[Record]) -> None:
        at = 0
        while at < len(records):
            at += self._post(records[at : at + self.settings.pipeline], at)
            self._timeouts = 0

    def _post(self, records: Sequence[Record], before: int) -> int:
        """Post some alerts together; return how many are done with, at least one.

        Raises:
            SinkError: one was not taken.
        """
        done = 0
        try:
            connection = self._ready()
            connection.ask([self._request(record) for record in records])
            for record in records:
                answer = connection.answer()
                self._judge(answer, record, before + done)
                done += 1
                if answer.last:
                    self.reopen()
                    break
            return done
        except SinkError:
            self.reopen()
            raise
        except OSError as error:
            used = self._connection is not None and self._connection.answered > 0
            self.reopen()
            if done:
                return done
            if used and isinstance(error, ConnectionResetError | BrokenPipeError):
                # A server closes a connection that was idle for long: that is no failure, once.
                return self._post(records[:1], before)
            raise SinkError(self._failure(error), before) from error

    def _ready(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _request(self, record: Record) -> bytes:
        body = gzip.compress(record.line, 1) if self.settings.compress_uploads else record.line
        return b"%b\r\n%b: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            self._head,
            ID_HEADER.encode(),
            record.id.encode(),
            len(body),
            body,
        )

    def _judge(self, answer: Answer, record: Record, done: int) -> None:
        """Return when an alert is done with.

        Raises:
            SinkError: it is to be tried again.
        """
        if self.settings.echo:
            sys.stdout.buffer.write(answer.body)
            sys.stdout.buffer.flush()
        if 200 <= answer.status < 300:
            return
        said = f"{answer.status} {answer.reason}".strip()
        if answer.status in _NEVER:
            self.refused += 1
            log.error("http_output: the server refuses alert %s: %s", record.id, said)
            return
        wait = answer.retry_after
        after = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 9 else 0.0
        raise SinkError(f"{self.settings.url}: the server says {said}", done, after)

    def _failure(self, error: OSError) -> str:
        if not isinstance(error, TimeoutError):
            return f"{self.settings.url}: {_said(error)}"
        self._timeouts += 1
        if self._timeouts == self.settings.max_consecutive_timeouts:
            log.error("http_output: %d timeouts in a row", self._timeouts)
        return f"{self.settings.url}: no answer within {self.settings.timeout:g} s"

    def settle(self) -> None:
        """Every answer was waited for already."""

    def reopen(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        self.reopen()


def _said(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
