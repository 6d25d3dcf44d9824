from __future__ import annotations

from typing import Any

import pytest

from event_store import Command, dispatch, event_store, handles, type_of
from event_store.exceptions import DuplicateCommandHandler, InvalidEvent, UnhandledCommand
from tests.event_store.sample import Confirm, Noted


@pytest.mark.django_db
def test_dispatch_calls_the_handler_and_gives_back_its_answer() -> None:
    class Add(Command, type="sample.Add"):
        one: int
        two: int

    @handles(Add)
    def add(command: Add) -> int:
        return command.one + command.two

    assert dispatch(Add(one=1, two=2)) == 3


@pytest.mark.django_db
def test_what_a_handler_publishes_was_caused_by_the_command() -> None:
    with event_store.metadata(user=7):
        dispatch(Confirm(order_id="42"))
        dispatch(Confirm(order_id="42"))
    first, second = event_store.events.in_stream("Order$42")

    assert first.causation_id != second.causation_id
    assert first.causation_id is not None
    assert first.metadata == {"user": 7}


def test_a_command_is_checked_like_an_event() -> None:
    with pytest.raises(InvalidEvent, match=r"Confirm\.order_id"):
        Confirm(order_id=42)  # type: ignore[arg-type]
    assert type_of(Confirm) == "sample.Confirm"


def test_a_command_that_nobody_handles() -> None:
    class Lonely(Command, type="sample.Lonely"):
        pass

    with pytest.raises(UnhandledCommand, match=r"@handles\(Lonely\)"):
        dispatch(Lonely())


def test_a_command_with_two_handlers_is_handled_by_neither() -> None:
    @handles(Confirm)
    def confirm_too(command: Confirm) -> None: ...

    with pytest.raises(
        DuplicateCommandHandler, match=r"Confirm is handled by .*sample\.confirm and .*\.confirm_too: take"
    ):
        dispatch(Confirm(order_id="1"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_attempts": 0}, "max_attempts is 0: a whole number from 1"),
        ({"max_attempts": True}, "max_attempts is True"),
        ({"timeout": 0}, "timeout is 0: seconds, more than 0"),
        ({"timeout": 100_000}, "less than a day"),
        ({"timeout": "1"}, "timeout is '1'"),
    ],
)
def test_options_of_a_handler_that_make_no_sense(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        handles(Confirm, outside=True, **options)


@pytest.mark.parametrize("wrong", [Noted, "Confirm", None, int])
def test_only_commands_are_handled(wrong: Any) -> None:
    with pytest.raises(InvalidEvent, match="@handles"):
        handles(wrong)


@pytest.mark.parametrize("wrong", [Confirm, None, "Confirm"])
def test_only_commands_are_dispatched(wrong: Any) -> None:
    with pytest.raises(InvalidEvent, match="is not a command"):
        dispatch(wrong)
