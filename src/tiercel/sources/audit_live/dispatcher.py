"""Records from auditd, where it owns the audit subsystem: its dispatcher's socket, or the log it writes.

References: audisp-af_unix(8), whose default socket is ``/var/run/audispd_events`` (``format = string``); auditd.conf(5)
for the log and its rotation.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import IO

from tiercel.sources.audit_record import MAX_LINE, AuditLineError, AuditRecord, parse
from tiercel.sources.live.errors import LiveError

SOCKET = Path("/var/run/audispd_events")
LOG = Path("/var/log/audit/audit.log")
_CHUNK = 1 << 18
_PLUGINS = Path("/etc/audit/plugins.d/af_unix.conf")
_CONFIGURATION = Path("/etc/audit/auditd.conf")


class _Lines:
    """Turns chunks of bytes into records."""

    def __init__(self) -> None:
        self.unread = 0
        self._rest = b""

    def take(self, chunk: bytes) -> list[AuditRecord]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._rest = b""
            self.unread += 1
        found = []
        for line in lines:
            try:
                found.append(parse(line.rstrip(b"\0\r")))
            except AuditLineError:
                self.unread += bool(line.strip(b"\0\r "))
        return found


class DispatchedRecords:
    """The records that auditd hands to whoever connects to its ``af_unix`` plug-in.

    Raises:
        LiveError: nobody listens there.
    """

    overruns = 0

    def __init__(self, path: Path = SOCKET) -> None:
        self.path = path
        self.ended = False
        self._lines = _Lines()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise LiveError(f"{path}: {error.strerror or error}: is auditd's af_unix plug-in active?") from None
        self._socket.setblocking(False)

    @property
    def unread(self) -> int:
        return self._lines.unread

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, most: int) -> list[AuditRecord]:
        """Return the records that are there, about ``most`` at the most; does not wait."""
        found: list[AuditRecord] = []
        while len(found) < most and not self.ended:
            try:
                chunk = self._socket.recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            self.ended = not chunk
            found += self._lines.take(chunk)
        return found

    def close(self) -> None:
        self._socket.close()


class FollowedRecords:
    """The records that auditd writes to its log from now on, across rotations.

    Raises:
        LiveError: the log cannot be opened.
    """

    overruns = 0
    ended = False

    def __init__(self, path: Path = LOG) -> None:
        self.path = path
        self._lines = _Lines()
        try:
            self._file: IO[bytes] = path.open("rb", buffering=0)
        except OSError as error:
            raise LiveError(f"{path}: {error.strerror or error}") from None
        self._file.seek(0, os.SEEK_END)

    @property
    def unread(self) -> int:
        return self._lines.unread

    def fileno(self) -> int:
        """A file is always readable: there is nothing to wait for, so look again after a while."""
        return -1

    def read(self, most: int) -> list[AuditRecord]:
        """Return the records that were written since, about ``most`` at the most."""
        found: list[AuditRecord] = []
        while len(found) < most:
            chunk = self._file.read(_CHUNK)
            if chunk:
                found += self._lines.take(chunk)
            elif not self._turn():
                break
        return found

    def _turn(self) -> bool:
        """Go on with the new file after a rotation, from the start again after a truncation; say whether it was so."""
        held = os.fstat(self._file.fileno())
        if held.st_size < self._file.tell():
            self._file.seek(0)
            return True
        try:
            now = self.path.stat()
            if (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino):
                return False
            fresh = self.path.open("rb", buffering=0)
        except OSError:
            return False  # between two names
        self._file.close()
        self._file = fresh
        return True

    def close(self) -> None:
        self._file.close()


def socket_path(configuration: Path = _PLUGINS) -> Path:
    """Return where auditd's ``af_unix`` plug-in listens, as its configuration says."""
    for word in _setting(configuration, "args").split():
        if word.startswith("/"):
            return Path(word)
    return SOCKET


def log_path(configuration: Path = _CONFIGURATION) -> Path:
    """Return where auditd writes its log, as its configuration says."""
    return Path(_setting(configuration, "log_file") or LOG)


def _setting(path: Path, name: str) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == name:
            return value.strip()
    return ""
