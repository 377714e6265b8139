"""STIX 2.1: what was observed, the techniques it shows, and where they were seen.

A bundle holds what alerts and techniques are about, and every connection beyond the host; not each of the many acts of
ordinary work. Ids are version 5 UUIDs of what an object says, so that the same evidence gives the same bundle.

References: STIX Version 2.1, OASIS Standard, 10 June 2021.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import tiercel
from tiercel.reconstruct.scene import Scene
from tiercel.report.attack import tagged_techniques, technique
from tiercel.report.attack_acts import Acts
from tiercel.report.attack_table import ATTACK_VERSION, Known
from tiercel.report.exports.rows import People, Row, dumps, iso, present, rows, sentence, write_texts
from tiercel.report.exports.stix_observed import SCO, Observed

OURS = UUID("6c3a0c5e-2f0f-5d0e-9a55-1f2f3c8f6a01")
"""Namespace of the ids of objects that are no cyber-observables."""

_PATTERNS = frozenset({"create", "write", "chmod", "delete", "exec", "rename"})
"""Kinds of acts whose path is worth looking for on other hosts when they show a technique."""


def write_stix(scene: Scene, path: Path, title: str = "tiercel") -> int:
    """Write a bundle; returns how many objects it has.

    Raises:
        InputError: the file cannot be written.
    """
    last = max((row["last_ts"] or row["ts"] for row in rows(scene.acts)), default=0)
    last = max([last, *(row["ts"] for row in rows(scene.alerts))])
    found = _Bundle(scene, title, iso(last, 6, "Z"))
    return write_texts(path, found.texts()) - 2


class _Bundle:
    """Writes objects as they come, each once."""

    def __init__(self, scene: Scene, title: str, now: str) -> None:
        self.scene, self.title, self.now = scene, title, now
        self.people = People(scene)
        self.observed = Observed(self.people)
        self.techniques = Acts(rows(scene.acts))
        self.identity = self._object("identity", "tiercel", name="tiercel", identity_class="system")
        self._done: set[str] = set()
        self._seen: dict[int, str] = {}  # act to its observed-data

    def texts(self) -> Iterator[str]:
        """Yield the document in pieces: the first and last are the frame, each other one an object."""
        bundle = f"bundle--{uuid5(OURS, f'{self.title} {self.now} {self.scene.acts.num_rows}')}"
        yield '{"type":"bundle","id":' + json.dumps(bundle) + ',"objects":[\n'
        separator = ""
        for one in self._objects():
            if one["id"] not in self._done:
                self._done.add(one["id"])
                yield separator + dumps(one)
                separator = ",\n"
        yield "\n]}\n"

    def _objects(self) -> Iterator[Row]:
        yield self.identity
        about = set(self.scene.alerts["act"].to_pylist())
        for act in rows(self.scene.acts):
            shown = self.techniques.of(act)
            if shown or act["act"] in about or _goes_out(act):
                yield from self._act(act, shown)
        for alert in rows(self.scene.alerts):
            yield from self._alert(alert)
        if self._done:
            yield self._object(
                "report",
                self.title,
                name=self.title,
                published=self.now,
                report_types=["threat-report"],
                object_refs=sorted(self._done),
            )

    def _act(self, act: Row, shown: dict[str, str]) -> Iterator[Row]:
        objects = self.observed.of_act(act)
        seen = self._observation(objects, act["ts"], act["last_ts"], act["count"], f"act {act['act']} {act['num']}")
        self._seen[act["act"]] = seen["id"]
        yield from objects
        yield seen
        for identity, because in shown.items():
            known = technique(identity)
            yield self._pattern(known)
            yield self._sighting(known, seen["id"], act["ts"], act["last_ts"], because)
        path = act["target"] if act["kind"] == "rename" else act["object"]
        if shown and act["kind"] in _PATTERNS and path and path.startswith("/"):
            yield from self._indicator(_path_pattern(path), path, act["ts"], shown)
        elif _goes_out(act):
            kind = "ipv6-addr" if ":" in act["raddr"] else "ipv4-addr"
            yield from self._indicator(
                f"[{kind}:value = '{act['raddr']}']", act["raddr"], act["ts"], shown, sentence(act)
            )

    def _alert(self, alert: Row) -> Iterator[Row]:
        seen = self._seen.get(alert["act"])
        if seen is None:
            objects = self.observed.of_process(alert["process"])
            if not objects:
                objects = [self.observed.host(alert["host"])]
            observation = self._observation(
                objects, alert["ts"], alert["ts"], 1, f"alert {alert['ts']} {alert['rule']}"
            )
            seen = observation["id"]
            yield from objects
            yield observation
        said = alert["output"] or alert["rule"] or "alert"
        yield self._object(
            "note",
            f"{alert['ts']} {alert['host']} {alert['rule']} {said}",
            abstract=alert["rule"] or "alert",
            content=said,
            object_refs=[seen],
            labels=[label for label in alert["tags"] or () if label] or None,
        )
        for known in tagged_techniques(alert["tags"]):
            yield self._pattern(known)
            yield self._sighting(known, seen, alert["ts"], alert["ts"], f"rule {alert['rule']}")

    def _observation(self, objects: list[SCO], first: int, last: int | None, count: int | None, key: str) -> Row:
        return self._object(
            "observed-data",
            key + " " + " ".join(one["id"] for one in objects),
            first_observed=iso(first, 6, "Z"),
            last_observed=iso(max(first, last or first), 6, "Z"),
            number_observed=min(max(count or 1, 1), 999_999_999),
            object_refs=list(dict.fromkeys(one["id"] for one in objects)),
        )

    def _pattern(self, known: Known) -> Row:
        reference = {"source_name": "mitre-attack", "external_id": known.id, "url": known.url}
        phases = [{"kill_chain_name": "mitre-attack", "phase_name": tactic.short} for tactic in known.tactics]
        return self._object(
            "attack-pattern",
            known.id,
            name=known.name.rpartition(": ")[2],
            description=f"{known.name}, ATT&CK version {ATTACK_VERSION}",
            kill_chain_phases=phases or None,
            external_references=[reference],
        )

    def _sighting(self, known: Known, seen: str, first: int, last: int | None, because: str) -> Row:
        return self._object(
            "sighting",
            f"{known.id} {seen} {because}",
            first_seen=iso(first, 6, "Z"),
            last_seen=iso(max(first, last or first), 6, "Z"),
            description=because,
            sighting_of_ref=self._id("attack-pattern", known.id),
            observed_data_refs=[seen],
            where_sighted_refs=[self.identity["id"]],
        )

    def _indicator(
        self, pattern: str, name: str, ts: int, shown: Iterable[str], description: str | None = None
    ) -> Iterator[Row]:
        indicator = self._object(
            "indicator",
            pattern,
            name=name,
            description=description,
            pattern=pattern,
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=iso(ts, 6, "Z"),
            indicator_types=["malicious-activity" if shown else "anomalous-activity"],
        )
        yield indicator
        for identity in shown:
            target = self._id("attack-pattern", identity)
            yield self._object(
                "relationship",
                f"{indicator['id']} {target}",
                relationship_type="indicates",
                source_ref=indicator["id"],
                target_ref=target,
            )

    def _id(self, kind: str, key: str) -> str:
        return f"{kind}--{uuid5(OURS, f'{kind} {key}')}"

    def _object(self, kind: str, key: str, **properties: Any) -> Row:
        """Return a domain or relationship object; ``key`` is what makes it the same one again."""
        common: Row = {"type": kind, "spec_version": "2.1", "id": self._id(kind, key)}
        if kind != "identity":
            common["created_by_ref"] = self.identity["id"]
        else:
            properties["description"] = f"tiercel {tiercel.__version__}"
        return common | {"created": self.now, "modified": self.now} | present(properties)


def _goes_out(act: Row) -> bool:
    """Whether an act is a connection with another machine."""
    if act["kind"] not in ("connect", "accept") or not act["raddr"]:
        return False
    try:
        address = ipaddress.ip_address(act["raddr"])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)


def _path_pattern(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"[file:name = {_quoted(name or '/')} AND file:parent_directory_ref.path = {_quoted(folder or '/')}]"


def _quoted(text: str) -> str:
    """Return a string of the patterning language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
