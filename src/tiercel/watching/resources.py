"""What this process and its host use: processors, memory, processes, open files.

References: userspace/libsinsp/linux/resource_utilization.cpp of libs 0.25, whose values these are.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tiercel.watching.values import Group, Part, Unit, Value

_CGROUP = "/sys/fs/cgroup/memory/memory.usage_in_bytes"
_CGROUP_2 = "/sys/fs/cgroup/memory.current"  # in a container with a cgroup namespace
_LINE = re.compile(rb"^(\w+):\s+(\d+) kB", re.MULTILINE)


def resource_values() -> Iterator[Value]:
    """Yield what can be read; a value whose file cannot is left out."""
    root = os.environ.get("HOST_ROOT", "")
    yield _value("cpu_usage", Unit.RATIO, time.process_time() / _age(), "Processor time of this process per time.")
    own = _kilobytes("/proc/self/status")
    own |= {name: size for name, size in _kilobytes("/proc/self/smaps_rollup").items() if name == "Pss"}
    for name, key in (("memory_rss", "VmRSS"), ("memory_vsz", "VmSize"), ("memory_pss", "Pss")):
        if key in own:
            yield _value(name, Unit.BYTES, own[key], f"Memory of this process ({key}).")
    cgroup = os.environ.get("FALCO_CGROUP_MEM_PATH") or (_CGROUP if os.path.exists(_CGROUP) else _CGROUP_2)
    if (text := _read(cgroup).strip()).isdigit():
        yield _value("container_memory_used", Unit.BYTES, int(text), "Memory of the container this runs in.")
    stat = _read(f"{root}/proc/stat")
    jiffies = [int(field) for field in stat.split()[1:8] if field.isdigit()]
    total = sum(jiffies)
    if len(jiffies) == 7 and total:
        busy = 1 - jiffies[3] / total
        yield _value("host_cpu_usage", Unit.RATIO, busy, "Share of the host's processor time since boot not idle.")
    memory = _kilobytes(f"{root}/proc/meminfo")
    if memory.keys() >= {"MemTotal", "MemFree", "Buffers", "Cached"}:
        free = memory["MemFree"] + memory["Buffers"] + memory["Cached"]
        yield _value("host_memory_used", Unit.BYTES, memory["MemTotal"] - free, "Memory of the host in use.")
    if running := re.search(rb"^procs_running (\d+)", stat, re.MULTILINE):
        yield _value("host_procs_running", Unit.COUNT, int(running[1]), "Processes of the host that run.")
    if (files := _read(f"{root}/proc/sys/fs/file-nr").split()[:1]) and files[0].isdigit():
        yield _value("host_open_fds", Unit.COUNT, int(files[0]), "Open files of the host.")


def _age() -> float:
    """Return for how long (s) this process exists."""
    fields = _read("/proc/self/stat").rpartition(b") ")[2].split()
    began = int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 else 0.0
    return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.01)


def _value(name: str, unit: Unit, value: float, help: str) -> Value:
    return Value(Part.FALCO, name, unit, value, help, group=Group.RESOURCES)


def _kilobytes(path: str) -> dict[str, int]:
    """Return the sizes a file lists in kB, in bytes."""
    return {name.decode(): int(size) << 10 for name, size in _LINE.findall(_read(path))}


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
