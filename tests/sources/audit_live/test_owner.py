"""Beside auditd: copies from the kernel, its dispatcher, its log."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.audit_live.host import WITHIN, acting, auditable
from tests.sources.audit_live.test_auditing import former  # noqa: F401  (a fixture)
from tests.watching.test_audit_wanted import rules_of
from tiercel.sources.audit_live.netlink import AuditSocket
from tiercel.sources.audit_live.owner import open_records
from tiercel.sources.audit_live.status import AuditStatus, read_status
from tiercel.sources.live.errors import LiveError
from tiercel.watching.audit import AuditSource

CONFIGURATION = """
local_events = yes
write_logs = yes
log_file = FOLDER/audit.log
log_group = root
log_format = ENRICHED
flush = NONE
max_log_file = 8
num_logs = 2
priority_boost = 0
name_format = NONE
max_log_file_action = ROTATE
space_left = 2
admin_space_left = 1
space_left_action = IGNORE
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
q_depth = 2000
overflow_action = IGNORE
plugin_dir = FOLDER/plugins.d
"""
PLUGIN = """
active = yes
direction = out
path = builtin_af_unix
type = builtin
args = 0600 FOLDER/events
format = string
"""


@pytest.fixture
def daemon(tmp_path: Path, former: AuditStatus) -> Iterator[tuple[int, Path]]:  # noqa: F811
    """Run auditd with its files in a folder of its own; yield its process id and the folder."""
    if shutil.which("auditd") is None:
        pytest.skip("auditd is not installed")
    if former.pid:
        pytest.skip("this host has an audit daemon already")
    (tmp_path / "plugins.d").mkdir()
    for name, text in (("auditd.conf", CONFIGURATION), ("plugins.d/af_unix.conf", PLUGIN)):
        (tmp_path / name).write_text(text.replace("FOLDER", str(tmp_path)))
        (tmp_path / name).chmod(0o640)
    with subprocess.Popen(["auditd", "-n", "-c", str(tmp_path)], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with AuditSocket() as control:
                    if read_status(control).pid == process.pid and (tmp_path / "events").exists():
                        break
                if process.poll() is not None:
                    pytest.skip("auditd does not start here")
                time.sleep(0.1)
            yield process.pid, tmp_path
        finally:
            process.terminate()


@auditable
@pytest.mark.parametrize("way", ["auto", "events", "audit.log"])
def test_what_happens_is_seen_beside_the_daemon(daemon: tuple[int, Path], way: str, tmp_path: Path) -> None:
    pid, folder = daemon
    rules = rules_of(tmp_path, "evt.type in (execve, execveat) and evt.rawres = 0")
    names: list[bytes] = []
    with AuditSource(rules, seconds=30, way=way if way == "auto" else str(folder / way), within=WITHIN) as source:
        assert not source.reading.owner
        assert (f"process {pid}" if way == "auto" else str(folder / way)) in source.reading.way

        def act() -> None:
            subprocess.run(["/bin/true"], check=True)
            time.sleep(1)  # the daemon writes when it likes to

        with acting(act, source.stop):
            for batch in source:
                spans = zip(batch.start.tolist(), batch.length.tolist(), strict=True)
                names += [bytes(batch.data[start : start + size]) for start, size in spans]
    assert b"/usr/bin/true\0" in names or b"/bin/true\0" in names
    with AuditSocket() as control:
        assert read_status(control).pid == pid  # still the daemon


@auditable
def test_one_cannot_own_what_another_does(daemon: tuple[int, Path]) -> None:
    pid, _ = daemon
    with pytest.raises(LiveError, match="another process is the audit daemon"):
        open_records(pid, "unicast")
