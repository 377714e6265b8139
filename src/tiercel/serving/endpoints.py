"""What a watch answers over HTTP.

References: userspace/falco/webserver.cpp and versions_info.cpp of Falco 0.44, whose paths and keys these are.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from tiercel import __version__
from tiercel.config.running import MetricsSettings, WebserverSettings
from tiercel.rules.versions import ENGINE, PROVIDED
from tiercel.serving.http import Answer, Handler, HttpServer
from tiercel.serving.prometheus import CONTENT_TYPE, exposition
from tiercel.watching.metrics import VERSION, Metrics, left_out
from tiercel.watching.values import Group

if TYPE_CHECKING:
    from tiercel.watching.loop import Watch

_STALLED = 10.0
"""Seconds without a turn of the loop after which a watch is not well."""

_LIBS, _PLUGIN_API, _DRIVER_API, _DRIVER_SCHEMA = "0.25.4", "3.12.0", "10.1.0", "4.5.1"
"""Of the libraries whose events these are; there is no driver of theirs."""


def webserver(settings: WebserverSettings, telling: MetricsSettings, metrics: Metrics) -> HttpServer:
    """Serve what the settings ask for.

    Raises:
        InputError: the address cannot be bound, or the certificate cannot be read.
    """
    handlers: dict[str, Handler] = {
        "/version": versions,
        "/versions": versions,
        settings.k8s_healthz_endpoint: lambda: health(metrics.watch),
    }
    if telling.enabled and settings.prometheus_metrics_enabled:
        handlers["/metrics"] = lambda: _metrics(metrics, left_out(telling))
    return HttpServer(
        settings.listen_address,
        settings.listen_port,
        handlers,
        max(settings.threadiness or os.cpu_count() or 1, 4) * 4,
        settings.ssl_certificate if settings.ssl_enabled else None,
    )


def health(watch: Watch) -> Answer:
    """Answer whether the loop goes round: 200 as Falco does, 503 with the reason when it does not."""
    stalled = time.monotonic() - watch.ticked
    reason = ""
    if watch.ended:
        reason = "the watch has ended"
    elif watch.ticked and stalled > _STALLED:
        reason = f"the loop has not gone round for {stalled:.0f} s"
    elif not watch.ticked:
        reason = "the watch has not begun"
    if reason:
        return Answer(503, json.dumps({"status": "error", "reason": reason}).encode())
    return Answer(200, b'{"status": "ok"}')


def versions() -> Answer:
    """Answer with what Falco says of its versions, and our own."""
    told: dict[str, Any] = {
        "driver_api_version": _DRIVER_API,
        "driver_schema_version": _DRIVER_SCHEMA,
        "engine_version": str(ENGINE.minor),
        "engine_version_semver": str(ENGINE),
        "falco_version": VERSION,
        "libs_version": _LIBS,
        "plugin_api_version": _PLUGIN_API,
        "plugin_versions": {name: str(version) for name, version in PROVIDED.items()},
        "tiercel_version": __version__,
    }
    return Answer(200, json.dumps(told).encode())


def _metrics(metrics: Metrics, without: frozenset[Group]) -> Answer:
    text = exposition(value for value in metrics.values() if value.group not in without)
    return Answer(200, text.encode(), CONTENT_TYPE)
