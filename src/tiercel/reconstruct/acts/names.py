"""Acts: names looked up, from the DNS messages that processes sent and received.

A message is told from what else goes over port 53 by what it says itself. Only what the recorder kept of it can be
read, often its first 80 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields.evt_columns import I64, Mask
from tiercel.fields.fd_rows import CONNECTION, cell
from tiercel.model.batch import Batch
from tiercel.model.columns import F
from tiercel.model.event import Event
from tiercel.reconstruct.acts import ends
from tiercel.reconstruct.acts.dns_message import Message, messages
from tiercel.reconstruct.acts.found import NONE, Ends, Found, made
from tiercel.reconstruct.kinds import ASKED
from tiercel.wire.event_table import EVENTS

PORT = 53
"""Port of name servers."""

_TCP = 2  # SCAP_L4_TCP
_DATA = [next((k for k, param in enumerate(event.params) if param.name == "data"), -1) for event in EVENTS]


def find(batch: Batch, at: I64, rows: I64, sizes: I64, out: Mask) -> Iterator[Found]:
    """Yield the names that were looked up.

    Args:
        at: events that moved bytes.
        rows: their descriptor rows.
        sizes: how many bytes each moved.
        out: whether it sent them.
    """
    near, far = cell(batch, rows, F.SPORT), cell(batch, rows, F.DPORT)
    kept = ((near == PORT) | (far == PORT)) & (rows >= 0)
    at, rows, sizes, out = at[kept], rows[kept], sizes[kept], out[kept]
    kept = CONNECTION[cell(batch, rows, F.KIND)]
    at, rows, sizes, out = at[kept], rows[kept], sizes[kept], out[kept]
    if not len(at):
        return
    stream = cell(batch, rows, F.L4PROTO) == _TCP
    places, said = [], []
    columns = (at.tolist(), sizes.tolist(), stream.tolist(), out.tolist())
    for place, (index, size, tcp, sent) in enumerate(zip(*columns, strict=True)):
        event = Event(batch, index)
        data = event.param(_DATA[event.type.number])
        for message in messages(data, size, tcp) if data else ():
            if message.response != sent:  # a server receives questions and sends answers
                places.append(place)
                said.append(message)
    if not said:
        return
    chosen = np.array(places, np.int64)
    at, rows = at[chosen], rows[chosen]
    failed = np.array([message.error is not None for message in said])
    yield Found(
        "resolve",
        at,
        object=made(batch, [message.name for message in said]),
        target=made(batch, [", ".join(sorted(message.addresses)) or None for message in said]),
        detail=made(batch, [_detail(message) for message in said]),
        res=np.where(failed, NONE, 0),
        ok=~failed,
        ends=_server(batch, at, rows),
        merge=True,
    )


def _detail(message: Message) -> str:
    """Return the error, or the type asked for with the names that led to the answer and what is missing of it."""
    if not message.response:
        return ASKED
    if message.error:
        return message.error
    parts = [message.type or ""]
    if message.aliases:
        parts.append(f"{'PTR' if message.type == 'PTR' else 'CNAME'} {' → '.join(message.aliases)}")
    if message.cut:
        parts.append("answer cut")
    elif not message.records:
        parts.append("no such record")
    return ", ".join(filter(None, parts))


def _server(batch: Batch, at: I64, rows: I64) -> Ends:
    """Return the name servers as the other ends; own ports differ each time and say nothing."""
    known = ends.of_rows(batch, at, rows)
    near, far = cell(batch, rows, F.SPORT), cell(batch, rows, F.DPORT)
    address = np.where(far == PORT, cell(batch, rows, F.DIP), cell(batch, rows, F.SIP))
    address = np.where((near == PORT) & (far == PORT), known.raddr, address)
    nobody, none = np.full(len(at), -1, np.int64), np.full(len(at), NONE, np.int64)
    return Ends(nobody, none, address, np.full(len(at), PORT, np.int64), known.proto)
