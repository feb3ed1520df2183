"""The keys of an office client: its machine's own one, and the county's public one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.settings import OfficeSettings
from transport.io.keys import KeyFault, load_key, load_trusted
from transport.sign import SigningKey


@dataclass(frozen=True, slots=True)
class Keys:
    """The machine's own key and the county's public one."""

    own: SigningKey
    county: dict[str, Ed25519PublicKey]

    @classmethod
    def load(cls, settings: OfficeSettings) -> Keys:
        """Read both from the keys folder. Raises KeyFault."""
        folder = Path(settings.office.keys_dir)
        name = settings.office.collector_key
        trusted = load_trusted(folder)
        if name not in trusted:
            raise KeyFault(f"{folder}/trusted/{name}.pub is missing: wanglou key trust {name}.pub")
        return cls(load_key(folder, settings.office.key), {name: trusted[name]})
