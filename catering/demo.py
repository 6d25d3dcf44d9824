"""Three weeks of a caterer's office, made up from a seed: what is to happen when, in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import NAMESPACE_URL, uuid5

from catering import order_desk
from catering.exceptions import OrderRefused
from catering.models import Caterer
from event_store import event_store

WEEKS = timedelta(weeks=3)

# What becomes of an order, in so many of a hundred cases; what has not happened by now is waited for.
FATES = {
    "agree": 66,
    "any menu will do": 5,
    "caterer never answers": 9,
    "customer never answers": 6,
    "nobody answers": 3,
    "caterer declines": 6,
    "customer declines": 3,
    "cancelled": 2,
}

CATERERS = (
    ("green-fork", "The Green Fork"),
    ("harbour-kitchen", "Harbour Kitchen"),
    ("casa-lucia", "Casa Lucía"),
    ("bakehouse-nine", "Bakehouse Nine"),
    ("fire-and-oak", "Fire & Oak"),
    ("spice-route", "Spice Route"),
    ("little-garden", "Little Garden"),
    ("north-sea-table", "North Sea Table"),
)

# Name, caterer, usual price per guest, what is served.
MENUS = (
    ("Autumn vegan", "green-fork", 32, "Pumpkin soup, mushroom pie, pear crumble"),
    ("Mezze to share", "green-fork", 28, "Eight cold and warm plates, flatbread, halva"),
    ("Fish from the harbour", "harbour-kitchen", 46, "Smoked trout, cod with fennel, lemon tart"),
    ("Cold buffet", "harbour-kitchen", 35, "Salmon, roast beef, five salads, bread"),
    ("Tapas evening", "casa-lucia", 38, "Ten tapas, two of them hot, crema catalana"),
    ("Paella from the pan", "casa-lucia", 34, "Cooked on the spot, with seafood or vegetables"),
    ("Breakfast for a meeting", "bakehouse-nine", 14, "Croissants, fruit, yoghurt, coffee and tea"),
    ("Sandwich lunch", "bakehouse-nine", 16, "Three sandwiches a head, soup, cake"),
    ("Grill in the yard", "fire-and-oak", 36, "Steaks, sausages, halloumi, corn, potato salad"),
    ("Slow roast", "fire-and-oak", 39, "Pork shoulder, root vegetables, apple strudel"),
    ("Curry night", "spice-route", 27, "Dal, paneer, chicken tikka, rice, naan, mango kulfi"),
    ("Thali", "spice-route", 24, "Seven small dishes on one tray, vegetarian"),
    ("Garden party", "little-garden", 31, "Finger food, quiches, strawberries and cream"),
    ("Vegetarian three courses", "little-garden", 42, "Beetroot tartare, risotto, chocolate mousse"),
    ("Winter table", "north-sea-table", 37, "Kale, smoked sausage, red fruit jelly"),
    ("Oysters and wine", "north-sea-table", 64, "Oysters, rye bread, two white wines"),
)

CUSTOMERS = (
    "Anna Bergström", "Baker & Sons", "Chess club Westend", "Dr. Okafor’s practice", "Elif Yılmaz", "Fairview school",
    "Grünwald architects", "Hannah and Leo", "Institute of Geography", "Joana Pereira", "Kowalski family",
    "Library friends", "Maple Street choir", "Nguyen & partners", "Orchard nursery", "Petra Novák",
    "Quay 7 gallery", "Rivertown football club", "Seiko Tanaka", "Tuesday book circle", "Uwe Lindemann",
    "Vera’s 60th birthday", "Workshop for bicycles", "Xenia Papadakis", "Young engineers", "Zoe and Max",
)  # fmt: skip

CONDITIONS = (
    "", "", "", "No nuts", "Half of the guests are vegetarian", "Two guests need gluten-free food", "Outdoors, no power",
    "Third floor, no lift", "Served by 12:30", "Halal", "Children’s portions for six", "Plates and glasses included",
)  # fmt: skip

GUESTS = (8, 12, 15, 20, 24, 30, 40, 45, 60, 80, 120)

REASONS_OF_CATERERS = ("Fully booked on that day", "Too many guests for our kitchen", "The fish is out of season")
REASONS_OF_CANCELLING = ("The party is called off", "No answer for days: they have booked elsewhere")
REASONS_OF_CUSTOMERS = ("Too dear for us", "We would rather have something warm", "Two guests cannot eat this")


Menu = tuple[str, str, int, str]


@dataclass(order=True)
class Happening:
    """Something that somebody does at a time; sorted by time."""

    at: datetime
    number: int
    do: Callable[[], object] = field(compare=False)

    def happen(self) -> bool:
        """
        Do it at its time, the events' ids and times included.

        Returns:
            False if it was refused: an answer to an order that has been closed before, for instance.
        """
        with event_store.clock(_ticking_from(self.at)):
            try:
                self.do()
            except OrderRefused:
                return False
        return True


def load_caterers() -> None:
    """The demo's caterers, where they are missing."""
    Caterer.objects.bulk_create(
        [
            Caterer(key=key, name=name, email=f"kitchen@{key}.example", phone=f"+44 20 7946 0{number:03}")
            for number, (key, name) in enumerate(CATERERS, start=11)
        ],
        ignore_conflicts=True,
    )


def happenings(*, seed: int, orders: int, now: datetime) -> list[Happening]:
    """
    All that happened before `now`, the oldest first. Same arguments, same list.

    Args:
        orders: how many, spread over the three weeks before `now`.
        now: aware.
    """
    random = Random(seed)  # noqa: S311 - the same each time is the point
    placed_at = sorted(now - WEEKS * random.uniform(0.002, 1) for _ in range(orders))
    stories = [
        _Story(str(order_desk.FIRST_NUMBER + index), seed=seed, random=random, start=at)
        for index, at in enumerate(placed_at)
    ]
    everything = itertools.chain.from_iterable(story.tell() for story in stories)
    return sorted(each for each in everything if each.at < now)


class _Story:
    """What becomes of one order."""

    def __init__(self, order_id: str, *, seed: int, random: Random, start: datetime) -> None:
        self.order_id, self.random, self.time = order_id, random, start
        self._ids = (uuid5(NAMESPACE_URL, f"catering:demo:{seed}:{order_id}:{number}") for number in itertools.count())
        self._number = itertools.count(int(order_id) * 100)

    def tell(self) -> Iterator[Happening]:
        [fate] = self.random.choices(list(FATES), list(FATES.values()))
        yield self._place()
        menus = self.random.sample(MENUS, k=self.random.choice((1, 2, 2, 3)))
        for menu in menus:
            yield self._suggest(menu, hours=(0.3, 9))
        yield from self._answers(fate, menus)

    def _answers(self, fate: str, menus: list[Menu]) -> Iterator[Happening]:
        chosen, others = menus[0], menus[1:]
        if fate == "cancelled":
            yield self._cancel(hours=(2, 50))
        elif fate == "customer declines":
            for menu in menus:
                yield self._customer(menu, confirms=False, hours=(1, 20))
        elif fate == "caterer declines":
            yield self._customer(chosen, confirms=True, hours=(1, 20))
            yield self._caterer(chosen, confirms=False, hours=(2, 20))
            yield from self._second_try(menus)
        else:
            yield from self._in_any_order(fate, chosen, others)

    def _in_any_order(self, fate: str, chosen: Menu, others: list[Menu]) -> Iterator[Happening]:
        suggested_at = self.time
        if fate not in ("customer never answers", "nobody answers"):
            yield self._customer(None if fate == "any menu will do" else chosen, confirms=True, hours=(1, 44))
            if others and self.random.random() < 0.3:
                yield self._customer(others[0], confirms=False, hours=(0, 0.1))
        self.time = suggested_at
        if fate not in ("caterer never answers", "nobody answers"):
            yield self._caterer(chosen, confirms=True, hours=(1, 60))
        for other in others:
            if self.random.random() < 0.35 and fate != "nobody answers":
                self.time = suggested_at
                yield self._caterer(other, confirms=self.random.random() < 0.7, hours=(3, 60))
        if fate.endswith("answers") and self.random.random() < 0.6:
            # Somebody in the office loses patience; a refusal where the order was confirmed after all.
            yield self._cancel(hours=(100, 200))

    def _second_try(self, menus: list[Menu]) -> Iterator[Happening]:
        if self.random.random() < 0.5:
            another = self.random.choice([each for each in MENUS if each not in menus])
            yield self._suggest(another, hours=(3, 12))
            yield self._caterer(another, confirms=True, hours=(2, 20))
            yield self._customer(another, confirms=True, hours=(2, 30))

    def _place(self) -> Happening:
        random, event_id, date = self.random, next(self._ids), self.time.date()
        customer_name, conditions = random.choice(CUSTOMERS), random.choice(CONDITIONS)
        guests, days = random.choice(GUESTS), random.randint(24, 90)
        return self._then(
            (0, 0),
            lambda: order_desk.place_order(
                customer_name=customer_name,
                guests=guests,
                date=date + timedelta(days=days),
                conditions=conditions,
                event_id=event_id,
            ),
        )

    def _suggest(self, menu: Menu, *, hours: tuple[float, float]) -> Happening:
        name, caterer, usual_price, details = menu
        price, event_id = usual_price + Decimal(self.random.randint(-6, 8)) / 2, next(self._ids)
        return self._then(
            hours,
            lambda: order_desk.suggest_menu(
                self.order_id, menu=name, caterer_id=caterer, price_per_guest=price, details=details, event_id=event_id
            ),
        )

    def _customer(self, menu: Menu | None, *, confirms: bool, hours: tuple[float, float]) -> Happening:
        menu_id, event_id = _menu_id(menu), next(self._ids)
        reason = "" if confirms else self.random.choice(REASONS_OF_CUSTOMERS)
        return self._then(
            hours,
            lambda: order_desk.answer_for_customer(
                self.order_id, menu_id=menu_id, confirms=confirms, reason=reason, event_id=event_id
            ),
        )

    def _caterer(self, menu: Menu, *, confirms: bool, hours: tuple[float, float]) -> Happening:
        menu_id, event_id = _menu_id(menu) or "", next(self._ids)
        reason = "" if confirms else self.random.choice(REASONS_OF_CATERERS)
        return self._then(
            hours,
            lambda: order_desk.answer_for_caterer(
                self.order_id,
                caterer_id=menu[1],
                menu_id=menu_id,
                confirms=confirms,
                reason=reason,
                event_id=event_id,
            ),
        )

    def _cancel(self, *, hours: tuple[float, float]) -> Happening:
        reason, event_id = self.random.choice(REASONS_OF_CANCELLING), next(self._ids)
        return self._then(hours, lambda: order_desk.cancel_order(self.order_id, reason=reason, event_id=event_id))

    def _then(self, hours: tuple[float, float], do: Callable[[], object]) -> Happening:
        self.time += timedelta(seconds=round(self.random.uniform(*hours) * 3600))
        return Happening(self.time, next(self._number), do)


def _menu_id(menu: Menu | None) -> str | None:
    return None if menu is None else menu[0].lower().replace(" ", "-")


def _ticking_from(start: datetime) -> Callable[[], datetime]:
    # What follows from an event (links, a command and its event) comes a moment after it.
    moments = itertools.count()
    return lambda: start + timedelta(milliseconds=40) * next(moments)
