"""InfluxDB's line protocol, encoded by us: aioinflux writes None as text and mis-escapes.

One line per row of a block: ``profile,device=D[,instance=I] metric=value,… nanoseconds``. An
empty instance is no tag; a row without any value is no line. All numbers are floats: InfluxDB
fixes a field's type at its first value and refuses the other kind for ever, and a JSON number is
now an int, now a float. No integer over 2**53 is lost by that, because counters travel as rates.

https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wire.observation import Block

MOST_MS: Final = 9_223_372_036_854
"""The last millisecond that fits InfluxDB's nanoseconds (the year 2262)."""

_TAG: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_PLAIN: Final = {"%": "%25", "\\": "%5C"} | {chr(c): f"%{c:02X}" for c in (*range(32), 127)}
_SAFE: Final = str.maketrans(_PLAIN)


def plain(text: str) -> str:
    r"""The text as it is stored: backslash, percent and control characters as %XX.

    A backslash at the end of a tag would escape what follows it, and a line feed ends the line;
    neither has an escape of its own in InfluxDB 1.x.
    """
    return text.translate(_SAFE)


def escape(text: str) -> str:
    """A tag value, tag key, field key or measurement. All four take these escapes."""
    return plain(text).translate(_TAG)


def lines(block: Block) -> Iterator[str]:
    """The lines of a block. Rows whose stamp does not fit are left out (``unfit`` counts them)."""
    measurement = escape(block.profile)
    names = [escape(metric) for metric in block.metrics]
    heads: dict[tuple[str, str], str] = {}
    columns = zip(*block.columns, strict=True)
    for device, instance, at_ms, values in zip(
        block.device, block.instance, block.at_ms, columns, strict=True
    ):
        if at_ms > MOST_MS:
            continue
        fields = ",".join(
            f"{name}={float(value)!r}"
            for name, value in zip(names, values, strict=True)
            if value is not None
        )
        if not fields:
            continue
        head = heads.get((device, instance))
        if head is None:
            tag = f",instance={escape(instance)}" if instance else ""
            head = heads[device, instance] = f"{measurement},device={escape(device)}{tag}"
        yield f"{head} {fields} {at_ms}000000"


def unfit(block: Block) -> int:
    """How many rows have a stamp that InfluxDB cannot hold."""
    return sum(at_ms > MOST_MS for at_ms in block.at_ms)


def quoted(text: str) -> str:
    """A string literal of InfluxQL for a stored tag value."""
    return "'" + plain(text).replace("'", r"\'") + "'"


def identifier(text: str) -> str:
    """An identifier of InfluxQL for a stored field or measurement."""
    return '"' + plain(text).replace('"', r"\"") + '"'
