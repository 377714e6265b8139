"""Permissions as an act's detail tells them, as in ``u+s 04755``."""

from __future__ import annotations

import re

from tiercel.reconstruct.knowledge.suspicious import SETGID, SETUID, Reason

_OCTAL = re.compile(r"(?<![\w.])0?([0-7]{3,4})(?!\w)")


def mode_bits(detail: str | None) -> int | None:
    """Return the permission bits a detail names in octal, None without any."""
    match = _OCTAL.search(detail or "")
    return None if match is None else int(match.group(1), 8)


def set_id(detail: str | None) -> list[Reason]:
    """Return the reasons to look at permissions that make a program run as its owner or group."""
    bits = mode_bits(detail) or 0
    return [reason for bit, reason in ((0o4000, SETUID), (0o2000, SETGID)) if bits & bit]


def is_executable(detail: str | None) -> bool:
    """Tell whether the permissions let anybody execute the file."""
    return bool((mode_bits(detail) or 0) & 0o111)
