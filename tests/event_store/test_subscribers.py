from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from event_store import Event, NewEvent, RecordedEvent, event_store, subscriber
from event_store.exceptions import BrokenTransaction, InvalidSubscriber, SubscribersNestedTooDeeply
from event_store.subscribers import Subscriber, SubscriberRegistry, durable_subscribers
from tests.event_store.sample import Counted, Noted, NotedLoudly
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen() -> list[RecordedEvent[Any]]:
    return []


def test_a_subscriber_is_called_with_the_recorded_event(seen: list[RecordedEvent[Any]]) -> None:
    @subscriber(Noted)
    def note(event: RecordedEvent[Noted]) -> None:
        seen.append(event)

    published = event_store.publish([Noted(text="a"), Counted(number=1), NotedLoudly(text="b")], stream="s")

    assert seen == [published[0], published[2]]


def test_event_stands_for_all_events(seen: list[RecordedEvent[Any]]) -> None:
    subscriber(Event)(seen.append)

    event_store.publish([Noted(), Counted(number=1)], stream="s")

    assert [event.type for event in seen] == ["sample.Noted", "sample.Counted"]


def test_append_calls_nobody(seen: list[RecordedEvent[Any]]) -> None:
    subscriber(Event)(seen.append)

    event_store.append(Noted(), stream="s")

    assert seen == []


def test_subscribers_are_called_in_the_order_of_their_registration() -> None:
    order: list[str] = []
    subscriber(Noted, name="first")(lambda event: order.append("first"))
    subscriber(Event, name="second")(lambda event: order.append("second"))
    subscriber(Noted, name="third")(lambda event: order.append("third"))

    event_store.publish(Noted(), stream="s")

    assert order == ["first", "second", "third"]


def test_an_error_undoes_the_publish_and_leaves_the_outer_transaction_usable() -> None:
    @subscriber(Counted)
    def refuse(event: RecordedEvent[Counted]) -> None:
        event_store.publish(Noted(), stream="reaction")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        event_store.publish(Counted(number=1), stream="s")
    event_store.publish(Noted(), stream="after")

    assert [event.stream for event in event_store.events] == ["after"]


def test_what_a_subscriber_publishes_names_its_cause() -> None:
    @subscriber(Counted)
    def react(event: RecordedEvent[Counted]) -> None:
        event_store.publish(Noted(), stream="reaction")

    [cause] = event_store.publish(Counted(number=1), stream="s")
    effect = event_store.events.in_stream("reaction").first()

    assert effect is not None
    assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.id)


def test_without_a_subscriber_there_is_no_extra_statement() -> None:
    event_store.publish(Noted(), stream="s")
    with CaptureQueriesContext(connection) as published:
        event_store.publish(Noted(), stream="s")
    with CaptureQueriesContext(connection) as appended:
        event_store.append(Noted(), stream="s")

    assert len(published) == len(appended)


@pytest.mark.parametrize("classes", [(), (int,), ("sample.Noted",), (Noted(),), (None,)])
def test_what_is_no_event_class_is_refused(classes: Any) -> None:
    with pytest.raises(InvalidSubscriber, match="@subscriber"):
        subscriber(*classes)


def test_forgetting_the_brackets_is_refused() -> None:
    with pytest.raises(InvalidSubscriber, match="not an event class"):

        @subscriber  # type: ignore[arg-type]
        def note(event: RecordedEvent[Noted]) -> None: ...


def test_two_functions_of_one_name_are_refused() -> None:
    subscriber(Noted, name="letters")(test_event_stands_for_all_events)

    with pytest.raises(InvalidSubscriber, match="Two subscribers are named 'letters'"):
        subscriber(Noted, name="letters")(test_append_calls_nobody)


def test_of_two_durable_ones_of_a_name_the_first_keeps_its_checkpoint() -> None:
    subscriber(Noted, durable=True, name="letters")(test_event_stands_for_all_events)
    subscriber(Noted, durable=True, name="letters")(test_append_calls_nobody)

    found = durable_subscribers.get("letters")
    assert found is not None
    assert found.given is test_event_stands_for_all_events
    assert "Two subscribers are named 'letters'" in durable_subscribers.complaints()[0]


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", 5])
def test_a_wrong_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidSubscriber, match="name"):
        subscriber(Noted, name=name)(test_append_calls_nobody)


def tell_the_tests(event: RecordedEvent[Noted]) -> None: ...


def test_the_name_is_the_dotted_path() -> None:
    subscriber(Noted, durable=True)(tell_the_tests)

    found = durable_subscribers.get("tests.event_store.test_subscribers.tell_the_tests")
    assert found is not None
    assert found.handle is tell_the_tests


@pytest.mark.parametrize("handler", [lambda event: None, partial(print, 1), [].append])
def test_a_durable_subscriber_without_a_path_of_its_own_needs_a_name(handler: Any) -> None:
    with pytest.raises(InvalidSubscriber, match="give it a name="):
        subscriber(Noted, durable=True)(handler)


def test_a_function_decorated_twice_gets_the_events_of_both() -> None:
    seen: list[str] = []

    @subscriber(Noted)
    @subscriber(Counted)
    def read(event: RecordedEvent[Any]) -> None:
        seen.append(event.type)

    event_store.publish([Noted(), Counted(number=1)], stream="s")

    assert seen == ["sample.Noted", "sample.Counted"]


def test_functions_made_by_one_factory_are_two_subscribers() -> None:
    seen: list[str] = []

    def make(word: str) -> None:
        @subscriber(Noted)
        def read(event: RecordedEvent[Noted]) -> None:
            seen.append(word)

    make("a")
    make("b")
    event_store.publish(Noted(), stream="s")

    assert seen == ["a", "b"]


def test_a_swallowed_database_error_does_not_make_publish_lie() -> None:
    Group.objects.create(name="taken")

    @subscriber(Noted)
    def insert(event: RecordedEvent[Noted]) -> None:
        with suppress(IntegrityError):
            Group.objects.create(name="taken")

    with pytest.raises(BrokenTransaction, match=r"transaction\.atomic\(\)") as raised:
        event_store.publish(Noted(), stream="s")
    assert not event_store.events.exists()
    assert "insert" in raised.value.__notes__[0]


class Refused(Exception):
    pass


def test_an_error_keeps_its_class_and_names_each_subscriber_on_its_way() -> None:
    @subscriber(Counted, name="inner")
    def refuse(event: RecordedEvent[Counted]) -> None:
        raise Refused("no")

    @subscriber(Noted, name="outer")
    def count(event: RecordedEvent[Noted]) -> None:
        event_store.publish(NewEvent(Counted(number=1), id=UUID(int=2)), stream="t")

    with pytest.raises(Refused, match="no") as raised:
        event_store.publish(NewEvent(Noted(), id=UUID(int=1)), stream="s")

    assert raised.value.__notes__ == [
        f"Raised in the subscriber inner, called with sample.Counted {UUID(int=2)}.",
        f"Raised in the subscriber outer, called with sample.Noted {UUID(int=1)}.",
    ]


def test_a_reaction_to_a_reaction_names_the_nearest_cause() -> None:
    @subscriber(Counted)
    def count_down(event: RecordedEvent[Counted]) -> None:
        if event.data.number:
            event_store.publish(Counted(number=event.data.number - 1), stream="s")

    [first] = event_store.publish(Counted(number=2), stream="s")
    _, second, third = event_store.events

    assert (second.causation_id, third.causation_id) == (first.id, second.id)
    assert {second.correlation_id, third.correlation_id} == {first.id}


def test_subscribers_may_nest_to_a_depth_of_32() -> None:
    @subscriber(Counted)
    def count_down(event: RecordedEvent[Counted]) -> None:
        if event.data.number > 1:
            event_store.publish(Counted(number=event.data.number - 1), stream="s")

    event_store.publish(Counted(number=32), stream="s")

    assert event_store.events.count() == 32


def test_a_circle_of_subscribers_is_refused_and_named() -> None:
    subscriber(Noted, name="ping")(lambda event: event_store.publish(Counted(number=1), stream="s"))
    subscriber(Counted, name="pong")(lambda event: event_store.publish(Noted(), stream="s"))

    with pytest.raises(SubscribersNestedTooDeeply, match=r"33 deep .* ping -> pong -> ping\.") as raised:
        event_store.publish(Noted(), stream="s")

    assert raised.value.chain == ("ping", "pong") * 16 + ("ping",)
    assert not event_store.events.exists()


def test_after_a_refused_circle_others_publish_as_before(seen: list[RecordedEvent[Any]]) -> None:
    subscriber(Noted, name="again")(lambda event: event_store.publish(Noted(), stream="s"))
    subscriber(Counted)(seen.append)
    for _ in range(2):
        with pytest.raises(SubscribersNestedTooDeeply):
            event_store.publish(Noted(), stream="s")

    assert event_store.publish(Counted(number=1), stream="s") == seen


def test_who_is_registered_while_a_publish_runs_is_called_from_the_next_on(seen: list[RecordedEvent[Any]]) -> None:
    @subscriber(Counted)
    def register(event: RecordedEvent[Counted]) -> None:
        subscriber(Noted, name="later")(seen.append)

    event_store.publish([Counted(number=1), Noted(text="a")], stream="s")
    event_store.publish(Noted(text="b"), stream="s")

    assert [event.data.text for event in seen] == ["b"]


def test_a_registration_in_another_thread_is_never_lost() -> None:
    registry = SubscriberRegistry()
    names = [f"subscriber {number}" for number in range(200)]

    def register(chosen: list[str]) -> None:
        for name in chosen:
            registry.add(Subscriber(name, (Noted,), print))
            assert name in [each.name for each in registry.wanting(Noted, store="default")]

    failures = at_once([partial(register, names[start::4]) for start in range(4)])

    assert failures == [None] * 4
    assert {each.name for each in registry.wanting(Noted, store="default")} == set(names)


def test_an_answer_that_a_registration_overtakes_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = SubscriberRegistry()
    answer = registry.all

    def overtaken() -> list[Subscriber]:
        old = answer()
        monkeypatch.undo()
        registry.add(Subscriber("new", (Noted,), print))
        return old

    monkeypatch.setattr(registry, "all", overtaken)

    assert registry.wanting(Noted, store="default") == ()
    assert [each.name for each in registry.wanting(Noted, store="default")] == ["new"]
