"""Which retained topics there are in a configuration, and how many things are in each state."""

from __future__ import annotations

from collections import Counter

from collector import views
from collector.base import World
from collector.due import Key
from wire.topics import Topics
from wire.view import PAGE, DeviceCounts, Disclosure, IndexPage, SiteCounts

COUNTY = "county"
WARNING = "warning"
OPEN = Key("open", WARNING)
WARNINGS = Key("warnings", WARNING)
TOTALS = Key("county", COUNTY)


class Branches:
    """One configuration's topics. Counts follow ``site`` and ``device``, called per change."""

    def __init__(self, world: World) -> None:
        county = self.county = world.county
        self.levels = views.disclosures(county)
        self._sites: dict[str, list[str]] = {operator: [] for operator in county.operators}
        self._devices: dict[str, list[str]] = {operator: [] for operator in county.operators}
        self._words: dict[Key, str] = {}
        self._site_counts: dict[str, Counter[str]] = {o: Counter() for o in county.operators}
        self._device_counts: dict[str, Counter[str]] = {o: Counter() for o in county.operators}
        for site in county.sites.values():
            self._sites[site.operator].append(site.id)
            self.site(world, site.id)
        for device, operator in county.operator_of.items():
            if self.discloses(operator):
                self._devices[operator].append(device)
                self.device(world, device)

    def discloses(self, operator: str) -> bool:
        """Whether the operator's devices have topics."""
        return self.levels[operator] is not Disclosure.SITE

    def site(self, world: World, site: str) -> bool:
        """Count the site in its present state; whether that is another one."""
        operator = self.county.sites[site].operator
        word = views.site_word(world, site).value
        return self._moved(self._site_counts[operator], Key("site", operator, site), word)

    def device(self, world: World, device: str) -> bool:
        """Count the device in its present state; whether that is another one."""
        operator = self.county.operator_of[device]
        word = views.device_word(world, device).value
        return self._moved(self._device_counts[operator], Key("device", operator, device), word)

    def _moved(self, counts: Counter[str], key: Key, word: str) -> bool:
        before = self._words.get(key)
        if before == word:
            return False
        if before is not None:
            counts[before] -= 1
        counts[word] += 1
        self._words[key] = word
        return True

    def site_counts(self, operator: str) -> SiteCounts:
        return SiteCounts(**self._site_counts[operator])

    def device_counts(self, operator: str) -> DeviceCounts | None:
        """None where devices are not disclosed."""
        return DeviceCounts(**self._device_counts[operator]) if self.discloses(operator) else None

    def totals(self) -> SiteCounts:
        """The sites of all operators by state."""
        totals: Counter[str] = Counter()
        for counts in self._site_counts.values():
            totals.update(counts)
        return SiteCounts(**totals)

    def sizes(self, operator: str) -> tuple[int, int]:
        """How many sites and how many devices have a topic."""
        return len(self._sites[operator]), len(self._devices[operator])

    def pages(self, operator: str) -> int:
        return max(1, *(-(-size // PAGE) for size in self.sizes(operator)))

    def page(self, operator: str, page: int) -> IndexPage:
        """The ``page``-th of the operator's ids, from 1 on."""
        cut = slice((page - 1) * PAGE, page * PAGE)
        return IndexPage(
            operator=operator,
            page=page,
            pages=self.pages(operator),
            sites=tuple(self._sites[operator][cut]),
            devices=tuple(self._devices[operator][cut]),
        )

    def heads(self) -> list[Key]:
        """The topics that tell that somebody is there."""
        return [WARNINGS, TOTALS, *(Key("index", operator) for operator in self.county.operators)]

    def everything(self) -> list[Key]:
        keys = [OPEN, *self.heads()]
        for operator in self.county.operators:
            keys.append(Key("summary", operator))
            keys += [
                Key("page", operator, str(page)) for page in range(1, self.pages(operator) + 1)
            ]
            keys += [Key("site", operator, site) for site in self._sites[operator]]
            keys += [Key("device", operator, device) for device in self._devices[operator]]
        return keys


def head_of(key: Key) -> Key:
    """The index that tells of a topic's revision."""
    return WARNINGS if key.of == WARNING else Key("index", key.of)


def topic_of(topics: Topics, key: Key) -> str:
    of, name = key.of, key.name
    return {
        "site": topics.view_site(of, name),
        "device": topics.view_device(of, name),
        "summary": topics.view_summary(of),
        "index": topics.view_index(of),
        "page": topics.view_page(of, name),
        "county": topics.view_county,
        "open": topics.warning("open"),
        "warnings": topics.warning("index"),
    }[key.kind]
