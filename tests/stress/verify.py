"""What must hold when everything has settled, asked of the tables and of what the writers know."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.stress.settings")


@dataclass
class Findings:
    """Empty lists and zeros, or something is wrong; the other numbers say how much was tried."""

    events: int = 0
    acknowledged: int = 0
    rolled_back: int = 0
    effects: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    twice: dict[str, int] = field(default_factory=dict)
    out_of_order: dict[str, int] = field(default_factory=dict)
    lost_acknowledged: int = 0
    resurrected: int = 0
    streams_with_holes: list[str] = field(default_factory=list)
    parked: int = 0
    not_followed: int = 0
    take_overs: int = 0
    lost_by_naive_reader: int = 0

    def faults(self) -> dict[str, object]:
        names = (
            "missed", "twice", "out_of_order", "lost_acknowledged", "resurrected", "streams_with_holes", "parked",
            "not_followed",
        )  # fmt: skip
        return {name: value for name in names if (value := getattr(self, name))}


def findings(folder: Path) -> Findings:
    django.setup()
    # Only once Django is set up.
    from event_store.models import FailedEvent, StoredEvent, Stream, StreamLink, Subscription
    from tests.stress.app.models import Effect
    from tests.stress.app.subscribers import FEED

    found = Findings()
    stored = dict(StoredEvent.objects.values_list("event_id", "pk"))
    types = dict(StoredEvent.objects.values_list("pk", "type"))
    categories = dict(StoredEvent.objects.values_list("pk", "category"))
    ours = {position for position, kind in types.items() if kind in ("stress.Written", "stress.Other")}
    others = {position for position, kind in types.items() if kind == "stress.Other"}
    feed = list(StreamLink.objects.filter(stream__name=FEED).order_by("position").values_list("event_id", flat=True))
    wanted = {
        "everything": ours,
        "in four": ours,
        "in batches": ours,
        "by type": others,
        "following": others,
        "by category": {position for position, category in categories.items() if category == "Order"},
        "one stream": set(feed),
    }
    found.events = len(ours)
    for subscription, positions in wanted.items():
        effects = list(Effect.objects.filter(subscription=subscription).order_by("pk"))
        counts = Counter(effect.event_position for effect in effects)
        found.effects += len(effects)
        if missed := len(positions - counts.keys()):
            found.missed[subscription] = missed
        if twice := sum(number - 1 for number in counts.values()) + len(counts.keys() - positions):
            found.twice[subscription] = twice
        in_streams: dict[str, list[int]] = defaultdict(list)
        for effect in effects:
            in_streams[effect.stream].append(effect.stream_position)
        if wrong := sum(each != sorted(each) for each in in_streams.values()):
            found.out_of_order[subscription] = wrong
    in_order = [effect.event_position for effect in Effect.objects.filter(subscription="everything").order_by("pk")]
    if in_order != sorted(in_order):
        found.out_of_order["everything, in the whole store"] = 1
    acknowledged, undone = _ids(folder, "committed-*"), _ids(folder, "undone-*")
    found.acknowledged, found.rolled_back = len(acknowledged), len(undone)
    found.lost_acknowledged = len(acknowledged - stored.keys())
    found.resurrected = len(undone & stored.keys())
    for stream in Stream.objects.all():
        positions = list(stream.links.order_by("position").values_list("position", flat=True))
        if positions != list(range(stream.version + 1)):
            found.streams_with_holes.append(stream.name)
    found.parked = FailedEvent.objects.count()
    followed = Counter(StoredEvent.objects.filter(type="stress.Followed").values_list("data__position", flat=True))
    found.not_followed = len(others ^ followed.keys()) + sum(number - 1 for number in followed.values())
    found.take_overs = sum(Subscription.objects.values_list("fence", flat=True))
    seen = {int(line) for line in (folder / "naive").read_text().split()} if (folder / "naive").exists() else ours
    # Only what it has passed by: it may have been ended before it came to the last ones.
    found.lost_by_naive_reader = len({position for position in ours - seen if position < max(seen, default=0)})
    return found


def _ids(folder: Path, pattern: str) -> set[UUID]:
    # The last line of a killed process may be cut.
    lines = [line for file in folder.glob(pattern) for line in file.read_text().split("\n")[:-1]]
    return {UUID(line) for line in lines if len(line) == 36}


def main(folder: str) -> None:
    import msgspec

    print(msgspec.json.encode(findings(Path(folder))).decode())


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
