"""The state of the watch from time to time: as an alert, and as a line of a file.

References: userspace/falco/stats_writer.cpp of Falco 0.44, whose fields these are; what only we count begins
with ``tiercel``.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from tiercel.config.running import MetricsSettings
from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.rules.model import Priority
from tiercel.watching.metrics import Metrics, left_out
from tiercel.watching.values import Group, Part, Unit, Value

log = logging.getLogger("tiercel.watching")

RULE = "Falco internal: metrics snapshot"
MESSAGE = "Falco metrics snapshot"

_INFOS = {"version": "falco.version", "kernel_release": "falco.kernel_release", "hostname": "evt.hostname"}
_ENDS = {Unit.TIMESTAMP: "_ts", Unit.SECONDS_COUNT: "_sec", Unit.SECONDS: "_sec", Unit.BYTES: "_bytes"}
_IN_BYTES = frozenset({"container_memory_used", "outputs_queue"})
_ALWAYS = frozenset({"n_evts", "n_drops"})
_NAME = re.compile(r"[^a-zA-Z0-9_:]")


class Snapshots(threading.Thread):
    """Tells of a watch every ``interval``, in a thread of its own; the loop only sends the alert."""

    def __init__(self, metrics: Metrics, settings: MetricsSettings) -> None:
        super().__init__(name="metrics", daemon=True)
        self.metrics, self.settings = metrics, settings
        self.fields = Fields(metrics, settings)
        self.samples = 0
        self._stopping = threading.Event()
        self._due = time.monotonic() + settings.interval

    def run(self) -> None:
        while not self._stopping.wait(max(0.0, self._due - time.monotonic())):
            self._due = max(self._due + self.settings.interval, time.monotonic())
            try:
                self._tell()
            except Exception:  # a fault in one value must not end them all
                log.exception("the state of the watch could not be told")

    def stop(self) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join(5)

    def _tell(self) -> None:
        now = time.time_ns()
        fields = self.fields.at(now)
        self.samples += 1
        watch = self.metrics.watch
        if self.settings.output_rule:
            host, priority = watch.source.hostname, Priority.INFORMATIONAL.label
            alert = Alert(now, RULE, priority, INTERNAL, host, MESSAGE, MESSAGE, fields)
            watch.later(lambda: watch.tell(alert))
        if self.settings.output_file:
            line = json.dumps({"output_fields": fields, "sample": self.samples}, separators=(",", ":"), sort_keys=True)
            try:
                with open(self.settings.output_file, "a", encoding="utf-8") as file:
                    file.write(line + "\n")
            except OSError as error:
                log.error("metrics.output_file: %s: %s", self.settings.output_file, error.strerror)


class Fields:
    """The values of a watch as the fields of an alert; rates are since the call before."""

    def __init__(self, metrics: Metrics, settings: MetricsSettings) -> None:
        self.metrics, self.settings = metrics, settings
        self._left_out = left_out(settings)
        self._before = (0, 0, 0, 0)  # when (ns), events handled, events and losses in the kernel

    def at(self, now: int) -> dict[str, Any]:
        """Return the fields as of ``now`` (ns since the epoch)."""
        source = self.metrics.watch.source
        fields: dict[str, Any] = {"evt.time": now, "evt.source": "syscall"}
        found: dict[str, float] = {}
        rules = 0.0
        for value in self.metrics.values():
            if value.group in self._left_out:
                continue
            found[value.name] = value.value
            if value.group is Group.RULES and value.part is Part.FALCO:
                rules += value.value
            self._add(value, fields)
        if self.settings.rules:
            fields["falco.rules.matches_total"] = int(rules)
        if self.settings.empty_values and self.settings.rules:
            for rule in self.metrics.watch.detection.rules:
                fields.setdefault(f"falco.rules.{_sanitized(rule.name)}", 0)
        fields |= dict(_addresses(self.metrics))
        self._rates(now, source.events, found, fields)
        return fields

    def _add(self, value: Value, fields: dict[str, Any]) -> None:
        if value.unit is Unit.INFO:
            _add_info(value, fields)
            return
        name, number = value.name, value.value
        if value.unit is Unit.RATIO:
            name, number = f"{name}_perc", round(number * 100, 1)
        elif value.unit is Unit.BYTES and self.settings.memory_mb:
            name, number = f"{name}_mb", round(number / (1 << 20), 6)
        elif value.unit is Unit.BYTES and value.name not in _IN_BYTES:
            name, number = f"{name}_kb", number / 1024
        else:
            name += _ENDS.get(value.unit, "")
        if not number and not self.settings.empty_values and value.name not in _ALWAYS:
            return
        shown = int(number) if number == int(number) else number
        fields[_field(value, name)] = shown

    def _rates(self, now: int, events: int, found: dict[str, float], fields: dict[str, Any]) -> None:
        then, handled, sent, dropped = self._before
        seconds = (now - then) / 1e9 if then else 0.0
        fields |= {"falco.num_evts": events, "falco.num_evts_prev": handled}
        if seconds:
            fields["falco.evts_rate_sec"] = round((events - handled) / seconds, 1)
        in_kernel, lost = int(found.get("n_evts", 0)), int(found.get("n_drops", 0))
        if "n_evts" in found:
            fresh, missed = in_kernel - sent, lost - dropped
            fields |= {
                "scap.n_evts_prev": sent,
                "scap.n_drops_prev": dropped,
                "scap.evts_rate_sec": round(fresh / seconds, 1) if seconds else 0.0,
                "scap.evts_drop_rate_sec": round(missed / seconds, 1) if seconds else 0.0,
                "scap.n_drops_perc": 100.0 * missed / fresh if fresh else 0.0,
            }
        self._before = now, events, in_kernel, lost


def _field(value: Value, name: str) -> str:
    if value.name == "rules_matches":
        return f"falco.rules.{_sanitized(value.labels['rule_name'])}"
    if value.part is Part.OWN:
        return ".".join(["tiercel", name, *map(_sanitized, value.labels.values())])
    if value.group is Group.PER_CPU:
        return f"scap.{name}_{value.labels['cpu']}"
    return f"{'scap' if value.group is Group.KERNEL else 'falco'}.{name}"


def _add_info(value: Value, fields: dict[str, Any]) -> None:
    if value.part is Part.OWN:
        fields[f"tiercel.{value.name}"] = next(iter(value.labels.values()))
    elif value.name in _INFOS:
        fields[_INFOS[value.name]] = value.labels[value.name]
    elif value.name == "engine_name":
        fields["scap.engine_name"] = value.labels["engine_name"]
    elif value.name.startswith("sha256_"):
        kind = value.name.removeprefix("sha256_").removesuffix("s")
        fields[f"falco.sha256_{kind}.{_sanitized(value.labels['file_name'])}"] = value.labels["sha256"]


def _addresses(metrics: Metrics) -> Iterator[tuple[str, str]]:
    """Yield the addresses of the interfaces of the host, those of each version together."""
    found: dict[str, list[str]] = {}
    for interface in metrics.watch.source.tracker.world.interfaces:
        name = interface.name.decode("utf-8", "replace")
        address = ipaddress.ip_address(interface.address)
        if name != "lo":
            found.setdefault(f"interfaces.{name}.protocols.ipv{address.version}", []).append(str(address))
    for name, addresses in found.items():
        yield f"falco.host_netinfo.{name}.addresses", ",".join(addresses)


def _sanitized(name: str) -> str:
    return re.sub("_+", "_", _NAME.sub("_", name)).removesuffix("_")
