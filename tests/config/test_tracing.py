"""How the kernel is traced, from ``engine.modern_ebpf`` and ``falco_libs``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercel.config import ConfigError, load_config
from tiercel.sources.live.settings import TracingSettings


def test_without_keys_the_defaults_hold() -> None:
    assert load_config().tracing == TracingSettings()


def test_the_keys_of_falco_and_our_own(tmp_path: Path) -> None:
    path = tmp_path / "falco.yaml"
    path.write_text(
        "engine:\n"
        "  kind: modern_ebpf\n"
        "  modern_ebpf:\n"
        "    buf_size_preset: 5\n"
        "    drop_failed_exit: true\n"
        "    leave_out_cgroups: [/system.slice/backup.service]\n"
        "    rate_caps: {openat: 50000, connect: 1000}\n"
        "falco_libs: {snaplen: 200}\n"
    )
    config = load_config(path)
    assert config.tracing == TracingSettings(
        ring_bytes=16 << 20,
        snaplen=200,
        drop_failed=True,
        groups=("/system.slice/backup.service",),
        caps={"openat": 50000, "connect": 1000},
    )
    assert config.notes == ()


def test_the_audit_subsystem_instead() -> None:
    assert load_config(options=["engine.kind=audit"]).tracing.audit


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("engine.modern_ebpf.buf_size_preset=11", "must be 1 to 10"),
        ("engine.modern_ebpf.buf_size_preset=big", "must be 1 to 10"),
        ("engine.modern_ebpf.leave_out_cgroups=docker", "must be a path"),
        ("engine.modern_ebpf.rate_caps.opnat=5", r"no system call known here \(did you mean 'openat'"),
        ("engine.modern_ebpf.rate_caps.openat=none", "must be a number of calls a second"),
        ("falco_libs.snaplen=70000", "must be at most 32767"),
    ],
)
def test_values_that_make_no_sense_are_refused(option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(options=[option])
