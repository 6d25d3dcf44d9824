"""What users subclass: attributes that events have changed, and decisions that record new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from event_store.events import Event, RecordedEvent
from event_store.exceptions import InvalidAggregate, InvalidStreamName
from event_store.streams import check_stream_name

M = TypeVar("M", bound=Callable[..., None])

aggregate_classes: dict[str, type[Aggregate]] = {}
"""By category; of several with the same one the last."""


def applies(*event_classes: type[Event]) -> Callable[[M], M]:
    """
    Mark the method that changes an aggregate's attributes when one of these events has happened.

    Raises:
        InvalidAggregate: no event class is given, or something else.
    """
    for each in event_classes:
        if not (isinstance(each, type) and issubclass(each, Event)):
            raise InvalidAggregate(f"@applies takes classes of events, not {each!r}.")
    if not event_classes:
        raise InvalidAggregate("@applies names the events that the method applies: @applies(OrderPlaced).")

    def mark(method: M) -> M:
        method.applies_events = event_classes  # type: ignore[attr-defined]
        return method

    return mark


class Aggregate:
    """
    What past events of one stream amount to, and the decisions that are made from it.

    Class attributes:
        category: its streams are `category$id`; the class's name if left out.
        snapshot_every: after so many events its attributes are kept, so that the next one who loads it reads only the
            events behind them; None for never.
        snapshot_version: 1 or more; raise it when what the class calls has changed what its events amount to. A change of
            the class itself is noticed.

    Attributes:
        version: position of the last stored event, -1 when there is none.
        recorded: events that were decided on and are not stored yet.
    """

    category: ClassVar[str] = ""
    snapshot_every: ClassVar[int | None] = None
    snapshot_version: ClassVar[int] = 1
    _appliers: ClassVar[Mapping[type[Event], str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.category = cls.__dict__.get("category", cls.__name__)
        cls._appliers = {**cls._appliers, **_appliers_of(cls)}
        _check(cls)
        aggregate_classes[cls.category] = cls

    def __init__(self, aggregate_id: str) -> None:
        self.id = aggregate_id
        self.version = -1
        self.recorded: list[Event] = []

    @property
    def stream(self) -> str:
        return f"{self.category}${self.id}"

    def record(self, event: Event) -> None:
        """Decide that this has happened: applied at once, stored by the repository."""
        self.apply(event)
        self.recorded.append(event)

    def apply(self, event: Any) -> None:
        """Change the attributes. The nearest class of an event counts; one without a method changes none."""
        for event_class in type(event).__mro__:
            if event_class in self._appliers:
                getattr(self, self._appliers[event_class])(event)
                return

    def load(self, events: Iterable[RecordedEvent[Any]]) -> None:
        """Apply what is stored."""
        for event in events:
            self.apply(event.data)
            self.version = event.position if event.position is not None else self.version


def _appliers_of(cls: type[Aggregate]) -> dict[type[Event], str]:
    appliers: dict[type[Event], str] = {}
    for name, method in vars(cls).items():
        for event_class in getattr(method, "applies_events", ()):
            if event_class in appliers:
                raise InvalidAggregate(
                    f"{cls.__name__}.{appliers[event_class]} and {cls.__name__}.{name} both apply {event_class.__name__}: "
                    "one of them has to."
                )
            appliers[event_class] = name
    return appliers


def _check(cls: type[Aggregate]) -> None:
    if not isinstance(cls.category, str) or not cls.category or "$" in cls.category:
        raise InvalidAggregate(f"{cls.__name__}.category is {cls.category!r}: a text without $, not empty.")
    try:
        check_stream_name(f"{cls.category}$1", argument="category")
    except InvalidStreamName as error:
        raise InvalidAggregate(f"{cls.__name__}.category is {cls.category!r}: {error}") from error
    for name in ("snapshot_every", "snapshot_version"):
        value = getattr(cls, name)
        if value is None and name == "snapshot_every":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidAggregate(f"{cls.__name__}.{name} is {value!r}: a whole number from 1.")
