"""What tiercel changes in the audit subsystem, and how it is undone.

Rules carry a key that says which process made them and what the state was before. Whoever ends removes its own; whoever
starts removes those of processes that are gone, and the last one restores what was. Rules of others are never touched.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable

from tiercel.sources.audit_live import status
from tiercel.sources.audit_live.netlink import ADD_RULE, DEL_RULE, LIST_RULES, AuditRefused, AuditSocket
from tiercel.sources.audit_live.rules import KEY, NOT_EQUAL, PID, AuditRule, Condition, Mark, is_task_never, mark_of
from tiercel.sources.audit_live.status import AuditStatus
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.root import host_path, own_pid

log = logging.getLogger(__name__)

BACKLOG = 8192
"""Records that may wait for their reader while tiercel watches; a larger limit, or none, stays as it is."""

WAIT = 100
"""Jiffies (0.1 to 1 s) that a process waits at the most for room, where tiercel is the audit daemon. The kernel has
been seen to forget those that wait, for as long as the former limit of a minute."""

_USER = 1121  # a record that programs write
NUDGE = f"UNKNOWN[{_USER}]"
"""Type of the records that :meth:`Auditing.nudge` makes."""


class Auditing:
    """Makes the kernel audit, until :meth:`end`.

    ``remarks`` say what was found that a user should know. ``locked``: the rules cannot be changed until the host is
    started anew; what they audit is all there is.

    Raises:
        LiveError: there is no audit subsystem, or it does not obey this process.
    """

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.control = AuditSocket()
        self._made: dict[AuditRule, bytes] = {}
        self._nudges = 0
        try:
            now = self.status()
            self.locked = now.enabled == status.LOCKED
            self._mark = self._begin(now)
        except BaseException:
            self.control.close()
            raise

    def status(self) -> AuditStatus:
        """Return the state of the subsystem as it is now."""
        return status.read_status(self.control)

    @property
    def rules(self) -> list[AuditRule]:
        """The rules made, as they were asked for or plainer where the kernel is older."""
        return list(self._made)

    @property
    def ended(self) -> bool:
        return self.control.fileno() < 0

    @property
    def key(self) -> bytes:
        return self._mark.key

    def _begin(self, now: AuditStatus) -> Mark:
        former = (now.enabled & 1, now.backlog_limit, now.wait_time)
        stale: list[bytes] = []
        never = False
        for data in self._listed():
            never |= is_task_never(data)
            mark = mark_of(data)
            if mark is None:
                continue
            former = (mark.enabled, mark.backlog_limit, mark.wait_time)
            if started(mark.pid) != mark.started:
                stale.append(data)
        if never:
            self.remarks.append(
                "the audit rules hold '-a never,task': processes made since that rule was loaded are not audited; "
                "remove it (auditctl -d never,task) and start them anew"
            )
        if stale and not self.locked:
            for data in stale:
                self._delete(data)
            self.remarks.append(f"removed {len(stale)} audit rules that a tiercel which was killed had left")
        return Mark(own_pid(), started(own_pid()), *former)

    def enable(self, owner: bool) -> None:
        """Turn auditing on and make room for what waits; as ``owner`` of the records, bound how long processes wait.

        Raises LiveError when the kernel does not do it.
        """
        now = self.status()
        if self.locked:
            return
        try:
            if now.backlog_limit and now.backlog_limit < BACKLOG:
                status.set_status(self.control, "backlog_limit", BACKLOG)
            if owner and now.wait_time > WAIT:
                status.set_status(self.control, "wait_time", WAIT)
            if now.enabled == status.OFF:
                status.set_status(self.control, "enabled", status.ON)
        except AuditRefused as error:
            raise LiveError(status.why_refused(error)) from None

    def audit(self, rules: Iterable[AuditRule]) -> None:
        """Have these rules, and of those made before no others.

        New ones come before old ones go, so that nothing is missed between. Our own calls are left out. Raises
        LiveError when the kernel refuses one.
        """
        wanted = list(dict.fromkeys(rules))
        if self.locked:
            return
        made = {rule: self._made.get(rule) or self._add(rule) for rule in wanted}
        for rule, data in self._made.items():
            if rule not in made:
                self._delete(data)
        self._made = {rule: data for rule, data in made.items() if data}

    def _add(self, rule: AuditRule) -> bytes:
        own = rule.besides(Condition(PID, self._mark.pid, NOT_EQUAL), Condition(KEY, self._mark.key))
        try:
            data = own.pack()
            self.control.request(ADD_RULE, data)
        except AuditRefused as error:
            plainer = rule.plainer()
            if error.errno == errno.EINVAL and plainer is not None:
                return self._add(plainer)
            if error.errno == errno.EEXIST:
                return data
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                log.debug("not audited, for want of the path: %s", rule.text)
                return b""
            raise LiveError(f"the kernel refuses the audit rule {rule.text}: {error.strerror}") from None
        return data

    def nudge(self) -> bytes:
        """Have the kernel look at its queues: it sends what it could not, and lets those go on that wait for room.

        The record it takes for that comes after all there were, has the type :data:`NUDGE` and holds what is returned.
        """
        self._nudges += 1
        text = b"op=nudge-%d-%d." % (self._mark.pid, self._nudges)
        try:
            self.control.request(_USER, text)
        except (LiveError, OSError) as error:
            log.debug("no nudge: %s", error)
        return text

    def _disown(self) -> None:
        """Stop being the audit daemon, if this process is."""
        if self.status().pid == self._mark.pid:
            status.set_status(self.control, "pid", 0)

    def end(self) -> None:
        """Remove the rules made, and restore what was unless somebody else audits by now; once."""
        if self.ended:
            return
        try:
            for data in self._made.values():
                self._delete(data)
            self._made = {}
            if not self.locked:
                self._restore()
            self._disown()
        except (LiveError, OSError) as error:
            log.warning("auditing was not left as it was found: %s", error)
        finally:
            self.control.close()

    def _restore(self) -> None:
        now, listed = self.status(), self._listed()
        if any(mark_of(data) for data in listed):
            return  # another tiercel goes on, and restores the same
        if now.pid not in (0, self._mark.pid):
            return  # a daemon has come, which sets what it needs
        if now.backlog_limit == BACKLOG and self._mark.backlog_limit != BACKLOG:
            status.set_status(self.control, "backlog_limit", self._mark.backlog_limit)
        if now.wait_time == WAIT and self._mark.wait_time > WAIT:
            status.set_status(self.control, "wait_time", self._mark.wait_time)
        if now.enabled == status.ON and self._mark.enabled == status.OFF:
            status.set_status(self.control, "enabled", status.OFF)

    def _listed(self) -> list[bytes]:
        try:
            return self.control.ask(LIST_RULES)
        except AuditRefused as error:
            raise LiveError(status.why_refused(error)) from None

    def _delete(self, data: bytes) -> None:
        try:
            self.control.request(DEL_RULE, data)
        except AuditRefused as error:
            if error.errno != errno.ENOENT:  # somebody removed it
                log.warning("an audit rule cannot be removed: %s", error.strerror)


def started(pid: int) -> int:
    """Return when a process started, in ticks since boot; -1 when it is gone."""
    try:
        with open(host_path(f"/proc/{pid}/stat"), "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return -1


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    return os.path.exists(host_path(f"/proc/{pid}"))
