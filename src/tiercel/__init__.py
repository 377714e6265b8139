"""Falco-compatible runtime detection and forensics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Alert", "__version__", "scan"]

if TYPE_CHECKING:
    from tiercel.outputs.alert import Alert
    from tiercel.scanning import scan


def __getattr__(name: str) -> Any:
    """Import what is public when it is first asked for, so that the command line starts fast."""
    if name == "scan":
        from tiercel.scanning import scan

        return scan
    if name == "Alert":
        from tiercel.outputs.alert import Alert

        return Alert
    raise AttributeError(f"module 'tiercel' has no attribute '{name}'")
