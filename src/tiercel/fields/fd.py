"""Fields of class ``fd``: the descriptor an event is about."""

from __future__ import annotations

from tiercel.fields import fd_name, fd_net, fd_state
from tiercel.fields.model import Argument, BulkGetter, Field, RowGetter, ValueType

CLASS = "fd"
DESCRIPTION = "The file, socket or other descriptor a system call works on."

ROW: dict[str, RowGetter] = {**fd_name.ROW, **fd_net.ROW, **fd_state.ROW}
BULK: dict[str, BulkGetter] = {**fd_name.BULK, **fd_net.BULK, **fd_state.BULK}

_TEXT = ValueType.CHARBUF
_BOOL = ValueType.BOOL
_PORT = ValueType.PORT
_IP = ValueType.IPADDR
_NET = ValueType.IPNET


def _field(name: str, type: ValueType, summary: str, example: str, number_format: str = "na") -> Field:
    return Field(name, type, summary, example, ROW[name], BULK.get(name), number_format=number_format)


def _either(name: str, type: ValueType, summary: str, example: str, number_format: str = "na") -> Field:
    """A field that only filters: any of its values may match."""
    return Field(
        name,
        type,
        summary,
        example,
        ROW[name],
        BULK.get(name),
        filter_only=True,
        no_rhs=True,
        no_transformer=True,
        number_format=number_format,
    )


def _domain(name: str, summary: str) -> Field:
    return Field(name, _TEXT, summary, "example.com", ROW[name], BULK.get(name), no_rhs=True, no_transformer=True)


FIELDS: tuple[Field, ...] = (
    _field("fd.num", ValueType.INT64, "Number of the descriptor.", "3", "id"),
    _field("fd.type", _TEXT, "Kind of descriptor: file, directory, ipv4, ipv6, unix, pipe and so on.", "file", "dec"),
    _field("fd.typechar", _TEXT, "Kind of descriptor as one letter.", "f", "dec"),
    _field("fd.name", _TEXT, "Full path of a file, both ends of a connection.", "/etc/passwd"),
    _field("fd.directory", _TEXT, "Directory the file is in.", "/etc"),
    _field("fd.filename", _TEXT, "Name of the file without its directory.", "passwd"),
    _either("fd.ip", _IP, "Either address of a connection.", "10.0.0.7"),
    _field("fd.cip", _IP, "Address of the client.", "10.0.0.7"),
    _field("fd.sip", _IP, "Address of the server.", "93.184.216.34"),
    _field("fd.lip", _IP, "Address of this side.", "10.0.0.7"),
    _field("fd.rip", _IP, "Address of the other side.", "93.184.216.34"),
    _either("fd.port", _PORT, "Either port of a connection.", "443", "dec"),
    _field("fd.cport", _PORT, "Port of the client.", "50312", "dec"),
    _field("fd.sport", _PORT, "Port of the server.", "443", "dec"),
    _field("fd.lport", _PORT, "Port of this side.", "50312", "dec"),
    _field("fd.rport", _PORT, "Port of the other side.", "443", "dec"),
    _field("fd.l4proto", _TEXT, "Transport protocol: tcp, udp, icmp or raw.", "tcp"),
    _field("fd.sockfamily", _TEXT, "ip or unix for sockets.", "ip"),
    _field("fd.is_server", _BOOL, "Whether this side is the server.", "false"),
    _field("fd.uid", _TEXT, "Thread id and descriptor number, one after the other.", "40123"),
    _field("fd.containername", _TEXT, "Container id, a colon, and fd.name.", "3ad7b26ded6d:/etc/passwd"),
    _field("fd.containerdirectory", _TEXT, "Container id, a colon, and fd.directory.", "3ad7b26ded6d:/etc"),
    _either("fd.proto", _PORT, "Either port of a connection; names of services may be given.", "https"),
    _field("fd.cproto", _TEXT, "Service name of the client's port, or its number.", "50312"),
    _field("fd.sproto", _TEXT, "Service name of the server's port, or its number.", "https"),
    _field("fd.lproto", _TEXT, "Service name of this side's port, or its number.", "50312"),
    _field("fd.rproto", _TEXT, "Service name of the other side's port, or its number.", "https"),
    _either("fd.net", _NET, "Network of either address.", "10.0.0.0/8"),
    _either("fd.cnet", _NET, "Network of the client's address.", "10.0.0.0/8"),
    _either("fd.snet", _NET, "Network of the server's address.", "93.184.216.0/24"),
    _either("fd.lnet", _NET, "Network of this side's address.", "10.0.0.0/8"),
    _either("fd.rnet", _NET, "Network of the other side's address.", "93.184.216.0/24"),
    _field("fd.connected", _BOOL, "Whether the socket is connected.", "true"),
    _field("fd.name_changed", _BOOL, "Whether this event changed the descriptor's name.", "false"),
    _domain("fd.cip.name", "Domain name of the client's address."),
    _domain("fd.sip.name", "Domain name of the server's address."),
    _domain("fd.lip.name", "Domain name of this side's address."),
    _domain("fd.rip.name", "Domain name of the other side's address."),
    _field("fd.dev", ValueType.INT32, "Number of the device the file is on.", "FD01", "hex"),
    _field("fd.dev.major", ValueType.INT32, "Major number of that device.", "253", "dec"),
    _field("fd.dev.minor", ValueType.INT32, "Minor number of that device.", "1", "dec"),
    _field("fd.ino", ValueType.INT64, "Inode number of the file.", "1048602", "dec"),
    _field("fd.nameraw", _TEXT, "Path of the file as the program gave it.", "../etc/passwd"),
    Field(
        "fd.types",
        _TEXT,
        "Kinds of all open descriptors of the process, each once; with a number, the kind of that descriptor.",
        "(file,pipe)",
        ROW["fd.types"],
        BULK.get("fd.types"),
        argument=Argument.OPTIONAL,
        index=True,
        is_list=True,
        no_rhs=True,
        number_format="dec",
    ),
    _field("fd.is_upper_layer", _BOOL, "Whether the file is in the upper layer of an overlay.", "true"),
    _field("fd.is_lower_layer", _BOOL, "Whether the file is in the lower layer of an overlay.", "false"),
)
