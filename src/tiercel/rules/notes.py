"""What tiercel adds to Falco's warnings: its own fields, and conditions that mean something else than they seem to."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from tiercel.fields.extension import FIELDS as OWN_FIELDS
from tiercel.fields.model import Field
from tiercel.rules.parse_tree import Parsed
from tiercel.rules.surprises import Surprises
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Context, Verdict, WarningCode
from tiercel.rules.written import Written

_OWN = re.compile(rf"(?<![\w.])(?:{'|'.join(re.escape(field.name) for field in OWN_FIELDS)})(?![\w.])")

_MOST = 20  # surprises in one condition


class Notes:
    """Notes on the conditions and outputs of a rule set."""

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        self._find = find

    def note(
        self,
        context: Context,
        condition_context: Context,
        texts: tuple[Written, ...],
        parsed: Parsed,
        surprises: Surprises,
        verdict: Verdict,
    ) -> None:
        """Note what is particular in a rule or macro; ``texts`` are its condition and its output."""
        for surprise in islice(surprises.find(parsed), _MOST):
            at = parsed.text.span(surprise.at)
            wide = Span(at.file, at.line, at.column, max(surprise.length, 1))
            verdict.warn(WarningCode.OWN_SURPRISE, surprise.message, condition_context, wide, surprise.hint)
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
