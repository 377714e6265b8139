"""The Linux capabilities of this process, as far as watching takes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

NUMBERS = {
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_NICE": 23,
    "CAP_AUDIT_WRITE": 29,
    "CAP_AUDIT_CONTROL": 30,
    "CAP_AUDIT_READ": 37,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""By the names of capabilities(7), their bits."""

PROBE = ("CAP_BPF", "CAP_PERFMON")
"""What loading and attaching the probe takes."""

PROCESSES = ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")
"""What reading the processes of others takes: executable, folder, environment, descriptors, files of containers."""

AUDIT = ("CAP_AUDIT_CONTROL", "CAP_AUDIT_READ")
"""What setting audit rules and reading the records takes."""

AUDIT_DAEMON = ("CAP_AUDIT_WRITE",)
"""What being the audit daemon takes besides: the record that wakes processes which wait for room."""

_PART_OF_ADMIN = frozenset(PROBE)


def effective() -> frozenset[str]:
    """Return which of :data:`NUMBERS` are in effect for this process; CAP_SYS_ADMIN brings what was split off it."""
    bits = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
    found = {name for name, number in NUMBERS.items() if bits >> number & 1}
    return frozenset(found | _PART_OF_ADMIN if "CAP_SYS_ADMIN" in found else found)


def lacking(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names`` that are not in effect, in their order."""
    found = effective()
    return tuple(name for name in names if name not in found)
