"""Keys as files: ``NAME.key`` (private, mode 0600), ``NAME.pub``, and the folder ``trusted``.

A key's id is its file's name. Whose ``.pub`` lies in ``trusted`` is believed.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from transport.sign import SigningKey
from wire.base import ID_PATTERN

TRUSTED: Final = "trusted"


class KeyFault(Exception):  # noqa: N818  it says what is wrong with the key
    """A key that cannot be used; the text says why and what to do."""


def new_key(folder: Path, name: str) -> Path:
    """Make ``NAME.key`` and ``NAME.pub`` in ``folder``; the path of the public one.

    Raises KeyFault when the name is no id or is taken.
    """
    _check_name(name)
    _make(folder)
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / f"{name}.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFault(f"{path} exists: a key is never overwritten") from error
    except OSError as error:
        raise KeyFault(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    public = folder / f"{name}.pub"
    public.write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def load_key(folder: Path, name: str) -> SigningKey:
    """The private key ``NAME``. Raises KeyFault: missing, readable by others, damaged."""
    return key_in(folder / f"{name}.key", name)


def key_in(path: Path, name: str) -> SigningKey:
    """The private key in the file ``path`` under the id ``name``. Raises KeyFault as above."""
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFault(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFault(f"{path} can be read by others than its owner: chmod 600 {path}")
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFault(f"{path} is no private key in PEM form") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFault(f"{path} is no Ed25519 key")
    return SigningKey(name, private)


def trust(folder: Path, public: Path) -> Path:
    """Copy a ``NAME.pub`` into ``folder/trusted``; its path there.

    Raises KeyFault when it is no public key or another key has this name there.
    """
    _check_name(public.stem)
    _load_public(public)
    there = folder / TRUSTED / f"{public.stem}.pub"
    pem = public.read_bytes()
    _make(there.parent)
    if there.exists() and (not there.is_file() or there.read_bytes() != pem):
        raise KeyFault(f"{there} is another key: remove it first if this one replaces it")
    try:
        there.write_bytes(pem)
    except OSError as error:
        raise KeyFault(f"{there} cannot be written: {error.strerror}") from error
    return there


def load_trusted(folder: Path) -> dict[str, Ed25519PublicKey]:
    """All trusted keys by id. Raises KeyFault for one that is damaged."""
    return {path.stem: _load_public(path) for path in sorted((folder / TRUSTED).glob("*.pub"))}


class Known(NamedTuple):
    """A key that lies in a folder: own (``private``), ``public`` or ``trusted``."""

    kind: str
    id: str
    fingerprint: str


def known(folder: Path) -> list[Known]:
    """All keys of ``folder`` with the fingerprints of their public halves.

    A fingerprint is the first 16 hex digits of the SHA-256 of the raw public key, in fours: short
    enough to be read out on the telephone. Raises KeyFault for one that is damaged.
    """
    if not folder.is_dir():
        raise KeyFault(f"{folder} is no folder of keys")
    found = [
        Known("private", path.stem, fingerprint(load_key(folder, path.stem).private.public_key()))
        for path in sorted(folder.glob("*.key"))
    ]
    found += [
        Known("public", path.stem, fingerprint(_load_public(path)))
        for path in sorted(folder.glob("*.pub"))
    ]
    return found + [
        Known("trusted", name, fingerprint(key)) for name, key in load_trusted(folder).items()
    ]


def fingerprint(key: Ed25519PublicKey) -> str:
    """What two people compare on the telephone."""
    digest = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))


def _load_public(path: Path) -> Ed25519PublicKey:
    try:
        public = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyFault(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFault(f"{path} is no public key in PEM form") from error
    if not isinstance(public, Ed25519PublicKey):
        raise KeyFault(f"{path} is no Ed25519 key")
    return public


def _make(folder: Path) -> None:
    """The folder, made if it is missing. Raises KeyFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFault(f"{folder} cannot be a folder of keys: {error.strerror}") from error


def _check_name(name: str) -> None:
    if not re.match(ID_PATTERN, name):
        raise KeyFault(f"{name!r} is no key name: letters, digits, dot, dash, underscore")
