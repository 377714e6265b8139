"""The recipes of system calls."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

import pytest

from tiercel.sources.audit_syscalls import syscall_names
from tiercel.sources.live.calls import CALLS, KINDS, RENAMINGS, STEPS, call_tables
from tiercel.wire.event_table import EVENTS, EventFlag
from tiercel.wire.syscall_table import CODES


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_call_has_a_number_and_an_event_of_its_own(architecture: str) -> None:
    calls = call_tables(architecture).calls
    numbers = [call.number for call in calls]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < CALLS + 8
    for call in calls:
        assert not EVENTS[call.event].is_enter
        assert len(call.recipe) == 88


def test_a_recipe_makes_as_many_parameters_as_its_event_has() -> None:
    tables = call_tables("x86_64")
    unlinkat = next(call for call in tables.calls if call.name == "unlinkat")
    assert unlinkat.number == 263
    kind, steps, params = unlinkat.recipe[2:5]
    assert (KINDS[kind], steps, params) == ("steps", 4, 4)
    assert [STEPS[unlinkat.recipe[8 + 4 * k]] for k in range(steps)] == ["ret", "i32", "text", "bits"]


def test_the_tables_fit() -> None:
    tables = call_tables("x86_64")
    assert len(tables.renamings) <= RENAMINGS
    assert len(tables.values) <= 2048


def test_every_event_that_a_call_can_raise_is_reported() -> None:
    reported = {call.event for name in ("x86_64", "aarch64") for call in call_tables(name).calls}
    old = EventFlag.OLD_VERSION | EventFlag.UNUSED
    current = {event.number for event in EVENTS if not event.is_enter and not event.flags & old}
    missing = {EVENTS[number].constant for number in current - reported}
    # of 32-bit programs, reported as the call of the same meaning; and no calls
    others = {"SYSCALL_STAT64_X", "SYSCALL_LSTAT64_X", "SYSCALL_FSTAT64_X", "SYSCALL_LLSEEK_X", "SYSCALL_MMAP2_X"}
    assert missing == others | {"SYSCALL_UMOUNT_1_X", "DROP_X"}


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_code_of_the_table_is_reported_where_the_call_exists(architecture: str) -> None:
    reported = {call.name for call in call_tables(architecture).calls}
    exists = set(syscall_names(architecture).values())
    assert {name for name in CODES if name in exists} <= reported | {"restart_syscall"}


_HEADERS = {"x86_64": "<asm/unistd_64.h>", "i386": "<asm/unistd_32.h>", "aarch64": "<asm-generic/unistd.h>"}
_ARM64 = (  # what arch/arm64/include/uapi/asm/unistd.h asks of the generic header
    "__BITS_PER_LONG=64", "__ARCH_WANT_RENAMEAT", "__ARCH_WANT_NEW_STAT", "__ARCH_WANT_SET_GET_RLIMIT",
    "__ARCH_WANT_TIME32_SYSCALLS", "__ARCH_WANT_SYS_CLONE3", "__ARCH_WANT_MEMFD_SECRET",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the headers are those of x86_64")
@pytest.mark.parametrize("architecture", ["x86_64", "i386", "aarch64"])
def test_numbers_are_those_of_the_kernel(architecture: str) -> None:
    defines = [f"-D{name}" for name in _ARM64] if architecture == "aarch64" else []
    source = f"#include {_HEADERS[architecture]}\n"
    command = ["gcc", "-E", "-dM", *defines, "-x", "c", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("the kernel's headers are not installed")
    texts = dict(re.findall(r"^#define (__NR\w+) (\w+)$", done.stdout, re.MULTILINE))
    known = syscall_names(architecture)
    wrong = {}
    for name, text in texts.items():
        while text in texts:
            text = texts[text]
        plain = name.removeprefix("__NR_")
        alike = (plain, plain.removesuffix("32"), plain.removesuffix("64"))
        if not text.isdigit() or name.startswith("__NR3264") or plain in ("syscalls", "arch_specific_syscall"):
            continue
        if known.get(int(text)) not in alike:
            wrong[plain] = int(text), known.get(int(text))
    assert texts
    assert not wrong


def test_calls_of_32_bit_programs_stand_for_those_that_mean_the_same() -> None:
    tables = call_tables("x86_64")
    numbers = {call.name: call.number for call in tables.calls}
    compat = {number: recipe for number, (recipe, _) in tables.compat.items()}
    assert compat[5] == numbers["open"]
    assert compat[11] == numbers["execve"]
    assert compat[195] == numbers["stat"]
    assert compat[213] == numbers["setuid"]
    assert compat[CALLS + 3] == numbers["connect"]
    assert compat[CALLS + 9] == numbers["send"] >= CALLS
    assert not call_tables("aarch64").compat
