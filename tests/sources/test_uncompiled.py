"""The kernels give the same batches when they run as plain Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tiercel
from tests.reference import SHARED, needs_reference

PRINT_DIGEST = """
import hashlib, sys
from tiercel.sources.capture import Capture
from tiercel.sources import decode
digest = hashlib.sha256()
with Capture(sys.argv[1]) as capture:
    for batch in capture.batches(500):
        for name in ("num", "ts", "tid", "cpu", "types", "visible", "first", "start", "length"):
            digest.update(getattr(batch, name).tobytes())
        for start, length in zip(batch.start.tolist(), batch.length.tolist()):
            digest.update(batch.data[start : start + length])
print(digest.hexdigest(), decode.__file__.endswith(".py"))
"""


def digest(root: Path, capture: Path) -> list[str]:
    """Run a fresh interpreter on the package under ``root``."""
    run = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST, str(capture)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.split()


@needs_reference
@pytest.mark.parametrize("name", ["sfc_ls/sfc_ls.scap", "libs_curl_google/libs_curl_google.scap"])
def test_compiled_and_plain_agree(tmp_path: Path, name: str) -> None:
    package = Path(tiercel.__file__).parent
    shutil.copytree(package, tmp_path / "tiercel", ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    plain, is_plain = digest(tmp_path, SHARED / "captures" / name)
    built, _ = digest(package.parent, SHARED / "captures" / name)
    assert is_plain == "True"
    assert built == plain
