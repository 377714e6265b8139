"""A process that forks children which append to a ledger, and kills each at a random instant.

Run as ``python -m tests.custody.appending DIR KEY KILLS SEED``. A child writes number and hash of each entry that it
was told of into ``DIR/../acknowledged``. After each kill the ledger is checked; how many kills hit is printed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.custody.ledgers import serious
from tiercel.custody.entry import line_hash
from tiercel.custody.keys import Signer, signer
from tiercel.custody.ledger import Ledger


def append(folder: Path, who: Signer, told: int) -> None:
    ledger = Ledger.open(folder, who)
    while True:
        entry = ledger.append("note", detail={"text": "x" * 2000})
        os.write(told, f"{entry.seq} {line_hash(entry.line())}\n".encode())


def main(folder: Path, key: Path, kills: int, seed: int) -> None:
    who = signer("A. Name", key)
    acknowledged = folder.with_name("acknowledged")
    told = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    chance = random.Random(seed)
    begun = time.perf_counter()
    ledger = Ledger.open(folder, who)
    for _ in range(5):
        ledger.append("note", detail={"text": "x" * 2000})
    longest = min(6 * (time.perf_counter() - begun) / 5, 0.05)  # seconds a child lives: a few entries
    hit = 0
    for _ in range(kills):
        pid = os.fork()
        if not pid:
            append(folder, who, told)
        time.sleep(chance.uniform(0, longest))
        os.kill(pid, signal.SIGKILL)  # ours until it is waited for
        hit += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        ledger = Ledger.open(folder)
        assert serious(ledger.check(who.public)) == [], ledger.check()
    present = [f"{seq} {digest}" for seq, (_, digest, _) in enumerate(ledger.numbered(), 1)]
    lost = set(acknowledged.read_text().splitlines()) - set(present)
    assert not lost, f"acknowledged and lost: {lost}"
    Ledger.open(folder, who).append("note")
    assert serious(ledger.check(who.public)) == []
    print(hit, len(acknowledged.read_text().splitlines()), len(present))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
