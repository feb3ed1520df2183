"""Credentials of an inventory: who is asked as, with secrets from files and the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from config.faults import ConfigError, Fault, Kind, Place, Saying, error
from config.inventory import Credential, CredentialEntry, SnmpVersion
from config.io.read import read_bytes
from config.io.toml import Document

MAX_COMMUNITY: Final = 255
MAX_USER: Final = 32
"""Octets of a security name (RFC 3414 section 5: usmUserSecurityName)."""
MAX_CONTEXT: Final = 255
MIN_PASSWORD: Final = 8
"""Octets (RFC 3414 section 11.2)."""
MAX_PASSWORD: Final = 255

_V3_ONLY: Final = (
    "user", "auth", "auth_password_file", "auth_password_env", "priv", "priv_password_file",
    "priv_password_env", "context", "context_engine",
)  # fmt: skip
_COMMUNITY: Final = ("community", "community_file", "community_env")
_NAMES: Final = {
    "community": "共同体名 the community",
    "auth_password": "认证口令 the authentication password",
    "priv_password": "加密口令 the privacy password",
}


def read_credentials(
    entries: Sequence[CredentialEntry], document: Document, folder: Path
) -> tuple[tuple[Credential, ...], list[Fault]]:
    """Each entry as a credential (without what could not be read of it), and all faults."""
    built: list[Credential] = []
    faults: list[Fault] = []
    for number, entry in enumerate(entries):
        reader = _Reader(entry, document, number, folder)
        built.append(reader.credential())
        faults += reader.faults
    return tuple(built), faults


def moved(fault: Fault, place: Place) -> Fault:
    """An unreadable file that another names is an error at that ``place``."""
    if fault.kind is not Kind.UNREADABLE:
        return fault
    said = fault.saying
    return Fault(place, Saying(f"{fault.file} {said.zh}", f"{fault.file} {said.en}", said.hint))


class _Reader:
    """One entry; ``faults`` are what is wrong with it."""

    def __init__(
        self, entry: CredentialEntry, document: Document, number: int, folder: Path
    ) -> None:
        self.faults: list[Fault] = []
        self._entry = entry
        self._document = document
        self._number = number
        self._folder = folder

    def credential(self) -> Credential:
        entry = self._entry
        if entry.version is not SnmpVersion.V3:
            self._alien(_V3_ONLY, "只用于版本 3", "goes with version 3")
            community = self._secret("community", 1, MAX_COMMUNITY)
            return Credential(id=entry.id, version=entry.version, community=community)
        self._alien(_COMMUNITY, "版本 3 没有共同体名", "version 3 has no community")
        user, context = entry.user or "", entry.context or ""
        if entry.user is None:
            self._fault("", "版本 3 要写 user", "version 3 needs a user")
        elif not 0 < len(user.encode()) <= MAX_USER:
            zh, en = f"应为 1 到 {MAX_USER} 字节", f"must be 1 to {MAX_USER} bytes"
            self._fault("user", zh, en)
        if len(context.encode()) > MAX_CONTEXT:
            zh, en = f"最多 {MAX_CONTEXT} 字节", f"must be {MAX_CONTEXT} bytes at most"
            self._fault("context", zh, en)
        if entry.priv is not None and entry.auth is None:
            self._fault("priv", "加密必须同时有认证（auth）", "privacy needs auth")
        return Credential(
            id=entry.id,
            version=entry.version,
            user=user,
            auth=entry.auth,
            auth_password=self._password("auth", given=entry.auth is not None),
            priv=entry.priv,
            priv_password=self._password("priv", given=entry.priv is not None),
            context=context,
            context_engine=entry.context_engine or "",
        )

    def _password(self, what: str, *, given: bool) -> SecretStr:
        """The password of a protocol that is given, or none."""
        name = f"{what}_password"
        if given:
            return self._secret(name, MIN_PASSWORD, MAX_PASSWORD)
        keys = tuple(key for key in (f"{name}_file", f"{name}_env") if self._has(key))
        self._alien(keys, f"没有写 {what}", f"without {what}")
        return SecretStr("")

    def _has(self, key: str) -> bool:
        return getattr(self._entry, key, None) is not None

    def _alien(self, keys: Sequence[str], zh: str, en: str) -> None:
        """Keys that must not stand here."""
        for key in keys:
            if self._has(key):
                self._fault(key, zh, en)

    def _fault(self, key: str, zh: str, en: str) -> None:
        self.faults.append(error(self._place(key), zh, en))

    def _place(self, key: str) -> Place:
        loc = ("credential", self._number, key) if key else ("credential", self._number)
        return self._document.place(loc)

    def _secret(self, name: str, least: int, most: int) -> SecretStr:
        """A secret that stands in exactly one place, one line of so many octets."""
        keys = [key for key in (name, f"{name}_file", f"{name}_env") if self._has(key)]
        if len(keys) != 1:
            ways = [key for key in (name, f"{name}_file", f"{name}_env") if self._known(key)]
            zh, en = f"{'、'.join(ways)} 要恰好写一个", f"give exactly one of {', '.join(ways)}"
            self._fault("", zh, en)
            return SecretStr("")
        try:
            text = self._text(keys[0])
        except ConfigError as problem:
            self.faults += [moved(fault, self._place(keys[0])) for fault in problem.faults]
            return SecretStr("")
        size = len(text.encode(errors="replace"))
        if not least <= size <= most or "\n" in text or "\ufffd" in text:
            zh, _, en = _NAMES[name].partition(" ")
            zh += f"应为一行文字，{least} 到 {most} 字节"
            self._fault(keys[0], zh, f"{en} must be one line of {least} to {most} bytes")
        return SecretStr(text)

    def _known(self, key: str) -> bool:
        return key in CredentialEntry.model_fields

    def _text(self, key: str) -> str:
        """What the file, the variable or the entry itself has. Raises ConfigError."""
        value = getattr(self._entry, key)
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if key.endswith("_file"):
            raw = read_bytes(self._folder / value)
            return raw.decode(errors="replace").strip()
        found = os.environ.get(value)
        if found is None:
            zh, en = f"没有环境变量 {value}", f"no environment variable {value}"
            raise ConfigError([error(self._place(key), zh, en)])
        return found
