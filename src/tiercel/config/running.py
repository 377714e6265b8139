"""Settings about the running watch itself: what it serves over HTTP and what it tells of its own state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebserverSettings:
    """The keys of ``webserver``, with Falco's defaults.

    ``threadiness`` is how many requests are answered at a time (0: one for each processor, as Falco counts).
    ``ssl_certificate`` names one file with the certificate and its key, in PEM.
    """

    enabled: bool = False
    threadiness: int = 0
    listen_port: int = 8765
    listen_address: str = "0.0.0.0"
    k8s_healthz_endpoint: str = "/healthz"
    prometheus_metrics_enabled: bool = False
    ssl_enabled: bool = False
    ssl_certificate: str = "/etc/falco/falco.pem"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The keys of ``metrics``. ``interval`` is in seconds; ``output_file`` is empty for none.

    The five after these say which groups of values are told. ``memory_mb`` gives memory in MB where alerts and the file
    otherwise have KB, and ``empty_values`` includes values that are 0.
    """

    enabled: bool = False
    interval: float = 3600.0
    output_rule: bool = False
    output_file: str = ""
    rules: bool = True
    resources: bool = True
    state: bool = True
    kernel: bool = True
    per_cpu: bool = True
    memory_mb: bool = True
    empty_values: bool = False
