"""Telling what happened, one sentence for each deed, in plain words.

A sentence says what the evidence shows. What is only consistent with it is told with *may*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tiercel.reconstruct.dns import addresses_of
from tiercel.reconstruct.executed import ran
from tiercel.reconstruct.incidents.deeds import Deed
from tiercel.reconstruct.incidents.model import Sentence
from tiercel.reconstruct.incidents.phases import Phase, tagged
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.addresses import address_class, joined
from tiercel.reconstruct.knowledge.errno import error_name
from tiercel.reconstruct.knowledge.modes import is_executable, set_id
from tiercel.reconstruct.knowledge.programs import purpose
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import Raised
from tiercel.reconstruct.rows import Act
from tiercel.reconstruct.wording.printable import printable
from tiercel.reconstruct.wording.saying import looked_up
from tiercel.reconstruct.wording.shown import size, utc

_LONGEST = 200  # characters of a command line
_REMOTE_CONTROL = frozenset({22, 23, 445, 2375, 2376, 3389, 5900, 5985, 5986, 6443, 10250})
_PROGRAMS = re.compile(r"(?:/usr(?:/local)?)?/s?bin/[^/]+$")
_ABOUT = re.compile(r"/(?:etc|proc|sys|home|root|var|run)/")
_Told = tuple[Phase, str]


@dataclass(slots=True)
class _Trace:
    """What is known of a file when its next deed is told."""

    written_by: str = ""
    written_ts: int | None = None
    process: int = -1  # who wrote it last
    ran_by: list[int] = field(default_factory=list)
    ran_ts: int | None = None
    set_id: bool = False


class Teller:
    """Tells deeds in order and remembers what was told.

    Args:
        lineage: the processes of the scene.
        roots: first processes of sessions, with how each came in.
    """

    def __init__(self, lineage: Lineage, roots: dict[int, str]) -> None:
        self.lineage = lineage
        self.roots = roots
        self._visit = {row for root in roots for row in lineage.descendants(root)}
        self._named: set[tuple[int, str]] = set()
        self._began: set[int] = set()
        self._files: dict[tuple[str, str, str], _Trace] = {}
        self._knows: dict[int, str] = {}  # process to the secret it read, itself or through a file
        self._held: dict[tuple[str, str, str], str] = {}  # file to the secret whose reader wrote it
        self._tell: dict[str, Callable[[Deed], _Told]] = {
            "exec": self._exec,
            "write": self._write,
            "read": self._read,
            "talk": self._talk,
            "accept": self._accept,
            "delete": self._delete,
            "rmdir": self._delete,
            "rename": self._rename,
            "link": self._link,
            "symlink": self._link,
            "chmod": self._chmod,
            "chown": self._chown,
            "credential": self._credential,
            "listen": self._listen,
            "resolve": self._resolve,
        }

    def tell(self, deed: Deed, alerts: Sequence[Raised] = ()) -> Sentence:
        """Return the sentence for a deed; ``alerts`` are those about it.

        What has no phase of its own is of the first one that their rules name.
        """
        tell = self._tell.get(deed.kind, self._other)
        phase, what = tell(deed)
        if phase is Phase.EXECUTION:
            named = tagged(tag for alert in alerts for tag in alert.tags)
            phase = next((other for other in named if other not in (Phase.FOOTHOLD, Phase.EXECUTION)), phase)
        who = self._who(deed.process, deed.name)
        acts = tuple(dict.fromkeys(act.act for act in deed.acts))
        numbers = tuple(dict.fromkeys(alert.alert for alert in alerts))
        return Sentence(deed.ts, phase, f"{who} {what}.", acts, numbers, (deed.process,))

    def _who(self, process: int, name: str) -> str:
        """Return how to call a process: with its parent the first time."""
        pid = self.lineage.pid[process]
        key = process, name
        if key in self._named:
            return f"{name} (pid {pid})"
        self._named.add(key)
        by = self.lineage.parent[process]
        if by is None:
            return f"{name} (pid {pid})"
        return f"{name} (pid {pid}, child of {self.lineage.name_at(by, self.lineage.start[process])})"

    def _trace(self, act: Act, path: str | None = None) -> _Trace:
        return self._files.setdefault((act.host, act.container, path or act.object or ""), _Trace())

    def _exec(self, deed: Deed) -> _Told:
        act = deed.first
        command = _command(act)
        if not act.ok:
            return Phase.EXECUTION, f"tried to run {command} and failed: {error_name(act.res)}"
        first = deed.process not in self._began
        self._began.add(deed.process)
        phase = purpose(act.name, act.detail)
        extra = ""
        for path in ran(act.object, act.target, act.detail, self.lineage.cwd[deed.process]):
            trace = self._files.get((act.host, act.container, path))
            if trace is not None:
                if trace.written_by:
                    extra += f"; {path} had been written by {trace.written_by} at {utc(trace.written_ts, date=False)}"
                if trace.set_id:
                    extra += "; it runs with the rights of its owner (setuid)"
                    phase = Phase.ESCALATION
                trace.ran_by.append(deed.process)
                trace.ran_ts = act.ts
            elif suspicious.is_temporary(path):
                self._trace(act, path).ran_by.append(deed.process)
                self._trace(act, path).ran_ts = act.ts
        if first and deed.process in self.roots:
            user = f" as {act.user or act.uid}" if act.user or act.uid is not None else ""
            terminal = " with a terminal" if self.lineage.tty[deed.process] else ""
            return Phase.FOOTHOLD, f"began{user}{terminal}, {self.roots[deed.process]}: {command}{extra}"
        return phase, f"ran {command}{extra}"

    def _write(self, deed: Deed) -> _Told:
        act, path = deed.first, deed.first.object or "?"
        shown = _text(path)
        if not deed.ok:
            return _place_phase(path), f"tried to write {shown} and failed: {error_name(act.res)}"
        written = deed.total("write", "create", "open_write")
        created = any(a.kind == "create" for a in deed.acts)
        emptied = any("O_TRUNC" in (a.detail or "") for a in deed.acts if a.kind == "open_write")
        if created:
            what = f"created {shown}" + ("" if written is None else f" and wrote {size(written)} to it")
        elif written is not None:
            what = ("emptied and " if emptied else "") + f"wrote {size(written)} to {shown}"
        else:
            what = f"emptied {shown}" if emptied else f"opened {shown} for writing"
        hides = emptied and not created and suspicious.emptied(path)
        trace = self._trace(act)
        if trace.written_by and trace.process != deed.process:
            what += f", which {trace.written_by} had written before"
        if written is not None or created or emptied:
            trace.written_by, trace.written_ts = f"{deed.name} (pid {act.pid})", act.ts
            trace.process = deed.process
        phase = Phase.EVASION if hides else _place_phase(path)
        secret = self._knows.get(deed.process)
        if secret and written:
            self._held[act.host, act.container, path] = secret
            phase = Phase.COLLECTION
            what += f"; it had read {secret} before, which may be what it wrote"
        reason = _reason(path)
        return phase, what + (f" ({reason})" if reason else "")

    def _read(self, deed: Deed) -> _Told:
        act, path = deed.first, deed.first.object or "?"
        secret = suspicious.is_secret(path)
        phase = Phase.DISCOVERY if _ABOUT.match(path) else Phase.EXECUTION
        phase = Phase.CREDENTIALS if secret else phase
        if not deed.ok:
            return phase, f"tried to read {_text(path)} and failed: {error_name(act.res)}"
        held = self._held.get((act.host, act.container, path))
        if secret or held:
            self._knows[deed.process] = path if secret else held or path
        read = deed.total("read")
        amount = f"{size(read)} of " if read is not None else ""
        note = " (passwords, keys or tokens)" if secret else ""
        if any(act.kind == "read" for act in deed.acts):
            return phase, f"read {amount}{_text(path)}{note}"
        return phase, f"opened {_text(path)} for reading{note}" if not secret else f"read {_text(path)}{note}"

    def _talk(self, deed: Deed) -> _Told:
        act = deed.first
        if act.proto == "unix":
            return Phase.ESCALATION, f"connected to the socket {_text(act.socket_path or '?')}"
        far = joined(act.raddr, act.rport)
        kind = address_class(act.raddr)
        place = f"{far} ({kind})" if kind in ("public", "private") else far
        private = kind == "private" and act.rport in _REMOTE_CONTROL
        phase = Phase.LATERAL if private else Phase.CONTROL
        if not deed.ok:
            return phase, f"tried to connect to {place} and failed: {error_name(act.res)}"
        sent, received = deed.total("send"), deed.total("receive")
        parts = []
        if any(a.kind == "connect" for a in deed.acts):
            parts.append(f"connected to {place}")
            place = "it"
        else:
            phase = phase if deed.process in self._visit else Phase.EXECUTION
        tied = list(dict.fromkeys(a.detail for a in deed.acts if a.kind == "redirect" and a.detail))
        if tied:
            parts.append(f"tied its {' and '.join(_STREAMS.get(t, t) for t in tied)} to {_the(place, far)}")
            place = "it" if place == "it" else far
        for amount, verb in ((sent, "sent {} to"), (received, "received {} from")):
            if amount is not None:
                parts.append(f"{verb.format(size(amount))} {place if not parts else 'it'}")
        what = _listed(parts) if parts else f"exchanged data with {place}"
        secret = self._knows.get(deed.process)
        if secret and sent and kind not in ("loopback", "unspecified"):
            return Phase.EXFILTRATION, f"{what}; it had read {secret} before, and may have sent it out"
        return phase, what

    def _accept(self, deed: Deed) -> _Told:
        act = deed.first
        count = sum(a.count for a in deed.acts if a.kind == "accept")
        far = f"{act.raddr or '?'} on port {act.lport}"
        began = f"accepted {'a connection' if count == 1 else f'{count:,} connections'} from {far}"
        parts = [began if count else f"served {far}"]
        for kind, verb in (("receive", "received {}"), ("send", "sent {}")):
            if (amount := deed.total(kind)) is not None:
                parts.append(verb.format(size(amount)))
        return self._serving(deed), _listed(parts)

    def _serving(self, deed: Deed) -> Phase:
        """Return the phase of serving connections: what a service is for, unless a visitor began it."""
        return Phase.CONTROL if deed.process in self._visit else Phase.EXECUTION

    def _listen(self, deed: Deed) -> _Told:
        act = deed.first
        return self._serving(deed), f"began to listen on {joined(act.laddr, act.lport)}"

    def _resolve(self, deed: Deed) -> _Told:
        addresses = sorted({address for act in deed.acts for address in addresses_of(act)})
        answers = list(dict.fromkeys(act.detail or "" for act in deed.acts))
        told = [detail for detail in answers if not (addresses and detail in ("A", "AAAA"))]
        return Phase.EXECUTION, _text(looked_up(deed.first.object, ", ".join(addresses), "; ".join(told)))

    def _delete(self, deed: Deed) -> _Told:
        act, path = deed.first, deed.first.object or "?"
        thing = "the directory " if deed.kind == "rmdir" else ""
        if not act.ok:
            return Phase.EVASION, f"tried to delete {thing}{_text(path)} and failed: {error_name(act.res)}"
        what = f"deleted {thing}{_text(path)}"
        trace = self._files.get((act.host, act.container, path))
        if trace is None:
            hides = suspicious.emptied(path) is not None or suspicious.is_temporary(path)
            return (Phase.EVASION if hides else Phase.IMPACT), what
        if trace.ran_ts is not None:
            when = utc(trace.ran_ts, date=False)
            above = {deed.process, *self.lineage.ancestors(deed.process)}
            own = next((row for row in trace.ran_by if row in above), None)
            if own is not None:
                name = self.lineage.name_at(own, trace.ran_ts)
                what += f", which {name} (pid {self.lineage.pid[own]}) was running since {when}: it removed itself"
            else:
                what += f", which had been run at {when}"
        elif trace.written_by:
            what += f", which {trace.written_by} had written at {utc(trace.written_ts, date=False)}"
        return Phase.EVASION, what

    def _rename(self, deed: Deed) -> _Told:
        act, path, target = deed.first, deed.first.object or "?", deed.first.target or "?"
        reason = _reason(target)
        phase = Phase.EVASION if suspicious.emptied(path) else _place_phase(target)
        if not act.ok:
            return phase, f"tried to move {_text(path)} to {_text(target)} and failed: {error_name(act.res)}"
        trace = self._files.pop((act.host, act.container, path), None) or _Trace()
        trace.written_by = trace.written_by or f"{deed.name} (pid {act.pid})"
        trace.written_ts = trace.written_ts or act.ts
        self._files[act.host, act.container, target] = trace
        return phase, f"moved {_text(path)} to {_text(target)}" + (f" ({reason})" if reason else "")

    def _link(self, deed: Deed) -> _Told:
        act = deed.first
        path, target = _text(act.object or "?"), _text(act.target or "?")
        new = act.object if deed.kind == "symlink" else act.target
        what = f"made {path} point at {target}" if deed.kind == "symlink" else f"gave {path} the further name {target}"
        if not act.ok:
            what = f"tried to link {path} and {target} and failed: {error_name(act.res)}"
        return _place_phase(new or ""), what

    def _chmod(self, deed: Deed) -> _Told:
        act, path = deed.first, _text(deed.first.object or "?")
        mode = act.detail or "unknown"
        if not act.ok:
            return Phase.EVASION, f"tried to set the permissions of {path} to {mode} and failed: {error_name(act.res)}"
        reasons = set_id(mode)
        if reasons:
            self._trace(act).set_id = True
            who = "owner (setuid)" if reasons[0] is suspicious.SETUID else "group (setgid)"
            return Phase.ESCALATION, f"made {path} run with the rights of its {who}: {mode}"
        if is_executable(mode):
            return Phase.EXECUTION, f"made {path} executable: {mode}"
        return _place_phase(act.object or ""), f"set the permissions of {path} to {mode}"

    def _chown(self, deed: Deed) -> _Told:
        act = deed.first
        failed = "" if act.ok else f", which failed: {error_name(act.res)}"
        return _place_phase(act.object or ""), f"gave {_text(act.object or '?')} to {act.detail or '?'}{failed}"

    def _credential(self, deed: Deed) -> _Told:
        act = deed.first
        if not act.ok:
            return Phase.ESCALATION, f"tried to change its rights and failed: {act.detail or error_name(act.res)}"
        return Phase.ESCALATION, f"changed its rights: {act.detail or act.object or '?'}"

    def _other(self, deed: Deed) -> _Told:
        act = deed.first
        phase, verb = _OTHERS.get(deed.kind, (Phase.EXECUTION, deed.kind))
        words = [verb]
        if act.object:
            words.append(_text(act.object))
        if act.target:
            words.append(f"from {_text(act.target)}")
        if act.detail:
            words.append(f"({_text(act.detail)})")
        if not act.ok:
            words.append(f"and failed: {error_name(act.res)}")
            words[0] = f"tried: {verb}"
        return phase, " ".join(words)


_STREAMS = {"stdin": "standard input", "stdout": "standard output", "stderr": "standard error"}
_OTHERS = {
    "mkdir": (Phase.EXECUTION, "made the directory"),
    "mknod": (Phase.EXECUTION, "made the special file"),
    "mount": (Phase.ESCALATION, "mounted"),
    "umount": (Phase.EVASION, "unmounted"),
    "chroot": (Phase.ESCALATION, "changed its root directory to"),
    "pivot_root": (Phase.ESCALATION, "exchanged its root file system"),
    "namespace": (Phase.ESCALATION, "changed its namespaces:"),
    "module": (Phase.PERSISTENCE, "loaded or removed a kernel module:"),
    "bpf": (Phase.EVASION, "used bpf:"),
    "ptrace": (Phase.CREDENTIALS, "looked into or changed"),
    "kill": (Phase.IMPACT, "sent a signal to"),
    "memfd_create": (Phase.EVASION, "made a file that exists in memory alone:"),
    "io_uring": (Phase.EVASION, "set up an io_uring, through which calls may go unseen"),
    "userfaultfd": (Phase.ESCALATION, "made a userfaultfd"),
    "keyctl": (Phase.CREDENTIALS, "asked or changed the key storage of the kernel:"),
    "kernel": (Phase.EVASION, "changed a setting of the whole machine:"),
}


def _text(text: str) -> str:
    """Return a text of evidence on one line, cut when it is very long."""
    clean = printable(text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def _command(act: Act) -> str:
    """Return a command line, with the program where that is not what its name makes one expect."""
    command, program = _text(act.detail or act.object or "?"), act.object or ""
    expected = not program or (program.rsplit("/", 1)[-1] == act.name and _PROGRAMS.match(program))
    return command if expected or program in command.split() else f"{command} ({_text(program)})"


def _place_phase(path: str) -> Phase:
    """Return the phase that changing a file at this place belongs to."""
    reasons = suspicious.change(path)
    return reasons[0].phase if reasons else Phase.EXECUTION


def _reason(path: str) -> str:
    """Return the gravest reason why a change at this place matters, "" when there is none worth the words."""
    if suspicious.is_history(path):
        return "history of a shell"
    return next((reason.words for reason in suspicious.change(path) if reason.weight >= 2), "")


def _the(place: str, far: str) -> str:
    return "it" if place == "it" else f"the connection with {far}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
