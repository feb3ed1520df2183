from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from typer.testing import CliRunner

from cli.key import app
from transport.io.keys import KeyFault, known, load_key, load_trusted, new_key, trust
from transport.sign import open_signed, sign, verify
from wire.base import Wire
from wire.codec import Refused, encode
from wire.notice import Receipt, Signed

RECEIPT = Receipt(office="county", lane="notice.county", epoch=1, seq=2, at_ms=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trust(tmp_path, new_key(tmp_path, "office1"))
    return tmp_path


def test_a_signed_payload_opens_with_the_trusted_key(folder: Path) -> None:
    signed = sign(RECEIPT, "receipt", load_key(folder, "office1"))
    opened = open_signed(encode(signed), "receipt", load_trusted(folder), TypeAdapter(Receipt))
    assert opened == (RECEIPT, "office1")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payload": RECEIPT.model_copy(update={"seq": 9}).model_dump_json()}, "bad_signature"),
        ({"sig": "AAAA"}, "bad_signature"),
        ({"sig": "not base64!"}, "bad_signature"),
        ({"key": "stranger"}, "unknown_key"),
        ({"context": "command"}, "wrong_context"),
    ],
)
def test_what_is_not_as_signed_is_refused_by_name(
    folder: Path, change: dict[str, object], reason: str
) -> None:
    signed = sign(RECEIPT, "receipt", load_key(folder, "office1")).model_copy(update=change)
    with pytest.raises(Refused) as refused:
        verify(signed, "receipt", load_trusted(folder))
    assert refused.value.reason == reason


def test_a_receipt_never_passes_for_a_command(folder: Path) -> None:
    signed = sign(RECEIPT, "receipt", load_key(folder, "office1"))
    relabelled = signed.model_copy(update={"context": "command"})
    with pytest.raises(Refused, match="is wrong"):
        verify(relabelled, "command", load_trusted(folder))


class Note(Wire):
    text: str


@given(st.text(max_size=200), st.integers(0, 63), st.integers(1, 255))
def test_one_changed_byte_of_the_signature_is_noticed(text: str, at: int, flip: int) -> None:
    from base64 import b64decode, b64encode  # noqa: PLC0415  beside its only use

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415  likewise
        Ed25519PrivateKey,
    )

    from transport.sign import SigningKey  # noqa: PLC0415  likewise

    key = SigningKey("k", Ed25519PrivateKey.generate())
    trusted = {"k": key.private.public_key()}
    signed = sign(Note(text=text), "notice", key)
    assert verify(signed, "notice", trusted) == signed.payload.encode()
    raw = bytearray(b64decode(signed.sig))
    raw[at] ^= flip
    forged = signed.model_copy(update={"sig": b64encode(raw).decode()})
    with pytest.raises(Refused):
        verify(forged, "notice", trusted)


def test_a_key_that_others_can_read_is_refused_with_the_remedy(folder: Path) -> None:
    (folder / "office1.key").chmod(0o640)
    with pytest.raises(KeyFault, match=r"others than its owner: chmod 600 .*office1\.key"):
        load_key(folder, "office1")


def test_keys_are_made_private_and_never_overwritten(folder: Path) -> None:
    assert (folder / "office1.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFault, match="never overwritten"):
        new_key(folder, "office1")


@pytest.mark.parametrize("name", ["../evil", "", "a b", "-x", "a/b", "名"])
def test_a_name_is_an_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFault, match="no key name"):
        new_key(tmp_path, name)


def test_another_key_under_a_trusted_name_is_not_taken_silently(folder: Path) -> None:
    other = folder / "other"
    with pytest.raises(KeyFault, match="is another key"):
        trust(folder, new_key(other, "office1"))


def test_a_private_key_is_no_public_one(folder: Path) -> None:
    with pytest.raises(KeyFault, match="no public key"):
        trust(folder, folder / "office1.key")


def test_missing_and_damaged_files_are_named(folder: Path) -> None:
    with pytest.raises(KeyFault, match="cannot be read"):
        load_key(folder, "nobody")
    (folder / "bad.key").write_text("x", encoding="utf-8")
    (folder / "bad.key").chmod(0o600)
    with pytest.raises(KeyFault, match="no private key"):
        load_key(folder, "bad")


def test_the_command_makes_trusts_and_lists(tmp_path: Path) -> None:
    run = CliRunner().invoke
    words = ["--dir", str(tmp_path)]
    assert run(app, ["new", "collector", *words]).exit_code == 0
    assert run(app, ["trust", str(tmp_path / "collector.pub"), *words]).exit_code == 0
    listed = run(app, ["list", *words])
    kinds = [line.split()[0] for line in listed.output.splitlines()]
    assert kinds == ["private", "public", "trusted"]
    assert len({one.fingerprint for one in known(tmp_path)}) == 1
    again = run(app, ["new", "collector", *words])
    assert again.exit_code == 1
    assert "never overwritten" in again.output


def test_signed_is_a_closed_model() -> None:
    with pytest.raises(Refused, match="context"):
        open_signed(
            b'{"kind":"signed","context":"warning","key":"k","sig":"","payload":""}',
            "notice",
            {},
            TypeAdapter(Receipt),
        )
    assert set(Signed.model_fields) == {"kind", "context", "key", "sig", "payload"}
