"""Sends numbered alerts for as long as it runs; says on stdout up to which number they survive its end.

python sender.py URL STATE FILE FIRST
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.outputs.channels.peers import alert, line
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import FileSettings, HttpSettings, OutputSettings


def main() -> None:
    url, state, file, first = sys.argv[1:]
    settings = OutputSettings(
        json=True,
        alert_id=True,
        http=HttpSettings(url, json=True, timeout=2),
        file=FileSettings(file, keep_alive=True),
        retry_first=0.05,
        retry_most=0.2,
    )
    outputs = Outputs.of(settings, Path(state))
    number = int(first)
    while True:
        for _ in range(50):
            outputs.send(line(number), alert(number))
            number += 1
        if not outputs.sync(10):
            sys.exit("not on the disk")
        print(number - 1, flush=True)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
