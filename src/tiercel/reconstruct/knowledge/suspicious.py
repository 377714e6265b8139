"""Why a change to a file is worth a look: the place it is in, its name, what was done to it.

A reason has plain words, a weight and the phase of an intrusion it belongs to. Weights: 1 worth knowing, 3 unusual,
5 what an intruder does to stay or to rise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tiercel.reconstruct.incidents.phases import Phase


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is suspicious."""

    words: str
    weight: int
    phase: Phase


_HOME = r"/(?:root|home/[^/]+|var/lib/[^/]+|Users/[^/]+)"
_PERSISTENCE, _EVASION, _EXECUTION = Phase.PERSISTENCE, Phase.EVASION, Phase.EXECUTION

_PLACES: tuple[tuple[str, Reason], ...] = (
    (
        r"/etc/(?:cron\.(?:d|hourly|daily|weekly|monthly)/|crontab$|anacrontab$)|/var/spool/(?:cron|at|anacron)/",
        Reason("runs at set times (cron)", 5, _PERSISTENCE),
    ),
    (
        r"(?:/etc|/usr/local/lib|/usr/lib|/lib)/systemd/(?:system|user)/|" + _HOME + r"/\.config/systemd/",
        Reason("started by systemd (unit)", 5, _PERSISTENCE),
    ),
    (r"/run/systemd/(?:system|generator[^/]*)/", Reason("started by systemd (unit)", 3, _PERSISTENCE)),
    (r"/etc/(?:rc\.local$|rc\d?\.d/|init\.d/|init/|inittab$)", Reason("run when the machine starts", 5, _PERSISTENCE)),
    (
        r"/etc/(?:profile$|profile\.d/|bash\.bashrc$|bashrc$|zsh/|environment$)|"
        + _HOME
        + r"/\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zprofile|zshenv|kshrc)$",
        Reason("run by every new shell (profile)", 4, _PERSISTENCE),
    ),
    (r".*/\.ssh/authorized_keys2?$", Reason("lets a key holder log in (authorized_keys)", 5, _PERSISTENCE)),
    (r"/etc/ssh/|.*/\.ssh/", Reason("settings or keys of SSH", 4, _PERSISTENCE)),
    (r"/etc/ld\.so\.preload$", Reason("loaded into every program (ld.so.preload)", 5, _PERSISTENCE)),
    (r"/etc/ld\.so\.conf(?:$|\.d/)", Reason("where programs look for libraries", 4, _PERSISTENCE)),
    (
        r"/etc/pam\.(?:d/|conf$)|/etc/security/|(?:/usr)?/lib(?:64)?/(?:[^/]+/)?security/pam_",
        Reason("how logins are checked (PAM)", 5, _PERSISTENCE),
    ),
    (
        r"/etc/(?:passwd|shadow|group|gshadow|subuid|subgid)-?$",
        Reason("accounts and passwords", 5, _PERSISTENCE),
    ),
    (r"/etc/(?:sudoers$|sudoers\.d/|doas\.conf$|polkit-1/)", Reason("who may become root", 5, Phase.ESCALATION)),
    (
        r"/etc/(?:modules$|modules-load\.d/|modprobe\.d/)|(?:/usr)?/lib/modules/",
        Reason("kernel modules", 4, _PERSISTENCE),
    ),
    (
        r"/etc/(?:udev/rules\.d/|update-motd\.d/|apt/apt\.conf\.d/|xdg/autostart/|dbus-1/system\.d/)|"
        + _HOME
        + r"/\.config/autostart/",
        Reason("run by the system on its own occasion", 4, _PERSISTENCE),
    ),
    (
        r"/proc/sys/kernel/core_pattern$|/sys/kernel/uevent_helper$|.*/release_agent$|/proc/sys/fs/binfmt_misc/",
        Reason("a way from a container to the host", 5, Phase.ESCALATION),
    ),
    (r"/proc/(?:\d+|self)/mem$|/dev/(?:k?mem|port)$", Reason("memory of other programs or the kernel", 5, _EVASION)),
    (
        r"/proc/sysrq-trigger$|/dev/(?:sd|vd|xvd|nvme|dm-|mapper/)",
        Reason("raw disk or kernel trigger", 4, Phase.IMPACT),
    ),
    (r"/boot/|/efi/", Reason("what the machine starts from", 4, _PERSISTENCE)),
    (r"(?:/usr(?:/local)?)?/s?bin/|/usr/libexec/", Reason("directory of programs", 3, _PERSISTENCE)),
    (r"(?:/usr(?:/local)?)?/lib(?:32|64)?/.*\.so(?:\.[\w.]+)?$", Reason("library of programs", 3, _PERSISTENCE)),
    (
        r"(?:/var/www|/srv/(?:www|http)|/usr/share/nginx|/usr/local/apache2/htdocs|/opt/[^/]+/webapps|.*/(?:htdocs|webapps|public_html))/",
        Reason("served by a web server", 3, _PERSISTENCE),
    ),
    (r"/etc/kubernetes/|/var/lib/kubelet/", Reason("settings of Kubernetes", 4, _PERSISTENCE)),
    (r"/etc/", Reason("settings of the system", 2, _PERSISTENCE)),
)
_PLACE = [(re.compile(pattern), reason) for pattern, reason in _PLACES]

_TEMPORARY = re.compile(r"/(?:tmp|var/tmp|dev/shm|run/shm|var/run/shm)/")
_LOG = re.compile(r"/var/(?:log|adm)/|/(?:var/)?run/utmp$")
_HISTORY = re.compile(
    r".*/\.(?:bash|zsh|sh|ash|ksh|fish|python|mysql|psql|node_repl|sqlite)?_?history$|.*/\.(?:lesshst|viminfo)$"
)
_WEB_SCRIPT = re.compile(r".*\.(?:php\d?|phtml|jspx?|aspx?|cgi|war|pl)$")
_SECRET = re.compile(
    r"/etc/(?:shadow|gshadow)-?$|/etc/(?:sudoers$|sudoers\.d/)|/etc/krb5\.keytab$|/etc/ssl/private/"
    r"|.*/\.ssh/(?:id_[^/]*(?<!\.pub)|identity)$|/etc/ssh/ssh_host_[^/]*_key$"
    r"|.*/\.(?:aws/credentials|kube/config|docker/config\.json|git-credentials|netrc|pgpass|my\.cnf|vault-token)$"
    r"|.*/\.config/gcloud/.*(?:credentials|\.db)|.*/\.azure/(?:accessTokens|msal_token_cache)"
    r"|(?:/var)?/run/secrets/|/etc/kubernetes/(?:admin\.conf|pki/.*\.key)$|/proc/\d+/(?:environ|mem)$"
    r"|.*/(?:Login Data|logins\.json|key4\.db)$"
)
_DISGUISED = re.compile(r".*/(?:\.{2,}[^/]|\.\s|[^/]*\s/|\.{3,}(?:/|$))")

WEB_SCRIPT = Reason("a script a web server may run", 4, _PERSISTENCE)
SETUID = Reason("runs with the rights of its owner (setuid)", 5, Phase.ESCALATION)
SETGID = Reason("runs with the rights of its group (setgid)", 4, Phase.ESCALATION)
RAN_FROM_TEMPORARY = Reason("run from a temporary directory", 4, _EXECUTION)
MADE_EXECUTABLE = Reason("made executable in a temporary directory", 3, _EXECUTION)
TEMPORARY = Reason("in a temporary directory", 1, _EXECUTION)
HIDDEN = Reason("hidden name", 2, _EVASION)
DISGUISED = Reason("a name made to be overlooked", 4, _EVASION)
DELETED_AFTER_RUN = Reason("deleted after it was run", 3, _EVASION)
DROPPED = Reason("written here and then run", 3, _EXECUTION)
LOG_CHANGED = Reason("a log was emptied, moved or deleted", 4, _EVASION)
HISTORY_CHANGED = Reason("shell history emptied, moved or deleted", 4, _EVASION)


@cache
def place(path: str) -> Reason | None:
    """Return why a change at this path would matter, by the place alone; None for an ordinary place."""
    return next((reason for pattern, reason in _PLACE if pattern.match(path)), None)


@cache
def is_secret(path: str) -> bool:
    """Tell whether a file holds passwords, keys or tokens."""
    return _SECRET.match(path) is not None


@cache
def is_temporary(path: str) -> bool:
    """Tell whether a path is below a directory that anybody can write to."""
    return _TEMPORARY.match(path) is not None


@cache
def is_log(path: str) -> bool:
    """Tell whether a path is a log of the system."""
    return _LOG.match(path) is not None


@cache
def is_history(path: str) -> bool:
    """Tell whether a path is the history of a shell or of another interpreter."""
    return _HISTORY.match(path) is not None


@cache
def hidden(path: str) -> Reason | None:
    """Return why the name of a file hides it, None when it does not."""
    if _DISGUISED.match(path):
        return DISGUISED
    name = path.rsplit("/", 1)[-1]
    in_shared_place = is_temporary(path) or path.startswith(("/usr/", "/bin/", "/sbin/", "/lib", "/etc/", "/var/"))
    if name.startswith(".") and name not in (".", "..") and in_shared_place:
        return HIDDEN
    return None


def emptied(path: str) -> Reason | None:
    """Return why emptying, moving or deleting the file at this path hides something, None when it does not."""
    if is_history(path):
        return HISTORY_CHANGED
    return LOG_CHANGED if is_log(path) else None


def change(path: str) -> list[Reason]:
    """Return the reasons a change at this path is worth a look, by place and name, gravest first."""
    found = [reason for reason in (place(path), hidden(path)) if reason]
    if is_temporary(path):
        found.append(TEMPORARY)
    if _WEB_SCRIPT.match(path) and any(reason.words == "served by a web server" for reason in found):
        found.append(WEB_SCRIPT)
    return sorted(found, key=lambda reason: -reason.weight)
