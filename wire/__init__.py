"""The words that cross a process border: models, topics, codec.

Standard library and pydantic only. Nothing here reads a clock, a file or a socket.

Conventions of the wire, everywhere:

* stamps are integer milliseconds since the Unix epoch, UTC (``at_ms``);
* ids match ``[A-Za-z0-9][A-Za-z0-9._-]{0,63}`` so that they are safe as MQTT topic levels;
* every model is strict, frozen, refuses unknown keys, NaN and infinity (FAULTS F30).
"""
