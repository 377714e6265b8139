"""Names of addresses, as far as evidence tells them.

A name is known where an alert carries one, where one process names a single host on its command line and then opens a
connection to an address on the port that belongs to it, and where a process was told the address as the answer when it
looked the name up. Nothing is looked up here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import pyarrow as pa

from tiercel.reconstruct.executed import arguments
from tiercel.reconstruct.knowledge.addresses import address_class
from tiercel.reconstruct.rows import Act, each, of_kinds
from tiercel.reconstruct.scene import Scene

_URL = re.compile(r"(?:https?|ftps?|wss?|ssh|git|ldaps?|tcp)://[^\s\"'<>|;]+", re.IGNORECASE)
_HOST = re.compile(r"(?=.{4,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$")
_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "ws": 80, "wss": 443, "ssh": 22, "git": 9418, "ldap": 389}
_ENDS = ("fd.sip", "fd.cip", "fd.rip", "fd.lip")


def hosts_in(cmdline: str | None) -> set[tuple[str, int | None]]:
    """Return the host names a command line has in URLs, with their ports (None when not known). Addresses are none."""
    found: set[tuple[str, int | None]] = set()
    for url in _URL.findall(cmdline or ""):
        try:
            parts = urlsplit(url)
            name, port = parts.hostname, parts.port or _PORTS.get(parts.scheme.lower())
        except ValueError:  # a port that is none, a bracket left open
            continue
        if name and _HOST.match(name):
            found.add((name.lower(), port))
    if not found:
        found = {(word.lower(), None) for word in arguments(cmdline)[1:] if _bare_host(word)}
    return found


def _bare_host(word: str) -> bool:
    """Tell whether a word is a host name by itself, as after ``curl`` or ``ssh user@``. File names are none."""
    name = word.rpartition("@")[2].split("/")[0].split(":")[0]
    last = name.rpartition(".")[2].lower()
    return _HOST.match(name) is not None and last in _COMMON


_COMMON = frozenset(
    {"com", "net", "org", "io", "dev", "info", "biz", "cloud", "app", "xyz", "top", "site", "online", "de", "uk", "fr"}
    | {"ru", "cn", "nl", "eu", "us", "ch", "at", "in", "jp", "br", "me", "tk", "local", "internal", "onion"}
)


class Names:
    """The names of addresses in a scene."""

    def __init__(self, scene: Scene) -> None:
        self._told: dict[tuple[str, str], set[str]] = {}
        self._answers: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
        for host, address, name in (*_from_alerts(scene.alerts), *_from_commands(scene)):
            self._told.setdefault((host, address), set()).add(name)
        for act in each(of_kinds(scene.acts, {"resolve"})):
            for address in addresses_of(act):
                self._answers.setdefault((act.host, address), []).append((act.container, act.ts, act.object or "?"))

    def of(self, host: str, container: str, address: str, until: int) -> list[str]:
        """Return the names of an address as of ``until`` (ns since epoch), in order of the alphabet.

        What processes of the same container looked up counts before what others on the host did.
        """
        found = set(self._told.get((host, address), ()))
        answers = [answer for answer in self._answers.get((host, address), ()) if answer[1] <= until]
        own = {name for where, _, name in answers if where == container}
        return sorted(found | (own or {name for _, _, name in answers}))


def addresses_of(act: Act) -> list[str]:
    """Return the addresses that an act of kind ``resolve`` was answered."""
    return act.target.split(", ") if act.target else []


def _from_alerts(alerts: pa.Table) -> Iterable[tuple[str, str, str]]:
    """Yield names that alerts carry in ``fd.sip.name`` and its like."""
    for host, text in zip(alerts["host"].to_pylist(), alerts["output_fields"].to_pylist(), strict=True):
        if not text or 'ip.name"' not in text:
            continue
        try:
            values = json.loads(text)
        except ValueError:
            continue
        for field in _ENDS if isinstance(values, dict) else ():
            address, name = values.get(field), values.get(f"{field}.name")
            if isinstance(address, str) and isinstance(name, str) and name and address_class(address):
                yield host or "", address, name


def _from_commands(scene: Scene) -> Iterable[tuple[str, str, str]]:
    """Yield names from command lines of processes that then connected."""
    wanted: dict[int, set[tuple[str, int | None]]] = {}
    for row, cmdline in enumerate(scene.processes["cmdline"].to_pylist()):
        if cmdline and ("." in cmdline) and (hosts := hosts_in(cmdline)):
            wanted[row] = hosts
    for act in each(of_kinds(scene.acts, {"connect"})) if wanted else ():
        hosts = wanted.get(act.process, set()) if act.process is not None else set()
        if len({name for name, _ in hosts}) != 1 or address_class(act.raddr) in (None, "loopback", "unspecified"):
            continue  # two names: which of them it was is not known
        name, port = next(iter(hosts))
        if act.raddr and (act.rport == port or (port is None and act.rport != 53)):
            yield act.host, act.raddr, name
