"""The User-based Security Model's algorithms: keys, digests, ciphers. Pure.

RFC 3414 (USM, MD5, SHA-1, DES), RFC 3826 (AES-128), RFC 7860 (SHA-2). AES-192 and AES-256 never
became RFCs and have two ways to make long keys out of short digests: draft-blumenthal-aes-usm-04's
(``AES-192``, ``AES-256``) and draft-reeder-snmpv3-usm-3desede-00's (``AES-192-C``, ``AES-256-C``),
which Cisco's devices took over.

Cipher contexts are kept and reused, because making one costs more than a message: a context in CBC
mode can be steered to any initialization vector, as its state is its last block of output, and the
key stream of CFB (IV, C1, C2 … enciphered) comes out of it when it is fed the plaintext one block
late, since C1 is P1 xor the block before.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agent.ber import BerError
from config.inventory import AuthProtocol, PrivProtocol

SALT: Final = 8
"""Octets of msgPrivacyParameters in all privacy protocols."""

EXPANDED: Final = 2**20
"""Octets of the repeated password that make a key (RFC 3414 A.2)."""

MIN_PASSWORD: Final = 8
"""RFC 3414 section 11.2."""

MAX_LOCALIZED: Final = 20_000
"""Engines whose keys are kept here; a session keeps its own beside."""
MAX_MASTERS: Final = 10_000

# Name for hashlib, octets of the truncated digest (RFC 3414 6.3.1, 7.3.1; RFC 7860 4.2.1).
_AUTH: Final = {
    AuthProtocol.MD5: ("md5", 12),
    AuthProtocol.SHA1: ("sha1", 12),
    AuthProtocol.SHA224: ("sha224", 16),
    AuthProtocol.SHA256: ("sha256", 24),
    AuthProtocol.SHA384: ("sha384", 32),
    AuthProtocol.SHA512: ("sha512", 48),
}
# Octets of key, whether extended by Reeder's way.
_PRIV: Final = {
    PrivProtocol.DES: (16, False),
    PrivProtocol.AES128: (16, False),
    PrivProtocol.AES192: (24, False),
    PrivProtocol.AES256: (32, False),
    PrivProtocol.AES192C: (24, True),
    PrivProtocol.AES256C: (32, True),
}
_IPAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OPAD: Final = bytes(octet ^ 0x5C for octet in range(256))
_from_bytes: Final = int.from_bytes


@dataclass(frozen=True, slots=True)
class User:
    """Whom we ask as: security name, protocols and passwords, and the context asked in.

    ``auth`` None: noAuthNoPriv; ``priv`` None: authNoPriv. ``context_engine`` empty: the device's
    own. Passwords are octets.
    """

    name: bytes
    auth: AuthProtocol | None = None
    auth_password: bytes = field(default=b"", repr=False)
    priv: PrivProtocol | None = None
    priv_password: bytes = field(default=b"", repr=False)
    context: bytes = b""
    context_engine: bytes = b""


def digest_octets(auth: AuthProtocol) -> int:
    """Octets of msgAuthenticationParameters."""
    return _AUTH[auth][1]


def master_key(name: str, password: bytes) -> bytes:
    """Ku: a password made long and hashed (RFC 3414 A.2.1, A.2.2; RFC 7860 section 9.3)."""
    if not password:
        raise ValueError("an empty password makes no key")
    times = EXPANDED // len(password) + 1
    return hashlib.new(name, (password * times)[:EXPANDED], usedforsecurity=False).digest()


def localize(name: str, master: bytes, engine: bytes) -> bytes:
    """Kul: the key that only this engine has (RFC 3414 section 2.6)."""
    return hashlib.new(name, master + engine + master, usedforsecurity=False).digest()


def privacy_key(name: str, master: bytes, engine: bytes, priv: PrivProtocol) -> bytes:
    """The localized key for a privacy protocol, as long as it needs it."""
    size, reeder = _PRIV[priv]
    key = localize(name, master, engine)
    while len(key) < size:
        if reeder:  # section 2.1 of the draft: the key so far taken for a password
            key += localize(name, master_key(name, key), engine)
        else:  # section 3.1.2.1 of the draft: the key so far hashed
            key += hashlib.new(name, key, usedforsecurity=False).digest()
    return key[:size]


class Privacy(Protocol):
    """Encrypts and decrypts scoped PDUs; ``window`` are boots and time, 4 octets each."""

    def encrypt(self, plain: bytes, window: bytes, salt: bytes) -> bytes: ...

    def decrypt(self, octets: bytes, window: bytes, salt: bytes) -> bytes: ...


class AesCfb:
    """AES in CFB-128 (RFC 3826 section 3.1): the vector is boots, time, salt."""

    __slots__ = ("_block", "_chain", "_last")

    def __init__(self, key: bytes) -> None:
        aes = algorithms.AES(key)
        self._chain: Any = Cipher(aes, modes.CBC(bytes(16))).encryptor().update
        self._block: Any = Cipher(aes, modes.ECB()).encryptor().update  # noqa: S305  the bare block function, of which CFB is made
        self._last = 0

    def encrypt(self, plain: bytes, window: bytes, salt: bytes) -> bytes:
        size = len(plain)
        padded = plain + bytes(-size % 16)
        first = _from_bytes(window + salt, "big") ^ self._last
        stream = self._chain(first.to_bytes(16, "big") + padded[:-16])
        self._last = _from_bytes(stream[-16:], "big")
        return _xor(padded, stream)[:size]

    def decrypt(self, octets: bytes, window: bytes, salt: bytes) -> bytes:
        size = len(octets)
        padded = octets + bytes(-size % 16)
        return _xor(padded, self._block(window + salt + padded[:-16]))[:size]


class DesCbc:
    """DES in CBC (RFC 3414 section 8.1.1): the vector is the salt xor the key's second half.

    What is decrypted still has its padding.
    """

    __slots__ = ("_backward", "_before", "_forward", "_last", "_mask")

    def __init__(self, key: bytes) -> None:
        des = Cipher(TripleDES(key[:8] * 3), modes.CBC(bytes(8)))  # three times the same is DES
        self._forward: Any = des.encryptor().update
        self._backward: Any = des.decryptor().update
        self._mask = _from_bytes(key[8:16], "big")
        self._last = 0
        self._before = 0

    def encrypt(self, plain: bytes, window: bytes, salt: bytes) -> bytes:  # noqa: ARG002  the salt holds the boots
        padded = plain + bytes(-len(plain) % 8)
        first = _from_bytes(padded[:8], "big") ^ _from_bytes(salt, "big") ^ self._mask ^ self._last
        found: bytes = self._forward(first.to_bytes(8, "big") + padded[8:])
        self._last = _from_bytes(found[-8:], "big")
        return found

    def decrypt(self, octets: bytes, window: bytes, salt: bytes) -> bytes:  # noqa: ARG002  as above
        if len(octets) % 8:
            raise BerError("encrypted octets are no whole blocks")
        plain = self._backward(octets)
        vector = _from_bytes(salt, "big") ^ self._mask ^ self._before
        self._before = _from_bytes(octets[-8:], "big")
        return (_from_bytes(plain[:8], "big") ^ vector).to_bytes(8, "big") + bytes(plain[8:])


def _xor(one: bytes, other: bytes) -> bytes:
    return (_from_bytes(one, "big") ^ _from_bytes(other, "big")).to_bytes(len(one), "big")


def privacy(priv: PrivProtocol, key: bytes) -> Privacy:
    """The cipher with a key from ``privacy_key``."""
    return DesCbc(key) if priv is PrivProtocol.DES else AesCfb(key)


class Keys:
    """What one user has at one engine: a digest and a cipher with its localized keys."""

    __slots__ = ("_inner", "_outer", "octets", "privacy")

    def __init__(self, auth: AuthProtocol, key: bytes, privacy: Privacy | None = None) -> None:
        name, self.octets = _AUTH[auth]
        inner = hashlib.new(name, usedforsecurity=False)
        padded = key.ljust(inner.block_size, b"\0")
        # HMAC (RFC 2104) with both hashes begun once and copied for each message.
        inner.update(padded.translate(_IPAD))
        self._inner = inner
        self._outer = hashlib.new(name, padded.translate(_OPAD), usedforsecurity=False)
        self.privacy = privacy

    def digest(self, message: bytes) -> bytes:
        """The truncated HMAC of a message whose own digest is zeros (RFC 3414 6.3.1)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()[: self.octets]

    def genuine(self, message: bytes, digest: bytes) -> bool:
        """Whether the digest is right; the comparison takes the same time for any wrong one."""
        return hmac.compare_digest(self.digest(message), digest)


class KeyRing:
    """Localized keys, made once per user and engine and kept; and salts, never the same twice.

    ``seed`` is a random number of 64 bits.
    """

    def __init__(self, seed: int = 0) -> None:
        self._salt = seed
        self._masters: dict[tuple[str, bytes], bytes] = {}
        self._kept: dict[tuple[User, bytes], Keys] = {}

    def keys(self, user: User, engine: bytes) -> Keys | None:
        """The user's keys at an engine; None without authentication."""
        if user.auth is None:
            return None
        known = self._kept.get((user, engine))
        if known is not None:
            return known
        if len(self._kept) >= MAX_LOCALIZED:
            del self._kept[next(iter(self._kept))]
        name = _AUTH[user.auth][0]
        made = Keys(user.auth, localize(name, self._master(name, user.auth_password), engine))
        if user.priv is not None:
            master = self._master(name, user.priv_password)
            made.privacy = privacy(user.priv, privacy_key(name, master, engine, user.priv))
        self._kept[user, engine] = made
        return made

    def salt(self) -> bytes:
        """The next salt."""
        self._salt = self._salt + 1 & 2**64 - 1
        return self._salt.to_bytes(SALT, "big")

    def _master(self, name: str, password: bytes) -> bytes:
        known = self._masters.get((name, password))
        if known is None:
            if len(self._masters) >= MAX_MASTERS:
                self._masters.clear()
            known = self._masters[name, password] = master_key(name, password)
        return known
