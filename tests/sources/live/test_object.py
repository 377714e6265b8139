"""The probes that ship are what their source builds to."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "src/tiercel/sources/live"


def _built_with() -> str:
    match = re.search(r"^BUILT_WITH = (\S+)$", (ROOT / "probe/Makefile").read_text(), re.MULTILINE)
    assert match
    return match[1]


def _clang() -> str:
    if shutil.which("clang") is None or shutil.which("llvm-strip") is None:
        return ""
    return subprocess.run(["clang", "-dumpversion"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(not _clang(), reason="clang and llvm-strip are not installed")
@pytest.mark.skipif(not Path("/usr/include/bpf/bpf_helpers.h").exists(), reason="libbpf's headers are not installed")
@pytest.mark.skipif(_clang() != _built_with(), reason=f"another clang than {_built_with()} makes other bytes")
def test_the_shipped_probes_are_built_from_the_source(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "probe", tmp_path / "probe")
    subprocess.run(["make", "-s", "-C", tmp_path / "probe", f"LIVE={tmp_path}"], check=True)
    for name in ("probe.x86_64.o", "probe.aarch64.o"):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), f"run make in probe/ to build {name}"
