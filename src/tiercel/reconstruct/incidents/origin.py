"""Where an incident came in."""

from __future__ import annotations

from tiercel.reconstruct.entry import Door, Entry
from tiercel.reconstruct.incidents.model import Sentence
from tiercel.reconstruct.incidents.phases import Phase
from tiercel.reconstruct.incidents.scope import Group
from tiercel.reconstruct.knowledge.addresses import joined
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.rows import Act, each, of_kinds, of_processes
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.wording.shown import utc

_RECENT = 60_000_000_000  # ns; a request older than that hardly made a server spawn a child


def origin(lineage: Lineage, group: Group) -> str:
    """Return where a group of alerts came in, in one sentence; "not seen" as far as it was not."""
    if not group.entries:
        return "Where it came in was not seen: only alerts are known of it."
    came = group.entries[0]
    name, pid = lineage.name[came.root], lineage.pid[came.root]
    began = lineage.start[came.root]
    more = f" ({len(group.entries)} sessions alike or linked)" if len(group.entries) > 1 else ""
    running = ", running before the recording" if lineage.from_start[came.root] else ""
    if came.door is Door.UNKNOWN:
        return f"{name} (pid {pid}){running}: where it came in was not seen{more}."
    inside = lineage.inside(came.root)
    place = f" {inside}" if inside and came.door in (Door.EXEC, Door.START) else ""
    by = "what started it was not seen" if came.by is None else f"started by {lineage.chain(came.by, began)}"
    when = running if began is None else f" at {utc(began)}"
    return f"{came.door.value}{place}: {name} (pid {pid}){when}, {by}{more}."


def arrivals(scene: Scene, lineage: Lineage, entries: list[Entry]) -> list[Sentence]:
    """Return what is seen of how visits were let in: the command that executed into a container, the connection."""
    found = []
    for came in entries:
        if came.by is None:
            continue
        if came.door is Door.EXEC:
            found += _command(scene, lineage, came, came.by)
        elif came.door in (Door.SERVER, Door.SSH):
            found += _request(scene, lineage, came, came.by)
    return found


def _command(scene: Scene, lineage: Lineage, came: Entry, by: int) -> list[Sentence]:
    """Return the exec of the runtime that entered the container."""
    began = lineage.start[came.root]
    acts = [act for act in each(of_processes(of_kinds(scene.acts, {"exec"}), {by})) if began is None or act.ts <= began]
    if not acts:
        return []
    act = acts[-1]
    chain = lineage.chain(by, began)
    place = "on the host" if not act.container else f"in container {act.container}"
    text = f"{act.name} (pid {act.pid}) ran {place}: {act.detail or act.object} ({chain})."
    return [Sentence(act.ts, Phase.FOOTHOLD, text, (act.act,), (), (by,))]


def _request(scene: Scene, lineage: Lineage, came: Entry, by: int) -> list[Sentence]:
    """Return the last connection a server had accepted, or read from, before it spawned the session."""
    began = lineage.start[came.root] or lineage.first_ts[came.root]
    name = lineage.name[by]
    servers = {by, *(row for row in lineage.ancestors(by) if lineage.name[row].split(":")[0] == name.split(":")[0])}
    acts = [
        act
        for act in each(of_processes(of_kinds(scene.acts, {"accept", "receive"}), servers))
        if act.raddr and began is not None and act.ts <= began
    ]
    if not acts:
        return []
    last = max(acts, key=lambda act: (min(act.last_ts, began or act.last_ts), act.act))
    return [_asked(last, came, lineage, began or last.ts)]


def _asked(act: Act, came: Entry, lineage: Lineage, began: int) -> Sentence:
    verb = "accepted a connection from" if act.kind == "accept" else "received data from"
    what = f"{act.name} (pid {act.pid}) {verb} {joined(act.raddr, act.rport)} on port {act.lport}"
    child = f"{lineage.name[came.root]} (pid {lineage.pid[came.root]})"
    sure = came.door is Door.SSH and began - act.ts <= _RECENT
    what += f"; {child} followed." if sure else f"; it may have led to {child}."
    return Sentence(act.ts, Phase.FOOTHOLD, what, (act.act,), (), (act.process or 0,))
