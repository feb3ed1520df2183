"""A credential as an engine needs it. Pure."""

from __future__ import annotations

from agent.query import Access
from agent.usm import User
from config.inventory import Credential, SnmpVersion


def access_of(credential: Credential) -> Access:
    """How a device with this credential is asked."""
    if credential.version is not SnmpVersion.V3:
        return Access(credential.version, credential.community.get_secret_value().encode())
    user = User(
        credential.user.encode(),
        credential.auth,
        credential.auth_password.get_secret_value().encode(),
        credential.priv,
        credential.priv_password.get_secret_value().encode(),
        credential.context.encode(),
        bytes.fromhex(credential.context_engine),
    )
    return Access(credential.version, user=user)
