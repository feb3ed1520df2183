"""docs/MQTT.md says what is: every topic and schema, nothing else, and its commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.peers import mosquitto, stop
from tests.systemd.test_broker import BASE, Broker, Peer
from transport import frames
from transport.delivery import Peer as Sender
from transport.io.keys import load_key, new_key
from transport.sign import sign
from wire.catalogue import PAYLOADS, TOPICS
from wire.codec import decode_json
from wire.notice import Bilingual, Notice, NoticeKind
from wire.presence import Heartbeat

MANUAL = Path("docs/MQTT.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: ([\w-]+))?\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
EXAMPLES = [(name, text) for kind, name, text in BLOCKS if kind == "json"]
COMMANDS = {name: text for kind, name, text in BLOCKS if kind != "json"}


def test_the_table_of_topics_is_the_programs_own() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \| (`.+?`) \| (\w+) \| ([\w, ]+) \| (\w+) \|$", MANUAL, re.MULTILINE
    )
    said = {
        (topic, tuple(re.findall(r"`(.+?)`", payload)), writer, readers, kept)
        for topic, payload, writer, readers, kept in rows
    }
    assert said == {
        (
            line.topic,
            tuple(name for name in (line.payload, line.inside) if name),
            line.writer,
            ", ".join(line.readers),
            "yes" if line.retained else "no",
        )
        for line in TOPICS
    }


def test_the_table_of_schemas_is_the_programs_own() -> None:
    part = MANUAL[MANUAL.index("| schema |") : MANUAL.index("## Looking on")]
    said = dict(re.findall(r"^\| `(\S+)` \| (.+) \|$", part, re.MULTILINE))
    assert said == {payload.name: payload.says for payload in PAYLOADS.values()}
    for name in re.findall(r"wanglou schema ([\w-]+)", MANUAL):
        assert name in PAYLOADS or name == "--all"


def fits(topic: str, pattern: str) -> bool:
    """Whether a topic or filter as written in the manual can mean the pattern's topics."""
    said, known = topic.split("/"), pattern.split("/")
    for at, level in enumerate(said):
        if level == "#":
            return True
        if at >= len(known):
            return False
        if level != "+" and known[at] != level and not known[at].startswith("{"):
            return False
        if level.startswith("{") and known[at] != level:
            return False
    return len(said) == len(known)


def test_no_topic_is_named_that_does_not_exist() -> None:
    text = re.sub(r"\b(?:docs|tests|systemd|run)/[\w./]+", "", MANUAL)
    found = re.findall(r"(?<![\w/.])((?:view|warning|office|\{operator\})/[^`\s']+)", text)
    found += re.findall(r"wanglou/1/[^/`'\s]+/140522/([^`\s']+)", text)
    assert len(found) > 30
    for topic in found:
        assert any(fits(topic, line.topic) for line in TOPICS), topic


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_each_example_is_one_by_its_model(name: str, text: str) -> None:
    raw = json.dumps(json.loads(text)).encode()
    decode_json(TypeAdapter(PAYLOADS[name].model), raw)
    assert max(map(len, text.splitlines())) <= 110 or '"payload"' in text


def test_every_view_has_an_example() -> None:
    views = {line.payload for line in TOPICS if line.topic.startswith(("view/", "warning/"))}
    assert views <= {name for name, _ in EXAMPLES}


# ── The commands, run ────────────────────────────────────────────────────────────────────────────


class Reader:
    """A shell in a home of its own, with the manual's broker being a real one."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.home = broker.folder / "home"
        self.home.mkdir()
        (self.home / "ca.crt").write_bytes((broker.folder / "ca.crt").read_bytes())
        (self.home / "verify.py").write_text(COMMANDS["verify"], encoding="utf-8")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": path},
        )

    def login(self, who: str) -> None:
        """The manual's own configuration file, for ``who``."""
        script = COMMANDS["config"].replace("broker.example", "127.0.0.1")
        script = script.replace("-p 8883", f"-p {self.broker.port}").replace("-u cmcc", f"-u {who}")
        done = self.run(script.replace("the-password", f"secret of {who}"))
        assert done.returncode == 0, done.stderr
        made = self.home / ".config" / "mosquitto_sub"
        assert made.stat().st_mode & 0o077 == 0


NUMBER = 7
SITES = [json.loads(text) for name, text in EXAMPLES if name == "site-view"]


def notice_frame(keys: Path) -> bytes:
    """A notice that is long enough to be deflated."""
    words = Bilingual(zh="站点中断" * 400, en=" ".join(map(str, range(600))))
    notice = Notice(
        id="N-000007",
        number=NUMBER,
        county="140522",
        tree="live",
        notice_kind=NoticeKind.INCIDENT,
        at_ms=1_800_000_000_000,
        recipient="office-1",
        subject=words,
        text=words,
    )
    body = sign(notice, "notice", load_key(keys, "collector")).model_dump_json().encode()
    return frames.wrap(Sender("collector", "notice"), epoch=1, seq=1, sent_ms=1, check=1, body=body)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    broker = Broker(tmp_path_factory.mktemp("manual"), ("collector", "office-1", "cmcc"))
    broker.start()
    one = Reader(broker)
    keys = broker.folder / "keys"
    (one.home / "collector.pub").write_bytes(new_key(keys, "collector").read_bytes())
    beat = Heartbeat(
        county="140522",
        at_ms=1_800_000_000_000,
        session=1,
        notices_seq=NUMBER,
        journal_head="00",
        warning="none",
        level="none",
    )
    signed = sign(beat, "heartbeat", load_key(keys, "collector")).model_dump_json().encode()
    frame = notice_frame(keys)
    assert frame[:1] == b"x"
    collector, over = Peer(broker, "collector"), threading.Event()
    collector.say("office/heartbeat", signed, retain=True)
    for site in (*SITES, {**SITES[0], "site": "calm", "state": "ok"}):
        payload = json.dumps(site | {"operator": "cmcc"}).encode()
        collector.say(f"view/cmcc/sites/{site['site']}", payload, retain=True)

    def repeat() -> None:
        while not over.wait(0.1):
            collector.say("office/office-1/notice", frame)

    repeating = threading.Thread(target=repeat)
    repeating.start()
    yield one
    over.set()
    repeating.join()
    collector.close()
    assert broker.process is not None
    stop(broker.process)


def test_the_plain_command(tmp_path: Path, reader: Reader) -> None:
    with mosquitto(tmp_path) as open_broker:
        topic = BASE.replace("live", "drill-x") + "/warning/open"
        port = str(open_broker.port)
        subprocess.run(["mosquitto_pub", "-p", port, "-r", "-t", topic, "-m", "{}"], check=True)
        script = COMMANDS["plain"].replace("-p 1883", f"-p {port}").rstrip("\n")
        done = reader.run(f"rm -rf ~/.config\n{script} -C 1")
        assert done.stdout == f"{topic} {{}}\n"


def test_the_commands_with_tls_and_password(reader: Reader) -> None:
    reader.login("cmcc")
    done = reader.run(COMMANDS["tls"].rstrip("\n") + " -C 3")
    assert done.stdout.count(f"{BASE}/view/cmcc/sites/") == 3, done.stderr
    done = reader.run(COMMANDS["abnormal"].replace("-W 5", "-C 3"))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["site"] for one in said} == {site["site"] for site in SITES}
    assert {one["state"] for one in said} <= {"out", "at_risk"}


@pytest.mark.parametrize("tool", ["openssl", "notice"])
def test_openssl_verifies(reader: Reader, tool: str) -> None:
    reader.login("office-1")
    script = COMMANDS["openssl"]
    if tool == "notice":
        _, _, rest = script.partition("\n")
        script = COMMANDS["notice"] + rest.replace("heartbeat", "notice")
    done = reader.run(script)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    check = script.rstrip("\n").rpartition("\n")[2]
    done = reader.run(f"sed -i s/140522/140523/ covered\n{check}")
    assert "Signature Verification Failure" in done.stdout + done.stderr


def test_python_verifies_and_refuses(reader: Reader) -> None:
    reader.login("office-1")
    done = reader.run(COMMANDS["python"])
    assert done.returncode == 0, done.stderr
    beat, _, notice = done.stdout.partition("}\n{")
    assert json.loads(f"{beat}}}")["notices_seq"] == NUMBER
    assert json.loads(f"{{{notice}")["number"] == NUMBER
    forged = COMMANDS["python"].replace("| python3", "| sed s/140522/140523/ | python3")
    done = reader.run(forged)
    assert "InvalidSignature" in done.stderr
