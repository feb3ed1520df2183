"""TLS towards the broker, and what went wrong with it in a sentence that says what to do."""

from __future__ import annotations

import ssl
from typing import Final

from config.settings import BrokerSettings

_EXPIRED: Final = 10
_NOT_YET: Final = 9
_NAMES: Final = frozenset({62, 64})
"""Verification codes of OpenSSL (``x509_vfy.h``): host name and address mismatch."""


def context_of(broker: BrokerSettings) -> ssl.SSLContext | None:
    """TLS 1.3 with the given authority alone, or None for plain TCP."""
    if broker.cafile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    file = broker.cafile
    try:
        context.load_verify_locations(file)
        if broker.certfile is not None:
            file = broker.certfile
            context.load_cert_chain(file, broker.keyfile)
    except OSError as error:
        error.filename = str(file)  # ssl does not say which
        raise
    return context


def plainly(error: BaseException, host: str, *, tls: bool = False) -> str:
    """Why there is no connection, for people. The client's own error hides what it came from."""
    hidden = error.__cause__ or error.__context__
    if isinstance(hidden, OSError):
        error = hidden
    elif error.__cause__ is not None:
        error = error.__cause__
    if tls and isinstance(error, ConnectionResetError):
        return f"{host} ended the connection: it may speak no TLS on this port"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, host)
    return _handshake(error, host) if isinstance(error, ssl.SSLError) else str(error)


def _handshake(error: ssl.SSLError, host: str) -> str:
    reason = str(getattr(error, "reason", None) or "")
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
        return f"{host} may speak no TLS on this port"
    if "CERTIFICATE_REQUIRED" in reason:
        return f"{host} wants a certificate of ours: set certfile and keyfile"
    if "EXPIRED" in reason:
        return f"{host} refuses our certificate: it has expired"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"{host} refuses our certificate: {reason.lower().replace('_', ' ')}"
    return str(error)


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return f"the certificate of {host} has expired (or our clock is ahead)"
    if code == _NOT_YET:
        return f"the certificate of {host} is not valid yet (or our clock is behind)"
    if code in _NAMES:
        return f"the certificate of {host} is for another name: {error.verify_message}"
    return f"the certificate of {host} is not of our authority (cafile): {error.verify_message}"
