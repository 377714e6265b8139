"""Where the host's files are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tiercel.sources.live.root import host_path, own_pid


def test_paths_are_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOST_ROOT", raising=False)
    assert host_path("/proc") == "/proc"
    assert own_pid() == os.getpid()
    monkeypatch.setenv("HOST_ROOT", "/host/")
    assert host_path("/proc") == "/host/proc"


@watchable
def test_a_watcher_in_a_pid_namespace_of_its_own_knows_the_host(tmp_path: Path) -> None:
    script = (
        "import os\n"
        "from tiercel.watching.ebpf import LiveSource\n"
        "from tiercel.watching.wanted import all_events\n"
        "from tiercel.sources.live.root import own_pid\n"
        "with LiveSource(all_events(), seconds=0.5) as source:\n"
        "    own = own_pid()\n"
        "    seen = {int(tid) for batch in source for tid in batch.tid}\n"
        "    print(os.getpid(), own in seen, len(source.stream.threads) > 5)\n"
    )
    inner = f'mount --rbind /proc {tmp_path}/proc && mount -t proc proc /proc && exec "$@"'
    command = ["unshare", "-mpf", "sh", "-c", f"mkdir {tmp_path}/proc && {inner}", "sh", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HOST_ROOT": str(tmp_path)})
    assert done.stdout.split() == ["1", "False", "True"], done.stderr
