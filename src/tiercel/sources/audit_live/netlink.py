"""The kernel's audit subsystem over its netlink socket: requests with their answers, and records as they come.

References: ``linux/netlink.h`` for the framing, ``linux/audit.h`` for the numbers, ``kernel/audit.c`` for who may ask
what. Everything takes the initial user and process namespaces.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from types import TracebackType
from typing import Self

from tiercel.sources.live.errors import LiveError

GET, SET, ADD_RULE, DEL_RULE, LIST_RULES = 1000, 1001, 1011, 1012, 1013
FIRST_RECORD = 1005
"""Messages of this type and above, but for those between them that are answers, are records."""

_PROTOCOL = 9
_ERROR, _DONE, _OVERRUN = 2, 3, 4
_REQUEST, _ACK = 1, 4
_HEADER = struct.Struct("<IHHII")
_CODE = struct.Struct("<i")
_MOST = 9000  # bytes of a message; the kernel's longest record has 8,560
_PATIENCE = 5.0  # seconds; the kernel answers within one unless it is very busy
_RECORDS_GROUP = 1
_SO_RCVBUFFORCE = 33


class AuditRefused(OSError):
    """The kernel refused a request; ``errno`` says how."""


class AuditSocket:
    """One socket to the audit subsystem.

    Args:
        records: join the group to which the kernel sends a copy of every record.
        buffer: bytes of the queue of what was not read yet.

    Raises:
        LiveError: there is no audit subsystem here, or it is out of reach.
    """

    def __init__(self, records: bool = False, buffer: int = 0) -> None:
        self._sequence = 0
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _PROTOCOL)
        except OSError as error:
            raise LiveError(_why(error)) from None
        try:
            if buffer:
                self._widen(buffer)
            self._socket.bind((0, _RECORDS_GROUP if records else 0))
        except OSError as error:
            self._socket.close()
            raise LiveError(_why(error)) from None

    def _widen(self, buffer: int) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket. Calling it again does nothing."""
        self._socket.close()

    def request(self, kind: int, data: bytes = b"") -> None:
        """Ask for something that has no answer but whether it was done.

        Raises AuditRefused when it was not, LiveError when the kernel does not answer.
        """
        self._ask(kind, data, answers=False)

    def send(self, kind: int, data: bytes = b"", flags: int = 0) -> None:
        """Ask for something without waiting for the answer."""
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(data), kind, _REQUEST | flags, self._sequence, 0)
        self._socket.sendto(header + data, (0, 0))

    def ask(self, kind: int, data: bytes = b"") -> list[bytes]:
        """Ask for something and return the answers; a list of rules has one for each. Raises as :meth:`request`."""
        return self._ask(kind, data, answers=True)

    def _ask(self, kind: int, data: bytes, answers: bool) -> list[bytes]:
        self.send(kind, data, _ACK)
        try:
            return self._answers(kind, answers)
        finally:
            self._socket.settimeout(None)

    def _answers(self, kind: int, answers: bool) -> list[bytes]:
        found: list[bytes] = []
        done, answered = False, not answers
        until = time.monotonic() + _PATIENCE
        while not (done and answered):
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            try:
                message, (sender, _) = self._socket.recvfrom(_MOST)
            except TimeoutError:
                raise LiveError("the audit subsystem of the kernel does not answer") from None
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue
                raise
            if sender != 0 or len(message) < _HEADER.size:
                continue  # not of the kernel
            _, type, _, sequence, _ = _HEADER.unpack_from(message)
            if sequence != self._sequence:
                continue
            body = message[_HEADER.size :]
            if type == _ERROR and len(body) >= _CODE.size:
                code = -_CODE.unpack_from(body)[0]
                if code:
                    raise AuditRefused(code, os.strerror(code))
                done = True
            elif type == _DONE:
                answered = True
            elif type == kind:
                found.append(body)
                answered |= kind != LIST_RULES
        return found

    def record(self) -> tuple[int, bytes] | None:
        """Return type and text of the next record, None when there is none for now; does not wait.

        Raises OSError with ENOBUFS when records did not fit into the queue.
        """
        while True:
            try:
                message, (sender, _) = self._socket.recvfrom(_MOST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            if sender != 0 or len(message) < _HEADER.size:
                continue
            kind = int.from_bytes(message[4:6], "little")
            if kind >= FIRST_RECORD and kind not in (ADD_RULE, DEL_RULE, LIST_RULES):
                return kind, message[_HEADER.size :].rstrip(b"\0\n ")


def _why(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return "the kernel does not allow access to its audit records: it takes root (CAP_AUDIT_READ and _CONTROL)"
    if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL):
        return "this kernel has no audit subsystem (CONFIG_AUDIT, or audit=0 at boot)"
    return f"the audit subsystem cannot be reached: {error.strerror or error}"
