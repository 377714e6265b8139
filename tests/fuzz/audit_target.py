"""Mutated audit logs through the reader, down to tracked batches."""

from __future__ import annotations

import gzip
import logging
import tempfile
from pathlib import Path
from random import Random

from tests.capture.audit_logs import RECORDED, call, path, stamp

VALUES = (
    b"-1", b"0", b"4294967295", b"18446744073709551616", b"99999999999999999999999", b"ffffffffffffffff", b"(null)",
    b'""', b'"', b"?", b"41", b"4", b"00", b"FF" * 300, b"61006200", b"\0", b"\xff\xfe", b"{ saddr_fam=inet }", b"'",
    b"0100", b"1E" * 20, b"-9223372036854775808", b"2147483647", b"a[99]", b"/" * 5000, b"\x1d",
)  # fmt: skip
KINDS = (
    b"SYSCALL",
    b"PATH",
    b"CWD",
    b"EXECVE",
    b"SOCKADDR",
    b"PROCTITLE",
    b"EOE",
    b"AVC",
    b"USER_LOGIN",
    b"ANOM_ABEND",
)

SEEDS = "\n".join(
    (
        call(1, 59, 'EXECVE argc=2 a0="sh" a1_len=4 a1[0]=4142 a1[1]=4344', 'CWD cwd="/"', path("/bin/sh"), pid=40),
        call(2, 42, "SOCKADDR saddr=0A0001BB0000000020010DB8000000000000000000000001", args=(3,), pid=41, ppid=40),
        call(3, 102, "SOCKETCALL nargs=3 a0=3 a1=0 a2=10", "SOCKADDR saddr=0100002F78", args=(3,), arch="40000003"),
        call(4, 56, path("x", "CREATE"), args=(-100, 0, 0o102), result=3, arch="c00000b7"),
        call(5, 435, result=77),
        f'type=ANOM_ABEND {stamp(6)} auid=0 uid=0 pid=41 comm="x" exe="/x" sig=11 res=1',
        f'type=USER_CMD {stamp(7)} pid=9 uid=0 msg=\'cwd="/" cmd=6C73 exe="/usr/bin/sudo" res=success\'',
        "audit: type=1300 audit(1700000009.001:9): arch=c000003e syscall=231 a0=1 ppid=1 pid=40",
    )
).encode()


class AuditTarget:
    """Input ``number`` is a mutated audit log."""

    name = "audit"

    def __init__(self, base: int = 0) -> None:
        from tiercel.capture.from_audit import audit_batches

        logging.getLogger("tiercel.sources.audit_log").setLevel(logging.ERROR)
        self.base = base
        self.read = audit_batches
        self.folder = tempfile.TemporaryDirectory(prefix="fuzz-audit-")
        self.lines = SEEDS.split(b"\n") + RECORDED.read_bytes().splitlines()

    def input(self, number: int) -> bytes:
        random = Random(self.base << 40 | number)
        start = random.randrange(len(self.lines))
        lines = self.lines[start : start + random.randint(1, 60)]
        for _ in range(random.randint(1, 12)):
            _mutate(lines, random)
        data = b"\n".join(lines)
        if random.random() < 0.05:
            packed = bytearray(gzip.compress(data, 1, mtime=0))
            for _ in range(random.randint(0, 3)):
                packed[random.randrange(len(packed))] = random.randrange(256)
            data = bytes(packed[: random.randint(1, len(packed))])
        return data

    def run(self, number: int, data: bytes) -> None:
        """Read the log to its end: no line may stop it, and no line may be lost without a word."""
        log = Path(self.folder.name) / "audit.log"
        log.write_bytes(data)
        replay = self.read([log])
        for batch in replay:
            assert batch.count
        marks = sum(1 for _ in replay.marks())
        if any(line.strip(b"\r") for line in data.split(b"\n")) and not data.startswith(b"\x1f\x8b"):
            assert replay.events or marks or replay.problems.count, "lines were lost without a word"


def _mutate(lines: list[bytes], random: Random) -> None:
    at = random.randrange(len(lines))
    line = lines[at]
    kind = random.randrange(8)
    if kind == 0:
        lines.insert(random.randrange(len(lines)), line)
    elif kind == 1 and len(lines) > 1:
        del lines[at]
    elif kind == 2:
        lines[at] = line[: random.randint(0, len(line))]
    elif kind == 3:
        other = random.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 4 and line:
        cut = random.randrange(len(line))
        lines[at] = line[:cut] + random.randbytes(random.randint(1, 4)) + line[cut + 1 :]
    elif kind == 5:
        before, equals, after = line.partition(b"type=")
        lines[at] = before + equals + random.choice(KINDS) + b" " + after.partition(b" ")[2]
    else:
        words = line.split(b" ")
        word = random.randrange(len(words))
        key = words[word].partition(b"=")[0]
        words[word] = key + b"=" + random.choice(VALUES)
        lines[at] = b" ".join(words)
