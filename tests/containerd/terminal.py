"""A command on a terminal in a container, as ``kubectl exec -it`` has it.

The runtime's streaming server speaks WebSocket (RFC 6455) with the subprotocol ``v4.channel.k8s.io``: binary messages
whose first byte is the channel, 0 for what is typed, 1 for what is shown, 3 for how it ended.
"""

from __future__ import annotations

import base64
import secrets
import socket
import struct
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_TYPED, _SHOWN = 0, 1
_BINARY, _CLOSE = 2, 8
_PATIENCE = 20.0


class Terminal:
    """A terminal at ``url``, the answer of the CRI method ``Exec``. Leaving its ``with`` statement hangs up."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.shown = b""
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), _PATIENCE)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = (
            f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: v4.channel.k8s.io",
            "", "",
        )  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())
        self._stream = self.socket.makefile("rb")
        status = self._stream.readline()
        if b" 101 " not in status:
            raise ConnectionError(f"{url}: {status!r}")
        while self._stream.readline().strip():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self.socket.close()

    def type(self, text: str) -> None:
        """Type this; a line ends with a line feed."""
        self._send(_BINARY, bytes([_TYPED]) + text.encode())

    def ask(self, command: str) -> str:
        """Type a command to a shell and return what it printed, once it is done."""
        mark = secrets.token_hex(6)
        typed = f"{mark[:6]}''{mark[6:]}"  # not yet the mark
        begin = len(self.shown)
        self.type(f"{command}; echo {typed}\n")
        self.wait_for(mark, begin)
        shown = self.shown[begin:].decode(errors="replace").replace("\r\n", "\n")
        return shown.rsplit(f"{typed}\n", 1)[-1].split(mark)[0]  # a shell that starts shows twice what was typed

    def wait_for(self, text: str, begin: int = 0) -> None:
        """Wait until this is shown after the first ``begin`` bytes.

        Raises:
            TimeoutError: it did not come.
        """
        until = time.monotonic() + _PATIENCE
        while text.encode() not in self.shown[begin:]:
            if time.monotonic() > until or not self._receive():
                raise TimeoutError(f"no {text!r} in what was shown: {self.shown[begin:]!r}")

    def wait(self) -> None:
        """Wait until the command has ended."""
        while self._receive():
            pass

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = secrets.token_bytes(4)
        masked = bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload))
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def _receive(self) -> bool:
        """Take one message in; return whether there was one."""
        head = self._stream.read(2)
        if len(head) < 2 or head[0] & 15 == _CLOSE:
            return False
        size = head[1] & 127
        if size >= 126:
            size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
        payload = self._stream.read(size)
        if payload[:1] == bytes([_SHOWN]):
            self.shown += payload[1:]
        return True
