"""How long from an act to its alert: programs executed, connections, files opened, each many times.

``python bench/latency.py [acts] [--busy] [-- options of tiercel watch]`` as root. An act ends when its system call
returns; its alert has come when its line has been read from ``tiercel watch``. ``--busy`` opens and closes files on
every core meanwhile. Prints percentiles in milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

RULES = """
- rule: Executed
  desc: urgent
  condition: evt.type = execve and proc.args startswith latency-
  output: "%proc.args"
  priority: NOTICE
- rule: Connected
  desc: urgent
  condition: evt.type = connect and fd.sport >= 40000 and fd.sip = 127.9.9.9
  output: "latency-%fd.sport"
  priority: NOTICE
- rule: Opened
  desc: can wait
  condition: evt.type in (open, openat, openat2) and fd.name startswith FOLDER
  output: "%fd.filename"
  priority: NOTICE
"""
PERCENTILES = (50, 90, 99, 100)


def executed(number: int, folder: Path) -> str:
    name = f"latency-{number}"
    os.posix_spawn("/bin/true", ["true", name], {})
    os.wait()
    return name


def connected(number: int, folder: Path) -> str:
    port = 40000 + number
    with socket.socket() as near:
        near.settimeout(0)
        near.connect_ex(("127.9.9.9", port))
    return f"latency-{port}"


def opened(number: int, folder: Path) -> str:
    name = f"latency-{number}"
    try:
        os.close(os.open(folder / name, os.O_RDONLY | os.O_CREAT))
    finally:
        os.unlink(folder / name)
    return name


def measure(
    act: Callable[[int, Path], str], rule: str, acts: int, folder: Path, came: dict[tuple[str, str], int]
) -> list[float]:
    """Do an act again and again; return for each, in ms, how long its alert took."""
    done: dict[str, int] = {}
    for number in range(acts):
        name = act(number, folder)
        done[name] = time.monotonic_ns()
        time.sleep(0.007)
    time.sleep(1)
    taken = [(came[rule, name] - at) / 1e6 for name, at in done.items() if (rule, name) in came]
    if len(taken) < acts:
        print(f"{acts - len(taken)} alerts of {acts} did not come")
    return sorted(taken)


def main() -> None:
    arguments = sys.argv[1:]
    options = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    acts = next((int(word) for word in own if word.isdigit()), 1000)
    came: dict[tuple[str, str], int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = folder / "rules.yaml"
        rules.write_text(RULES.replace("FOLDER", f"{folder}/latency-"))
        command = [sys.executable, "-m", "tiercel", "watch", "--json", "-r", rules, *options]
        busy = [
            subprocess.Popen([sys.executable, "-c", "while True: open('/etc/hostname').close()"])
            for _ in range(os.cpu_count() or 1)
            if "--busy" in own
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
            assert watcher.stdout is not None
            assert watcher.stderr is not None
            lines = watcher.stdout
            while b"watching" not in (said := watcher.stderr.readline()):
                if not said:
                    sys.exit("the watcher ended")

            def read() -> None:
                for line in lines:
                    now = time.monotonic_ns()
                    alert = json.loads(line)
                    text = alert["output"].split(" ")
                    came.setdefault((alert["rule"], next(word for word in text if word.startswith("latency-"))), now)

            reader = threading.Thread(target=read)
            reader.start()
            time.sleep(1)
            acts_of = {"Executed": executed, "Connected": connected, "Opened": opened}
            found = {rule: measure(act, rule, acts, folder, came) for rule, act in acts_of.items()}
            watcher.send_signal(signal.SIGINT)
            reader.join()
            print(watcher.stderr.read().decode().strip())
        for process in busy:
            process.kill()
            process.wait()
    print("ms from act to alert " + "".join(f"p{percent}".rjust(9) for percent in PERCENTILES))
    for rule, taken in found.items():
        at = [taken[min(len(taken) * percent // 100, len(taken) - 1)] for percent in PERCENTILES]
        print(f"{rule:21}" + "".join(f"{value:9.2f}" for value in at))


if __name__ == "__main__":
    main()
