"""What to say when a package is missing that only some commands need."""

from __future__ import annotations

_CASE = {"blake3", "cryptography", "duckdb", "jinja2", "pyarrow", "rfc3161_client"}


def missing(error: ModuleNotFoundError) -> str | None:
    """Return how to install what could not be imported; None when it is no package of the extra ``case``."""
    package = (error.name or "").partition(".")[0]
    if package not in _CASE:
        return None
    return f"this command needs packages that are not installed ({package}): pip install 'tiercel[case]'"
