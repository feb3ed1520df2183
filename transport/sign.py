r"""Ed25519 signatures over payloads, each bound to its kind.

The signature covers ``b"wanglou/1/" + context + b"\n" + payload`` (``wire.notice.Signed``), so
that a receipt can never pass for a command. Whose key may sign what is the caller's rule.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from pydantic import BaseModel, TypeAdapter

from wire.codec import Refused, decode
from wire.notice import Signed

Context = Literal[
    "notice", "receipt", "command", "heartbeat", "alarm_action", "birth", "alive", "rules"
]
M = TypeVar("M", bound=BaseModel)

_DOMAIN: Final = b"wanglou/1/"
_SIGNED: Final = TypeAdapter(Signed)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is trusted."""

    id: str
    private: Ed25519PrivateKey


def sign(payload: BaseModel, context: Context, key: SigningKey) -> Signed:
    """``payload`` signed by ``key`` as a ``context``."""
    text = payload.model_dump_json()
    signature = key.private.sign(_covered(context, text))
    return Signed(context=context, key=key.id, sig=b64encode(signature).decode(), payload=text)


def verify(signed: Signed, context: Context, trusted: Mapping[str, Ed25519PublicKey]) -> bytes:
    """The payload's bytes when a trusted key signed it as a ``context``.

    Raises Refused: wrong_context, unknown_key, bad_signature.
    """
    if signed.context != context:
        raise Refused("wrong_context", f"signed as a {signed.context}, not as a {context}")
    key = trusted.get(signed.key)
    if key is None:
        raise Refused("unknown_key", f"key {signed.key} is not trusted here")
    try:
        key.verify(b64decode(signed.sig, validate=True), _covered(context, signed.payload))
    except (InvalidSignature, Base64Error, ValueError) as error:
        raise Refused("bad_signature", f"the signature of key {signed.key} is wrong") from error
    return signed.payload.encode()


def open_signed(
    raw: bytes, context: Context, trusted: Mapping[str, Ed25519PublicKey], adapter: TypeAdapter[M]
) -> tuple[M, str]:
    """The model inside a signed payload, and the key that signed it.

    Raises Refused with the reasons of ``wire.codec.decode`` and ``verify``.
    """
    signed = decode(_SIGNED, raw)
    return decode(adapter, verify(signed, context, trusted)), signed.key


def _covered(context: str, payload: str) -> bytes:
    return _DOMAIN + context.encode() + b"\n" + payload.encode()
