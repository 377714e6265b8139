"""Alerts by syslog: the local socket, or a server by UDP, TCP or TLS."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from tiercel.errors import InputError
from tiercel.outputs.channels.drain import SOCKET_WAITS, drained
from tiercel.outputs.channels.settings import SyslogSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.channels.syslog_format import FACILITIES, Formatter
from tiercel.outputs.channels.tls import context
from tiercel.outputs.queue_record import Record

_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_TIMEOUT = 10.0


class SyslogSink:
    """Sends messages.

    Datagrams are delivered when they are sent. Messages by TCP and TLS are counted by octets (RFC 6587, RFC 5425) and
    delivered when the server's system has acknowledged their bytes.

    Raises:
        InputError: the address, facility or a certificate cannot be used.
    """

    most = 256 << 10

    def __init__(self, settings: SyslogSettings) -> None:
        self.settings = settings
        self.refused = 0
        if settings.facility not in FACILITIES:
            raise InputError(
                f"syslog_output.facility: there is no facility '{settings.facility}': use {', '.join(FACILITIES)}"
            )
        try:
            url = urlsplit(settings.address)
            self.scheme, self.path, self.host = url.scheme, url.path, url.hostname or ""
            self.port = url.port or _PORTS.get(self.scheme, 0)
        except ValueError as error:
            raise InputError(f"syslog_output.address: {settings.address}: {error}") from error
        if not (self.scheme == "unix" and self.path) and not (self.scheme in _PORTS and self.host):
            raise InputError(
                f"syslog_output.address: '{settings.address}' is none of unix://PATH, udp://HOST, tcp://HOST, tls://HOST"
            )
        self._tls = context(settings.tls, "syslog_output") if self.scheme == "tls" else None
        self._format = Formatter(settings.format, settings.facility, settings.ident, self.scheme != "unix")
        self._socket: socket.socket | None = None
        self._stream = False
        self._stopped = threading.Event()

    def send(self, records: Sequence[Record]) -> None:
        connection = self._connected()
        if self._stream:
            if _hung_up(connection):
                self.reopen()
                raise SinkError(f"{self.settings.address}: the server closed the connection")
            connection.sendall(b"".join([self._framed(self._format(record)) for record in records]))
            return
        for at, record in enumerate(records):
            try:
                self._datagram(connection, self._format(record))
            except OSError as error:
                self.reopen()
                raise SinkError(f"{self.settings.address}: {error.strerror or error}", at) from error

    def _framed(self, message: bytes) -> bytes:
        if self.scheme == "unix":  # what the system's library writes to a stream socket
            return message + b"\0"
        return b"%d " % len(message) + message

    def _datagram(self, connection: socket.socket, message: bytes) -> None:
        """Send a message, cut until it fits."""
        while True:
            try:
                connection.send(message)
                return
            except OSError as error:
                if error.errno != errno.EMSGSIZE or len(message) < 1024:
                    raise
                message = message[: len(message) * 3 // 4]

    def _connected(self) -> socket.socket:
        if self._socket is None:
            try:
                self._socket = self._connect()
            except OSError as error:
                raise SinkError(f"{self.settings.address}: {error.strerror or error}") from error
        return self._socket

    def _connect(self) -> socket.socket:
        if self.scheme == "unix":
            return self._connect_unix()
        if self.scheme == "udp":
            self._stream = False
            family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.connect(address)
            return made
        self._stream = True
        made = socket.create_connection((self.host, self.port), _TIMEOUT)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls is None:
            return made
        try:
            return self._tls.wrap_socket(made, server_hostname=self.host)
        except OSError:
            made.close()
            raise

    def _connect_unix(self) -> socket.socket:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            made = socket.socket(socket.AF_UNIX, kind)
            made.settimeout(_TIMEOUT)
            try:
                made.connect(self.path)
            except OSError as error:
                made.close()
                if error.errno != errno.EPROTOTYPE or kind is socket.SOCK_STREAM:
                    raise
                continue
            self._stream = kind is socket.SOCK_STREAM
            return made
        raise AssertionError("unreachable")

    def settle(self) -> None:
        if self._socket is None or not self._stream:
            return
        drained(self._socket.fileno(), SOCKET_WAITS, _TIMEOUT, self._stopped.is_set)
        if _hung_up(self._socket):
            self.reopen()
            raise SinkError(f"{self.settings.address}: the server closed the connection")

    def reopen(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()
        connection = self._socket
        if connection is not None and self._stream:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.reopen()


def _hung_up(connection: socket.socket) -> bool:
    """Whether the server has closed the connection, or reset it; what it says is thrown away."""
    connection.setblocking(False)
    try:
        return not connection.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(_TIMEOUT)
