"""Results of failed calls in words."""

from __future__ import annotations

from tiercel.fields.params_names import ERRORS

_WORDS = {
    "ECONNREFUSED": "connection refused",
    "ETIMEDOUT": "timed out",
    "EHOSTUNREACH": "host unreachable",
    "ENETUNREACH": "network unreachable",
    "ENOENT": "not there",
    "EACCES": "permission denied",
    "EPERM": "not permitted",
    "EROFS": "read-only file system",
    "EADDRINUSE": "address in use",
    "ECONNRESET": "connection reset",
}


def error_name(res: int | None) -> str:
    """Return what a negative result says, as in ``ECONNREFUSED (connection refused)``."""
    if res is None:
        return "no result recorded"
    name = ERRORS.get(-res, b"error %d" % -res).decode()
    return f"{name} ({_WORDS[name]})" if name in _WORDS else name
