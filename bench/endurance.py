"""Whether ``tiercel watch`` keeps its size: fork storms, short containers, thousands of connections, for long.

``python bench/endurance.py --minutes 30`` as root. Prints a line each ``--every`` seconds: events, lost ones, memory,
processor time and how large the tables are; at the end how memory went after the first third, and whatever in the
watcher has kept growing. ``--profile`` also says where memory was taken that was not given back (slower).

Options after ``--`` go to ``tiercel watch``. Short containers are cgroups with made-up ids around one program each;
``--pods`` also runs real ones, where the tests can.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = f"{'min':>5} {'events':>12} {'lost':>8} {'alerts':>8} {'rss':>7} {'own':>7} {'cpu':>6}"
SHOWN = {
    "processes": "source.tables.processes.count",
    "files": "source.tables.files.count",
    "strings": "source.tables.strings.values",
    "threads": "source.tracker.table.threads",
    "descriptors": "source.tracker.descriptors.tables",
    "containers": "source.tracker.world.containers",
}


# --- the watcher: tiercel watch as it is, with a part that looks at sizes ---------------------------------------------


class Gauge:
    """Writes to ``path``, a line of JSON each ``every`` seconds, what the watch holds."""

    def __init__(self, watch: Any, path: Path, every: float, profile: bool) -> None:
        self.watch, self.path, self.every, self.profile = watch, path, every, profile
        self.due = 0.0
        self.alerts = 0
        self.first: tracemalloc.Snapshot | None = None

    def see(self, batch: object, alerts: Sequence[object]) -> None:
        self.alerts += len(alerts)

    def tick(self, now: int) -> None:
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + self.every
        source = self.watch.source
        held = {
            "events": source.events,
            "lost": source.lost.total,
            "alerts": self.alerts,
            "cpu": time.process_time(),
            **memory(),
            "sizes": dict(sizes(self.watch)),
        }
        with self.path.open("a") as out:
            out.write(json.dumps(held) + "\n")

    def warm(self) -> None:
        """From here on nothing should grow."""
        gc.collect()
        self.first = tracemalloc.take_snapshot()

    def close(self) -> None:
        if self.first is None:
            return
        gc.collect()
        last = tracemalloc.take_snapshot()
        for line in last.compare_to(self.first, "lineno")[:25]:
            print(f"profile: {line}", file=sys.stderr)


def memory() -> dict[str, float]:
    """Return the resident memory of this process, and what of it is its own (not rings, which count twice), MB."""
    lines = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    sizes = {words[0]: int(words[1]) / 1024 for words in lines}
    return {"rss": sizes["Rss:"], "own": sizes["Anonymous:"]}


def sizes(root: object) -> Iterator[tuple[str, int]]:
    """Yield for everything with a length that tiercel's objects below ``root`` hold: its path, its length."""
    met = {id(root)}
    waiting = deque([("", root)])
    while waiting:
        path, holder = waiting.popleft()
        for name, value in attributes(holder):
            at = f"{path}{name}"
            if isinstance(value, int) and name == "count":
                yield at, value
            if value is None or isinstance(value, (str, bytes, int, float, type)) or id(value) in met:
                continue
            met.add(id(value))
            if isinstance(value, Sized) and not type(value).__module__.startswith("tiercel"):
                with suppress(TypeError):
                    yield at, len(value)
                inside = list(value.items()) if isinstance(value, Mapping) else list(enumerate_small(value))
                if len(inside) <= 64:
                    waiting.extend((f"{at}[{key!r:.40}].", item) for key, item in inside if ours(item))
            elif ours(value):
                waiting.append((f"{at}.", value))


def enumerate_small(value: object) -> Iterator[tuple[int, object]]:
    return enumerate(value) if isinstance(value, (list, tuple, deque)) and len(value) <= 64 else iter(())


def ours(value: object) -> bool:
    return type(value).__module__.startswith("tiercel")


def attributes(holder: object) -> Iterator[tuple[str, object]]:
    """Yield what an object holds, compiled ones' public attributes too."""
    names = dict.fromkeys(getattr(holder, "__dict__", ()))
    for kind in type(holder).__mro__:
        for name, member in vars(kind).items():
            if type(member).__name__ in ("getset_descriptor", "member_descriptor") and not name.startswith("__"):
                names[name] = None
    for name in names:
        with suppress(Exception):
            yield name, getattr(holder, name)


def run_watcher(path: Path, every: float, profile: bool, options: list[str]) -> None:
    """Be ``tiercel watch`` with a gauge in it; SIGUSR1 says that what comes is compared with now."""
    from tiercel.cli.main import main
    from tiercel.watching import loop

    begin = loop.Watch.__init__

    def with_gauge(watch: Any, *arguments: Any, **keywords: Any) -> None:
        begin(watch, *arguments, **keywords)
        gauge = Gauge(watch, path, every, profile)
        watch.parts.append(gauge)
        if profile:
            tracemalloc.start(1)
            signal.signal(signal.SIGUSR1, lambda *_: gauge.warm())

    loop.Watch.__init__ = with_gauge  # type: ignore[method-assign]
    sys.argv = ["tiercel", "watch", *options]
    main()


# --- the load -------------------------------------------------------------------------------------------------------


def storms(stop: threading.Event, forks: int, every: float) -> None:
    """Have a shell start ``forks`` programs, as fast as it can, every so many seconds."""
    script = f"i=0; while [ $i -lt {forks} ]; do /bin/true; i=$((i+1)); done"
    while not stop.wait(every):
        subprocess.run(["sh", "-c", script], check=False)


def cgroups(stop: threading.Event, rate: float) -> None:
    """Run ``rate`` programs a second, each in a cgroup that looks like that of a container of a pod."""
    top = next(path for path in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")) if path.is_dir())
    parent = top / f"endurance{secrets.token_hex(4)}" / "kubepods" / f"pod{secrets.token_hex(16)}"
    parent.mkdir(parents=True)
    try:
        while not stop.wait(1 / rate):
            group = parent / secrets.token_hex(32)
            group.mkdir()
            subprocess.run(["sh", "-c", f"echo $$ >{group}/cgroup.procs; exec cat /etc/hostname"], capture_output=True)
            group.rmdir()
    finally:
        for folder in (parent, parent.parent, parent.parent.parent):
            with suppress(OSError):
                folder.rmdir()


def pods(stop: threading.Event, rate: float, host: Any) -> None:
    """Run ``rate`` pods a minute, each with a container and a command in it."""
    from tests.containerd.image import WEB

    while not stop.wait(60 / rate):
        pod = host.pod(f"short-{secrets.token_hex(4)}", "endurance")
        pod.run("web", WEB).exec("bash", "-c", "cat /etc/passwd")
        pod.remove()


def connections(number: int, churn: int) -> None:
    """Hold so many connections between two processes, and replace ``churn`` of them each second, until stdin ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    if os.fork() == 0:
        serve(listener)
    held: deque[socket.socket] = deque()
    ended = selectors.DefaultSelector()
    ended.register(sys.stdin, selectors.EVENT_READ)
    while not ended.select(1.0):
        for _ in range(churn if len(held) >= number else 1000):
            if len(held) >= number:
                held.popleft().close()
            held.append(socket.create_connection(listener.getsockname()))
            held[-1].send(b"x")
    os._exit(0)  # the other end sees that its connections end


def serve(listener: socket.socket) -> None:
    """Keep connections open as long as the other end does; end when there is none any more."""
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    while found := ready.select(10.0):
        for key, _ in found:
            assert isinstance(key.fileobj, socket.socket)
            if key.fileobj is listener:
                ready.register(listener.accept()[0], selectors.EVENT_READ)
            elif not key.fileobj.recv(16):
                ready.unregister(key.fileobj)
                key.fileobj.close()
    os._exit(0)


# --- the run --------------------------------------------------------------------------------------------------------


def show(number: int, sample: Mapping[str, Any], every: float, before: Mapping[str, Any] | None) -> None:
    cpu = 0.0 if before is None else (sample["cpu"] - before["cpu"]) / every
    counts = " ".join(f"{sample['sizes'].get(path, 0):>11,}" for path in SHOWN.values())
    print(
        f"{number * every / 60:5.1f} {sample['events']:12,} {sample['lost']:8,} {sample['alerts']:8,} "
        f"{sample['rss']:6.0f}M {sample['own']:6.0f}M {cpu:6.1%} {counts}",
        flush=True,
    )


def summary(samples: Sequence[Mapping[str, Any]], every: float) -> None:
    """Print how memory went, and which lengths grew from the second third of the run to the last, with no way back."""
    third = len(samples) // 3
    if third < 3:
        return
    middle, last = samples[third : 2 * third], samples[2 * third :]
    own = [sum(sample["own"] for sample in part) / len(part) for part in (middle, last)]
    hours = third * every / 3600
    change = (own[1] - own[0]) / hours
    print(f"memory of its own    {own[0]:.0f} MB in the second third, {own[1]:.0f} in the last: {change:+.1f} an hour")
    print(f"processor            {(samples[-1]['cpu'] - samples[0]['cpu']) / (len(samples) - 1) / every:.1%} of one")
    paths = set(last[-1]["sizes"])
    grown = []
    for path in paths:
        low, high = ([sample["sizes"].get(path, 0) for sample in part] for part in (middle, last))
        if min(high) > max(low) and min(high) - min(low) > 50:
            grown.append((min(high) - min(low), path, min(low), max(high)))
    for _, path, low, high in sorted(grown, reverse=True)[:20]:
        print(f"still growing        {path}: {low:,} -> {high:,}")
    if not grown:
        print("still growing        nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=10, help="seconds between two lines")
    parser.add_argument("--forks", type=int, default=1000, help="programs in a storm")
    parser.add_argument("--storm-every", type=float, default=5, help="seconds")
    parser.add_argument("--containers", type=float, default=5, help="short ones a second")
    parser.add_argument("--pods", type=float, default=0, help="real ones a minute")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--churn", type=int, default=200, help="connections replaced a second")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("options", nargs="*", help="of tiercel watch")
    given = parser.parse_args()
    stop = threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "samples"
        path.touch()
        stack.callback(stop.set)
        work = [threading.Thread(target=storms, args=(stop, given.forks, given.storm_every))]
        if given.containers:
            work.append(threading.Thread(target=cgroups, args=(stop, given.containers)))
        if given.pods:
            sys.path.insert(0, str(ROOT))
            from tests.containerd.host import Containerd

            host = stack.enter_context(Containerd.start())
            given.options += ["-o", f"container_engines.cri.sockets={host.socket}"]
            work.append(threading.Thread(target=pods, args=(stop, given.pods, host)))
        command = [sys.executable, __file__, "watcher", str(path), str(given.every), str(int(given.profile))]
        watcher = subprocess.Popen([*command, *given.options], stdout=subprocess.DEVNULL)
        stack.callback(watcher.wait)
        stack.callback(watcher.send_signal, signal.SIGINT)
        holder = subprocess.Popen(
            [sys.executable, __file__, "connections", str(given.connections), str(given.churn)], stdin=subprocess.PIPE
        )
        stack.callback(holder.wait)
        assert holder.stdin is not None
        stack.callback(holder.stdin.close)
        for thread in work:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        print(HEAD, " ".join(f"{name:>11}" for name in SHOWN), flush=True)
        samples = follow(path, given.minutes * 60, given.every, watcher, given.profile)
    summary(samples, given.every)


def follow(path: Path, seconds: float, every: float, watcher: subprocess.Popen[bytes], profile: bool) -> list[Any]:
    """Print the samples as they come, for so many seconds; return them."""
    samples: list[Any] = []
    until = time.monotonic() + seconds
    warm = time.monotonic() + seconds / 3
    with path.open() as lines:
        while time.monotonic() < until and watcher.poll() is None:
            time.sleep(min(every, 1.0))
            for line in lines:
                samples.append(json.loads(line))
                show(len(samples) - 1, samples[-1], every, samples[-2] if len(samples) > 1 else None)
            if profile and time.monotonic() > warm:
                watcher.send_signal(signal.SIGUSR1)
                warm = until
    return samples


if __name__ == "__main__":
    if sys.argv[1:2] == ["watcher"]:
        run_watcher(Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1", sys.argv[5:])
    elif sys.argv[1:2] == ["connections"]:
        connections(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
