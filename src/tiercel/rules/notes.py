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


class Notes:
    """Notes on the conditions and outputs of a rule set, each given once."""

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        self._find = find
        self._seen: set[int] = set()

    def condition(self, written: Written, context: Context, inner: Context, verdict: Verdict) -> None:
        """Note what is particular in a condition of a rule or macro, where it was typed."""
        if not self._new(written):
            return
        for found in _CONTAINER_EXISTS.finditer(written.text):
            at = _wide(written, found)
            hint = "write container.id != host for containers only"
            verdict.warn(WarningCode.OWN_SURPRISE, _CONTAINER_EXISTS_MEANS, inner, at, hint)
        self._own_fields(written, context, verdict)

    def output(self, written: Written, context: Context, verdict: Verdict) -> None:
        if self._new(written):
            self._own_fields(written, context, verdict)

    def _new(self, written: Written) -> bool:
        new = id(written) not in self._seen
        self._seen.add(id(written))
        return new

    def _own_fields(self, written: Written, context: Context, verdict: Verdict) -> None:
        named: set[str] = set()
        for found in _OWN.finditer(written.text):
            name = found[0]
            field = self._find(name)
            if name not in named and field is not None and field.own:
                named.add(name)
                message = f"'{name}' is tiercel's own field: Falco refuses the rule"
                verdict.warn(WarningCode.OWN_FIELD, message, context, _wide(written, found))


def _wide(written: Written, found: re.Match[str]) -> Span:
    at = written.locate(found.start())
    return Span(at.file, at.line, at.column, len(found[0]))
