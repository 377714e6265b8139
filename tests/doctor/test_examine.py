"""What the doctor says of the running host, and of worse ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sources.live.host import watchable
from tiercel.doctor import audit, containers, kernel, resources
from tiercel.doctor.examine import Examination, examine
from tiercel.doctor.model import CHECKS, GROUPS, Check, Subject, Verdict, Way, fail
from tiercel.sources.audit_live.status import LOCKED, AuditStatus


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Examination:
    return examine(Subject(str(tmp_path_factory.mktemp("state"))))


def test_every_check_finds_something_and_says_what_to_do(found: Examination) -> None:
    assert [check.group for check, _ in found.findings] == sorted((check.group for check in CHECKS), key=GROUPS.index)
    for check, finding in found.findings:
        assert finding.found, check
        assert bool(finding.advice) == (finding.verdict is not Verdict.OK), check
        assert "could not be looked at" not in finding.found, (check, finding)


def test_each_check_has_a_name_of_its_own_and_says_what_for() -> None:
    assert len({(check.group, check.name) for check in CHECKS}) == len(CHECKS)
    assert all(check.look.__doc__ for check in CHECKS)


@watchable
def test_the_probe_is_loaded_and_sees(found: Examination) -> None:
    assert Way.EBPF in found.ways
    assert re.match(r"loaded and unloaded in .* s; [\d,]+ threads listed", found.of("probe", "loads and sees").found)


@pytest.mark.skipif(not shutil.which("auditctl"), reason="takes auditctl")
@watchable
def test_audit_is_as_auditctl_says(found: Examination) -> None:
    status = subprocess.run(["auditctl", "-s"], capture_output=True, text=True, check=True).stdout
    limit = int(re.search(r"backlog_limit (\d+)", status)[1])  # type: ignore[index]
    assert f"backlog {limit:,} records" in found.of("audit", "subsystem").found


@pytest.mark.parametrize(
    ("release", "verdict"),
    [("5.15.0-91-generic", Verdict.FAIL), ("5.17.0", Verdict.OK), ("6.1.0-amd64", Verdict.OK)],
)
def test_versions_of_kernels(release: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    class Names:
        pass

    names = Names()
    names.release = release  # type: ignore[attr-defined]
    monkeypatch.setattr(kernel.os, "uname", lambda: names)
    assert kernel.version(Subject("")).verdict is verdict


def test_lockdown_of_a_host_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "text_of", lambda path: "none integrity [confidentiality]")
    assert kernel.lockdown(Subject("")).verdict is Verdict.FAIL
    monkeypatch.setattr(kernel, "text_of", lambda path: "none [integrity] confidentiality")
    assert kernel.lockdown(Subject("")).found == "integrity"


def test_locked_audit_rules_are_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_status", lambda: AuditStatus(LOCKED, 0, 64, 0, 0, 0))
    assert "locked" in audit.subsystem(Subject("")).found


def _broken(subject: Subject) -> object:
    raise ValueError("no such thing")


def test_a_way_that_is_closed_is_no_failure_while_another_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ebpf = Check("kernel", "one", lambda _: fail("too old", "renew it"), frozenset({Way.EBPF}))
    monkeypatch.setattr("tiercel.doctor.examine.CHECKS", [ebpf])
    assert examine(Subject("")).ways == (Way.AUDIT,)
    assert examine(Subject("")).of("kernel", "one").verdict is Verdict.WARN


def test_a_check_that_breaks_down_closes_its_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Check("kernel", "one", _broken, frozenset(Way))  # type: ignore[arg-type]
    monkeypatch.setattr("tiercel.doctor.examine.CHECKS", [broken])
    found = examine(Subject(""))
    assert not found.can_watch
    assert "could not be looked at: no such thing" in found.of("kernel", "one").found


@contextmanager
def cgroup(controller: str, **values: int) -> Iterator[Path]:
    """A cgroup with these limits."""
    for root in (Path("/sys/fs/cgroup") / controller, Path("/sys/fs/cgroup")):
        folder = root / f"tiercel-test-{uuid4().hex[:8]}"
        try:
            folder.mkdir()
            for name, value in values.items():
                if (folder / name.replace("__", ".")).exists():
                    (folder / name.replace("__", ".")).write_text(str(value))
        except OSError:
            if folder.exists():
                folder.rmdir()
            continue
        try:
            yield folder
        finally:
            folder.rmdir()
        return
    pytest.skip(f"takes a cgroup with limits of {controller} that may be made")


def within(folder: Path, expression: str) -> str:
    """Return what an expression is in a process of this cgroup."""
    script = f"from tiercel.doctor import resources as r; from tiercel.doctor.model import Subject; print({expression})"
    enter = f'echo $$ > "{folder}/cgroup.procs" && exec "{sys.executable}" -c "{script}"'
    return subprocess.run(["/bin/sh", "-c", enter], capture_output=True, text=True, check=True).stdout.strip()


def test_the_limit_of_memory_is_that_of_the_cgroup() -> None:
    with cgroup("memory", memory__limit_in_bytes=128 << 20, memory__max=128 << 20) as folder:
        assert within(folder, "r.memory_limit()") == str(128 << 20)
        assert "the limit is 128 MB" in within(folder, "r.memory(Subject(''))")


def test_the_limit_of_processors_is_that_of_the_cgroup() -> None:
    with cgroup("cpu", cpu__cfs_quota_us=20000) as folder:
        assert within(folder, "r.processor_limit()") == "0.2"
        assert "throttled" in within(folder, "r.processor(Subject(''))")


def test_without_limits_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "text_of", lambda path: "0::/" if path.endswith("cgroup") else "max 100000")
    assert resources.memory_limit() is None
    assert resources.processor_limit() is None


def test_a_node_of_kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "var/lib/kubelet").mkdir(parents=True)
    (tmp_path / "var/lib/kubelet/config.yaml").touch()
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    assert "is a node" in containers.kubernetes(Subject("")).found


def test_a_pod_that_asks_the_api_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("FALCO_K8S_NODE_NAME", "worker-1")
    token = tmp_path / "token"
    options = ["container_engines.kubernetes.enabled=true", f"container_engines.kubernetes.token_file={token}"]
    assert "no token" in containers.kubernetes(Subject("", options=options)).found
    token.write_text("t")
    found = containers.kubernetes(Subject("", options=options)).found
    assert found == "https://10.0.0.1:443 is asked about pods of worker-1"


def test_memory_for_captures_is_counted() -> None:
    found = resources.memory(Subject("", options=["capture.enabled=true", "capture.memory_mb=100"])).found
    assert "100 of events kept for captures" in found
