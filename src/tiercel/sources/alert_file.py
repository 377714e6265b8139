"""The alerts of one file, out of whatever is around them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from tiercel.sources.alert_calendar import Calendar
from tiercel.sources.alert_envelope import Wrapped, unwrap_json, unwrap_text
from tiercel.sources.alert_json import alert_clock, alert_parts, alert_time, is_alert, without_surrogates
from tiercel.sources.alert_record import INTERNAL, AlertRecord, LogFault, TimeFrom
from tiercel.sources.alert_salvage import objects
from tiercel.sources.alert_tally import Tally
from tiercel.sources.alert_text import TextAlert, internal_fields, own_line, text_alert
from tiercel.sources.alert_times import nearest
from tiercel.sources.log_lines import MAX_LINE, Line, LogLines

_NESTED = 5  # envelopes in envelopes that are opened
_METRICS = "Falco metrics snapshot"


class AlertFile:
    """Reads one file of a log; ``written`` is when it was last written, None for what the file system says."""

    def __init__(self, path: Path, tally: Tally, zone: tzinfo = UTC, written: int | None = None) -> None:
        self.tally = tally
        self.zone = zone
        self.path = path
        self.name = str(path)
        self.calendar = Calendar(path, zone, written)
        self.pieces: dict[str, list[str]] = {}  # of long lines that a container runtime has split

    def records(self) -> Iterator[AlertRecord]:
        """Yield the alerts in file order."""
        lines = LogLines(self.path)
        number = 0
        for line in lines:
            number = line.number
            self.tally.lines += 1
            yield from self._of_line(line)
        for stream, pieces in list(self.pieces.items()):
            self.pieces[stream] = []
            if pieces:
                yield from self._of_text("".join(pieces), Line(number, b"", True), False, Wrapped(""))
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
        yield from self._of_text(text, line, replaced, Wrapped(""))

    def _of_text(
        self, text: str, line: Line, replaced: bool, envelope: Wrapped, depth: int = 0
    ) -> Iterator[AlertRecord]:
        """Yield the alerts of a text; ``envelope`` is what was around it, the inner ones before the outer ones."""
        if text.lstrip().startswith("{"):
            for value, cut in objects(text.lstrip()):
                yield from self._of_object(value, text, line, replaced, cut or line.cut, envelope, depth)
            return
        alert = text_alert(text, self.zone)
        if alert is not None:
            yield self._text_record(alert, text, line, replaced, envelope)
            return
        own = own_line(text, self.zone)
        if own is not None:
            self.calendar.saw(own.ts)
            self.tally.own(own.ts or envelope.ts, own.message, self.name, line.number)
            return
        wrapped = unwrap_text(text, self.calendar.around, self.zone) if depth < _NESTED else None
        if wrapped is not None:
            yield from self._of_wrapped(wrapped, line, replaced, envelope, depth)
        elif text.strip():
            self.tally.fault(self.name, line.number, "neither an alert nor a line of Falco", text)

    def _of_object(
        self,
        value: dict[str, Any] | None,
        text: str,
        line: Line,
        replaced: bool,
        cut: bool,
        envelope: Wrapped,
        depth: int,
    ) -> Iterator[AlertRecord]:
        if value is None:
            self.tally.fault(self.name, line.number, "broken JSON", text)
        elif is_alert(value):
            yield self._json_record(value, text, line, replaced, cut, envelope)
        elif depth < _NESTED and (wrapped := unwrap_json(value)) is not None:
            yield from self._of_wrapped(wrapped, line, replaced, envelope, depth)
        else:
            self.tally.fault(self.name, line.number, "JSON, but no alert", text)

    def _of_wrapped(
        self, wrapped: Wrapped, line: Line, replaced: bool, outer: Wrapped, depth: int
    ) -> Iterator[AlertRecord]:
        content = wrapped.content
        self.calendar.saw(wrapped.ts)
        # the outermost host is that of a collector, the innermost time the nearest to the event
        inner = Wrapped("", wrapped.ts or outer.ts, wrapped.host or outer.host, wrapped.stream, wrapped.whole)
        if isinstance(content, dict):
            yield from self._of_object(content, "", line, replaced, False, inner, depth + 1)
            return
        pieces = self.pieces.get(wrapped.stream)
        if not wrapped.whole:
            pieces = self.pieces.setdefault(wrapped.stream, [])
            if sum(map(len, pieces)) + len(content) <= MAX_LINE:
                pieces.append(content)
            return
        if pieces:
            content = "".join(pieces) + content
            self.pieces[wrapped.stream] = []
        yield from self._of_text(content, line, replaced, inner, depth + 1)

    def _time(self, ts: int | None, clock: str | None, envelope: Wrapped) -> tuple[int, TimeFrom]:
        """Return the time of an alert and what it rests on; ``clock`` is its time of day where it has no more."""
        time_from: TimeFrom = "record"
        if ts is None and envelope.ts is not None:
            ts, time_from = envelope.ts, "envelope"
            if clock is not None:  # the envelope knows the day, the alert the time
                ts = nearest(clock, envelope.ts, self.zone)
        elif ts is None and clock is not None:
            return self.calendar.at(clock)
        elif ts is None:
            return self.calendar.unknown()
        self.calendar.saw(ts)
        return ts, time_from

    def _json_record(
        self, value: dict[str, Any], text: str, line: Line, replaced: bool, cut: bool, envelope: Wrapped
    ) -> AlertRecord:
        if "\\ud" in text or "\\uD" in text:
            value = without_surrogates(value)
        ts = alert_time(value, self.zone)
        ts, time_from = self._time(ts, None if ts is not None else alert_clock(value), envelope)
        parts = alert_parts(value)
        parts["truncated"] |= cut
        parts["hostname"] = parts["hostname"] or envelope.host
        said = parts["output"] or parts["output_fields"]
        key = parts["uuid"] or f"{ts} {parts['rule']} {parts['hostname']} {said}"
        duplicate = self.tally.repeated(key.encode("utf-8", "replace"))
        record = AlertRecord(
            ts=ts,
            time_from=time_from,
            replaced=replaced,
            file=self.name,
            line=line.number,
            duplicate=duplicate,
            **parts,
        )
        self.tally.count(record)
        return record

    def _text_record(self, alert: TextAlert, text: str, line: Line, replaced: bool, envelope: Wrapped) -> AlertRecord:
        ts, time_from = self._time(alert.ts, alert.clock, envelope)
        own = alert.output.startswith((INTERNAL, _METRICS))
        output, fields = internal_fields(alert.output) if own else (text, {})
        rule = None
        if own:
            rule = output.partition(". ")[0] if output.startswith(INTERNAL) else f"{INTERNAL}metrics snapshot"
        record = AlertRecord(
            ts=ts,
            rule=rule,
            priority=alert.priority,
            source="internal" if own else None,
            output=output,
            output_fields=dict(fields),
            hostname=envelope.host,
            kind="internal" if own else "text",
            truncated=line.cut,
            replaced=replaced,
            time_from=time_from,
            file=self.name,
            line=line.number,
            duplicate=self.tally.repeated(f"{ts} {envelope.host} {text}".encode("utf-8", "replace")),
        )
        self.tally.count(record)
        return record
