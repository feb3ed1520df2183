"""Sessions with an authoritative engine: discovery, time, swaps, wrong keys, lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import ber, snmp, v3
from agent.ber import BerError
from agent.conversation import EMPTY_VIEW, Conversation
from agent.memory import Shared
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.session import REPORTS, Session
from agent.snmp import ErrorStatus, Stray
from agent.usm import User
from config.inventory import AuthProtocol, PrivProtocol, SnmpVersion
from tests.agent.fake import FakeAgent, Objects, oid, table
from tests.agent.fake_v3 import FakeEngine
from tests.agent.mutants import mutants
from wire.observation import Outcome
from wire.reasons import REASONS

BASE = (1, 3, 6, 1, 2, 1)
NAMES = [(*BASE, 1, 3, 0), (*BASE, 1, 5, 0), *((*BASE, 4, number, 0) for number in range(1, 9))]
OBJECTS: Objects = {
    NAMES[0]: (ber.TIME_TICKS, 77),
    NAMES[1]: (ber.OCTET_STRING, b"name"),
    **{name: (ber.COUNTER32, number) for number, name in enumerate(NAMES[2:])},
}
ROWS: Objects = {
    (*BASE, 2, 2, 1, column, row): (ber.COUNTER32, row) for column in (1, 2) for row in range(1, 30)
}
QUERY = Query(scalars=tuple(oid(*name) for name in NAMES), uptime=0)
FULL = Query(
    scalars=QUERY.scalars, tables=(table((*BASE, 2, 2, 1, 1), (*BASE, 2, 2, 1, 2)),), uptime=0
)
USER = User(b"watch", AuthProtocol.SHA256, b"auth-password", PrivProtocol.AES128, b"priv-password")
SECOND = 1_000_000_000
Answer = Callable[[bytes], bytes | None]


def changed(user: User, **fields: object) -> User:
    kept = {name: getattr(user, name) for name in User.__slots__}
    return User(**{**kept, **fields})


@dataclass
class Desk:
    """Looks at an engine without sockets; silence is a deadline that passed."""

    user: User = USER
    query: Query = QUERY
    retries: int = 1
    now_ns: int = SECOND
    asked: int = 0
    learnt: int = 0
    serial: int = 0
    shared: Shared = field(default_factory=Shared)

    def __post_init__(self) -> None:
        access = Access(SnmpVersion.V3, user=self.user)
        self.device = SnmpLook("d", "127.0.0.1", 161, access, self.query, retries=self.retries)

    @property
    def session(self) -> Session:
        session = self.device.memory.session
        assert isinstance(session, Session)
        return session

    def look(self, answer: Answer) -> SnmpResult:
        """One look, as the engine conducts it."""
        talk = Conversation(self.device, self.shared)
        assert talk.session is not None
        self.asked = self.learnt = tries = 0
        request_id = 0
        while talk.template is not None:
            if not request_id:
                self.serial += 1
                request_id = snmp.FIRST_ID + self.serial
            self.asked += 1
            tries += 1
            assert self.asked < 40, "asks without end"
            data = answer(talk.session.seal(talk.template, request_id, self.now_ns))
            if data is not None and took(talk, data, request_id):
                tries = request_id = 0
                self.learnt += talk.as_learnt
            elif not talk.again(allowed=tries <= self.retries) and not talk.refused:
                talk.stop("timeout")
                return talk.result(Outcome.MEASURED if talk.answered else Outcome.NO_ANSWER)
        refused = talk.refused and not talk.has_values
        return talk.result(Outcome.REFUSED if refused else Outcome.MEASURED)


def took(talk: Conversation, data: bytes, request_id: int) -> bool:
    try:
        talk.take(data, request_id)
    except (BerError, Stray):
        return False
    return True


def engine(*users: User, objects: Objects | None = None) -> FakeEngine:
    return FakeEngine(FakeAgent(OBJECTS if objects is None else objects), users or (USER,))


def said(result: SnmpResult) -> tuple[Outcome, str]:
    return result.outcome, result.reason


GOOD = (Outcome.MEASURED, "")


@pytest.mark.parametrize("priv", [None, *PrivProtocol])
@pytest.mark.parametrize("auth", AuthProtocol)
def test_every_pair_of_protocols_first_by_discovery_then_as_learnt(
    auth: AuthProtocol, priv: PrivProtocol | None
) -> None:
    user = User(b"u", auth, b"auth-password", priv, b"priv-password" if priv else b"")
    desk, peer = Desk(user), engine(user)
    for asked, learnt in ((2, 0), (1, 1), (1, 1)):
        result = desk.look(peer.answer)
        assert said(result) == GOOD
        assert list(result.scalars) == [raw for _, raw in OBJECTS.values()]
        assert (desk.asked, desk.learnt) == (asked, learnt)
    assert peer.reports == ["unknownEngineIDs"]


def test_a_user_without_keys() -> None:
    user = User(b"open")
    desk = Desk(user)
    assert said(desk.look(engine(user).answer)) == GOOD


def test_a_context_and_an_engine_behind_the_one_that_we_speak_to() -> None:
    user = changed(USER, context=b"vrf", context_engine=b"\x80\0\0\0\x05behind")
    seen: list[bytes] = []
    peer = engine(user)

    def watch(data: bytes) -> bytes | None:
        seen.append(data)
        return peer.answer(data)

    assert said(Desk(user).look(watch)) == GOOD
    keys = peer.ring.keys(user, peer.engine)
    assert keys is not None
    assert keys.privacy is not None
    parts = v3.decode(seen[-1])
    window = parts.window.boots.to_bytes(4, "big") + parts.window.time.to_bytes(4, "big")
    scoped = snmp.decode_scoped(keys.privacy.decrypt(parts.body, window, parts.salt))
    assert (scoped.context_engine, scoped.context) == (b"\x80\0\0\0\x05behind", b"vrf")


def test_tables_go_as_learnt_too() -> None:
    desk, peer = Desk(query=FULL), engine(objects=OBJECTS | ROWS)
    for _ in range(3):
        result = desk.look(peer.answer)
        assert said(result) == GOOD
        assert len(result.tables[0].index) == 29
    assert desk.learnt == desk.asked


def test_time_goes_on_and_octets_of_it_grow() -> None:
    desk, peer = Desk(), engine()
    for seconds in (0, 100, 20_000, 30_000, 9_000_000):
        peer.time += seconds
        desk.now_ns += seconds * SECOND
        assert said(desk.look(peer.answer)) == GOOD
    assert peer.reports == ["unknownEngineIDs"]


@pytest.mark.parametrize(("boots", "time"), [(4, 5), (3, 50_000), (3, 5), (1, 7), (2**31 - 1, 9)])
def test_a_clock_that_jumps_is_followed_within_the_look(boots: int, time: int) -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD
    peer.boots, peer.time = boots, time
    assert said(desk.look(peer.answer)) == GOOD
    assert peer.reports[1:] == ["notInTimeWindows"]
    assert said(desk.look(peer.answer)) == GOOD
    assert desk.asked == 1


def test_a_clock_that_jumps_each_time_is_named() -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD

    def restless(data: bytes) -> bytes | None:
        peer.time += 1000
        return peer.answer(data)

    assert said(desk.look(restless)) == (Outcome.REFUSED, "notInTimeWindows")
    assert desk.asked == REPORTS + 1


def test_a_swapped_unit_is_back_within_the_look() -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD
    peer.engine, peer.boots, peer.time = b"\x80\0\0\0\x05another", 1, 1
    assert said(desk.look(peer.answer)) == GOOD
    assert desk.asked == 2
    assert said(desk.look(peer.answer)) == GOOD
    assert desk.asked == 1


def test_a_swapped_unit_that_is_silent_to_foreign_engine_ids_is_back_within_the_look() -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD
    peer.engine = b"\x80\0\0\0\x05another"

    def shy(data: bytes) -> bytes | None:
        return peer.answer(data) if v3.decode(data).engine in (b"", peer.engine) else None

    assert said(desk.look(shy)) == GOOD
    assert desk.asked == 3


WRONG = {
    "unknownUserNames": changed(USER, name=b"nobody"),
    "wrongDigests": changed(USER, auth_password=b"something else"),
    "unsupportedSecLevels": changed(USER, name=b"open"),
    "wrongPrivacyKey": changed(USER, priv_password=b"something else"),
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_is_wrong_has_its_name(reason: str) -> None:
    desk, peer = Desk(WRONG[reason]), engine(USER, changed(USER, name=b"open", priv=None))
    for _ in range(3):
        assert said(desk.look(peer.answer)) == (Outcome.REFUSED, reason)
    assert reason in REASONS
    assert desk.asked <= 2
    desk.device.access = Access(SnmpVersion.V3, user=USER)
    assert said(desk.look(peer.answer)) == GOOD


def test_a_device_that_reports_what_it_cannot_decrypt() -> None:
    desk, peer = Desk(WRONG["wrongPrivacyKey"]), engine()
    peer.tells = True
    assert said(desk.look(peer.answer)) == (Outcome.REFUSED, "decryptionErrors")


def test_a_reply_that_decrypts_to_nonsense_is_a_wrong_key_too() -> None:
    """One way of lengthening the key there, the other one here: all else is authentic."""
    theirs = changed(USER, priv=PrivProtocol.AES256)
    ours = changed(USER, priv=PrivProtocol.AES256C)
    peer, open_ear = engine(theirs), engine(ours)

    def deaf(data: bytes) -> bytes | None:
        if not v3.decode(data).engine:
            return peer.answer(data)
        found = open_ear.answer(data)
        assert found is not None
        parts = v3.decode(found)
        scoped = snmp.encode_scoped(peer.engine, b"", bytes(60))
        return peer.seal(parts.message_id, scoped, theirs, parts.flags)

    assert said(Desk(ours).look(deaf)) == (Outcome.REFUSED, "wrongPrivacyKey")


def test_a_key_made_right_again_is_found() -> None:
    desk = Desk(WRONG["wrongPrivacyKey"])
    peer = engine()
    for _ in range(2):
        assert desk.look(peer.answer).reason == "wrongPrivacyKey"
    peer = engine(WRONG["wrongPrivacyKey"])
    assert said(desk.look(peer.answer)) == GOOD


def test_a_dead_device_gives_no_answer_and_is_met_again_by_discovery() -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD
    for _ in range(3):
        assert said(desk.look(lambda _data: None)) == (Outcome.NO_ANSWER, "timeout")
        assert desk.asked == desk.retries + 1
    assert said(desk.look(peer.answer)) == GOOD
    assert desk.asked == 2


def test_a_device_that_answers_discovery_alone_is_not_down() -> None:
    peer = engine()
    desk = Desk()

    def closed(data: bytes) -> bytes | None:
        return peer.answer(data) if not v3.decode(data).engine else None

    assert said(desk.look(closed)) == (Outcome.REFUSED, "silentToUser")
    assert said(desk.look(closed)) == (Outcome.REFUSED, "silentToUser")
    for user in (changed(USER, priv=None), User(b"open")):
        assert said(Desk(user).look(closed)) == (Outcome.REFUSED, "silentToUser")


def test_a_device_that_answers_small_requests_alone_is_measured_in_part() -> None:
    peer, desk = engine(), Desk()

    def narrow(data: bytes) -> bytes | None:
        found = peer.answer(data)
        return None if found is not None and len(found) > 200 else found

    result = desk.look(narrow)
    assert said(result) == (Outcome.MEASURED, "timeout")
    assert not result.complete
    assert set(result.scalars) == {None}


@pytest.mark.parametrize("lost", range(1, 4))
def test_one_lost_datagram_costs_a_repeat(lost: int) -> None:
    peer, desk = engine(), Desk()
    count = 0

    def lossy(data: bytes) -> bytes | None:
        nonlocal count
        count += 1
        return None if count == lost else peer.answer(data)

    assert said(desk.look(lossy)) == GOOD
    assert said(desk.look(lossy)) == GOOD


def test_a_view_that_is_refused_or_empty() -> None:
    peer = engine(objects={})
    assert said(Desk(query=FULL).look(peer.answer)) == (Outcome.REFUSED, EMPTY_VIEW)
    peer = engine(objects={NAMES[1]: OBJECTS[NAMES[1]]})
    assert said(Desk(query=FULL).look(peer.answer)) == GOOD
    peer = engine()
    peer.agent.broken = {NAMES[0]: ErrorStatus.authorizationError}

    class Refusing(FakeAgent):
        def answer(self, data: bytes) -> bytes:
            return self.reply(snmp.decode_message(data), [], ErrorStatus.authorizationError)

    peer.agent = Refusing(OBJECTS)
    assert said(Desk().look(peer.answer)) == (Outcome.REFUSED, "authorizationError")


# -- lies ------------------------------------------------------------------------------------------


def test_an_open_answer_to_a_sealed_question_is_not_taken() -> None:
    peer, desk = engine(), Desk()
    assert said(desk.look(peer.answer)) == GOOD
    bare = User(b"watch")

    def downgraded(data: bytes) -> bytes | None:
        parts = v3.decode(data)
        if not parts.engine:
            return peer.answer(data)
        pdu = snmp.encode_message(snmp.V3, b"", snmp.RESPONSE, parts.message_id, 0, 0, [])
        return peer.seal(parts.message_id, snmp.encode_scoped(peer.engine, b"", pdu), bare, 0)

    assert desk.look(downgraded).outcome is not Outcome.MEASURED


def test_a_forged_digest_another_id_and_an_old_time_are_not_taken() -> None:
    peer, desk = engine(), Desk()
    assert said(desk.look(peer.answer)) == GOOD
    session, template = desk.session, desk.device.memory.steps[0].template
    session.begin()
    asked = session.seal(template, snmp.FIRST_ID + 99, desk.now_ns)
    answer = peer.answer(asked)
    assert answer is not None
    with pytest.raises(Stray):
        session.open(answer, snmp.FIRST_ID + 100)
    forged = bytearray(answer)
    forged[-1] ^= 1
    with pytest.raises(BerError, match="digest"):
        session.open(bytes(forged), snmp.FIRST_ID + 99)
    peer.time -= 200
    asked = session.seal(template, snmp.FIRST_ID + 101, desk.now_ns)
    old = FakeEngine(peer.agent, (USER,), peer.engine, peer.boots, peer.time)
    old.ring = peer.ring
    scoped = snmp.encode_scoped(peer.engine, b"", template.message(b"\x40\0\0\x65"))
    with pytest.raises(Stray):
        session.open(old.seal(snmp.FIRST_ID + 101, scoped, USER, v3.AUTH | v3.PRIV),
                     snmp.FIRST_ID + 101)  # fmt: skip
    assert session.open(answer, snmp.FIRST_ID + 99) is not None


def test_an_echo_of_our_own_request_is_no_answer() -> None:
    desk, peer = Desk(), engine()
    assert said(desk.look(peer.answer)) == GOOD
    assert desk.look(lambda data: data).outcome is Outcome.NO_ANSWER


def test_a_time_of_more_octets_than_it_needs_is_no_fault_of_the_loop() -> None:
    """An authentic message from a peer that has our keys and means no good."""
    peer, desk = engine(), Desk()
    for _ in range(2):
        assert said(desk.look(peer.answer)) == GOOD
    session = desk.session
    (size, split), *_ = session._splits.items()
    keys = session._keys
    assert keys is not None
    for time_octets in (b"\0\0\0\4\0", b"\xff\xff", b"\x80\0\0\0\1", b""):
        bad = bytearray(desk_reply(peer, desk))
        parts = v3.decode(bytes(bad))
        first, last = parts.time_at
        bad[first:last] = time_octets
        with pytest.raises((BerError, Stray)):
            session.open(bytes(bad), parts.message_id)
    assert split.window.boots == peer.boots
    assert size == len(desk_reply(peer, desk))


def desk_reply(peer: FakeEngine, desk: Desk) -> bytes:
    session, template = desk.session, desk.device.memory.steps[0].template
    session.begin()
    found = peer.answer(session.seal(template, snmp.FIRST_ID + 5, desk.now_ns))
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_octets_are_a_fault_or_a_message(data: bytes) -> None:
    try:
        parts = v3.decode(data)
    except BerError:
        return
    assert parts.zeroed(data).startswith(data[: parts.digest_at])


@settings(max_examples=100, deadline=None)
@given(
    flags=st.sampled_from((0, 1, 3, 4, 5, 7)),
    names=st.tuples(st.binary(max_size=32), st.binary(max_size=32)),
    window=st.tuples(st.integers(0, v3.MAX_TIME), st.integers(0, v3.MAX_TIME)),
    digest=st.sampled_from((0, 12, 16, 24, 32, 48)),
    body=st.binary(min_size=1, max_size=700),
)
def test_what_a_frame_holds_is_taken_apart_again(
    flags: int, names: tuple[bytes, bytes], window: tuple[int, int], digest: int, body: bytes
) -> None:
    head = v3.Head(flags, names[0], names[1], digest, 8 if flags & v3.PRIV else 0)
    frame = v3.frame(head, v3.Window(*window), len(body))
    time_octets = ber.encode_integer(window[1])[2:]
    mac, salt = b"m" * digest, b"s" * head.salt
    data = frame.start + b"\x40\0\0\7" + frame.to_time + time_octets + frame.to_digest + mac
    data += frame.to_salt + salt + frame.to_body + body
    parts = v3.decode(data)
    assert (parts.message_id, parts.flags, parts.engine) == (0x40000007, flags, names[0])
    assert (parts.user, tuple(parts.window), parts.body) == (names[1], window, body)
    assert (parts.digest, parts.salt) == (mac, salt)
    if flags & v3.PRIV:
        found = v3.Split(parts, data)
        assert found.unpack(data)[::2] == found.headers
        assert found.zeroed(data) == parts.zeroed(data)


def test_damaged_datagrams_reach_nothing() -> None:
    """10^4 for replies sealed and open, a discovery's and a report."""
    peer, desk = engine(), Desk()
    samples: list[tuple[bytes, bool]] = []

    def keep(data: bytes) -> bytes | None:
        found = peer.answer(data)
        assert found is not None
        samples.append((found, not v3.decode(found).flags))
        return found

    desk.look(keep)
    peer.time += 900
    desk.look(keep)
    names = QUERY.scalars
    for sample, bare in samples:
        request_id = v3.decode(sample).message_id
        for data in mutants(sample, 10_000 // len(samples), 7):
            session = desk.session if not bare else Session(USER, desk.shared.keys)
            session.begin()
            session.sent_ns = desk.now_ns
            try:
                plain = session.open(data, request_id)
                if plain is not None:
                    message = session.message(plain, request_id)
                    assert tuple(message.oids) == names
            except (BerError, Stray):
                continue
