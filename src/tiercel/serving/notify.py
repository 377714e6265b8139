"""Telling systemd how a service is (``Type=notify-reload``, ``WatchdogSec=``).

References: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notifier:
    """Tells the service manager; does nothing where there is none."""

    def __init__(self) -> None:
        self.address = os.environ.get("NOTIFY_SOCKET", "")
        self._told = 0.0
        self.watchdog = _watchdog_seconds()
        """Seconds between two signs of life, 0 for none asked for."""

    def ready(self, status: str = "") -> None:
        """Tell that the service is up, or up again after :meth:`reloading`."""
        self.tell(f"READY=1\nSTATUS={_line(status)}" if status else "READY=1")

    def reloading(self) -> None:
        self.tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self.tell("STOPPING=1")

    def alive(self) -> None:
        """Give a sign of life if one is due; to be called by what must not hang."""
        if self.watchdog and time.monotonic() - self._told >= self.watchdog:
            self._told = time.monotonic()
            self.tell("WATCHDOG=1")

    def tell(self, message: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto(message.encode(), address)


def _watchdog_seconds() -> float:
    """Return a third of the time systemd waits for, 0 when it does not."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(usec) / 3e6


def _line(text: str) -> str:
    return text.replace("\n", " ")
