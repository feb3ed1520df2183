"""What a shared recording no longer tells, and what it still does."""

from __future__ import annotations

from agent.recording import dumps, parse
from agent.redact import redacted

TEXT = b"""\
1.0.8802.1.1.2.1.4.1.1.5.0.1.1|4x|00127962f940
1.0.8802.1.1.2.1.4.1.1.9.0.1.1|4|core-liangcheng
1.3.6.1.2.1.1.1.0|4|router at core-yangcheng 10.1.2.3 (v1.2.3.4567)
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1
1.3.6.1.2.1.1.4.0|4|Li 4223770
1.3.6.1.2.1.1.5.0|4|core-yangcheng
1.3.6.1.2.1.1.6.0|4x|e998b3e59f8e
1.3.6.1.2.1.2.2.1.6.1|4x|00127962f940
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.4.22.1.3.2.10.1.2.9|64|10.1.2.9
1.3.6.1.2.1.14.10.1.1.10.1.2.4.0|64|10.1.2.4
1.3.6.1.2.1.15.3.1.2.10.1.2.4|2|6
1.3.6.1.2.1.15.3.1.7.10.1.2.4|64|10.1.2.4
1.3.6.1.2.1.31.1.1.1.18.1|4|to core-yangcheng, 00:12:79:62:f9:40
1.3.6.1.2.1.47.1.1.1.1.11.1|4|SN12345
1.3.6.1.4.1.99999.1.0|4|SN12345 of 10.1.2.4
1.3.6.1.4.1.99999.2.0|64|127.0.0.1
"""


def test_names_places_serials_and_addresses_are_masked_each_in_one_way() -> None:
    written = dumps(redacted(parse(TEXT, "x").objects)).decode()
    for secret in ("yangcheng", "liangcheng", "4223770", "e998b3e59f8e", "SN12345", "10.1.2.",
                   "00127962f940", "00:12:79"):  # fmt: skip
        assert secret not in written
    found = dict(line.split("|", 1) for line in written.splitlines())
    name = found["1.3.6.1.2.1.1.5.0"].removeprefix("4|")
    assert found["1.3.6.1.2.1.1.1.0"].startswith(f"4|router at {name} 198.18.")
    assert "(v1.2.3.4567)" in found["1.3.6.1.2.1.1.1.0"]
    assert found["1.3.6.1.2.1.1.2.0"] == "6|1.3.6.1.4.1.9.1.1"
    assert found["1.3.6.1.2.1.2.2.1.8.1"] == "2|1"
    assert found["1.3.6.1.2.1.2.2.1.6.1"] == found["1.0.8802.1.1.2.1.4.1.1.5.0.1.1"]
    peer = next(oid for oid in found if oid.startswith("1.3.6.1.2.1.15.3.1.7."))
    address = peer.removeprefix("1.3.6.1.2.1.15.3.1.7.")
    assert found[peer] == f"64|{address}"
    assert found[f"1.3.6.1.2.1.15.3.1.2.{address}"] == "2|6"
    assert found[f"1.3.6.1.2.1.14.10.1.1.{address}.0"] == f"64|{address}"
    assert found["1.3.6.1.4.1.99999.1.0"].endswith(f" of {address}")
    assert found["1.3.6.1.4.1.99999.2.0"] == "64|127.0.0.1"
    assert not any(oid.startswith("1.3.6.1.2.1.4.22.") for oid in found)


def test_a_short_name_is_masked_where_it_is_a_word_of_its_own() -> None:
    text = (
        b"1.3.6.1.2.1.1.1.0|4|Linux vm 6.1 vmlinuz\n1.3.6.1.2.1.1.5.0|4|vm\n1.3.6.1.2.1.1.6.0|4|\n"
    )
    written = dumps(redacted(parse(text, "x").objects))
    assert b"|4|Linux masked-1 6.1 vmlinuz\n" in written
    assert b"1.3.6.1.2.1.1.6.0|4|\n" in written
