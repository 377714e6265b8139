"""What a capture says of the time before its first event, wherever in a stream it begins.

Every reader gets the lists it knows; tiercel also a snapshot of its state, so that what it says of the events is what
it said live.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from tiercel.capture import blocks
from tiercel.capture.listed import descriptors, threads
from tiercel.capture.notes import CAPTURE, note
from tiercel.capture.writer import CaptureWriter
from tiercel.model.columns import P
from tiercel.model.world import Group, Interface, Machine, User
from tiercel.sources.blocks import STATE
from tiercel.state.snapshot import Snapshot, take
from tiercel.state.track import Tracker
from tiercel.wire.event_table import BY_CONSTANT

_USER, _GROUP = (BY_CONSTANT[name] for name in ("USER_ADDED_E", "GROUP_ADDED_E"))
_SHORT = 12  # digits of a container's id


@dataclass(frozen=True, slots=True)
class Start:
    """The state before an event. ``snapshot`` is encoded, ``ts`` (ns since the epoch) the time of the event before."""

    ts: int
    snapshot: bytes
    machine: Machine
    interfaces: tuple[Interface, ...]
    users: dict[tuple[bytes, int], User]
    groups: dict[tuple[bytes, int], Group]
    containers: tuple[dict[str, object], ...]

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return len(self.snapshot) + 200 * (len(self.users) + len(self.groups)) + 8 * len(self.containers)

    def blocks(self, about: dict[str, Any]) -> bytes:
        """Return the beginning of a capture; ``about`` is what its first note says."""
        snapshot = Snapshot.decoded(self.snapshot)
        users = [user for (container, _), user in self.users.items() if not container]
        groups = [group for (container, _), group in self.groups.items() if not container]
        out = bytearray(blocks.section_header())
        out += blocks.machine_info(self.machine)
        out += blocks.interface_list(self.interfaces)
        out += blocks.user_list(users, groups)
        out += blocks.process_list(threads(snapshot))
        for tid, records in descriptors(snapshot):
            if records:
                out += blocks.descriptor_list(tid, records)
        out += blocks.block(STATE, self.snapshot)
        out += self._told()
        # only what comes before any other event is taken for the state of the beginning
        out += note(self.ts, CAPTURE, json.dumps(about).encode())
        return bytes(out)

    def _told(self) -> bytes:
        """Return the events that tell of containers, their users and groups."""
        stream = io.BytesIO()
        writer = CaptureWriter(stream)
        writer.flush()
        head = stream.tell()
        for info in self.containers:
            writer.write_container(self.ts, info)
        self._people(writer)
        writer.flush()
        return stream.getvalue()[head:]

    def _people(self, writer: CaptureWriter) -> None:
        """Write the users and groups of containers."""
        for (container, uid), user in self.users.items():
            if container:
                numbers = [number.to_bytes(4, "little") for number in (uid & 0xFFFFFFFF, user.gid & 0xFFFFFFFF)]
                texts = [text[:1000] + b"\0" for text in (user.name, user.home, user.shell, container)]
                writer.write(self.ts, -1, _USER, [*numbers, *texts])
        for (container, gid), group in self.groups.items():
            if container:
                number = (gid & 0xFFFFFFFF).to_bytes(4, "little")
                writer.write(self.ts, -1, _GROUP, [number, group.name[:1000] + b"\0", container[:1000] + b"\0"])


def start(tracker: Tracker, ts: int) -> Start:
    """Return the state after the batch that ``tracker`` followed last; ``ts`` (ns since the epoch) is its last time."""
    world = tracker.world
    snapshot = take(tracker, ts)
    ids = {snapshot.strings[number] for number in set(snapshot.processes[:, P.CONTAINER].tolist()) if number >= 0}
    infos: dict[bytes, dict[str, object]] = {}
    for id in sorted(ids):
        if (versions := world.containers.get(id)) and versions[-1].info:
            infos[id] = versions[-1].info
            sandbox = versions[-1].info.get("pod_sandbox_id")
            pod = str(sandbox)[:_SHORT].encode(errors="replace") if sandbox else b""
            if (versions := world.containers.get(pod)) and versions[-1].info:
                infos[pod] = versions[-1].info
    return Start(
        ts, snapshot.encoded(), world.machine, tuple(world.interfaces), dict(world.users), dict(world.groups),
        tuple(infos.values()),
    )  # fmt: skip
