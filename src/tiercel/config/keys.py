"""The keys of falco.yaml, and which of them have an effect here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

Keys = Mapping[str, "Keys | None"]
"""Keys by name; None for a value, or a list of values. ``[]`` stands for the entries of a list, ``*`` for any name."""


def _flat(*names: str) -> Keys:
    return dict.fromkeys(names)


_ENGINE = _flat("enabled")
_TLS = _flat("insecure", "ca_cert", "ca_bundle", "ca_path", "client_cert", "client_key")
_KUBERNETES = ("enabled", "server", "node", "token_file", "ca_file", "insecure")

KNOWN: Keys = {
    "append_output": {
        "[]": {
            "match": _flat("source", "rule", "tags"),
            "extra_output": None,
            "extra_fields": {"[]": {"*": None}},
            "suggested_output": None,
        }
    },
    "base_syscalls": _flat("all", "custom_set", "repair"),
    "buffer_format_base64": None,
    "buffered_outputs": None,
    "capture": _flat(
        "enabled",
        "path_prefix",
        "mode",
        "default_duration",
        "max_file_size_mb",
        "before",
        "memory_mb",
        "max_files",
        "keep_age",
    ),
    "config_files": {"[]": _flat("path", "strategy")},
    "container_engines": {
        "bpm": _ENGINE,
        "cri": _flat("enabled", "disable_async", "sockets"),
        "docker": _flat("enabled", "sockets"),
        "kubernetes": _flat(*_KUBERNETES),
        "label_max_len": None,
        "libvirt_lxc": _ENGINE,
        "linger": None,
        "lxc": _ENGINE,
        "patience": None,
        "podman": _flat("enabled", "sockets"),
    },
    "engine": {
        "kind": None,
        "kmod": _flat("buf_size_preset", "drop_failed_exit"),
        "modern_ebpf": {
            **_flat("buf_size_preset", "cpus_for_each_buffer", "disable_iterators", "drop_failed_exit"),
            **_flat("leave_out_cgroups"),
            "rate_caps": {"*": None},
        },
        "replay": _flat("capture_file"),
    },
    "falco_libs": _flat(
        "snaplen",
        "thread_table_size",
        "thread_table_auto_purging_interval_s",
        "thread_table_auto_purging_thread_timeout_s",
    ),
    "file_output": _flat(
        "enabled",
        "filename",
        "keep_alive",
        "rotate_size_mb",
        "rotate_interval",
        "keep_files",
        "keep_age",
        "compress",
    ),
    "grpc": _flat("enabled", "bind_address", "threadiness", "private_key", "cert_chain", "root_certs"),
    "grpc_output": _ENGINE,
    "http_output": {
        **_flat(
            "enabled", "url", "user_agent", "mtls", "echo", "compress_uploads", "keep_alive", "timeout", "pipeline"
        ),
        **_TLS,
        "max_consecutive_timeouts": None,
        "headers": {"*": None},
    },
    "json_include_alert_id_property": None,
    "json_include_message_property": None,
    "json_include_output_fields_property": None,
    "json_include_output_property": None,
    "json_include_tags_property": None,
    "json_output": None,
    "libs_logger": _flat("enabled", "severity"),
    "load_plugins": None,
    "log_level": None,
    "log_stderr": None,
    "log_syslog": None,
    "metrics": _flat(
        "enabled",
        "interval",
        "output_rule",
        "output_file",
        "rules_counters_enabled",
        "resource_utilization_enabled",
        "state_counters_enabled",
        "kernel_event_counters_enabled",
        "kernel_event_counters_per_cpu_enabled",
        "kernel_iter_event_counters_enabled",
        "libbpf_stats_enabled",
        "plugins_metrics_enabled",
        "jemalloc_stats_enabled",
        "convert_memory_to_mb",
        "include_empty_values",
    ),
    "output_timeout": None,
    "outputs_queue": _flat("capacity", "path", "max_size_mb", "max_age", "retry_interval"),
    "plugins": {"[]": {"name": None, "library_path": None, "init_config": {"*": None}, "open_params": None}},
    "plugins_hostinfo": None,
    "priority": None,
    "program_output": _flat("enabled", "keep_alive", "program", "timeout"),
    "rule_files": None,  # in Falco's schema by mistake; it is never read
    "rule_matching": None,
    "rules": {"[]": {"enable": _flat("rule", "tag"), "disable": _flat("rule", "tag")}},
    "rules_file": None,
    "rules_files": None,
    "static_fields": {"*": None},
    "stdout_output": _ENGINE,
    "syscall_event_drops": _flat("threshold", "actions", "rate", "max_burst", "simulate_drops"),
    "syscall_event_timeouts": _flat("max_consecutives"),
    "syslog_output": {**_flat("enabled", "address", "format", "facility", "ident"), **_TLS},
    "time_format_iso_8601": None,
    "watch_config_files": None,
    "webserver": _flat(
        "enabled",
        "threadiness",
        "listen_port",
        "listen_address",
        "k8s_healthz_endpoint",
        "prometheus_metrics_enabled",
        "ssl_enabled",
        "ssl_certificate",
    ),
}

EFFECTIVE = frozenset(
    (
        "append_output",
        "buffered_outputs",
        "capture",
        "config_files",
        "container_engines",
        "engine.kind",
        "engine.modern_ebpf.buf_size_preset",
        "engine.modern_ebpf.drop_failed_exit",
        "engine.modern_ebpf.leave_out_cgroups",
        "engine.modern_ebpf.rate_caps",
        "engine.replay.capture_file",
        "falco_libs.snaplen",
        "file_output",
        "grpc",
        "grpc_output",
        "http_output",
        "json_include_alert_id_property",
        "json_include_message_property",
        "json_include_output_fields_property",
        "json_include_output_property",
        "json_include_tags_property",
        "json_output",
        "log_level",
        "metrics.convert_memory_to_mb",
        "metrics.enabled",
        "metrics.include_empty_values",
        "metrics.interval",
        "metrics.kernel_event_counters_enabled",
        "metrics.kernel_event_counters_per_cpu_enabled",
        "metrics.output_file",
        "metrics.output_rule",
        "metrics.resource_utilization_enabled",
        "metrics.rules_counters_enabled",
        "metrics.state_counters_enabled",
        "outputs_queue",
        "priority",
        "program_output",
        "rule_matching",
        "rules",
        "rules_file",
        "rules_files",
        "static_fields",
        "stdout_output.enabled",
        "syscall_event_drops",
        "syslog_output",
        "time_format_iso_8601",
        "watch_config_files",
        "webserver",
    )
)
"""Keys that change what tiercel does, a key standing for everything under it."""

OWN = frozenset(
    (
        "capture.before",
        "capture.keep_age",
        "capture.max_files",
        "capture.memory_mb",
        "container_engines.docker.sockets",
        *(f"container_engines.kubernetes.{name}" for name in _KUBERNETES),
        "container_engines.label_max_len",
        "container_engines.linger",
        "container_engines.patience",
        "container_engines.podman.sockets",
        "engine.modern_ebpf.leave_out_cgroups",
        "engine.modern_ebpf.rate_caps",
        "file_output.compress",
        "file_output.keep_age",
        "file_output.keep_files",
        "file_output.rotate_interval",
        "file_output.rotate_size_mb",
        "http_output.headers",
        "http_output.pipeline",
        "http_output.timeout",
        "json_include_alert_id_property",
        "outputs_queue.max_age",
        "outputs_queue.max_size_mb",
        "outputs_queue.path",
        "outputs_queue.retry_interval",
        "program_output.timeout",
        "syslog_output.address",
        "syslog_output.ca_bundle",
        "syslog_output.ca_cert",
        "syslog_output.ca_path",
        "syslog_output.client_cert",
        "syslog_output.client_key",
        "syslog_output.facility",
        "syslog_output.format",
        "syslog_output.ident",
        "syslog_output.insecure",
    )
)
"""Keys Falco does not have."""

SERVED = frozenset(("grpc", "grpc_output"))
"""Keys that Falco had until 0.43, in effect here."""

GONE: Mapping[str, str] = {
    "modern_bpf": "use engine.kind",
    "syscall_buf_size_preset": "use engine.modern_ebpf.buf_size_preset",
    "syscall_drop_failed_exit": "use engine.modern_ebpf.drop_failed_exit",
}
"""Keys of earlier versions of Falco, and what became of them."""


def suggest(name: str, known: Keys) -> str:
    """Return a hint naming the closest key, empty when none is close."""
    close = difflib.get_close_matches(name, [key for key in known if key not in ("[]", "*")], 1)
    return f" (did you mean '{close[0]}'?)" if close else ""
