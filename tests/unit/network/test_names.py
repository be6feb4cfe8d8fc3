"""Names: who is found by whom, and what becomes of bytes that are no question."""

from __future__ import annotations

import struct

import pytest
from dnslib import EDNS0, QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from runtime.network import names
from runtime.network.names import Entry, Question

WEB = Entry(("web", "0123456789ab", "shop.example"), "town", ("172.18.0.2", "fd00::2"))
OTHER = Entry(("web2", "ba9876543210", "all"), "town", ("172.18.0.3",))
THIRD = Entry(("web3", "ba9876543211", "all"), "town", ("172.18.0.4",))
ENTRIES = [WEB, OTHER, THIRD]


def query(name: str, kind: str = "A", *, edns: int = 0) -> bytes:
    record = DNSRecord.question(name, kind)
    if edns:
        record.add_ar(EDNS0(udp_len=edns))
    return bytes(record.pack())


def asked(name: str, kind: str = "A", *, stream: bool = False, edns: int = 0) -> Question:
    question = names.parse(query(name, kind, edns=edns), stream=stream)
    assert question is not None
    return question


def told(
    name: str, kind: str = "A", *, turn: int = 0, entries: list[Entry] = ENTRIES
) -> list[str] | None:
    reply = names.answer(asked(name, kind), entries, turn)
    return None if reply is None else [str(each.rdata) for each in DNSRecord.parse(reply).rr]


@pytest.mark.parametrize(
    "name",
    ["web", "WEB", "web.", "0123456789ab", "shop.example", "web.town", "Shop.Example.Town"],
)
def test_a_container_is_found_by_each_of_its_names(name: str) -> None:
    assert told(name) == ["172.18.0.2"]


@pytest.mark.parametrize("name", ["we", "web.elsewhere", "town", "0123456789", "example", "", "*"])
def test_what_is_nobodys_name_is_for_others(name: str) -> None:
    assert told(name) is None


def test_a_known_name_without_such_an_address_has_an_empty_answer() -> None:
    assert told("web", "AAAA") == ["fd00::2"]
    assert told("web2", "AAAA") == []
    assert told("web2", "MX") == []


def test_several_of_one_name_take_turns() -> None:
    assert [told("all", turn=turn) for turn in range(3)] == [
        ["172.18.0.3", "172.18.0.4"],
        ["172.18.0.4", "172.18.0.3"],
        ["172.18.0.3", "172.18.0.4"],
    ]


def test_backwards() -> None:
    assert told("2.0.18.172.in-addr.arpa", "PTR") == ["web.town."]
    nibbles = ".".join(reversed("fd" + "0" * 29 + "2"))
    assert told(f"{nibbles}.ip6.arpa", "PTR") == ["web.town."]
    assert told("9.0.18.172.in-addr.arpa", "PTR") is None
    assert told("x.0.18.172.in-addr.arpa", "PTR") is None
    assert told("999.0.18.172.in-addr.arpa", "PTR") is None
    assert told("zz.ip6.arpa", "PTR") is None


def test_an_answer_without_room_is_cut_off_and_says_so() -> None:
    many = [Entry(("all",), "town", (f"10.0.{i // 250}.{i % 250}",)) for i in range(300)]
    cut = names.answer(asked("all"), many)
    assert cut is not None
    assert len(cut) <= 512
    assert DNSRecord.parse(cut).header.tc
    wider = names.answer(asked("all", edns=1400), many[:60])
    assert wider is not None
    assert 512 < len(wider) <= 1400
    whole = names.answer(asked("all", stream=True), many)
    assert whole is not None
    assert len(DNSRecord.parse(whole).rr) == 300


def test_refusals_repeat_the_question() -> None:
    reply = DNSRecord.parse(names.refuse(asked("web"), "SERVFAIL"))
    assert reply.header.rcode == RCODE.SERVFAIL
    assert str(reply.q.qname) == "web."


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\0" * 11, b"\0" * 12, query("web")[:-1], b"\xff" * 40),
        DNSRecord(DNSHeader(qr=1), q=DNSQuestion("web")).pack(),  # an answer
        DNSRecord(DNSHeader(opcode=5), q=DNSQuestion("web")).pack(),
        query("web")[:12] + b"\xc0\x0c\0\x01\0\x01",  # a name that is itself
        query("web")[:12] + b"\x40" + b"a" * 64 + b"\0\0\x01\0\x01",
        query("web")[:4] + struct.pack(">HHHH", 1, 65535, 0, 0) + query("web")[12:],
        query("web")[:12] + b"\x02\xff\xfe\0\0\x01\0\x01",
        query("web") + b"x" * 2000,
    ],
    ids=len,  # a query has a number drawn by lot, and all lanes must collect the same names
)
def test_bytes_that_are_no_question(data: bytes) -> None:
    assert names.parse(data, stream=False) is None


@given(st.binary(max_size=1200))
def test_any_bytes_are_a_question_or_nothing(data: bytes) -> None:
    question = names.parse(data, stream=False)
    if question is not None:
        names.answer(question, ENTRIES)
        names.refuse(question, "SERVFAIL")


@given(st.binary(max_size=400), st.sampled_from(["A", "PTR", "ANY", "TXT"]), st.booleans())
def test_any_bytes_after_a_good_header(data: bytes, kind: str, stream: bool) -> None:
    good = query("web", kind)
    for bytes_ in (good[:12] + data, good[: 12 + len(data) % 20] + data, good + data):
        question = names.parse(bytes_, stream=stream)
        if question is not None:
            names.answer(question, ENTRIES)
            names.refuse(question, "SERVFAIL")


@given(st.integers(0, 255), st.integers(0, 60))
def test_one_byte_is_changed(value: int, place: int) -> None:
    data = bytearray(query("web.town", edns=1232))
    data[place % len(data)] = value
    question = names.parse(bytes(data), stream=False)
    if question is not None:
        names.answer(question, ENTRIES)


@given(st.integers(0, 65535))
def test_every_kind_of_question_has_an_answer(kind: int) -> None:
    record = DNSRecord(DNSHeader(rd=1), q=DNSQuestion("web", kind))
    question = names.parse(record.pack(), stream=False)
    assert question is not None
    assert names.answer(question, ENTRIES) is not None


def test_only_the_answer_to_the_question_is_taken() -> None:
    question = asked("example.org")
    right = question.record.reply()
    assert names.answers(right.pack(), question)
    assert not names.answers(query("example.org"), question)  # no answer at all
    other = asked("example.com").record.reply()
    other.header.id = question.record.header.id
    assert not names.answers(other.pack(), question)
    right.header.id ^= 1
    assert not names.answers(right.pack(), question)
    assert not names.answers(b"", question)


def test_questions_of_every_class_and_kind_are_known() -> None:
    assert asked("web", "AAAA").kind == "AAAA"
    assert QTYPE.AAAA == 28
