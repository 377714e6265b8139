"""tiercel's own fields for connections, unknown to Falco.

All of them follow from the descriptor's addresses and have no value when there is no internet socket.
"""

from __future__ import annotations

from tiercel.fields.extension_value import BULK, ROW
from tiercel.fields.model import Field, ValueType

CLASS = "net"
DESCRIPTION = "tiercel's own fields for connections; rules that use them do not load in Falco."


def _field(
    name: str, type: ValueType, summary: str, example: str, number_format: str = "na", either: bool = False
) -> Field:
    return Field(
        name,
        type,
        summary,
        example,
        ROW[name],
        BULK.get(name),
        filter_only=either,
        no_rhs=either,
        no_transformer=either,
        own=True,
        number_format=number_format,
    )


FIELDS: tuple[Field, ...] = (
    _field("net.protocol", ValueType.CHARBUF, "Transport protocol: tcp, udp, icmp or raw.", "tcp"),
    _field("net.protocol_num", ValueType.UINT32, "IP protocol number: tcp 6, udp 17, icmp 1, raw 255.", "6", "dec"),
    _field("net.port", ValueType.PORT, "Either port of a connection.", "443", "dec", either=True),
    _field("net.addr", ValueType.IPADDR, "Either address of a connection.", "10.0.0.7", either=True),
    _field("evt.remote_addr", ValueType.IPADDR, "Address of the other side.", "93.184.216.34"),
    _field("evt.remote_port", ValueType.PORT, "Port of the other side.", "443", "dec"),
    _field("evt.local_addr", ValueType.IPADDR, "Address of this side.", "10.0.0.7"),
    _field("evt.local_port", ValueType.PORT, "Port of this side.", "50312", "dec"),
)
