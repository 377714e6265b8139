"""The kernel, and what lets the probe run in it."""

from __future__ import annotations

import os
import platform
from importlib.resources import files
from pathlib import Path

from tiercel.doctor.model import Finding, Subject, Way, check, fail, ok, warn
from tiercel.sources.live import calls
from tiercel.sources.live.root import host_path

_HOST_PIDS = "pid:[4026531836]"
"""The process namespace of the host has a fixed number: PROC_PID_INIT_INO of the kernel."""


def release() -> tuple[int, int]:
    """Return the version of the running kernel, (0, 0) when it cannot be told."""
    numbers = os.uname().release.replace("-", ".").split(".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (ValueError, IndexError):
        return 0, 0


def in_host_namespace() -> bool:
    """Return whether this process is in the process namespace of the host, as far as can be told."""
    try:
        return os.readlink("/proc/self/ns/pid") == _HOST_PIDS
    except OSError:
        return True


def text_of(path: str) -> str:
    """Return what a small file says, stripped; empty when it cannot be read."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


@check("version", Way.EBPF)
def version(subject: Subject) -> Finding:
    """The probe uses what kernels have from 5.17 on, and faster loads from 6.2 on."""
    name = os.uname().release
    if release() < (5, 17):
        return fail(f"{name} is too old for the probe", "use 5.17 or newer, or the audit subsystem (--source audit)")
    more = "direct reads of kernel memory" if release() >= (6, 2) else "reads through helpers, which cost a little more"
    return ok(f"{name}: ring buffer, bpf_loop, iterators, {more}")


@check("architecture", Way.EBPF)
def architecture(subject: Subject) -> Finding:
    """There is a probe for each architecture it was built for."""
    machine = platform.machine()
    if not files(calls.__package__).joinpath(f"probe.{machine}.o").is_file():
        return fail(f"there is no probe for {machine}", "use x86_64 or aarch64, or the audit subsystem")
    return ok(machine)


@check("type information", Way.EBPF)
def type_information(subject: Subject) -> Finding:
    """The probe is fitted to the kernel by its BTF."""
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return fail(
            "/sys/kernel/btf/vmlinux is missing", "use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys"
        )
    return ok(f"/sys/kernel/btf/vmlinux, {os.path.getsize('/sys/kernel/btf/vmlinux') >> 10:,} KB")


@check("lockdown", Way.EBPF)
def lockdown(subject: Subject) -> Finding:
    """In confidentiality mode no program may read kernel memory."""
    text = text_of("/sys/kernel/security/lockdown")
    if "[confidentiality]" in text:
        return fail(
            "confidentiality: eBPF programs may not read kernel memory",
            "boot with lockdown=integrity, or use the audit subsystem",
        )
    mode = text.partition("[")[2].partition("]")[0]
    return ok(mode or "not said (securityfs is not mounted or there is no lockdown)")


@check("security modules")
def security_modules(subject: Subject) -> Finding:
    """SELinux and others may forbid bpf() to a service; the probe itself needs none of them."""
    modules = text_of("/sys/kernel/security/lsm")
    if "selinux" in modules.split(",") and text_of("/sys/fs/selinux/enforce") == "1":
        return ok(f"{modules}; SELinux enforces: where loading the probe is denied, ausearch -m avc says so")
    return ok(modules or "not said (securityfs is not mounted)")


@check("processes of the host")
def processes(subject: Subject) -> Finding:
    """Events name processes by the host's ids; what /proc tells of them must be the host's."""
    root = os.environ.get("HOST_ROOT", "")
    if root:
        if not os.path.exists(host_path("/proc/1")) or not os.path.exists(host_path("/etc/passwd")):
            return warn(
                f"HOST_ROOT is {root}, but the host's /proc or /etc is not below it",
                f"mount them at {root}/proc and {root}/etc",
            )
        return ok(f"the host's /proc and /etc are below {root}")
    if not in_host_namespace():
        return warn(
            "this process is in a namespace of its own and sees only the processes in it",
            "share the host's process namespace, or mount its /proc and /etc below a folder and name that in HOST_ROOT",
        )
    return ok("seen directly")
