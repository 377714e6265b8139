"""Calls of gRPC services at unix sockets; takes grpcio (``tiercel[serve]``)."""

from __future__ import annotations

import importlib.util
import logging
import threading
from typing import Any

from tiercel.identity.files import is_there, on_host

log = logging.getLogger("tiercel.identity")

TIMEOUT = 2.0
"""Seconds for one answer."""

_MAX_ANSWER = 4 << 20


class NotThereError(LookupError):
    """The service does not know what it was asked about."""


class NotServedError(LookupError):
    """There is no such service or method."""


def installed() -> bool:
    """Return whether gRPC can be spoken; does not load it."""
    return importlib.util.find_spec("grpc") is not None


class Channel:
    """A connection to a socket, made with the first call."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._channel: Any = None
        self._lock = threading.Lock()

    @property
    def there(self) -> bool:
        """Whether the socket exists."""
        return is_there(self.socket)

    def close(self) -> None:
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def call(self, method: str, request: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Call a method, such as ``/runtime.v1.RuntimeService/Version``; return its answer.

        Raises:
            NotThereError: what it was asked about does not exist.
            NotServedError: the method does not.
            OSError: nobody answered, or not in time (TimeoutError), or with another error.
        """
        import grpc

        with self._lock:
            if self._channel is None:
                options = (
                    ("grpc.enable_http_proxy", 0),
                    ("grpc.max_receive_message_length", _MAX_ANSWER),
                    ("grpc.max_reconnect_backoff_ms", 5000),
                    ("grpc.use_local_subchannel_pool", 1),
                )
                self._channel = grpc.insecure_channel(f"unix:{on_host(self.socket)}", options)
            channel = self._channel
        try:
            answer = channel.unary_unary(method)(request, timeout=TIMEOUT, metadata=metadata)
        except ValueError as error:  # closed meanwhile
            raise OSError(f"{self.socket}: {error}") from None
        except grpc.RpcError as error:
            raise self._error(error.code(), str(error.details())) from None
        return bytes(answer)

    def _error(self, code: Any, details: str) -> Exception:
        kind = getattr(code, "name", "")
        if kind == "NOT_FOUND" or (kind == "UNKNOWN" and "not found" in details):
            return NotThereError(details)
        if kind == "UNIMPLEMENTED":
            return NotServedError(details)
        if kind == "DEADLINE_EXCEEDED":
            return TimeoutError(f"{self.socket}: no answer in {TIMEOUT:g} s")
        return OSError(f"{self.socket}: {details or kind}")
