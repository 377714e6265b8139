"""Falco rules on audit logs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.capture.audit_logs import RECORDED, call, path, write
from tiercel.capture.from_audit import audit_batches
from tiercel.scanning import prepare

RULES = """\
- rule: Sensitive file read
  desc: Somebody reads password hashes
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name = /etc/shadow and fd.num >= 0
  output: "%user.loginuid %proc.cmdline parent=%proc.pname file=%fd.name"
  priority: WARNING
- rule: Shell of a web server
  desc: A web server starts a shell
  condition: evt.type = execve and proc.name in (sh, bash, dash) and proc.pname in (nginx, httpd)
  output: "%proc.aname[2] > %proc.pname > %proc.cmdline"
  priority: WARNING
- rule: Outbound connection
  desc: Something connects out
  condition: >
    evt.type = connect and fd.typechar = 4 and fd.sip != "127.0.0.1" and (evt.rawres >= 0 or evt.res = EINPROGRESS)
  output: "%proc.cmdline > %fd.sip:%fd.sport %fd.l4proto"
  priority: NOTICE
"""


def alerts(log: Path, *rules: Path) -> list[tuple[str, str]]:
    scan = prepare([], rules, every=True)
    assert scan.detection is not None, scan.report.as_text()
    scan.detection.begin()
    found = []
    for batch in audit_batches([log]):
        matches = scan.detection.match(batch)
        found += [(alert.rule, alert.output) for _, _, alert in scan.detection.alerts(batch, matches)]
    return [(rule, output.split(" ", 2)[2].partition(" container_id=")[0]) for rule, output in found]


def test_a_break_in_through_a_web_server(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    www = "uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33"
    nginx = partial(call, comm="nginx", exe="/usr/sbin/nginx", auid=0xFFFFFFFF, tty="(none)")
    log = write(
        tmp_path,
        nginx(1, 257, 'CWD cwd="/"', path("/var/www/index"), result=5, args=(-100,), pid=10, ppid=1),
        nginx(2, 257, 'CWD cwd="/"', path("/var/www/up"), result=5, args=(-100,), pid=11, ppid=10, credentials=www),
        call(
            3,
            59,
            'EXECVE argc=3 a0="sh" a1="-c" a2="id"',
            path("/bin/sh"),
            pid=50,
            ppid=11,
            credentials=www,
            auid=0xFFFFFFFF,
            tty="(none)",
        ),
        call(4, 42, "SOCKADDR saddr=020001BBCB007109", result=-115, args=(3,), pid=50, ppid=11, credentials=www),
        call(5, 42, "SOCKADDR saddr=020001BB7F000001", args=(4,), pid=50, ppid=11, credentials=www),
        call(
            6,
            59,
            'EXECVE argc=2 a0="cat" a1="/etc/shadow"',
            path("/bin/cat"),
            pid=51,
            ppid=50,
            comm="cat",
            exe="/usr/bin/cat",
        ),
        call(
            7,
            257,
            path("/etc/shadow"),
            result=3,
            args=(-100, 0, 0x80000),
            pid=51,
            ppid=50,
            comm="cat",
            exe="/usr/bin/cat",
        ),
        call(
            8, 257, path("/etc/shadow"), result=-13, args=(-100, 0, 0), pid=52, ppid=50, comm="cat", exe="/usr/bin/cat"
        ),
    )
    assert alerts(log, rules) == [
        ("Shell of a web server", "nginx > nginx > sh -c id"),
        ("Outbound connection", "sh -c id > 203.0.113.9:443 tcp"),
        ("Sensitive file read", "1000 cat /etc/shadow parent=sh file=/etc/shadow"),
    ]


def test_the_rules_that_come_along_see_the_setuid_bit_in_the_recording() -> None:
    assert "Setuid or setgid escalation" in {rule for rule, _ in alerts(RECORDED)}
