"""The two pieces of work that every poller gets: a GET of 10 values, a GETBULK of 24 x 6."""

from __future__ import annotations

from typing import Final

from agent import ber, snmp
from agent.ber import RawValue
from agent.query import Query, TableQuery
from agent.snmp import Varbind

COMMUNITY: Final = b"public"
ROWS: Final = 24

_TYPES: Final[tuple[tuple[int, RawValue], ...]] = (
    (ber.TIME_TICKS, 123_456_789),
    (ber.INTEGER, 1),
    (ber.GAUGE32, 1_000_000_000),
    (ber.COUNTER32, 3_000_000_000),
    (ber.COUNTER64, 2**40 + 12345),
    (ber.GAUGE32, 42),
    (ber.COUNTER32, 77_777),
    (ber.INTEGER, -40),
    (ber.COUNTER64, 2**52 + 1),
    (ber.OCTET_STRING, b"a device's name"),
)
SCALARS: Final = tuple(f"1.3.6.1.4.1.99999.1.{number}.0" for number in range(1, 11))
COLUMNS: Final = {
    "1.3.6.1.2.1.2.2.1.8": (ber.INTEGER, 1),
    "1.3.6.1.2.1.2.2.1.14": (ber.COUNTER32, 1234),
    "1.3.6.1.2.1.2.2.1.20": (ber.COUNTER32, 5678),
    "1.3.6.1.2.1.31.1.1.1.6": (ber.COUNTER64, 2**42 + 99),
    "1.3.6.1.2.1.31.1.1.1.10": (ber.COUNTER64, 2**41 + 99),
    "1.3.6.1.2.1.31.1.1.1.15": (ber.GAUGE32, 10_000),
}
GET: Final = Query(scalars=tuple(map(ber.oid_content, SCALARS)))
BULK: Final = Query(tables=(TableQuery(tuple(map(ber.oid_content, COLUMNS))),))


def get_reply() -> snmp.Template:
    """The reply to GET, but for the request id."""
    return _reply([Varbind(ber.oid_content(o), *v) for o, v in zip(SCALARS, _TYPES, strict=True)])


def bulk_reply() -> snmp.Template:
    """The reply to BULK in one datagram: 24 rows, and the one beyond that tells the end."""
    bound = [
        Varbind(ber.oid_content(f"{column}.{row}"), *value)
        for row in range(1, ROWS + 1)
        for column, value in COLUMNS.items()
    ]
    bound += [
        Varbind(ber.oid_content(f"{column.rpartition('.')[0]}.{int(column.split('.')[-1]) + 1}.1"),
                ber.INTEGER, 0)
        for column in COLUMNS
    ]  # fmt: skip
    return _reply(bound)


def _reply(bound: list[Varbind]) -> snmp.Template:
    data = snmp.encode_message(snmp.V2C, COMMUNITY, snmp.RESPONSE, snmp.FIRST_ID, 0, 0, bound)
    at = snmp.decode_message(data).id_at
    return snmp.Template(data[:at], data[at + 4 :])
