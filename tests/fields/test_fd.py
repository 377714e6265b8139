"""Descriptor fields against the values that libsinsp gave, and tiercel's own fields made of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fields.test_params import batch_of, i64, u32
from tests.reference import needs_reference
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.fd_name import directory_part, file_part
from tiercel.fields.fd_net import is_local
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.model.event import Event
from tiercel.model.world import Container, Interface, World

HERE, THERE = bytes([10, 0, 0, 7]), bytes([93, 184, 216, 34])


@needs_reference
@pytest.mark.parametrize("capture", ["golden_cat_write", "libs_test_ipv6_client", "sfc_tcp-client-server"])
def test_descriptor_fields_agree(capture: str) -> None:
    from tests.fields.oracle import compare, table

    columns = [name for name in table(capture, True)[0] if name.startswith(("fd.", "fdlist."))]
    wrong = [a for a in compare(capture, columns, True) if a.agreed != a.compared or a.split]
    assert not wrong, [(a.name, a.examples[:1]) for a in wrong]


def connected() -> Batch:
    batch = batch_of(("SYSCALL_WRITE_X", [i64(1), b"x", i64(3), u32(1)]))
    row = batch.tables.files.blank()
    cells = batch.tables.files.array[row]
    intern = batch.tables.strings.intern
    cells[F.KIND], cells[F.L4PROTO], cells[F.FLAGS] = FdKind.IPV4_SOCK, 2, int(FdFlag.ROLE_CLIENT)
    cells[F.SIP], cells[F.DIP], cells[F.SPORT], cells[F.DPORT] = intern(HERE), intern(THERE), 50312, 443
    cells[F.NAME] = intern(b"10.0.0.7:50312->93.184.216.34:443")
    batch.file[0], batch.fd[0], batch.has_fd[0] = row, 3, True
    batch.world = World(interfaces=[Interface(b"eth0", HERE, bytes([255, 0, 0, 0]))])
    return batch


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fd.cip", HERE),
        ("fd.rip", THERE),
        ("fd.lport", 50312),
        ("fd.sproto", b"443"),
        ("fd.ip", [HERE, THERE]),
        ("fd.port", [50312, 443]),
        ("fd.is_server", False),
        ("fd.directory", None),
        ("fd.filename", None),
        ("net.protocol", b"tcp"),
        ("net.protocol_num", 6),
        ("net.addr", [HERE, THERE]),
        ("net.port", [50312, 443]),
        ("evt.remote_addr", THERE),
        ("evt.remote_port", 443),
        ("evt.local_addr", HERE),
        ("evt.local_port", 50312),
    ],
)
def test_connection(name: str, value: object) -> None:
    assert FIELDS[name].row(Event(connected(), 0), None) == value


@pytest.mark.parametrize(
    "name", ["net.protocol", "net.protocol_num", "net.addr", "net.port", "evt.remote_addr", "evt.local_port"]
)
def test_no_value_without_an_internet_socket(name: str) -> None:
    batch = connected()
    batch.tables.files.array[batch.file[0], F.KIND] = FdKind.UNIX_SOCK
    field = FIELDS[name]
    assert field.row(Event(batch, 0), None) is None
    assert field.bulk is not None
    column = field.bulk(batch, np.arange(1), None)
    assert column.values.tolist() in ([], [-1]) if column.text else column.valid is not None


def test_local_addresses_of_containers() -> None:
    world = World(
        interfaces=[Interface(b"lo", HERE, b"")], containers={b"c1": [Container(b"c1", 0, {"ip": "172.17.0.2"})]}
    )
    assert is_local(world, b"c1", bytes([172, 17, 0, 2]), 1)
    assert not is_local(world, b"", bytes([172, 17, 0, 2]), 1)
    assert is_local(world, b"c2", bytes([172, 17, 0, 2]), 1)
    assert not is_local(world, b"c1", bytes(15) + b"\1", 1)


@pytest.mark.parametrize(
    ("path", "directory", "name"),
    [
        (b"/etc/passwd", b"/etc", b"passwd"),
        (b"/x", b"/", b"x"),
        (b"x", b"/", b"/"),
        (b"/tmp/", b"/tmp/", b"/tmp/"),
        (b"", b"/", b"/"),
    ],
)
def test_parts_of_a_path(path: bytes, directory: bytes, name: bytes) -> None:
    assert (directory_part(path), file_part(path)) == (directory, name)
