"""Where the reference data is: recorded captures with oracle values, rule files with verdicts.

It is not part of the project; tests that need it skip where it is absent. Set TIERCEL_REFERENCE to its folder, or keep
it beside the checkout as ``shared``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TIERCEL_REFERENCE", Path(__file__).parents[2] / "shared"))

needs_reference = pytest.mark.skipif(not SHARED.is_dir(), reason=f"reference data not found at {SHARED}")
"""Marks a test that needs the reference data."""
