"""Names of users and groups, as enriched records give them beside the numbers."""

from __future__ import annotations

from tiercel.model.world import Group, User, World
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_values import NO_ID, identity, plain

MAX_NAMES = 65_536
"""Most users, and most groups, that a log may name."""

NAME_BYTES = 255
"""Longest name."""

_SEEN = 65_536  # translations remembered, so that one that comes with every call is looked at once
_SEEN_BYTES = 1024
_USERS = ("uid", "auid", "euid", "suid", "fsuid", "ouid", "oauid", "old-auid")
_GROUPS = ("gid", "egid", "sgid", "fsgid", "ogid")
_KEYS = [(key.encode(), key.upper().encode(), True) for key in _USERS]
_KEYS += [(key.encode(), key.upper().encode(), False) for key in _GROUPS]
_UNNAMED = (b"unset", b"unknown(", b"?")


class Names:
    """Fills the users and groups of ``world``; the first name of a number counts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: set[bytes] = set()

    def learn(self, record: AuditRecord) -> None:
        """Take the names from a record, if it is enriched."""
        _, enriched, translation = record.line.partition(b"\x1d")
        if not enriched or translation in self._seen:
            return
        if len(self._seen) < _SEEN and len(translation) <= _SEEN_BYTES:
            self._seen.add(translation)
        fields = record.fields
        for key, upper, is_user in _KEYS:
            name, id = fields.get(upper), identity(fields.get(key))
            if name is not None and id is not None and id != NO_ID:
                self._add(id, plain(name), is_user)

    def _add(self, id: int, name: bytes, is_user: bool) -> None:
        if not name or len(name) > NAME_BYTES or name.startswith(_UNNAMED):
            return
        users, groups = self._world.users, self._world.groups
        if is_user and len(users) < MAX_NAMES:
            users.setdefault((b"", id), User(id, NO_ID, name, b"", b""))
        elif not is_user and len(groups) < MAX_NAMES:
            groups.setdefault((b"", id), Group(id, name))
