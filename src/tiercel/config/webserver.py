"""Reads ``webserver`` and ``metrics``.

References: userspace/falco/configuration.cpp, userspace/engine/falco_utils.cpp (intervals) and
userspace/falco/app/actions/process_events.cpp (which intervals are refused) of Falco 0.44.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from tiercel.config.running import MetricsSettings, WebserverSettings
from tiercel.config.section import Section
from tiercel.config.tree import Tree

_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_INTERVAL = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
_LEAST = 0.1  # seconds between two snapshots
_REQUESTS = 64  # most that are answered at a time


def read_webserver(tree: Tree, flag: Callable[..., bool]) -> WebserverSettings:
    """Return the settings of the HTTP server.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.

    Raises:
        ConfigError: the address is none, the port does not exist, or a path does not begin with ``/``.
    """
    section, key, defaults = Section(tree, flag), "webserver", WebserverSettings()
    address = section.text(key, "listen_address", defaults.listen_address).strip()
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise section.wrong(key, "listen_address", f"must be an IP address, not '{address}'") from None
    port = section.number(key, "listen_port", defaults.listen_port)
    if port > 65535 or port != int(port):
        raise section.wrong(key, "listen_port", "must be a port: 0 to 65535")
    health = section.text(key, "k8s_healthz_endpoint", defaults.k8s_healthz_endpoint)
    if not re.fullmatch(r"/[!-~]*", health):
        raise section.wrong(key, "k8s_healthz_endpoint", "must be a path that begins with /")
    return WebserverSettings(
        enabled=flag(False, key, "enabled"),
        threadiness=min(int(section.number(key, "threadiness", 0)), _REQUESTS),
        listen_port=int(port),
        listen_address=address,
        k8s_healthz_endpoint=health,
        prometheus_metrics_enabled=flag(False, key, "prometheus_metrics_enabled"),
        ssl_enabled=flag(False, key, "ssl_enabled"),
        ssl_certificate=section.text(key, "ssl_certificate", defaults.ssl_certificate),
    )


def read_metrics(tree: Tree, flag: Callable[..., bool]) -> MetricsSettings:
    """Return what is told of the state of the watch, and how often.

    Raises:
        ConfigError: metrics are enabled, and the interval is none or too short.
    """
    section, key, defaults = Section(tree, flag), "metrics", MetricsSettings()
    enabled = flag(False, key, "enabled")
    text = section.text(key, "interval", "")
    interval = interval_seconds(text) if text else defaults.interval
    if enabled and interval < _LEAST:
        raise section.wrong(key, "interval", f"must be 100ms or more, with units, such as 1h or 15m; not '{text}'")
    return MetricsSettings(
        enabled=enabled,
        interval=interval,
        output_rule=flag(False, key, "output_rule"),
        output_file=section.text(key, "output_file", ""),
        rules=flag(True, key, "rules_counters_enabled"),
        resources=flag(True, key, "resource_utilization_enabled"),
        state=flag(True, key, "state_counters_enabled"),
        kernel=flag(True, key, "kernel_event_counters_enabled"),
        per_cpu=flag(True, key, "kernel_event_counters_per_cpu_enabled"),
        memory_mb=flag(True, key, "convert_memory_to_mb"),
        empty_values=flag(False, key, "include_empty_values"),
    )


def interval_seconds(text: str) -> float:
    """Return a duration of Prometheus such as ``1h30m`` in seconds, 0 when it is none."""
    found = _INTERVAL.fullmatch(re.sub(r"\s", "", text))
    if found is None:
        return 0.0
    return sum(float(number) * _UNITS[unit] for unit, number in found.groupdict().items() if number)
