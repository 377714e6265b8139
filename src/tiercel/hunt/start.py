"""``hunt``: conditions and rules over a store, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.hunt.hunting import Hunt, Wanted
from tiercel.hunt.names import check_names
from tiercel.hunt.search import EventSearch, Hit, RuleSearch
from tiercel.hunt.selection import Selection
from tiercel.hunt.times import moment
from tiercel.outputs.alert import Alert
from tiercel.outputs.events import DEFAULT_TEMPLATE
from tiercel.rules.condition import ConditionCompiler, ConditionError, parse
from tiercel.rules.output_template import Template, compile_output
from tiercel.rules.syntax import And, Node
from tiercel.scanning import prepare
from tiercel.store.store import Store

StrPath = str | os.PathLike[str]
When = str | int | datetime | None


def hunt(
    target: Store | StrPath,
    condition: str | None = None,
    *,
    rules: StrPath | Sequence[StrPath] = (),
    config: StrPath | None = None,
    options: Iterable[str] = (),
    every: bool = False,
    strict: bool = False,
    template: str | None = None,
    since: When = None,
    until: When = None,
    host: str | None = None,
    container: str | None = None,
    pod: str | None = None,
    evidence: str | None = None,
    workers: int | None = None,
) -> Iterator[Alert | Hit]:
    """Look for events in a store: with rules their alerts, else the events for which a condition holds.

    Args:
        target: a store, or the path of a store or case.
        condition: as in a rule; with rules, alerts are only those about events for which it holds.
        rules, config, options, every, strict: as :func:`tiercel.scanning.prepare` takes them.
        template: the fields a :class:`~tiercel.hunt.search.Hit` carries, as an output template.
        since, until: from when on and before when: ns since the epoch, a datetime, or what ``--since`` takes.
        host, container, pod, evidence: see :class:`~tiercel.hunt.selection.Selection`.
        workers: how many processes; by default as many as there are processors.

    Raises:
        InputError: something cannot be read or used, or nothing in the store has such a name; when a part of the store
            could not be looked at, after all that was found elsewhere.

    Example:
        >>> for hit in hunt("case", "evt.type = execve and proc.name = nc", since="-7d"):  # doctest: +SKIP
        ...     print(hit.time, hit.fields["proc.cmdline"])
    """
    store = target if isinstance(target, Store) else Store.open(os.fspath(target))
    files = [rules] if isinstance(rules, str | os.PathLike) else list(rules)
    selection = select(store, since, until, host, container, pod, evidence)
    node = compile_filter(condition, strict)
    search: RuleSearch | EventSearch
    if files or config is not None or list(options):
        scan = prepare([], files, config=config, options=options, every=every, strict=strict)
        if scan.detection is None:
            raise InputError(scan.report.failure or "the rules do not load\n" + scan.report.as_text())
        search = rule_search(scan.detection, node, selection)
    else:
        search = EventSearch(node, compile_template(template, strict), True, selection.node())
    found = Hunt(store, search, selection, Wanted.ITEMS, workers)
    if not found.segments:
        check_names(store, host, container, pod, evidence)
    yield from found.items()
    if found.failures:
        raise InputError("\n".join(found.failures))


def rule_search(detection: Detection, condition: Node | None, selection: Selection) -> RuleSearch:
    """Return the search for alerts of rules about events for which the condition holds."""
    nodes = [node for node in (condition, selection.node()) if node is not None]
    narrow = And(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None
    return RuleSearch(detection, narrow)


def select(
    store: Store,
    since: When = None,
    until: When = None,
    host: str | None = None,
    container: str | None = None,
    pod: str | None = None,
    evidence: str | None = None,
) -> Selection:
    """Return the selection that options ask for; distances are from the newest event of the store.

    Raises:
        InputError: a time cannot be understood.
    """
    relative = [when for when in (since, until) if isinstance(when, str) and when.strip().startswith("-")]
    newest = 0
    if relative:
        newest = max((segment.manifest.last_ts or 0 for segment in store.segments()), default=0)
    return Selection(_ns(since, newest), _ns(until, newest), host, container, pod, evidence)


def compile_filter(condition: str | None, strict: bool = False) -> Node | None:
    """Return a condition ready to be evaluated.

    Raises:
        InputError: it is none.
    """
    if condition is None:
        return None
    try:
        return ConditionCompiler(strict=strict).compile(parse(condition)).node
    except ConditionError as error:
        raise InputError(f"filter:{error.located()}") from None


def compile_template(template: str | None, strict: bool = False) -> Template:
    """Return an output template, by default the one `tiercel events` prints with.

    Raises:
        InputError: it is none.
    """
    try:
        return compile_output(template or DEFAULT_TEMPLATE, ConditionCompiler(strict=strict)).template
    except ConditionError as error:
        raise InputError(f"-p:{error.located()}") from None


def _ns(when: When, newest: int) -> int | None:
    if when is None or isinstance(when, int):
        return when
    if isinstance(when, datetime):
        zoned = when if when.tzinfo else when.replace(tzinfo=UTC)
        return moment(zoned.isoformat(), newest)
    return moment(when, newest)
