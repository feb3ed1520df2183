from __future__ import annotations

from pathlib import Path

import pytest

from collector.gate import Gate
from collector.model import (
    AliveSeen,
    BirthSeen,
    OfficeCommand,
    OfficeSeen,
    Poison,
    Received,
    TurnedAway,
)
from tests.collector.small import T0, county
from transport.delivery import Peer
from transport.frames import wrap
from transport.io.keys import load_key, load_trusted, new_key, trust
from transport.sign import Context, SigningKey, sign
from wire.codec import Refused
from wire.notice import Command, Receipt, Verb
from wire.observation import Block, GapBody, SampleBody
from wire.presence import Alive, Birth
from wire.topics import Topics

TOPICS = Topics("140522")
BASE = TOPICS.base


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("office", "li"):
        trust(folder, new_key(folder, name))
    new_key(folder, "stranger")
    return folder


@pytest.fixture
def gate(keys: Path) -> Gate:
    return Gate(TOPICS, county(), {"office": "office"}, load_trusted(keys))


def frame(sender: str, lane: str, body: bytes) -> bytes:
    return wrap(Peer(sender, lane), epoch=1, seq=1, sent_ms=T0, check=9, body=body)


def alive(sender: str) -> bytes:
    return Alive(sender=sender, session=1, online=True, at_ms=T0).model_dump_json().encode()


GOOD = b'{"kind":"state","items":[{"t":"reading","device":"d","metric":"m","value":1,"at_ms":1}]}'


def birth() -> Birth:
    return Birth(
        agent="agent-cmcc",
        session=1,
        at_ms=T0,
        version="",
        interval_ms=1,
        inventory_hash="",
        devices=(),
        lanes=(),
    )


def signed(key: SigningKey, said: Alive | Birth, context: Context = "alive") -> bytes:
    return sign(said, context, key).model_dump_json().encode()


def word(sender: str, session: int = 1) -> Alive:
    return Alive(sender=sender, session=session, online=True, at_ms=T0)


def test_presence_is_believed_when_it_is_signed_once_a_key_is_trusted(tmp_path: Path) -> None:
    for name in ("agent-cmcc", "office", "stranger"):
        new_key(tmp_path, name)
    trust(tmp_path, tmp_path / "agent-cmcc.pub")
    trust(tmp_path, tmp_path / "office.pub")
    gate = Gate(TOPICS, county(), {"office": "office"}, load_trusted(tmp_path))
    own, stranger = load_key(tmp_path, "agent-cmcc"), load_key(tmp_path, "stranger")
    topic = f"{BASE}/cmcc/agent-cmcc/alive"
    said = word("agent-cmcc")
    assert gate.admit(topic, signed(own, said)).given == AliveSeen(said)
    lies = {
        "unsigned": alive("agent-cmcc"),
        "unknown_key": signed(stranger, said),
        "bad_signature": signed(SigningKey("agent-cmcc", stranger.private), said),
        "wrong_context": signed(own, said, "birth"),
        "lying_agent": signed(own, word("agent-cucc")),
    }
    for reason, payload in lies.items():
        with pytest.raises(Refused) as refused:
            gate.admit(topic, payload)
        assert refused.value.reason == reason
    with pytest.raises(Refused, match="did not sign"):
        gate.admit(f"{BASE}/cmcc/agent-cmcc/birth", birth().model_dump_json().encode())
    # Another one's, of whom no key is trusted here: as it was, signed or not.
    other = f"{BASE}/cucc/agent-cucc/alive"
    for payload in (alive("agent-cucc"), signed(stranger, word("agent-cucc"))):
        assert gate.admit(other, payload).given == AliveSeen(word("agent-cucc"))


def test_an_office_signs_its_presence_always(gate: Gate, keys: Path) -> None:
    topic, own = f"{BASE}/office/office/alive", load_key(keys, "office")
    said = word("office")
    assert gate.admit(topic, signed(own, said)).given == OfficeSeen("office", said)
    for payload in (alive("office"), signed(load_key(keys, "li"), said)):
        with pytest.raises(Refused):
            gate.admit(topic, payload)


def test_what_is_in_order_is_admitted(gate: Gate) -> None:
    own = f"{BASE}/cmcc/agent-cmcc"
    state = gate.admit(f"{own}/state", frame("agent-cmcc", "state", GOOD)).given
    assert isinstance(state, Received)
    assert state.raw == GOOD
    assert state.row.check == 9
    assert isinstance(gate.admit(f"{own}/alive", alive("agent-cmcc")).given, AliveSeen)
    born = gate.admit(f"{own}/birth", birth().model_dump_json().encode()).given
    assert isinstance(born, BirthSeen)
    assert gate.admit(f"{own}/alive", b"").given is None
    assert gate.admit(f"{BASE}/office/collector/alive", alive("collector")).given is None


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("cmcc/agent-cmcc/other", alive("agent-cmcc"), "unknown_topic"),
        ("cmcc/agent-x/alive", alive("agent-x"), "not_enrolled"),
        ("cmcc/agent-cucc/alive", alive("agent-cucc"), "lying_agent"),
        ("cmcc/agent-cmcc/alive", alive("agent-cucc"), "lying_agent"),
        ("cmcc/agent-cmcc/state", frame("agent-cucc", "state", GOOD), "lying_agent"),
        ("cmcc/agent-cmcc/state", frame("agent-cmcc", "sample", GOOD), "wrong_lane"),
        ("cmcc/agent-cmcc/state", b"{}", "bad_frame"),
        ("cmcc/agent-cmcc/alive", b"\x00", "bad_model"),
        ("office/stranger/receipt", b"{}", "not_enrolled"),
        ("office/office/receipt", b"{}", "bad_model"),
        ("office/office/command", b"{}", "bad_frame"),
    ],
)
def test_what_is_not_is_refused_with_its_reason(
    gate: Gate, topic: str, payload: bytes, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        gate.admit(f"{BASE}/{topic}", payload)
    assert refused.value.reason == reason


def test_a_topic_of_another_tree_is_none_of_ours(gate: Gate) -> None:
    with pytest.raises(Refused, match="none of ours"):
        gate.admit("wanglou/1/drill-x/140522/cmcc/agent-cmcc/alive", alive("agent-cmcc"))
    assert gate.sender("x/y") == "?"
    assert gate.sender(f"{BASE}/cmcc/agent-cmcc/alive") == "cmcc/agent-cmcc"


@pytest.mark.parametrize("body", [b"{}", GOOD.replace(b"1}", b"NaN}"), b'{"kind":"state"'])
def test_a_bad_body_is_stepped_over_and_set_aside(gate: Gate, body: bytes) -> None:
    topic = f"{BASE}/cmcc/agent-cmcc/state"
    admitted = gate.admit(topic, frame("agent-cmcc", "state", body))
    assert isinstance(admitted.given, Poison)
    assert admitted.refused is not None
    assert admitted.given.row.seq == 1


def order(tree: str = "live") -> Command:
    return Command(
        id="c1",
        county="140522",
        tree=tree,
        account="li",
        verb=Verb.ACK,
        target="n1",
        at_ms=T0,
    )


def signed_order(key: SigningKey, tree: str = "live") -> bytes:
    body = sign(order(tree), "command", key).model_dump_json().encode()
    return frame("office", "command", body)


def test_a_command_counts_with_a_known_key(gate: Gate, keys: Path) -> None:
    topic = f"{BASE}/office/office/command"
    given = gate.admit(topic, signed_order(load_key(keys, "li"))).given
    assert isinstance(given, OfficeCommand)
    assert (given.key, given.command) == ("li", order())
    for payload, reason in (
        (signed_order(load_key(keys, "stranger")), "unknown_key"),
        (signed_order(load_key(keys, "li")).replace(b"n1", b"n2"), "bad_signature"),
    ):
        admitted = gate.admit(topic, payload)
        assert isinstance(admitted.given, TurnedAway)
        assert (admitted.given.command.id, admitted.given.reason) == ("c1", reason)
        assert admitted.refused is not None
        assert admitted.refused.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[" * 5000,
        b'{"kind":"signed","context":"command","key":"stranger","sig":"","payload":"{}"}',
        b'{"kind":"signed","context":"receipt","key":"li","sig":"","payload":"{}"}',
    ],
)
def test_a_command_that_nobody_can_read_is_stepped_over(gate: Gate, body: bytes) -> None:
    admitted = gate.admit(f"{BASE}/office/office/command", frame("office", "command", body))
    assert isinstance(admitted.given, Poison)
    assert admitted.refused is not None


def test_a_receipt_counts_only_with_the_offices_own_key(gate: Gate, keys: Path) -> None:
    receipt = Receipt(office="office", lane="notice", epoch=1, seq=2, at_ms=T0)

    def by(name: str, said: Receipt = receipt) -> bytes:
        return sign(said, "receipt", load_key(keys, name)).model_dump_json().encode()

    topic = f"{BASE}/office/office/receipt"
    assert gate.admit(topic, by("office")).receipt == receipt
    wrong = receipt.model_copy(update={"lane": "command"})
    for payload in (by("li"), by("stranger"), by("office", wrong)):
        with pytest.raises(Refused):
            gate.admit(topic, payload)


def test_samples_of_devices_that_are_not_its_own_are_left_out(gate: Gate) -> None:
    block = Block(
        profile="p",
        metrics=("m", "n"),
        device=("cmcc-d1", "cucc-d1", "nowhere", "cmcc-d2"),
        instance=("",) * 4,
        at_ms=(1, 2, 3, 4),
        columns=((1, 2, 3, 4), (5, 6, 7, None)),
    )
    topic = f"{BASE}/cmcc/agent-cmcc/sample"
    raw = SampleBody(blocks=(block,)).model_dump_json().encode()
    blocks, left_out, gap = gate.blocks(gate.samples(topic, frame("agent-cmcc", "sample", raw)))
    assert left_out == 2
    assert gap is None
    assert blocks[0].device == ("cmcc-d1", "cmcc-d2")
    assert blocks[0].at_ms == (1, 4)
    assert blocks[0].columns == ((1, 4), (5, None))


def test_a_gap_is_told_as_a_gap(gate: Gate) -> None:
    said = GapBody(from_ms=1, to_ms=2, rows=3, reason="quota")
    topic = f"{BASE}/cmcc/agent-cmcc/sample"
    raw = said.model_dump_json().encode()
    assert gate.blocks(gate.samples(topic, frame("agent-cmcc", "sample", raw))) == ((), 0, said)
    with pytest.raises(Refused, match="kind"):
        gate.blocks(gate.samples(topic, frame("agent-cmcc", "sample", b'{"kind":"x"}')))
