"""Why a change to a file is worth a look."""

from __future__ import annotations

import pytest

from tiercel.reconstruct.executed import arguments, ran, script
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.modes import is_executable, mode_bits, set_id
from tiercel.reconstruct.knowledge.noise import is_no_file, is_noise


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/cron.d/x", "runs at set times (cron)"),
        ("/var/spool/cron/crontabs/root", "runs at set times (cron)"),
        ("/etc/systemd/system/x.service", "started by systemd (unit)"),
        ("/root/.config/systemd/user/x.timer", "started by systemd (unit)"),
        ("/etc/rc.local", "run when the machine starts"),
        ("/home/ann/.bashrc", "run by every new shell (profile)"),
        ("/root/.ssh/authorized_keys", "lets a key holder log in (authorized_keys)"),
        ("/etc/ld.so.preload", "loaded into every program (ld.so.preload)"),
        ("/etc/pam.d/sshd", "how logins are checked (PAM)"),
        ("/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "how logins are checked (PAM)"),
        ("/etc/shadow", "accounts and passwords"),
        ("/etc/sudoers.d/x", "who may become root"),
        ("/usr/bin/ls", "directory of programs"),
        ("/bin/sh", "directory of programs"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "library of programs"),
        ("/var/www/html/x.php", "served by a web server"),
        ("/sys/fs/cgroup/x/release_agent", "a way from a container to the host"),
        ("/etc/hosts", "settings of the system"),
    ],
)
def test_places(path: str, words: str) -> None:
    reason = suspicious.place(path)
    assert reason is not None
    assert reason.words == words


@pytest.mark.parametrize("path", ["/home/ann/notes.txt", "/opt/x", "/var/log/syslog", "/srv/data", "relative", ""])
def test_ordinary_places(path: str) -> None:
    assert suspicious.place(path) is None
    assert suspicious.change(path) == []


def test_names_that_hide() -> None:
    assert suspicious.hidden("/tmp/.x") is suspicious.HIDDEN
    assert suspicious.hidden("/dev/shm/... /x") is suspicious.DISGUISED
    assert suspicious.hidden("/usr/bin/..x") is suspicious.DISGUISED
    assert suspicious.hidden("/home/ann/.cache/x") is None


def test_secrets() -> None:
    secret = ["/etc/shadow", "/root/.ssh/id_ed25519", "/home/a/.aws/credentials", "/var/run/secrets/x/token"]
    assert all(map(suspicious.is_secret, secret))
    assert not any(map(suspicious.is_secret, ["/etc/passwd", "/root/.ssh/id_ed25519.pub", "/root/.ssh/known_hosts"]))


def test_a_web_script_is_worse_than_a_web_page() -> None:
    page, shell = (suspicious.change(f"/var/www/html/x.{end}")[0].weight for end in ("html", "php"))
    assert page < shell


def test_modes() -> None:
    assert mode_bits("u+s 04755") == 0o4755
    assert mode_bits("0644") == 0o644
    assert mode_bits("no mode") is None
    assert set_id("u+s 04755") == [suspicious.SETUID]
    assert set_id("g+s 02755") == [suspicious.SETGID]
    assert is_executable("+x 0755")
    assert not is_executable("0644")


def test_what_an_exec_ran() -> None:
    assert ran("/usr/bin/bash", "/tmp/evil.sh", "evil.sh /tmp/evil.sh", "/") == ["/usr/bin/bash", "/tmp/evil.sh"]
    assert script("/usr/bin/python3.11", "python3 x.py --now", "/srv/") == "/srv/x.py"
    assert script("/usr/bin/bash", "bash -c ./x", "/") is None
    assert script("/usr/bin/bash", "bash", "/") is None
    assert script("/usr/bin/curl", "curl /tmp/x", "/") is None
    assert arguments('sh -c "a b') == ["sh", "-c", '"a', "b"]  # a quote left open


def test_noise() -> None:
    assert is_no_file("/dev/null")
    assert is_no_file("/proc/self/oom_score_adj")
    assert not is_no_file("/proc/1/environ")
    assert not is_no_file("/usr/lib/libx.so")  # changing it matters, reading it does not
    assert is_noise("/usr/lib/libx.so")
    assert is_noise("/etc/ld.so.cache")
    assert not is_noise("/etc/shadow")
