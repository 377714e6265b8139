"""Builds made-up captures for tests and demonstrations.

::

    story = Scenario("web-1")
    web = story.container("web", image="nginx:1.25")
    nginx = story.process("/usr/sbin/nginx", container=web)
    shell = nginx.spawn("/bin/sh", "-c", "id")
    shadow = shell.open("/etc/shadow")
    shell.read(shadow, b"root:*:")
    shell.exit()
    story.write("story.scap")

Events are what a current driver emits (exit events only) with every parameter of their layout. Nothing is random: the
same calls give the same bytes.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from tiercel.capture.containers import Container, Pod, made_up_id
from tiercel.capture.parameters import encode, event_number
from tiercel.capture.process import Process
from tiercel.capture.writer import CaptureWriter, Compression, announcement
from tiercel.model.world import Group, Interface, Machine, User, World
from tiercel.sources.records import FdRecord, ThreadRecord

SECOND = 1_000_000_000


class Emitted(NamedTuple):
    """One event of a scenario; ``parameters`` are encoded."""

    ts: int
    tid: int
    type: int
    parameters: list[bytes]


class Scenario:
    """A host, the processes on it, and what they do, in the order of the calls.

    Parameters
    ----------
    hostname
        Name of the host.
    start
        Time of the first event: ns since epoch, or a datetime (UTC when naive).
    step
        ns between one event and the next.
    """

    def __init__(
        self,
        hostname: str = "host-1",
        start: int | datetime = 1_767_225_600 * SECOND,
        step: int = 1000,
    ) -> None:
        if isinstance(start, datetime):
            start = int((start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp() * 1_000_000) * 1000
        self.hostname = hostname
        self.now = start
        self.step = step
        self.boot = start - 3600 * SECOND
        self.events: list[Emitted] = []
        self.world = World(Machine(2, 8 << 30, 4_194_304, hostname, self.boot, 0))
        self.threads: list[ThreadRecord] = []
        self.descriptors: list[tuple[int, list[FdRecord]]] = []
        self._last_tid = 999
        self._made = 0
        self._ports = 0
        self._processes: dict[int, Process] = {}
        self.user("root", 0, home="/root")
        self.interface("lo", "127.0.0.1", "255.0.0.0")
        self.interface("eth0", "10.0.0.5", "255.255.255.0")
        self.init = self.process("/usr/lib/systemd/systemd", argv=["/sbin/init"], tid=1)
        """The first process of the host."""

    # time

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def at(self, ts: int) -> None:
        """Set the time of the next event, in ns since epoch."""
        self.now = ts

    # the host

    def user(self, name: str, uid: int, gid: int | None = None, *, home: str = "", shell: str = "/bin/bash") -> None:
        """Add a user and its group."""
        gid = uid if gid is None else gid
        user = User(uid, gid, name.encode(), (home or f"/home/{name}").encode(), shell.encode())
        self.world.users[b"", uid] = user
        self.world.groups.setdefault((b"", gid), Group(gid, name.encode()))

    def interface(self, name: str, address: str, netmask: str) -> None:
        """Add a network interface."""
        packed = [ip_address(text).packed for text in (address, netmask)]
        self.world.interfaces.append(Interface(name.encode(), packed[0], packed[1]))

    def process(
        self,
        path: str,
        *arguments: str,
        argv: Sequence[str] | None = None,
        tid: int | None = None,
        parent: Process | None = None,
        container: Container | None = None,
        uid: int = 0,
        gid: int | None = None,
        loginuid: int = -1,
        tty: int = 0,
        cwd: str = "/",
        env: Sequence[str] | None = None,
        descriptors: Sequence[FdRecord] = (),
    ) -> Process:
        """Add a process that runs before the capture starts.

        ``argv`` replaces the path and arguments it was started with; ``descriptors`` are open besides 0 to 2.

        Raises ValueError once there are events, for the process list stands before them.
        """
        told = event_number("ASYNCEVENT_E")
        if any(event.type != told for event in self.events):
            raise ValueError("processes that ran before the capture must be added before the first event")
        new = Process(self, self.new_tid() if tid is None else tid, parent or getattr(self, "init", None))
        new.become(path, [path, *arguments] if argv is None else list(argv))
        new.uid, new.gid, new.loginuid, new.tty = uid, uid if gid is None else gid, loginuid, tty
        new.cwd = new.absolute(cwd)
        for record in descriptors:
            new.add_file(record)
        if env is not None:
            new.env = list(env)
        new.enter(container)
        self.know(new)
        self.threads.append(new.record())
        self.descriptors.append((new.tid, [copy.copy(record) for record in new.files.values()]))
        return new

    # containers

    def pod(
        self,
        name: str,
        namespace: str = "default",
        *,
        labels: Mapping[str, str] | None = None,
        ip: str = "10.244.0.7",
    ) -> Pod:
        """Describe a pod; give it to :meth:`container`."""
        digits = made_up_id(self.hostname, "pod", namespace, name)
        uid = "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32]))
        return Pod(name, namespace, uid, made_up_id("sandbox", uid), dict(labels or {}), ip)

    def container(
        self,
        name: str,
        *,
        image: str,
        runtime: str | None = None,
        pod: Pod | None = None,
        privileged: bool = False,
        ip: str = "172.17.0.2",
        labels: Mapping[str, str] | None = None,
        env: Sequence[str] = (),
        mounts: Sequence[tuple[str, str]] = (),
        host_network: bool = False,
        host_pid: bool = False,
        announced: bool = True,
    ) -> Container:
        """Add a container: docker's by default, containerd's in a pod.

        Its metadata is told by an event now, unless ``announced`` is false, as when the engine cannot be asked.
        """
        runtime = runtime or ("containerd" if pod else "docker")
        self._made += 1
        container = Container(
            name,
            image,
            runtime,
            made_up_id(self.hostname, runtime, name, str(self._made)),
            pod,
            privileged,
            "" if pod else ip,
            dict(labels or {}),
            tuple(env),
            tuple(mounts),
            host_network,
            host_pid,
            created=self.now // SECOND,
            started=self.now - self.boot,
        )
        if announced:
            self.announce(container)
        return container

    def announce(self, container: Container) -> None:
        """Tell a container's metadata, as the container plugin does."""
        self.emit(1, "ASYNCEVENT_E", plugin_id=0, name="container", data=announcement(container.info()))

    # events

    def new_tid(self) -> int:
        """Return the next thread id of the host."""
        self._last_tid += 1
        return self._last_tid

    def new_port(self) -> int:
        """Return a number that no earlier connection had, to make a source port of."""
        self._ports += 1
        return self._ports

    def know(self, process: Process) -> None:
        """Remember a process by its thread id."""
        self._processes[process.tid] = process

    def reaper(self, process: Process) -> Process:
        """Return who adopts the orphans of ``process``: the first process of its container, else of the host."""
        container = process.container
        first = self._processes.get(container.init_tid) if container else None
        return first if first is not None and first is not process else self.init

    def emit(self, tid: int, event: str | int, /, **values: object) -> None:
        """Add one event of thread ``tid`` now; ``values`` are its parameters by name."""
        self.events.append(Emitted(self.now, tid, event_number(event), encode(event, **values)))
        self.now += self.step

    # the result

    def write(self, target: str | Path | io.BufferedIOBase, compression: Compression | None = None) -> None:
        """Write the capture to a path or a binary stream."""
        with CaptureWriter(target, self.world, self.threads, self.descriptors, compression) as writer:  # type: ignore[arg-type]
            for event in self.events:
                writer.write(event.ts, event.tid, event.type, event.parameters)

    def to_bytes(self, compression: Compression = "none") -> bytes:
        """Return the capture as bytes."""
        stream = io.BytesIO()
        self.write(stream, compression)
        return stream.getvalue()
