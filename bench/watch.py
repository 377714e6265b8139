"""What watching costs: open+close loops on every core, and calls nobody traces, without and with ``tiercel watch``.

``python bench/watch.py [seconds] [-- options of tiercel watch]`` as root; takes a C compiler. Prints the processor time
of an open and a close (so that other load does not count) and the least of many short stretches, events seen and lost,
and the watcher's own time and memory. Nothing else may trace meanwhile (``bpftool prog`` lists who does).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOOP = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>
#define STRETCH 500
static double now(int clock) { struct timespec t; clock_gettime(clock, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
int main(int argc, char **argv) {
	cpu_set_t set; CPU_ZERO(&set); CPU_SET(atoi(argv[1]), &set); sched_setaffinity(0, sizeof set, &set);
	double seconds = atof(argv[2]), begin = now(CLOCK_MONOTONIC), end = begin, least = 1; long loops = 0;
	int untraced = argc > 3;
	while (end - begin < seconds) {
		double before = end;
		if (untraced)
			for (int k = 0; k < STRETCH; k++) syscall(SYS_getppid);
		else
			for (int k = 0; k < STRETCH; k++) close(open("/etc/hostname", O_RDONLY));
		loops += STRETCH; end = now(CLOCK_MONOTONIC);
		if ((end - before) / STRETCH < least) least = (end - before) / STRETCH;
	}
	printf("%ld %.9f %.12f\n", loops, now(CLOCK_PROCESS_CPUTIME_ID), least);
	return 0;
}
"""
TICKS = os.sysconf("SC_CLK_TCK")


def loops(program: Path, seconds: float, *options: str) -> tuple[float, float, int]:
    """Run the loop on every core; return ns a loop, ns at the least, and loops."""
    running = [
        subprocess.Popen([program, str(cpu), str(seconds), *options], stdout=subprocess.PIPE, text=True)
        for cpu in sorted(os.sched_getaffinity(0))
    ]
    results = [process.communicate()[0].split() for process in running]
    count = sum(int(loops) for loops, _, _ in results)
    least = min(float(least) for _, _, least in results)
    return sum(float(spent) for _, spent, _ in results) / count * 1e9, least * 1e9, count


def spent(pid: int) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB, rings counted once."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024


def main() -> None:
    arguments = sys.argv[1:]
    options = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    seconds = float(arguments[0]) if arguments and arguments[0] != "--" else 10
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "loop.c"), Path(folder, "loop")
        source.write_text(LOOP)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
        alone, alone_least, _ = loops(program, seconds)
        call, call_least, _ = loops(program, 1, "untraced")
        print(f"no tracing           {alone:8.0f} ns a loop, at the least {alone_least:.0f}")
        command = [sys.executable, "-m", "tiercel", "watch", *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as watcher:
            assert watcher.stderr is not None
            for line in watcher.stderr:
                if "watching" in line:
                    break
            else:
                sys.exit("the watcher ended")
            time.sleep(1)
            idle = spent(watcher.pid)
            time.sleep(3)
            idle = (spent(watcher.pid) - idle) / 3
            before = spent(watcher.pid)
            watched, least, count = loops(program, seconds)
            used = (spent(watcher.pid) - before) / seconds
            held = memory(watcher.pid)
            other, other_least, _ = loops(program, 1, "untraced")
            watcher.send_signal(signal.SIGINT)
            said = watcher.stderr.read().strip()
        print(
            f"watched              {watched:8.0f} ns a loop, {watched - alone:+.0f}; "
            f"at the least {least:.0f}, {least - alone_least:+.0f}"
        )
        print(
            f"a call not traced    {other:8.0f} ns, {other - call:+.0f}; "
            f"at the least {other_least:.0f}, {other_least - call_least:+.0f}"
        )
        print(f"events               {2 * count / seconds:,.0f} a second")
        print(f"watcher              {used:.1%} of a core at load, {idle:.1%} before, {held:.0f} MB")
        print(said)


if __name__ == "__main__":
    main()
