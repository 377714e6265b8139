"""The alerts of one file, out of whatever is around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from tiercel.sources.alert_calendar import Calendar
from tiercel.sources.alert_envelope import Wrapped, unwrap_json, unwrap_text
from tiercel.sources.alert_json import alert_clock, alert_parts, alert_time, is_alert, plain
from tiercel.sources.alert_record import INTERNAL, AlertRecord, LogFault, TimeFrom
from tiercel.sources.alert_salvage import objects
from tiercel.sources.alert_tally import Tally
from tiercel.sources.alert_text import TextAlert, internal_fields, own_line, text_alert
from tiercel.sources.alert_times import nearest
from tiercel.sources.log_lines import MAX_LINE, Line, LogLines

_NESTED = 5  # envelopes in envelopes that are opened
_METRICS = "Falco metrics snapshot"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text in which an alert is looked for: a line, or what an envelope in it holds.

    ``ts`` and ``host`` are what the envelopes around it say, ``depth`` how many they are.
    """

    text: str
    number: int
    cut: bool = False
    replaced: bool = False
    ts: int | None = None
    host: str | None = None
    depth: int = 0


class AlertFile:
    """Reads one file of a log; ``written`` is when it was last written, None for what the file system says."""

    def __init__(self, path: Path, tally: Tally, zone: tzinfo = UTC, written: int | None = None) -> None:
        self.tally = tally
        self.zone = zone
        self.path = path
        self.name = str(path)
        self.calendar = Calendar(path, zone, written)
        self.waiting: dict[str, list[str]] = {}  # by stream, beginnings of lines that a container runtime has split

    def records(self) -> Iterator[AlertRecord]:
        """Yield the alerts in file order."""
        lines = LogLines(self.path)
        number = 0
        for line in lines:
            number = line.number
            self.tally.lines += 1
            yield from self._of_line(line)
        for begun in self.waiting.values():
            if begun:
                yield from self._of_text(_Piece("".join(begun), number, cut=True))
        if lines.error:
            self.tally.broken.append(LogFault(self.name, number, lines.error, ""))

    def _of_line(self, line: Line) -> Iterator[AlertRecord]:
        data = line.data
        replaced = b"\0" in data
        if replaced:
            data = data.replace(b"\0", b"")
        if not data.strip():
            if replaced:
                self.tally.fault(self.name, line.number, "only NUL bytes", "")
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text, replaced = data.decode("utf-8", "replace"), True
        yield from self._of_text(_Piece(text, line.number, line.cut, replaced))

    def _of_text(self, piece: _Piece) -> Iterator[AlertRecord]:
        text = piece.text.lstrip()
        if text.startswith("{"):
            for value, cut in objects(text):
                yield from self._of_object(value, replace(piece, cut=True) if cut else piece)
            return
        alert = text_alert(piece.text, self.zone)
        if alert is not None:
            yield self._text_record(alert, piece)
            return
        own = own_line(piece.text, self.zone)
        if own is not None:
            self.calendar.saw(own.ts)
            self.tally.own(own.ts or piece.ts, own.message, self.name, piece.number)
            return
        wrapped = unwrap_text(piece.text, self.calendar.around, self.zone) if piece.depth < _NESTED else None
        if wrapped is not None:
            yield from self._of_wrapped(wrapped, piece)
        elif text:
            self.tally.fault(self.name, piece.number, "neither an alert nor a line of Falco", piece.text)

    def _of_object(self, value: dict[str, Any] | None, piece: _Piece) -> Iterator[AlertRecord]:
        if value is None:
            self.tally.fault(self.name, piece.number, "broken JSON", piece.text)
        elif is_alert(value):
            yield self._json_record(value, piece)
        elif piece.depth < _NESTED and (wrapped := unwrap_json(value)) is not None:
            yield from self._of_wrapped(wrapped, piece)
        else:
            self.tally.fault(self.name, piece.number, "JSON, but no alert", piece.text)

    def _of_wrapped(self, wrapped: Wrapped, outer: _Piece) -> Iterator[AlertRecord]:
        self.calendar.saw(wrapped.ts)
        # the inner envelope is the nearer to the event: the outer ones may be those of a collector
        inner = replace(outer, ts=wrapped.ts or outer.ts, host=wrapped.host or outer.host, depth=outer.depth + 1)
        content = wrapped.content
        if isinstance(content, dict):
            yield from self._of_object(content, inner)
            return
        waiting = self.waiting.get(wrapped.stream)
        if not wrapped.whole:
            waiting = self.waiting.setdefault(wrapped.stream, [])
            if sum(map(len, waiting)) + len(content) <= MAX_LINE:
                waiting.append(content)
            return
        if waiting:
            content = "".join(waiting) + content
            self.waiting[wrapped.stream] = []
        yield from self._of_text(replace(inner, text=content))

    def _time(self, ts: int | None, clock: str | None, piece: _Piece) -> tuple[int, TimeFrom]:
        """Return the time of an alert and what it rests on; ``clock`` is its time of day where it has no more."""
        time_from: TimeFrom = "record"
        if ts is None and piece.ts is not None:
            # the envelope knows the day, the alert the time
            ts, time_from = nearest(clock, piece.ts, self.zone) if clock else piece.ts, "envelope"
        elif ts is None:
            return self.calendar.at(clock) if clock else self.calendar.unknown()
        self.calendar.saw(ts)
        return ts, time_from

    def _json_record(self, value: dict[str, Any], piece: _Piece) -> AlertRecord:
        if "\\ud" in piece.text or "\\uD" in piece.text:
            value = plain(value)
        ts = alert_time(value, self.zone)
        ts, time_from = self._time(ts, None if ts is not None else alert_clock(value), piece)
        parts = alert_parts(value)
        parts["truncated"] |= piece.cut
        parts["hostname"] = parts["hostname"] or piece.host
        said = parts["output"] or parts["output_fields"]
        key = parts["uuid"] or f"{ts} {parts['rule']} {parts['hostname']} {said}"
        return self._counted(AlertRecord(ts=ts, time_from=time_from, **parts), key, piece)

    def _text_record(self, alert: TextAlert, piece: _Piece) -> AlertRecord:
        ts, time_from = self._time(alert.ts, alert.clock, piece)
        record = AlertRecord(ts, None, alert.priority, None, piece.text, kind="text", time_from=time_from)
        if alert.output.startswith((INTERNAL, _METRICS)):
            output, fields = internal_fields(alert.output)
            rule = output.partition(". ")[0] if output.startswith(INTERNAL) else f"{INTERNAL}metrics snapshot"
            record = replace(record, rule=rule, source="internal", output=output, output_fields=fields, kind="internal")
        record = replace(record, hostname=piece.host, truncated=piece.cut)
        return self._counted(record, f"{ts} {piece.host} {piece.text}", piece)

    def _counted(self, record: AlertRecord, key: str, piece: _Piece) -> AlertRecord:
        """Return the record with its place; two with the same ``key`` are the same alert."""
        duplicate = self.tally.repeated(key.encode("utf-8", "replace"))
        record = replace(record, file=self.name, line=piece.number, replaced=piece.replaced, duplicate=duplicate)
        self.tally.count(record)
        return record
