"""Signed changes of the rules as files beside the store: one file a change, kept for ever."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from collector.county import Bundle, County
from collector.model import Reconfigured
from collector.rulechange import RuleApproval, RuleChange
from collector.ruling import Sheet, Word, approved_by, stand
from collector.world import charter
from config.settings import CollectorSettings
from transport.io.log import Log
from transport.sign import verify
from wire.codec import Refused, explain
from wire.notice import Signed

FOLDER: Final = "rules"
_CHANGE: Final = TypeAdapter(RuleChange)
_APPROVAL: Final = TypeAdapter(RuleApproval)
_SIGNED: Final = TypeAdapter(Signed)

Trusted = Mapping[str, Ed25519PublicKey]


class Filed(NamedTuple):
    """A change and the configuration that it brings."""

    path: Path
    sheet: Sheet
    county: County


class Broken(NamedTuple):
    """A file that is no change, or one that nobody we trust has signed."""

    path: Path
    reason: str


def read(folder: Path, trusted: Trusted) -> tuple[list[Filed], list[Broken]]:
    """All changes, the oldest first; what cannot be believed apart."""
    found: list[Filed] = []
    broken: list[Broken] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            found.append(_read(path, trusted))
        except Refused as refused:
            broken.append(Broken(path, f"{refused.reason}: {refused}"))
        except (OSError, ValidationError, ValueError, KeyError, TypeError) as fault:
            said = explain(fault) if isinstance(fault, ValidationError) else str(fault)
            broken.append(Broken(path, said))
    found.sort(key=lambda one: (one.sheet.change.at_ms, one.path.name))
    return found, broken


def _read(path: Path, trusted: Trusted) -> Filed:
    document: dict[str, Any] = orjson.loads(path.read_bytes())
    signed = _SIGNED.validate_python(document["change"], strict=False)
    change = _CHANGE.validate_json(verify(signed, "rules", trusted))
    approvals = []
    for one in document["approvals"]:
        said = _SIGNED.validate_python(one, strict=False)
        try:
            approvals.append((_APPROVAL.validate_json(verify(said, "rules", trusted)), said.key))
        except Refused:
            continue  # one word that cannot be believed takes nothing from the others
    county = County(Bundle.model_validate_json(document["bundle"]))
    if county.hash != change.hash:
        raise ValueError("the configuration in the file is not the one that was signed")
    return Filed(path, Sheet(change, signed.key, digest(signed), tuple(approvals)), county)


def digest(signed: Signed) -> str:
    """What an approval names: the SHA-256 of the change's payload."""
    return hashlib.sha256(signed.payload.encode()).hexdigest()


def submit(folder: Path, county: County, change: Signed) -> Path:
    """File a new change. Raises FileExistsError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest(change)[:12]}.json"
    if path.exists():
        raise FileExistsError(path)
    document = {
        "change": change.model_dump(mode="json"),
        "approvals": [],
        "bundle": county.raw.decode(),
    }
    _write(path, document)
    return path


def approve(path: Path, approval: Signed) -> None:
    """Add a person's word to a change's file. Raises OSError, ValueError."""
    document: dict[str, Any] = orjson.loads(path.read_bytes())
    document["approvals"].append(approval.model_dump(mode="json"))
    _write(path, document)


def _write(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all, on disk before it has its name."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def due(
    settings: CollectorSettings, trusted: Trusted, inforce: County, now_ms: int, log: Log
) -> tuple[County, Reconfigured] | None:
    """The newest change that may come into force now, with what the journal says of it."""
    ask = settings.rules
    filed, broken = read(Path(settings.collector.state_dir) / FOLDER, trusted)
    for bad in broken:
        log.error("no signed change of the rules", file=bad.path.name, reason=bad.reason)
    for one in reversed(filed):
        word = stand(one.sheet, inforce, roles=ask.roles, second=ask.second, now_ms=now_ms)
        if word is Word.DUE:
            return one.county, _said(one, inforce, ask.roles, now_ms)
    return None


def answered_for(
    settings: CollectorSettings, trusted: Trusted, inforce: County, files: County, now_ms: int
) -> Reconfigured:
    """The change to what the files say, where these come into force by themselves.

    Whoever signed for this very configuration is its author; nobody else has to approve it.
    """
    roles = settings.rules.roles
    filed, _ = read(Path(settings.collector.state_dir) / FOLDER, trusted)
    for one in reversed(filed):
        fits = one.county.hash == files.hash
        if fits and stand(one.sheet, inforce, roles=roles, second=False, now_ms=now_ms) is Word.DUE:
            return _said(one, inforce, roles, now_ms)
    return Reconfigured(files.hash, pin=True, whole=True)


def _said(one: Filed, inforce: County, roles: tuple[str, ...], now_ms: int) -> Reconfigured:
    change = one.sheet.change
    return Reconfigured(
        one.county.hash,
        change.account,
        approved_by(one.sheet, charter(inforce), roles, now_ms),
        change.reason,
        change.stories,
        len(change.failed),
        pin=True,
        whole=True,
    )
