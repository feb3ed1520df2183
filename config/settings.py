"""Settings of each process: one TOML file per process, one top table that names the process.

Paths are relative to the file that names them. Secrets are never written here: passwords are
read from files of their own.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field

from config.base import Config
from wire.base import Id

Path = Annotated[PurePath, Field(strict=False)]
Port = Annotated[int, Field(ge=1, le=65535)]


class BrokerPlace(Config):
    """An address of the broker, or of another one that is bridged with it."""

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Port = 1883


class BrokerSettings(BrokerPlace):
    """Where the MQTT broker is. ``cafile`` given: TLS; ``certfile`` and ``keyfile``: our own.

    ``also`` are further places, a second uplink or a second broker: tried in this order when the
    one before does not serve, with the same name, password and certificates.
    """

    username: str | None = None
    password_file: Path | None = None
    cafile: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    keepalive_s: Annotated[int, Field(ge=2, le=600)] = 20
    also: Annotated[tuple[BrokerPlace, ...], Field(max_length=7)] = ()

    @property
    def places(self) -> tuple[BrokerPlace, ...]:
        """All places, the first one first."""
        return (BrokerPlace(host=self.host, port=self.port), *self.also)


class ClockSettings(Config):
    """Domain time runs ``scale`` times as fast as real time from ``anchor_ms`` on (drills)."""

    scale: Annotated[float, Field(ge=1, le=3600)] = 1.0
    anchor_ms: Annotated[int, Field(ge=0)] | None = None


class TreeSettings(Config):
    """The county (6-digit GB/T 2260) and the topic tree: ``live`` or ``drill-ID``."""

    county: Id
    tree: Annotated[str, Field(pattern=r"^(live|drill-[A-Za-z0-9._-]{1,40})$")] = "live"


class AgentOptions(Config):
    """The agent itself. Quotas are bytes of its outbox file (``agent.db``).

    Samples that wait for longer than ``sample_quota_days`` are given up as well.
    ``packets_per_s`` are those sent by SNMP and ICMP together, ``octets_per_s`` what they send and
    receive (0: no limit but the packets'), ``looks_per_subnet`` the looks under way by each of
    them in one /24 or IPv6 /64 (0: no limit), ``requests_per_device`` the SNMP requests under way
    at one address and port, each of another look (a proxy's devices share one).
    ``look_on_request`` false: the county's wishes to look at a device at once are not heard.
    ``trace_per_minute``: of so many devices that fall silent the path is traced, as evidence.
    ``rest_turns``: a device silent for long is looked at every so many turns at least (above 2 it
    becomes unknown at the county meanwhile unless policy's blind_notice_s is longer than that).
    ``key`` is the file of the agent's own private key, which signs its births and presence; the
    collector believes no others once it trusts a key under the agent's id.
    When no ``witness`` (addresses beyond our uplink; gateways of the routing table unless
    ``witness_gateways`` is false) that ever answered does so, nor the broker, nobody is silent.
    """

    id: Id
    operator: Id
    state_dir: Path
    inventory: Path
    key: Path | None = None
    profiles_dir: Path | None = None
    interval_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    snmp_timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    snmp_retries: Annotated[int, Field(ge=0, le=5)] = 1
    icmp_timeout_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    icmp_count: Annotated[int, Field(ge=1, le=20)] = 3
    packets_per_s: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    octets_per_s: Annotated[int, Field(ge=0, le=1_250_000_000)] = 0
    looks_per_subnet: Annotated[int, Field(ge=0, le=100_000)] = 0
    requests_per_device: Annotated[int, Field(ge=1, le=64)] = 1
    sample_quota_days: Annotated[float, Field(gt=0, le=400)] = 14.0
    state_quota_bytes: Annotated[int, Field(ge=1_000_000)] = 512 * 1024 * 1024
    sample_quota_bytes: Annotated[int, Field(ge=1_000_000)] = 1024 * 1024 * 1024
    alive_every_s: Annotated[float, Field(ge=0.2, le=300)] = 30.0
    look_on_request: bool = True
    trace_per_minute: Annotated[int, Field(ge=0, le=60)] = 0
    rest_turns: Annotated[int, Field(ge=1, le=10)] = 2
    witness: Annotated[tuple[IPv4Address | IPv6Address, ...], Field(max_length=4)] = ()
    witness_gateways: bool = True


class TrapSettings(Config):
    """Traps and informs; without this table the agent listens for none.

    Ports below 1024 need CAP_NET_BIND_SERVICE. ``listen`` "::" takes IPv4 and IPv6. ``access`` is
    a file of communities and SNMPv3 users (``config.traps``); without it every community is
    believed as far as a trap is believed at all, and no SNMPv3. ``quota_bytes`` bounds the store.
    """

    listen: Annotated[str, Field(pattern=r"^[0-9A-Fa-f:.]{2,45}$")] = "0.0.0.0"  # noqa: S104  as traps come
    port: Port = 162
    access: Path | None = None
    quota_bytes: Annotated[int, Field(ge=1_000_000)] = 64 * 1024 * 1024


class MetricsSettings(Config):
    """A page with the agent's own figures for Prometheus; without this table there is none.

    Nothing on it names a device, an address or a credential, and it has no password: keep it to
    the host itself, or to a network of those who run it.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Port = 9161


class AgentSettings(Config):
    """``agent.toml``."""

    agent: AgentOptions
    county: TreeSettings
    broker: BrokerSettings = BrokerSettings()
    clock: ClockSettings = ClockSettings()
    traps: TrapSettings | None = None
    metrics: MetricsSettings | None = None


class HistorySettings(Config):
    """Where samples go. ``influxdb_url`` absent: the embedded SQLite history in ``state_dir``."""

    influxdb_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    database: Id = "wanglou"
    queue_rows: Annotated[int, Field(ge=1000)] = 200_000


class RetentionSettings(Config):
    """How many days are kept of what agents sent: the inputs that rules saw, and the samples.

    The decision journal is kept for ever. Samples in InfluxDB are its own retention policy's.
    """

    inputs_days: Annotated[int, Field(ge=2, le=36_500)] = 400
    samples_days: Annotated[int, Field(ge=2, le=36_500)] = 400


class OfficeRef(Config):
    """An office client that gets notices; ``key`` is the key id that signs its receipts."""

    id: Id
    key: Id


class CollectorOptions(Config):
    """The collector.

    ``register`` is a folder of tables or one .xlsx; plan and policy default to the shipped
    files; ``key`` is the name of its signing key in ``keys_dir``.
    """

    state_dir: Path
    register_path: Annotated[PurePath, Field(strict=False, alias="register")]
    keys_dir: Path
    key: Id = "collector"
    plan: Path | None = None
    policy: Path | None = None
    profiles_dir: Path | None = None
    offices: Annotated[tuple[OfficeRef, ...], Field(min_length=1)]
    heartbeat_every_s: Annotated[float, Field(ge=0.2, le=300)] = 30.0


class WebSettings(Config):
    """The pages. ``port`` 0: any free one. ``certfile`` and ``keyfile``: HTTPS.

    Browsers sign orders and work offline only over HTTPS or on the machine itself. ``names`` are
    host names, beside addresses and the machine's own name, under which the pages may be asked.
    ``name`` is the county's, shown on every page; without it the plan's title stands there.
    ``positions`` is a CSV with columns id (town code or site), x, y: a schematic map, 0..1000.
    ``drill_keys`` is a folder with the keys of a drill's invented people; used in a drill alone.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    certfile: Path | None = None
    keyfile: Path | None = None
    names: tuple[str, ...] = ()
    name: Annotated[str, Field(max_length=60)] = ""
    positions: Path | None = None
    drill_keys: Path | None = None


class CapSettings(Config):
    """Warnings of a weather or flood service (CAP 1.2): files in ``folder``, or a feed at ``url``.

    The feed is one message, or an Atom or RSS list that links to messages on the same host.
    """

    folder: Path | None = None
    url: Annotated[str, Field(pattern=r"^https?://", max_length=500)] | None = None
    every_s: Annotated[float, Field(ge=0.2, le=86_400)] = 60.0


class RulesSettings(Config):
    """Changes of plan, policy and register as acts that people sign (``wanglou rules``).

    ``signed``: files that differ from what is in force wait for a signed change. ``second``:
    another account has to approve it. ``roles`` (of the plan) may do both.
    """

    signed: bool = False
    second: bool = True
    roles: Annotated[tuple[Id, ...], Field(min_length=1)] = ("director", "deputy", "commander")
    every_s: Annotated[float, Field(ge=0.2, le=3600)] = 30.0


class ReportSettings(Config):
    """Reports that the collector writes by the clock (plan 3.1 定时分析), into ``dir``.

    Of each finished day, week or month of ``periods``, ``after_min`` minutes after it is over;
    ``trial``: also of each week at whose end an operator is in trial, what would have rung. Without
    ``dir`` they stand in ``reports`` of the state directory. No periods and no trial: none.
    """

    periods: Annotated[tuple[Literal["day", "week", "month"], ...], Field(max_length=3)] = (
        "day",
        "week",
        "month",
    )
    trial: bool = True
    after_min: Annotated[int, Field(ge=0, le=1439)] = 10
    dir: Path | None = None


class CollectorSettings(Config):
    """``collector.toml``. Without a table ``web`` the collector serves no pages."""

    collector: CollectorOptions
    county: TreeSettings
    broker: BrokerSettings = BrokerSettings()
    history: HistorySettings = HistorySettings()
    retention: RetentionSettings = RetentionSettings()
    clock: ClockSettings = ClockSettings()
    web: WebSettings | None = None
    cap: CapSettings | None = None
    rules: RulesSettings = RulesSettings()
    reports: ReportSettings = ReportSettings()


class OfficeOptions(Config):
    """The office client. ``key`` signs its receipts; ``collector_key`` is whom it believes."""

    id: Id
    state_dir: Path
    keys_dir: Path
    key: Id
    collector_key: Id = "collector"
    alive_every_s: Annotated[float, Field(ge=0.2, le=300)] = 30.0


class OfficeSettings(Config):
    """``office.toml``."""

    office: OfficeOptions
    county: TreeSettings
    broker: BrokerSettings = BrokerSettings()
    clock: ClockSettings = ClockSettings()
