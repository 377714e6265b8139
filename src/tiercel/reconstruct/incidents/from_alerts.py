"""Alerts told from what they say themselves, where nothing else is known of what they are about."""

from __future__ import annotations

from tiercel.reconstruct.incidents.model import Sentence
from tiercel.reconstruct.incidents.phases import Phase, tagged
from tiercel.reconstruct.raised import Raised
from tiercel.reconstruct.wording.printable import printable

_NOTHING = (None, "", "<NA>", -1, 4294967295)
_OBJECTS = ("fd.name", "fs.path.name", "evt.arg.filename", "evt.arg.name", "evt.arg.path")
_LONGEST = 300  # characters of a message


def told(alert: Raised) -> Sentence:
    """Return a sentence for an alert: its rule, and the process, user and object its fields name."""
    phases = [phase for phase in tagged(alert.tags) if phase is not Phase.EXECUTION]
    about = () if alert.process is None else (alert.process,)
    text = f"the rule “{alert.rule}” raised an alert ({alert.priority or 'no priority'})"
    words = _words(alert)
    if words:
        text += f" about {words}."
    elif alert.output:
        text += f": {printable(alert.output)[:_LONGEST]}"
    return Sentence(alert.ts, phases[0] if phases else Phase.EXECUTION, text, (), (alert.alert,), about)


def user_of(alert: Raised) -> str | None:
    """Return the name or number of the user that an alert names."""
    return _field(alert, "user.name") or _field(alert, "user.uid")


def _words(alert: Raised) -> str:
    name, command = _field(alert, "proc.name"), _field(alert, "proc.cmdline")
    if name is None and command is None:
        return ""
    pid, parent, user = (_field(alert, key) for key in ("proc.pid", "proc.pname", "user.name"))
    details = [f"pid {pid}" if pid else "", f"child of {parent}" if parent else "", f"user {user}" if user else ""]
    shown = ", ".join(filter(None, details))
    text = (name or command or "") + (f" ({shown})" if shown else "")
    if command and command != name:
        text += f" running {command}"
    found = next((value for key in _OBJECTS if (value := _field(alert, key))), None)
    return printable(text + (f", on {found}" if found else ""))[:_LONGEST]


def _field(alert: Raised, key: str) -> str | None:
    value = alert.fields.get(key)
    return None if value in _NOTHING or isinstance(value, dict | list | bool) else str(value)
