"""A case: evidence, ledger, store and reports in one directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Case"]

if TYPE_CHECKING:
    from tiercel.case.case import Case


def __getattr__(name: str) -> Any:
    """Import :class:`Case` when it is first asked for: it brings large libraries along."""
    if name == "Case":
        from tiercel.case.case import Case

        return Case
    raise AttributeError(f"module 'tiercel.case' has no attribute '{name}'")
