"""The probes that ship are what their source builds to."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.live.host import watchable

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


_RELOCATIONS = """
import ctypes, re, sys
library, libc = ctypes.CDLL("libbpf.so.1"), ctypes.CDLL(None)
said = []
room = ctypes.create_string_buffer(1 << 16)
def note(level, form, arguments):
    libc.vsnprintf(room, ctypes.c_size_t(len(room)), form, ctypes.c_void_p(arguments))
    said.append(room.value.decode("utf-8", "replace"))
    return 0
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(note)
library.libbpf_set_print(callback)
library.bpf_object__open_file.restype = ctypes.c_void_p
opened = library.bpf_object__open_file(sys.argv[1].encode(), None)
library.bpf_object__load(ctypes.c_void_p(opened))
names = {}
for line in said:
    if found := re.search(r"prog '(\\w+)': relo #(\\d+): <(\\w+)> \\[\\d+\\] (.*?) \\(", line):
        names[found[1], found[2]] = found[3], found[4]
    if found := re.search(r"prog '(\\w+)': relo #(\\d+): no matching targets", line):
        print(*names[found[1], found[2]])
print("relocations", len(names))
"""


@watchable
@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_what_the_probes_read_is_there_in_a_kernel(architecture: str) -> None:
    """Every access is moved to where the running kernel has the field: all of them find it, but for the registers of
    the other architecture and for what other versions of the kernel have."""
    command = [sys.executable, "-c", _RELOCATIONS, str(SHIPPED / f"probe.{architecture}.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *missing, last = done.stdout.splitlines()
    assert int(last.split()[1]) > 500
    own = architecture == platform.machine()
    for line in missing:
        kind, _, field = line.partition(" ")
        of = field.split(".")[0].removeprefix("struct ")
        assert (
            kind == "field_exists"
            or of.partition("___")[1]
            or of in _OF_OTHER_VERSIONS
            or (of == "pt_regs" and not own)
        )


_OF_OTHER_VERSIONS = {"kernfs_node", "mm_struct", "inode"}
