"""What an act alone says of techniques.

Only what stands out is named: that a program reads a file in /etc, or a shell starts, is no technique.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_WRITING = frozenset({"create", "open_write", "write", "rename", "link", "symlink", "chmod", "chown"})
_READING = frozenset({"open_read", "read"})

_HOME = r"(?:/root|/home/[^/]+)"
_SYSTEMD = rf"(?:(?:/etc|/usr/lib|/lib|/run)/systemd/(?:system|user)|{_HOME}/\.config/systemd)/.*"
_WRITTEN = (
    (r"/etc/cron[^/]*(?:/.*)?|/var/spool/cron/.*", "T1053.003", "cron job written"),
    (r"/var/spool/(?:at|cron/atjobs)/.*|/etc/at\.(?:allow|deny)", "T1053.002", "at job written"),
    (rf"{_SYSTEMD}\.timer", "T1053.006", "timer written"),
    (rf"{_SYSTEMD}\.service(?:\.d/.*)?", "T1543.002", "systemd service written"),
    (rf"{_HOME}/\.ssh/authorized_keys2?", "T1098.004", "authorized keys changed"),
    (
        rf"/etc/(?:profile|bash\.bashrc|bashrc|zsh/.*|profile\.d/.*)|{_HOME}/\.(?:bashrc|bash_profile|bash_login|profile|zshrc)",
        "T1546.004",
        "start files of the shell changed",
    ),
    (r"/etc/ld\.so\.(?:preload|conf|conf\.d/.*)", "T1574.006", "dynamic linker configured"),
    (r"/etc/passwd-?|/etc/group-?", "T1136.001", "accounts changed"),
    (r"/etc/g?shadow-?", "T1098", "passwords changed"),
    (r"/etc/sudoers(?:\.d/.*)?", "T1548.003", "sudo configured"),
    (r"/etc/pam\.(?:d/.*|conf)|.*/security/pam_[^/]+\.so", "T1556.003", "PAM changed"),
    (r"/etc/(?:rc\.local|rc\.d/.*|rc[0-6S]\.d/.*|init\.d/.*)", "T1037.004", "start script written"),
    (r"/etc/modules(?:-load\.d/.*)?|/etc/modprobe\.d/.*|/lib/modules/.*\.ko(?:\.[gx]z)?", "T1547.006", "module placed"),
    (r"(?:/etc|/lib|/usr/lib)/udev/rules\.d/.*", "T1546.017", "udev rule written"),
    (r"(?:/var/www|/srv/www|/usr/share/nginx|/usr/local/apache2/htdocs)/.*\.(?:php\d?|phtml|jspx?|aspx?|cgi)",
     "T1505.003", "script placed under a web root"),
    (r"/etc/audit/.*|/etc/audisp/.*", "T1562.012", "audit system configured"),
    (r"/etc/falco/.*", "T1562.001", "Falco configured"),
    (r"(?:/tmp|/var/tmp|/dev/shm)/(?:.*/)?\.[^/.][^/]*|(?:/tmp|/var/tmp|/dev/shm)/\.[^/]+/.*", "T1564.001",
     "hidden file in a world-writable directory"),
)  # fmt: skip
_READ = (
    (r"/etc/g?shadow-?", "T1003.008", "password hashes read"),
    (rf"{_HOME}/\.ssh/id_[^/]+(?<!\.pub)|/etc/ssh/ssh_host_\w+_key", "T1552.004", "private key read"),
    (
        rf"{_HOME}/(?:\.aws/credentials|\.kube/config|\.docker/config\.json|\.netrc|\.git-credentials|\.pgpass|\.azure/.*"
        r"|\.config/gcloud/.*)|/etc/kubernetes/(?:admin|controller-manager|scheduler)\.conf",
        "T1552.001",
        "stored credentials read",
    ),
    (r"/proc/\d+/mem", "T1003.007", "memory of a process read"),
)
_LOG = re.compile(r"/var/log/.*|/run/utmp|/var/run/utmp", re.DOTALL)
_HISTORY = re.compile(rf"{_HOME}/\.(?:bash|zsh|sh|ash|python|mysql)_history", re.DOTALL)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"})
_INTERPRETERS = _SHELLS | {"python", "python3", "perl", "ruby", "php", "node"}
_FETCHERS = frozenset({"curl", "wget", "scp", "sftp", "ftp", "tftp", "aria2c", "rsync"})
_ENGINES = frozenset({"runc", "crun", "docker", "podman", "nerdctl", "crictl", "ctr", "kubectl"})
_WORLD_WRITABLE = ("/tmp/", "/var/tmp/", "/dev/shm/")
_COMMANDS = (
    (r"crontab\b(?!.* -l\b).*", "T1053.003", "crontab run"),
    (r"systemctl (?:.* )?enable\b.*", "T1543.002", "service enabled"),
    (r"systemctl (?:.* )?(?:stop|disable|mask) (?:.* )?(?:auditd|falco|rsyslog|syslog-ng|apparmor|firewalld|ufw)\b.*",
     "T1562.001", "protection stopped"),
    (r"(?:setenforce 0|aa-teardown|aa-disable\b.*)", "T1562.001", "mandatory access control switched off"),
    (r"auditctl (?:.* )?(?:-e ?0|-D)\b.*", "T1562.012", "auditing switched off"),
    (r"(?:iptables|ip6tables|nft) (?:.* )?(?:-F|--flush|flush)\b.*|ufw disable.*", "T1562.004",
     "firewall rules removed"),
    (r"(?:useradd|adduser)\b.*", "T1136.001", "account added"),
    (r"(?:usermod|chpasswd|passwd)\b.*", "T1098", "account changed"),
    (r"(?:insmod|modprobe)\b.*", "T1547.006", "module loading command run"),
    (r"base64 (?:.* )?(?:-d|-D|--decode)\b.*", "T1140", "base64 decoded"),
    (r"(?:nmap|masscan|zmap)\b.*", "T1046", "network scanned"),
    (r"(?:tcpdump|tshark)\b.*", "T1040", "network sniffed"),
    (r"(?:xmrig|minerd|cpuminer|ethminer|t-rex)\b.*", "T1496.001", "miner run"),
    (r"shred\b.*", "T1070.004", "file shredded"),
    (r"chattr (?:.* )?\+\w*i.*", "T1222.002", "file made immutable"),
    (r"history -c\b.*", "T1070.003", "history cleared"),
    (r"touch (?:.* )?(?:-r|-t|-d|--reference|--date)\b.*", "T1070.006", "time of a file set"),
    (r"(?:whoami|id|w|who|last)", "T1033", "asked who is logged in"),
    (r"nsenter (?:.* )?(?:-t|--target)[ =]?1\b.*", "T1611", "namespaces of the host entered"),
    (r"(?:docker|podman|nerdctl|crictl|ctr) (?:.* )?run (?:.* )?(?:--privileged|-v /:|--pid[= ]host).*", "T1610",
     "container with the host's powers started"),
)  # fmt: skip
_ATTACHING = re.compile(r"ATTACH|SEIZE|POKE|SETREGS", re.IGNORECASE)


class _Rules:
    """Patterns of texts, of which one expression says first whether any fits."""

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self.any = re.compile("|".join(f"(?:{pattern})" for pattern, _, _ in rows), re.DOTALL)
        self.each = [(re.compile(pattern, re.DOTALL), technique, because) for pattern, technique, because in rows]

    def matching(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the first technique whose pattern fits the whole text, with the reason."""
        if text and self.any.fullmatch(text):
            found = ((technique, because) for pattern, technique, because in self.each if pattern.fullmatch(text))
            technique, because = next(found)
            yield technique, f"{because}: {text}"


_WRITTEN_RULES, _READ_RULES, _COMMAND_RULES = _Rules(_WRITTEN), _Rules(_READ), _Rules(_COMMANDS)
_MOST = 4096  # characters of a path or command line that are looked at
_LONGEST_COMMAND = 500  # characters; some patterns take time that grows with the square of it


class Acts:
    """Says which techniques acts show. ``seen`` are the acts of the scene: what was executed is known from them."""

    def __init__(self, seen: Iterable[dict[str, Any]] = ()) -> None:
        self._run: dict[str, set[int | None]] = {}  # programs and scripts, and the processes that ran them
        for act in seen:
            if act["kind"] == "exec" and act["ok"]:
                for path in (act["object"], act["target"], *_scripts(_words(act["detail"]))):
                    if path:
                        self._run.setdefault(path, set()).add(act["process"])

    def of(self, act: dict[str, Any]) -> dict[str, str]:
        """Return the ids of the techniques an act (a row of ACTS) shows, each with the reason in a few words.

        Failed acts show none: trying to read a file that is not there is no technique.
        """
        return dict(self._of(act)) if act["ok"] is not False else {}

    def _of(self, act: dict[str, Any]) -> Iterator[tuple[str, str]]:
        kind, path, detail = act["kind"], (act["object"] or "")[:_MOST], act["detail"] or ""
        if kind in _WRITING:
            target = (act["target"] or "")[:_MOST] if kind in ("rename", "link") else ""
            yield from _WRITTEN_RULES.matching(path)
            yield from _WRITTEN_RULES.matching(target)
            if kind in ("create", "write") and act["name"] in _FETCHERS and not path.startswith(("/dev/", "/proc/")):
                yield "T1105", f"{act['name']} wrote {path}"
        elif kind in _READING:
            yield from _READ_RULES.matching(path)
            if act["name"] not in _SHELLS and _HISTORY.fullmatch(path):
                yield "T1552.003", "command history read"
        if kind == "chmod":
            if "u+s" in detail or "g+s" in detail:
                yield "T1548.001", f"setuid or setgid bit set on {path}"
            elif "+x" in detail and path.startswith(_WORLD_WRITABLE):
                yield "T1222.002", f"{path} made executable"
        elif kind == "delete":
            yield from self._deleted(path, act["process"])
        elif kind == "symlink" and _HISTORY.fullmatch(path) and act["target"] == "/dev/null":
            yield "T1070.003", "command history sent to /dev/null"
        elif kind == "open_write" and "O_TRUNC" in detail and _LOG.fullmatch(path):
            yield "T1070.002", f"{path} emptied"
        elif kind == "exec":
            yield from _executed(path, detail[:_MOST])
        else:
            yield from _calls(kind, act, detail)

    def _deleted(self, path: str, process: int | None) -> Iterator[tuple[str, str]]:
        if _HISTORY.fullmatch(path):
            yield "T1070.003", "command history deleted"
        elif _LOG.fullmatch(path):
            yield "T1070.002", f"{path} deleted"
        elif path in self._run and (
            # whoever builds programs deletes them too, in folders of his own
            path.startswith(_WORLD_WRITABLE) or "/." in path or process in self._run[path]
        ):
            yield "T1070.004", f"{path} deleted after it was run"


def _executed(path: str, command: str) -> Iterator[tuple[str, str]]:
    if path.startswith(("memfd:", "/memfd:", "/dev/fd/")):
        yield "T1620", "program run from memory"
    words = _words(command)
    if words and words[0] in _ENGINES and "exec" in words[1:6]:
        yield "T1609", f"{words[0]} exec"
    yield from _COMMAND_RULES.matching(" ".join(words)[:_LONGEST_COMMAND])


def _calls(kind: str, act: dict[str, Any], detail: str) -> Iterator[tuple[str, str]]:
    if kind == "redirect":
        yield ("T1059.004" if act["name"] in _SHELLS else "T1059"), f"{detail} of {act['name']} tied to a connection"
    elif kind == "module" and "delete" not in detail:
        yield "T1547.006", "kernel module loaded"
    elif kind == "ptrace" and _ATTACHING.search(detail):
        yield "T1055.008", "another process taken over with ptrace"
    elif kind == "namespace" and act["container"] and detail.startswith("setns") and "runc" not in (act["name"] or ""):
        yield "T1611", "other namespaces entered from a container"


def _scripts(words: list[str]) -> Iterator[str]:
    """Yield the script a command line runs: a process that runs one is named after it."""
    for word in words[1:3]:
        if word.startswith("/") and (words[0] in _INTERPRETERS or word.rpartition("/")[2][:15] == words[0][:15]):
            yield word
            return


def _words(command: str | None) -> list[str]:
    """Return the words of a command line, the first without its folder."""
    words = (command or "")[:_MOST].split()
    return [words[0].rpartition("/")[2] or words[0], *words[1:]] if words else []
