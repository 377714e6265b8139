"""What tiercel adds to Falco's warnings: its own fields, and conditions that mean something else than they seem to."""

from __future__ import annotations

import re
from collections.abc import Callable

from tiercel.fields.extension import FIELDS as OWN_FIELDS
from tiercel.fields.model import Field
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Context, Verdict, WarningCode
from tiercel.rules.written import Written

_OWN = re.compile(rf"(?<![\w.])(?:{'|'.join(re.escape(field.name) for field in OWN_FIELDS)})(?![\w.])")
_CONTAINER_EXISTS = re.compile(r"(?<![\w.])container\.id\s+exists\b")
_CONTAINER_EXISTS_MEANS = "'container.id exists' is true for processes on the host too: their container.id is 'host'"
_NET_IN = re.compile(r"""(?<![\w.])fd\.net\s+in\s*\((?!\s*["']?[\da-fA-F.:/]+["']?\s*\))""")
_NET_IN_MEANS = "'fd.net in' looks at the first network of the list only"


class Notes:
    """Notes on the conditions and outputs of a rule set."""

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        self._find = find

    def note(self, context: Context, condition_context: Context, texts: tuple[Written, ...], verdict: Verdict) -> None:
        """Note what is particular in a rule or macro; ``texts`` are its condition and its output."""
        condition = texts[0]
        for found in _CONTAINER_EXISTS.finditer(condition.text):
            hint = "write container.id != host for containers only"
            at = _wide(condition, found)
            verdict.warn(WarningCode.OWN_SURPRISE, _CONTAINER_EXISTS_MEANS, condition_context, at, hint)
        for found in _NET_IN.finditer(condition.text):
            hint = "join single comparisons with 'or', or ask for fd.snet and fd.cnet"
            verdict.warn(WarningCode.OWN_SURPRISE, _NET_IN_MEANS, condition_context, _wide(condition, found), hint)
        own: dict[str, Span] = {}
        for text in texts:
            for found in _OWN.finditer(text.text):
                field = self._find(found[0])
                if found[0] not in own and field is not None and field.own:
                    own[found[0]] = _wide(text, found)
        if own:
            plural = "fields" if len(own) > 1 else "field"
            message = f"uses tiercel's own {plural} {', '.join(own)}: Falco refuses it"
            verdict.warn(WarningCode.OWN_FIELD, message, context, next(iter(own.values())))


def _wide(written: Written, found: re.Match[str]) -> Span:
    at = written.locate(found.start())
    return Span(at.file, at.line, at.column, len(found[0]))
