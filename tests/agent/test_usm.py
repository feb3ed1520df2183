"""Keys, digests and ciphers against the RFCs' vectors and against pysnmp, in both directions."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type.univ import OctetString
from pysnmp.entity import config
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel

from agent import usm
from agent.ber import BerError
from agent.usm import KeyRing, Keys, User
from config.inventory import AuthProtocol, PrivProtocol

_AUTH = SnmpUSMSecurityModel.AUTH_SERVICES
_PRIV = SnmpUSMSecurityModel.PRIV_SERVICES
AUTH: dict[AuthProtocol, tuple[str, Any, Any]] = {
    ours: (name, _AUTH[theirs], theirs)
    for ours, name, theirs in (
        (AuthProtocol.MD5, "md5", config.USM_AUTH_HMAC96_MD5),
        (AuthProtocol.SHA1, "sha1", config.USM_AUTH_HMAC96_SHA),
        (AuthProtocol.SHA224, "sha224", config.USM_AUTH_HMAC128_SHA224),
        (AuthProtocol.SHA256, "sha256", config.USM_AUTH_HMAC192_SHA256),
        (AuthProtocol.SHA384, "sha384", config.USM_AUTH_HMAC256_SHA384),
        (AuthProtocol.SHA512, "sha512", config.USM_AUTH_HMAC384_SHA512),
    )
}
PRIV: dict[PrivProtocol, Any] = {
    PrivProtocol.DES: _PRIV[config.USM_PRIV_CBC56_DES],
    PrivProtocol.AES128: _PRIV[config.USM_PRIV_CFB128_AES],
    PrivProtocol.AES192: _PRIV[config.USM_PRIV_CFB192_AES_BLUMENTHAL],
    PrivProtocol.AES256: _PRIV[config.USM_PRIV_CFB256_AES_BLUMENTHAL],
    PrivProtocol.AES192C: _PRIV[config.USM_PRIV_CFB192_AES],
    PrivProtocol.AES256C: _PRIV[config.USM_PRIV_CFB256_AES],
}
PAIRS = [(auth, priv) for auth in AUTH for priv in PRIV]
passwords = st.binary(min_size=1, max_size=80)
engines = st.binary(min_size=5, max_size=32)
numbers = st.integers(0, 2**31 - 1)


def test_every_protocol_is_held_against_pysnmp() -> None:
    assert set(AUTH) == set(AuthProtocol)
    assert set(PRIV) == set(PrivProtocol)


@pytest.mark.parametrize(
    ("name", "master", "localized"),
    [  # RFC 3414 A.3.1 and A.3.2
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (
            "sha1",
            "9fb5cc0381497b3793528939ff788d5d79145211",
            "6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_keys_of_rfc_3414(name: str, master: str, localized: str) -> None:
    engine = bytes.fromhex("000000000000000000000002")
    key = usm.master_key(name, b"maplesyrup")
    assert key.hex() == master
    assert usm.localize(name, key, engine).hex() == localized


def test_keys_of_the_extension_drafts() -> None:
    """draft-reeder-snmpv3-usm-3desede-00 sections B.1 and B.2: a key as long as 3DES wants."""
    engine = bytes.fromhex("000000000000000000000002")
    md5 = usm.privacy_key("md5", usm.master_key("md5", b"maplesyrup"), engine, PrivProtocol.AES256C)
    assert md5.hex() == "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"
    sha = usm.privacy_key(
        "sha1", usm.master_key("sha1", b"maplesyrup"), engine, PrivProtocol.AES256C
    )
    assert sha.hex().startswith("6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c")


@pytest.mark.parametrize("auth", AUTH)
@settings(max_examples=10, deadline=None)
@given(password=passwords, engine=engines)
def test_localized_keys_are_pysnmps(auth: AuthProtocol, password: bytes, engine: bytes) -> None:
    name, service, _ = AUTH[auth]
    master = service.hash_passphrase(OctetString(password))
    assert usm.master_key(name, password) == master.asOctets()
    theirs = service.localize_key(master, OctetString(engine))
    assert usm.localize(name, master.asOctets(), engine) == theirs.asOctets()


@pytest.mark.parametrize(("auth", "priv"), PAIRS)
@settings(max_examples=5, deadline=None)
@given(password=passwords, engine=engines)
def test_privacy_keys_are_pysnmps(
    auth: AuthProtocol, priv: PrivProtocol, password: bytes, engine: bytes
) -> None:
    name, _, number = AUTH[auth]
    master = usm.master_key(name, password)
    theirs = PRIV[priv].localize_key(number, OctetString(master), OctetString(engine))
    assert usm.privacy_key(name, master, engine, priv) == bytes(theirs)


@pytest.mark.parametrize("auth", AUTH)
@settings(max_examples=30, deadline=None)
@given(key=st.binary(min_size=16, max_size=64), before=st.binary(), after=st.binary(max_size=300))
def test_digests_are_pysnmps_in_both_directions(
    auth: AuthProtocol, key: bytes, before: bytes, after: bytes
) -> None:
    name, service, _ = AUTH[auth]
    keys = Keys(auth, key)
    before = before.replace(b"\0", b"x") + b"x"  # pysnmp looks for the first row of zeros
    message = before + bytes(keys.octets) + after
    digest = keys.digest(message)
    assert digest == hmac.digest(key, message, name)[: keys.octets]
    if auth in (AuthProtocol.MD5, AuthProtocol.SHA1):
        key = key[:16] if auth is AuthProtocol.MD5 else key[:20].ljust(20, b"\0")
        keys = Keys(auth, key)
        digest = keys.digest(message)
    theirs = service.authenticate_outgoing_message(OctetString(key), message)
    assert theirs == before + digest + after
    assert keys.genuine(message, digest)
    assert not keys.genuine(message + b"x", digest)
    assert not keys.genuine(message, digest[:-1])
    if digest not in before:
        service.authenticate_incoming_message(OctetString(key), OctetString(digest), theirs)


@pytest.mark.parametrize("priv", PRIV)
@settings(max_examples=40, deadline=None)
@given(
    key=st.binary(min_size=32, max_size=32),
    messages=st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=400), numbers, numbers, st.binary(min_size=8, max_size=8)
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_ciphers_are_pysnmps_in_both_directions(
    priv: PrivProtocol, key: bytes, messages: list[tuple[bytes, int, int, bytes]]
) -> None:
    """One context for several messages of ours, whatever came before."""
    theirs = PRIV[priv]
    key = key[: len(usm.privacy_key("sha256", bytes(32), b"engine", priv))]
    ours = usm.privacy(priv, key)
    for plain, boots, time, salt in messages:
        window = boots.to_bytes(4, "big") + time.to_bytes(4, "big")
        sealed = ours.encrypt(plain, window, salt)
        params = (boots, time, OctetString(salt))
        if priv is not PrivProtocol.DES:
            params = (boots, time, list(salt))  # as pysnmp's own decryption has it
        opened = theirs.decrypt_data(OctetString(key), params, OctetString(sealed))
        assert bytes(opened)[: len(plain)] == plain
        sealed, used = theirs.encrypt_data(OctetString(key), (boots, time, None), plain)
        opened = ours.decrypt(bytes(sealed), window, bytes(used))
        assert opened[: len(plain)] == plain
        assert len(opened) - len(plain) <= 8  # pysnmp pads whole blocks too


def test_des_octets_that_are_no_blocks() -> None:
    with pytest.raises(BerError):
        usm.privacy(PrivProtocol.DES, bytes(16)).decrypt(b"seven77", bytes(8), bytes(8))


def test_an_empty_password_makes_no_key() -> None:
    with pytest.raises(ValueError, match="empty"):
        usm.master_key("md5", b"")


def test_keys_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    real = usm.master_key

    def counted(name: str, password: bytes) -> bytes:
        made.append(password)
        return real(name, password)

    monkeypatch.setattr(usm, "master_key", counted)
    ring = KeyRing()
    user = User(b"u", AuthProtocol.SHA256, b"authpass", PrivProtocol.AES128, b"privpass")
    first = ring.keys(user, b"engine1")
    assert ring.keys(user, b"engine1") is first
    assert ring.keys(user, b"engine2") is not first
    assert ring.keys(User(b"other", AuthProtocol.SHA256, b"authpass"), b"engine1") is not first
    assert made == [b"authpass", b"privpass"]
    assert ring.keys(User(b"open"), b"engine1") is None
    assert len({ring.salt() for _ in range(1000)}) == 1000


def test_passwords_are_never_shown() -> None:
    user = User(b"u", AuthProtocol.SHA256, b"authpass", PrivProtocol.AES128, b"privpass")
    assert "pass" not in repr(user).replace("password", "")
