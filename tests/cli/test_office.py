"""``wanglou office`` as a person uses it, against a real broker and a county with a real desk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.escalation.county import FULL, PARTIAL, TOWNS, situation, verdict
from tests.escalation.side import county_side, make_keys, toml
from tests.escalation.test_cap import message
from tests.peers import Mosquitto, free_port, mosquitto

pytestmark = pytest.mark.peers

COMMAND = (sys.executable, "-c", "from cli.main import main; main()", "office")
LIMIT_S = 60


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def run(*words: str) -> Ran:
    """One command to its end."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@dataclass
class Watch:
    """A running ``watch --json``: its lines as they come."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def until(self, true: Callable[[], bool]) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while not true():
                line = await self.process.stdout.readline()
                assert line, "watch has ended"
                self.lines.append(json.loads(line))

    @property
    def done(self) -> bool:
        """A receipt is the last thing of a turn: what came before it is noted as shown."""
        return bool(self.lines[-1]["type"] == "receipt")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]


@contextlib.asynccontextmanager
async def watch(config: Path) -> AsyncIterator[Watch]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "watch", "--json", "--config", str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=2**22,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            while b'"event":"ready"' not in (line := await process.stderr.readline()):
                assert line, "watch has ended"
        yield Watch(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode in (0, -signal.SIGKILL)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    make_keys(tmp_path)
    with mosquitto(tmp_path) as running:
        yield running


async def test_from_draft_to_lifting_by_command(tmp_path: Path, broker: Mosquitto) -> None:
    config = toml(tmp_path, broker.port)
    where = ("--config", str(config))
    async with county_side(tmp_path, broker.port) as county, watch(config) as screen:
        await county.heartbeat()
        county.assess(FULL)
        await screen.until(lambda: len(screen.of("notice")) == 3 and bool(screen.of("receipt")))
        assert screen.of("notice")[1]["verified"] is True
        assert [line["state"] for line in screen.of("health")][-1] == "live"
        warning = screen.of("notice")[1]["warning_id"]

        assert (await run("ack", "N-000003", "--as", "zhang", *where)).code == 0
        refused = await run("issue", warning, "--as", "zhang", "--json", *where)
        assert refused.code == 1
        assert refused.lines[0]["outcome"] == "no_role"
        proposed = await run("propose", warning, "--as", "zhang", "--reason", "已核实", *where)
        assert proposed.code == 0
        assert "张三（县指挥部办公室 值班人员）提请" in proposed.out
        assert (await run("issue", warning, "--as", "wang", "--json", *where)).lines == [
            {
                "type": "command",
                "command": county.commands[-1].id,
                "account": "wang",
                "verb": "issue",
                "target": warning,
                "accepted": True,
                "outcome": "accepted",
                "state": "issued",
            }
        ]
        assert (await run("lift", warning, "--as", "li", *where)).code == 0
        await screen.until(lambda: len(screen.of("command")) == 5)
        listed = await run("list", *where)
        assert len(listed.out.splitlines()) == 8
        shown = await run("show", "N-000002", "--json", *where)
        assert shown.lines[0]["notice_kind"] == "warning_draft"
        assert "【发生了什么】" in (await run("show", "N-000002", *where)).out
        missing = await run("show", "N-000099", *where)
        assert (missing.code, missing.out) == (1, "")
        assert "was never received" in missing.err


async def test_an_order_goes_out_when_no_watch_runs(tmp_path: Path, broker: Mosquitto) -> None:
    config = toml(tmp_path, broker.port)
    async with county_side(tmp_path, broker.port) as county:
        county.assess(PARTIAL)
        target = county.desk.open_warning or ""
        done = await run("propose", target, "--as", "zhang", "--config", str(config))
        assert done.code == 0
        # What came in meanwhile was not shown to anybody yet: the next watch does.
        once = await run("watch", "--once", "--config", str(config))
        assert once.code == 0
        assert once.out.count("【发生了什么】") == 3
        assert "预警草案 / warning draft" in once.out


async def test_a_telephoned_state_is_entered_and_taken_back(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = toml(tmp_path, broker.port)
    where = ("--as", "zhang", "--config", str(config))
    blind = situation(verdict(operators={"cucc": "unknown"}))
    async with county_side(tmp_path, broker.port) as county:
        county.assess(blind)
        said = ("attest", "cucc", "partial", "--source", "值班室王工", "--until", "30")
        done = await run(*said, *where)
        assert done.code == 0, done.err
        assert "联通公司部分业务受影响，据值班室王工电话核实" in done.out
        assert county.commands[-1].valid_s == 1800
        assert county.desk.attested["cucc"].state == "partial"
        refused = await run("attest", "cmcc", "none", "--source", "王工", "--json", *where)
        assert (refused.code, refused.lines[0]["outcome"]) == (1, "measured")
        back = await run("attest", "cucc", "withdraw", "--reason", "说错了", *where)
        assert back.code == 0
        assert "撤回对联通公司的电话核实" in back.out
        assert not county.desk.attested


async def test_what_is_not_answered_yet_is_kept(tmp_path: Path) -> None:
    make_keys(tmp_path)
    config = toml(tmp_path, free_port())  # no broker there
    ran = await run(
        "ack", "N-000001", "--as", "zhang", "--wait", "0", "--json", "--config", str(config)
    )
    assert ran.code == 3
    assert ran.lines[0]["outcome"] is None
    assert "is signed and kept" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ack", "N-000001", "--as", "nobody"), "没有 nobody 可用的密钥，指令未签署"),
        (("ack", "N 1", "--as", "zhang"), "指令写法有误"),
        (("attest", "cucc", "none", "--as", "zhang"), "登记应写明依据"),
        (("threat", "dig-1", "--as", "zhang", "--source", "x"), "what：不能为空"),
    ],
)
async def test_what_cannot_be_signed_is_said_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    make_keys(tmp_path)
    ran = await run(*words, "--config", str(toml(tmp_path, 1)))
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


async def test_one_watch_per_folder(tmp_path: Path, broker: Mosquitto) -> None:
    config = toml(tmp_path, broker.port)
    async with watch(config):
        second = await run("watch", "--config", str(config))
    assert second.code == 2
    assert "another office client runs" in second.err


async def test_a_killed_watch_shows_nothing_twice_and_misses_nothing(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = toml(tmp_path, broker.port)
    async with county_side(tmp_path, broker.port) as county:
        async with watch(config) as screen:
            county.assess(PARTIAL)
            await screen.until(lambda: len(screen.of("notice")) == 2 and screen.done)
            screen.process.kill()
        county.assess(FULL)
        async with watch(config) as screen:
            await screen.until(lambda: len(screen.of("notice")) == 2)
            ids = [line["id"] for line in screen.of("notice")]
            assert ids == ["N-000003", "N-000004"]
            async with asyncio.timeout(LIMIT_S):
                await county.hop.idle.wait()


async def test_a_bad_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_text('[office]\nid = "o"\nstate = "x"\n', encoding="utf-8")
    ran = await run("watch", "--config", str(path))
    assert ran.code == 2
    assert "office.toml" in ran.err
    assert "Traceback" not in ran.err


async def test_a_threat_is_entered_from_words_and_from_a_cap_file(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = toml(tmp_path, broker.port)
    where = ("--as", "li", "--config", str(config))
    now = datetime.now(UTC)
    file = tmp_path / "storm.xml"
    file.write_bytes(
        message(
            sent=now.isoformat(timespec="seconds"),
            expires=(now + timedelta(hours=6)).isoformat(timespec="seconds"),
            geocode="140522000000",
        )
    )
    async with county_side(tmp_path, broker.port) as county:
        county.assess(situation(verdict()))
        said = ("threat", "dig-1", "full", "--what", "顶管施工", "--operators", "cmcc", "--spread")
        done = await run(*said, "--source", "县住建局", "--hours", "8", *where)
        assert done.code == 0, done.err
        assert "登记外部威胁：顶管施工：可能影响移动公司（全部业务中断，可能扩散）" in done.out
        assert county.commands[-1].valid_s == 8 * 3600
        shown = await run("threat", "--cap", str(file), "--config", str(config))
        assert shown.code == 0, shown.err
        assert "阳城县气象局发布暴雨红色预警" in shown.out
        assert len(county.commands) == 1
        signed = await run("threat", "--cap", str(file), *where)
        assert signed.code == 0, signed.err
        storm = next(one for one in county.desk.threats.values() if one.id.startswith("cap-"))
        assert storm.source.startswith("cap:weather@example.cn,")
        assert set(storm.towns) == set(TOWNS)
        back = await run("threat", "dig-1", "withdraw", *where)
        assert back.code == 0, back.err
        assert "dig-1" not in county.desk.threats
        file.write_bytes(b"<!DOCTYPE a><a/>")
        bad = await run("threat", "--cap", str(file), *where)
        assert (bad.code, "DTD" in bad.err) == (2, True)
        empty = await run("threat", "x", "partial", "--what", "y", "--source", "z", *where)
        assert empty.code == 2
