"""The work behind ``wanglou office``: settings, store, the running client, signed orders."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
import typer
from pydantic import ValidationError

from cli import office_text
from config.faults import ConfigError
from config.io.load import load_office_settings
from config.settings import OfficeSettings
from escalation.io import bell
from escalation.io.office import Event, OfficeClient, notice_data
from escalation.io.office_keys import Keys
from escalation.io.office_store import OfficeStore
from transport.io.clock import Clock
from transport.io.keys import KeyFault, load_key
from transport.io.sqlite import StoreTooNew
from transport.sign import sign
from wire.alarm import AlarmAction
from wire.notice import Command, ThreatWord, Verb

REFUSED, FAULTY, UNANSWERED = 1, 2, 3
"""Exit codes beside 0: refused by the county; not even sent; no answer yet."""

_LEAST_WAIT_S: Final = 1.0
"""Enough to hand the order to a running client, whatever the caller wants to wait."""

_RETRY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """An order as it was typed; ``key`` is the name of the person's own key.

    ``state``, ``source``, ``valid_s``, ``threat``, ``projected`` as in ``wire.notice.Command``;
    ``word`` has the fields of its word on alarms that are not the command's own.
    """

    verb: Verb
    target: str
    account: str
    key: str
    reason: str
    state: str | None = None
    source: str = ""
    valid_s: int | None = None
    threat: ThreatWord | None = None
    projected: bool = False
    word: dict[str, Any] | None = None


# ── Settings, store, faults ──────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def open_store(settings: OfficeSettings) -> Iterator[OfficeStore]:
    """``office.db``; a damaged one is set aside and its place said on stderr."""
    folder = Path(settings.office.state_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = OfficeStore(folder / "office.db", now_s=int(time.time()))
    if store.set_aside is not None:
        said = f"office.db 已损坏，移至 / was damaged and set aside: {store.set_aside}"
        print(said, file=sys.stderr)
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def faults_told() -> Iterator[None]:
    """What a person has to mend ends the command with one sentence and code 2."""
    try:
        yield
    except (ConfigError, KeyFault, StoreTooNew) as problem:
        fail(str(problem))
    except bell.Busy as problem:
        fail(f"此目录已有终端在运行 / {problem}")


def fail(sentence: str, *, code: int = FAULTY) -> NoReturn:
    """End the command with a sentence on stderr."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(code) from None


def print_json(data: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(data) + b"\n")
    sys.stdout.buffer.flush()


# ── The running client ───────────────────────────────────────────────────────────────────────────


def watch(settings: OfficeSettings, store: OfficeStore, *, as_json: bool, once: bool) -> None:
    """Be the one client of this folder until SIGTERM. Raises KeyFault, bell.Busy."""
    keys = Keys.load(settings)
    with bell.lock(Path(settings.office.state_dir)):
        asyncio.run(_watching(settings, store, keys, as_json=as_json, once=once))


async def _watching(
    settings: OfficeSettings, store: OfficeStore, keys: Keys, *, as_json: bool, once: bool
) -> None:
    """Show what was not shown yet, then everything that comes."""
    show = office_text.printer(as_json=as_json)
    end = asyncio.Event()
    seen = False

    def hear(event: Event) -> None:
        nonlocal seen
        show(event)
        if event.stored is not None:
            store.mark_shown(event.stored.no)
            seen = True
        elif once and seen and event.type == "receipt":
            end.set()

    for stored in store.unshown():
        hear(Event("notice", notice_data(stored), stored))
    if once and seen:
        return
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, end.set)
    client = OfficeClient(settings, store, keys, hear)
    async with bell.serve(Path(settings.office.state_dir), client.outcome):
        await _run_until(client, asyncio.ensure_future(end.wait()))


async def _run_until(client: OfficeClient, end: asyncio.Future[Any]) -> None:
    """Run the client until ``end`` is done, then say farewell; its failure is ours."""
    work = asyncio.ensure_future(client.run())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
        await client.farewell()
    finally:
        work.cancel()
        end.cancel()
        await asyncio.gather(work, end, return_exceptions=True)


# ── Orders ───────────────────────────────────────────────────────────────────────────────────────


def order(config: Path, asked: Asked, *, wait_s: float, as_json: bool) -> NoReturn:
    """Sign, keep, send, wait for the county's answer, print it; exit 0, 1, 2 or 3."""
    with faults_told():
        settings = load_office_settings(config)
        keys = Keys.load(settings)
        with open_store(settings) as store:
            ident = _sign_and_keep(settings, store, asked)
            with contextlib.suppress(TimeoutError):
                asyncio.run(_send(settings, store, keys, ident, wait_s))
            answer = store.answer(ident)
            if answer is None or answer.outcome is None:
                _unanswered(ident, as_json=as_json)
            _answered(store, answer.notice or "", as_json=as_json)
            raise typer.Exit(0 if answer.accepted else REFUSED)
    raise AssertionError("faults_told never goes on")


def _sign_and_keep(settings: OfficeSettings, store: OfficeStore, asked: Asked) -> str:
    """A signed command in the store's outbox; its id. Raises KeyFault."""
    try:
        own = load_key(Path(settings.office.keys_dir), asked.key)
    except KeyFault as problem:
        raise KeyFault(
            f"没有 {asked.account} 可用的密钥，指令未签署 / "
            f"no usable key of {asked.account}, nothing was signed: {problem}"
        ) from None
    clock = Clock.of(settings.clock)
    same: dict[str, Any] = {
        "id": f"c-{uuid.uuid4().hex[:24]}",
        "county": settings.county.county,
        "tree": settings.county.tree,
        "account": asked.account,
        "at_ms": clock.now_ms(),
    }
    try:
        command = Command(
            **same,
            word=None if asked.word is None else _word(same, asked.word),
            verb=asked.verb,
            target=asked.target,
            reason=asked.reason,
            state=asked.state,
            source=asked.source,
            valid_s=asked.valid_s,
            threat=asked.threat,
            projected=asked.projected,
        )
    except ValidationError as problem:
        fail(f"指令写法有误 / not a valid order: {office_text.wrong(problem)}")
    store.add_command(command, sign(command, "command", own), now_s=clock.wall_ms() // 1000)
    return command.id


def _word(same: dict[str, Any], said: dict[str, Any]) -> AlarmAction:
    """A word on alarms; a window without a beginning begins now. Raises ValidationError."""
    window = said.get("window")
    if window is not None and window["start_ms"] is None:
        said = said | {"window": window | {"start_ms": same["at_ms"]}}
    return AlarmAction(**same, **said)


async def _send(
    settings: OfficeSettings, store: OfficeStore, keys: Keys, ident: str, wait_s: float
) -> None:
    """Let the running client send it, or send it ourselves when none runs. Raises TimeoutError."""
    folder = Path(settings.office.state_dir)
    async with asyncio.timeout(max(wait_s, _LEAST_WAIT_S)):
        while True:
            try:
                with bell.lock(folder):
                    client = OfficeClient(settings, store, keys, lambda _: None)
                    await _run_until(client, asyncio.ensure_future(client.outcome(ident)))
                    return
            except bell.Busy:
                if await bell.ring(folder, ident):
                    return
            # The other client is just starting or ending: neither locked out nor heard.
            await asyncio.sleep(_RETRY_S)


def _unanswered(ident: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"type": "command", "command": ident, "outcome": None})
    fail(
        f"指令 {ident} 已签署并保存，尚无答复，将继续发送 / "
        f"order {ident} is signed and kept; no answer yet, it will be sent on",
        code=UNANSWERED,
    )


def _answered(store: OfficeStore, notice: str, *, as_json: bool) -> None:
    for stored in store.by_id(notice):
        if as_json and stored.notice.decision is not None:
            print_json({"type": "command", **stored.notice.decision.model_dump(mode="json")})
        elif not as_json:
            office_text.show_notice(office_text.console(), stored)
