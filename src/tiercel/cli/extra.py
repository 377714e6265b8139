"""What to say when a package is missing that only some commands need."""

from __future__ import annotations

_EXTRAS = {
    **dict.fromkeys(("blake3", "cryptography", "duckdb", "jinja2", "pyarrow", "rfc3161_client"), "case"),
    "grpc": "serve",
}


def missing(error: ModuleNotFoundError) -> str | None:
    """Return how to install what could not be imported; None when it is no package of an extra."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    if extra is None:
        return None
    return f"this command needs packages that are not installed ({package}): pip install 'tiercel[{extra}]'"
