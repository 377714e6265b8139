"""Names of the bits and enumerations that parameters carry, such as ``O_RDONLY`` in ``file_flags``.

Order matters: names are printed in the order of the table.
"""

from __future__ import annotations

from importlib.resources import files


def _load() -> dict[str, tuple[tuple[str, int], ...]]:
    tables = {}
    for line in files(__package__).joinpath("flags.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, *pairs = line.split(" ")
        values = (pair.rpartition("=") for pair in pairs)
        tables[name] = tuple((label, int(value)) for label, _, value in values)
    return tables


FLAGS: dict[str, tuple[tuple[str, int], ...]] = _load()
"""Table name to its (name, value) pairs."""

DYNAMIC: dict[str, tuple[tuple[str, str], ...]] = {
    "sockopt": (("BYTEBUF", "HEX"), ("ERRNO", "DEC"), ("UINT32", "DEC"), ("UINT64", "DEC"), ("RELTIME", "DEC")),
    "ptrace": (("UINT64", "HEX"), ("SIGTYPE", "DEC")),
    "bpf": (("FD", "DEC"), ("ERRNO", "DEC")),
    "keyctl": (("INT64", "DEC"), ("CHARBUF", "NA")),
}
"""(type, format) by the leading byte of a ``DYN`` parameter, for each family."""
