"""Reading DNS messages, whole, cut and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reconstruct import dns_packets as dns
from tiercel.reconstruct.acts.dns_message import Message, message, messages

SEEN = 80  # bytes that a recorder keeps unless told otherwise


def read(data: bytes) -> Message:
    found = message(data)
    assert found is not None
    return found


def test_a_question() -> None:
    found = read(dns.query("WWW.Example.org", dns.AAAA))
    assert (found.response, found.name, found.type) == (False, "www.example.org", "AAAA")


def test_an_answer_with_aliases() -> None:
    edge = dns.name("edge.example.net")
    data = dns.answer(
        "www.example.org",
        dns.record(dns.CNAME, edge),
        dns.address("203.0.113.9", owner=edge),
        dns.address("203.0.113.10", owner=edge),
        dns.address("198.51.100.1", owner=dns.name("other.example.com")),
    )
    found = read(data)
    assert found.addresses == ["203.0.113.9", "203.0.113.10"]
    assert (found.aliases, found.error, found.cut) == (["edge.example.net"], None, False)


def test_of_a_cut_answer_the_whole_records_count() -> None:
    data = dns.answer("www.example.org", *(dns.address(f"203.0.113.{last}") for last in range(1, 9)))
    found = read(data[:SEEN])
    assert found.addresses == ["203.0.113.1", "203.0.113.2"]
    assert (found.records, found.cut) == (8, True)


def test_a_question_cut_after_its_name_still_has_the_name() -> None:
    whole = dns.query("www.example.org")
    assert read(whole[:-1]).type is None
    assert read(whole[:-1]).name == "www.example.org"
    assert message(whole[:20]) is None


@pytest.mark.parametrize(("code", "error"), [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")])
def test_errors(code: int, error: str) -> None:
    assert read(dns.answer("no.example.org", code=code)).error == error


def test_a_reverse_lookup() -> None:
    data = dns.answer("9.113.0.203.in-addr.arpa", dns.record(dns.PTR, dns.name("c2.example.com")), type=dns.PTR)
    assert (read(data).type, read(data).aliases, read(data).addresses) == ("PTR", ["c2.example.com"], [])


def test_types_that_have_no_name_here() -> None:
    assert read(dns.query("example.org", 4711)).type == "TYPE4711"


def test_bytes_that_are_no_host_name_are_escaped() -> None:
    data = dns.query("x").replace(b"\1x\0", b"\5\x1b[.\\\xff\0", 1)
    assert read(data).name == "\\027[\\.\\\\\\255"
    assert read(dns.query("x").replace(b"\1x\0", b"\0", 1)).name == "."


@pytest.mark.parametrize("pointer", [0x0C, 0x0B, 0x1D, 0x1E, 0x3FFF])
def test_pointers_lead_back_or_nowhere(pointer: int) -> None:
    data = dns.answer("www.example.org", dns.address("203.0.113.9", owner=(0xC000 | pointer).to_bytes(2, "big")))
    found = read(data)
    assert found.addresses == (["203.0.113.9"] if pointer == 0x0C else [])


def test_names_that_point_at_themselves_end() -> None:
    header = dns.query("x")[:12]
    assert message(header + b"\xc0\x0c\0\1\0\1") is None
    assert message(header + b"\1a\xc0\x0c\0\1\0\1") is None
    assert message(header + b"\x40a") is None
    assert message(header + b"\x3fa") is None
    assert message(header + b"\1a" * 128 + b"\0\0\1\0\1") is None


def test_what_is_no_message() -> None:
    plain = dns.query("example.org")
    assert message(b"") is None
    assert message(b"GET / HTTP/1.1\r\n\r\n") is None
    assert message(plain[:2] + b"\x28\0" + plain[4:]) is None  # an update
    assert message(plain[:4] + b"\0\2" + plain[6:]) is None  # two questions
    assert message(plain[:-2] + b"\0\7") is None  # of no class there is


def test_over_tcp_the_length_comes_first_or_was_read_before() -> None:
    one, two = dns.answer("a.example.org", dns.address("203.0.113.1")), dns.answer("b.example.org", code=3)
    together = dns.stream(one) + dns.stream(two)
    assert [found.name for found in messages(together, len(together), True)] == ["a.example.org", "b.example.org"]
    assert [found.name for found in messages(one, len(one), True)] == ["a.example.org"]
    assert list(messages(together[:2], 2, True)) == []
    assert [found.addresses for found in messages(dns.stream(one)[:40], 600, True)] == [[]]


def test_over_udp_there_is_no_length() -> None:
    assert list(messages(dns.stream(dns.query("example.org")), 31, False)) == []


@given(st.binary(max_size=200), st.integers(0, 1 << 16), st.booleans())
def test_no_bytes_fail(data: bytes, size: int, tcp: bool) -> None:
    for found in messages(data, size, tcp):
        assert found.name.isascii()
        assert found.name.isprintable()


@given(st.binary(max_size=300), st.integers(0, 80), st.integers(0, 1 << 16))
def test_no_answer_fails(data: bytes, cut: int, records: int) -> None:
    packet = dns.answer("www.example.org", data)
    packet = packet[:6] + min(records, 0xFFFF).to_bytes(2, "big") + packet[8:]
    found = message(packet[: len(packet) - cut])
    if found is not None:
        assert found.response
        assert len(found.addresses) <= 64
        assert all(alias.isascii() and alias.isprintable() for alias in found.aliases)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=60), st.data())
def test_a_changed_answer_does_not_fail(changes: list[int], data: st.DataObject) -> None:
    packet = bytearray(dns.answer("www.example.org", dns.record(dns.CNAME, b"\xc0\x10"), dns.address("203.0.113.9")))
    for value in changes:
        packet[data.draw(st.integers(0, len(packet) - 1))] = value
    message(bytes(packet))
