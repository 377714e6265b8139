"""Values of tiercel's own connection fields."""

from __future__ import annotations

import numpy as np

from tiercel.fields.evt_columns import I64, Argument, both, joined
from tiercel.fields.fd_net import BULK as NET
from tiercel.fields.fd_net import either_address, either_port
from tiercel.fields.fd_rows import INET, cell, rows_of
from tiercel.fields.fd_state import BULK as STATE
from tiercel.fields.model import Column
from tiercel.model.batch import Batch
from tiercel.model.columns import F

_IP_PROTOCOLS = np.array([-1, -1, 6, 17, 1, 255], np.int64)  # by SCAP_L4_*


def _protocol_num(batch: Batch, indices: I64, argument: Argument) -> Column:
    rows = rows_of(batch, indices)
    there = (rows >= 0) & INET[cell(batch, rows, F.KIND)]
    protocols = cell(batch, rows, F.L4PROTO)
    values = _IP_PROTOCOLS[np.where(there & (protocols < len(_IP_PROTOCOLS)), protocols, 0)]
    return Column(np.maximum(values, 0), valid=there & (values >= 0))


def _protocol(batch: Batch, indices: I64, argument: Argument) -> Column:
    there = _protocol_num(batch, indices, None).valid
    names = STATE["fd.l4proto"](batch, indices, None).values.astype(np.int64)
    return Column(names if there is None else np.where(there, names, -1), text=True)


ROW, BULK = joined(
    {
        "net.protocol": both(_protocol),
        "net.protocol_num": both(_protocol_num),
        "net.port": both(either_port),
        "net.addr": both(either_address),
        "evt.remote_addr": both(NET["fd.rip"]),
        "evt.remote_port": both(NET["fd.rport"]),
        "evt.local_addr": both(NET["fd.lip"]),
        "evt.local_port": both(NET["fd.lport"]),
    }
)
"""Row and bulk getters by field name."""
