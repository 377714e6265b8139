"""Why a host cannot be watched."""

from __future__ import annotations

from tiercel.errors import InputError


class LiveError(InputError):
    """The probe cannot be loaded here; the message says what is missing and what to do."""
