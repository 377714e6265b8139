"""Names that a store does not know: said, with those it does, so that a slip of the pen is no empty answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tiercel.errors import InputError
from tiercel.store.segment import Segment
from tiercel.store.store import Store

_MOST = 6


def check_names(
    store: Store,
    host: str | None = None,
    container: str | None = None,
    pod: str | None = None,
    evidence: str | None = None,
) -> None:
    """Refuse names that nothing in a store bears; for when nothing was found.

    Args:
        host: name of a host.
        container: id of a container, or how it begins, or its name.
        pod: name of a pod, or namespace/name.
        evidence: id of a piece of evidence.

    Raises:
        InputError: there is no such thing; it says what there is.
    """
    if host is None and container is None and pod is None and evidence is None:
        return
    segments = store.segments()
    if host is not None and all(segment.manifest.host != host for segment in segments):
        _refuse("--host", host, "host", (segment.manifest.host for segment in segments))
    if evidence is not None and all(segment.manifest.source.id != evidence for segment in segments):
        _refuse("--evidence", evidence, "evidence", (segment.manifest.source.id for segment in segments))
    if container is not None and not store.segments(container=container):
        told = [(fields.get("container.id"), fields.get("container.name")) for fields in _logged(segments)]
        if not any(name == container or _text(id).startswith(container) for id, name in told):
            known = [one for segment in segments for one in segment.manifest.containers]
            names = [one.name or one.id[:12] for one in known] + [_text(name or id) for id, name in told]
            _refuse("--container", container, "container", names)
    if pod is not None:
        namespace, _, short = pod.rpartition("/")
        if not namespace and store.segments(pod=short):
            return
        pods = [(one.namespace, one.pod) for segment in segments for one in segment.manifest.containers]
        pods += [(_text(fields.get("k8s.ns.name")), _text(fields.get("k8s.pod.name"))) for fields in _logged(segments)]
        if not any(name == short and namespace in ("", own) for own, name in pods):
            _refuse("--pod", pod, "pod", (f"{own}/{name}" if own else name for own, name in pods if name))


def _refuse(option: str, asked: str, what: str, names: Iterable[str]) -> None:
    known = sorted({name for name in names if name and name not in ("host", "<NA>")})
    more = f" and {len(known) - _MOST:,} more" if len(known) > _MOST else ""
    there = f"it knows {', '.join(known[:_MOST])}{more}" if known else "it knows none"
    raise InputError(f"{option} {asked}: no such {what} in the store; {there}")


def _logged(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Return the output fields of the alerts of logs, which may be about containers that no event is."""
    found = []
    for segment in segments:
        rows = segment.manifest.rows
        if rows.get("alerts") and not rows.get("events"):
            for text in segment.table("alerts", ["output_fields"]).column(0).to_pylist():
                try:
                    fields = json.loads(text or "{}")
                except (ValueError, RecursionError):
                    continue
                if isinstance(fields, dict):
                    found.append(fields)
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) and value != "host" else ""
