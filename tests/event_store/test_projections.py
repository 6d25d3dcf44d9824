"""Projections: kept up to date at once or durably, and rebuilt beside the live one."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from event_store import Event, Projection, RecordedEvent, event_store, rebuild_projection, wait_for
from event_store.exceptions import InvalidProjection, InvalidSubscriber, RebuildFailed
from event_store.models import FailedEvent, Subscription
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted
from tests.event_store.threads import Elsewhere

committing = pytest.mark.django_db(transaction=True)
pytestmark = committing

REBUILD = "groups (rebuild)"


def declare(*, broken: set[str] | None = None, prefix: str = "", **attributes: Any) -> type[Projection]:
    """Each text that is noted is the name of a group."""

    def handle(self: Projection, event: RecordedEvent[Noted]) -> None:
        if event.data.text in (broken or ()):
            raise ValueError(f"not {event.data.text}")
        Group.objects.create(name=prefix + event.data.text)

    body = {"reacts_to": (Noted,), "models": (Group,), "name": "groups", "batch_size": 3, "handle": handle}
    return type("Groups", (Projection,), {**body, "__module__": __name__, **attributes})


def note(*texts: str) -> None:
    event_store.publish([Noted(text=text) for text in texts], stream="s")


def names() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def tables() -> list[str]:
    return [name for name in connection.introspection.table_names() if name.endswith("__rebuild")]


@pytest.mark.parametrize("inline", [False, True])
def test_it_follows_the_events(inline: bool) -> None:
    declare(inline=inline)
    note("a", "b")

    assert names() == ["a", "b"]
    assert Subscription.objects.filter(name="groups").exists() is not inline


def test_an_inline_one_is_undone_with_the_publish() -> None:
    declare(inline=True)

    with pytest.raises(RuntimeError), transaction.atomic():
        note("a")
        raise RuntimeError
    assert names() == []


@pytest.mark.parametrize("inline", [False, True])
def test_a_rebuild_brings_back_what_was_damaged_and_takes_up_new_code(inline: bool) -> None:
    declare(inline=inline)
    note("a", "b", "c", "d")
    Group.objects.filter(name="a").delete()
    declare(inline=inline, prefix="new ")
    reached: list[tuple[int, int]] = []

    rebuild_projection("groups", report=lambda done, end: reached.append((done, end)))

    assert names() == ["new a", "new b", "new c", "new d"]
    assert reached[-1][0] == reached[-1][1]
    assert tables() == []
    assert not Subscription.objects.filter(name=REBUILD).exists()
    # The keys go on behind those that were brought in.
    note("e")
    assert names()[-1] == "new e"


def test_the_live_ones_checkpoint_and_failures_are_those_of_the_rebuilt_rows() -> None:
    broken = {"b"}
    declare(broken=broken)
    note("a", "b", "c")
    assert FailedEvent.objects.count() == 2
    broken.clear()
    rebuild_projection("groups")

    assert (names(), FailedEvent.objects.count()) == (["a", "b", "c"], 0)
    assert run_subscriptions("groups") == 0
    assert Subscription.objects.get(name="groups").status == "ok"
    note("d")
    assert names() == ["a", "b", "c", "d"]


def test_a_handler_that_fails_leaves_the_live_rows_and_what_was_built_until_it_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("event_store.projections.rebuild.SMALL_REST", 0)
    declare(inline=True)
    note(*"abcde")
    broken = {"e"}
    again = declare(inline=True, broken=broken, prefix="new ")
    for _ in range(2):
        with pytest.raises(RebuildFailed, match=r"groups failed at sample\.Noted .*ValueError: not e\. The live rows"):
            rebuild_projection(again)
    assert names() == list("abcde")
    assert Subscription.objects.get(name=REBUILD).handled == 4

    broken.clear()
    rebuild_projection(again)
    assert names() == [f"new {each}" for each in "abcde"]


def test_a_restart_throws_away_what_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_store.projections.rebuild.SMALL_REST", 0)
    declare(inline=True)
    note(*"abcd")
    with pytest.raises(RebuildFailed):
        rebuild_projection(declare(inline=True, prefix="old ", broken={"d"}))

    rebuild_projection(declare(inline=True, prefix="new "), restart=True)

    assert names() == [f"new {each}" for each in "abcd"]


def test_a_changed_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_store.projections.rebuild.SMALL_REST", 0)
    declare(inline=True)
    note(*"abcd")
    with pytest.raises(RebuildFailed):
        rebuild_projection(declare(inline=True, broken={"d"}))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auth_group ADD COLUMN colour varchar(10) NULL")
    try:
        with pytest.raises(RebuildFailed, match="auth_group: the structure has changed"):
            rebuild_projection(declare(inline=True))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE auth_group DROP COLUMN colour")
    rebuild_projection(declare(inline=True))
    assert names() == list("abcd")


def test_rows_that_others_still_need_are_not_taken_away() -> None:
    from django.contrib.auth.models import User

    declare(inline=True)
    note("a")
    extra = Group.objects.create(name="by hand")
    User.objects.create(username="anna").groups.add(extra)

    with pytest.raises(RebuildFailed, match="do not fit the tables around them"):
        rebuild_projection("groups")

    assert names() == ["a", "by hand"]
    User.objects.all().delete()
    rebuild_projection("groups")
    assert names() == ["a"]


def test_a_second_rebuild_at_the_same_time_is_refused() -> None:
    chosen = declare()
    note("a")
    seen: list[str] = []

    def meanwhile(done: int, end: int) -> None:
        with pytest.raises(RebuildFailed, match="is being rebuilt by .* try again in 10 seconds"):
            rebuild_projection(chosen)
        seen.append("refused")

    rebuild_projection(chosen, report=meanwhile)
    assert seen == ["refused"]


def test_without_models_it_is_rebuilt_in_place() -> None:
    kept: list[str] = []

    def remember(self: Projection, event: RecordedEvent[Noted]) -> None:
        kept.append(event.data.text)

    chosen = declare(models=(), handle=remember, reset=lambda self: kept.clear())
    note("a", "b")
    with pytest.raises(RebuildFailed, match="names no models"):
        rebuild_projection(chosen)
    rebuild_projection(chosen, in_place=True)

    assert kept == []
    assert (run_subscriptions("groups"), kept) == (2, ["a", "b"])


def test_in_place_an_inline_one_is_whole_again_at_once() -> None:
    chosen = declare(inline=True)
    note("a", "b")
    Group.objects.filter(name="a").delete()

    rebuild_projection(chosen, in_place=True)

    assert names() == ["a", "b"]


def test_one_waits_for_a_durable_one_by_its_class() -> None:
    chosen = declare()
    [event] = event_store.publish(Noted(text="a"), stream="s")

    wait_for(chosen, event, timeout=1)

    assert names() == ["a"]


def test_the_command_shows_how_far_it_is_and_says_what_is_wrong() -> None:
    declare()
    note("a", "b")
    out = StringIO()
    call_command("rebuild_projection", "groups", stdout=out)

    assert "groups is rebuilt.\n" in out.getvalue()
    assert "position " in out.getvalue()
    with pytest.raises(CommandError, match="No projection is named 'gruops'. There are: .*groups"):
        call_command("rebuild_projection", "gruops")


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"reacts_to": (5,)}, "reacts_to"),
        ({"handle": Projection.handle}, "needs handle"),
        ({"models": ("auth.Group",)}, "is no model with a table"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"name": "x" * 241}, "1 to 240 printable"),
    ],
)
def test_a_wrong_class_is_refused(attributes: dict[str, Any], what: str) -> None:
    with pytest.raises((InvalidProjection, InvalidSubscriber), match=what):
        declare(**attributes)


def test_a_table_and_a_name_belong_to_one_projection() -> None:
    declare()

    with pytest.raises(InvalidProjection, match="is written by Groups"):
        type(
            "Others",
            (Projection,),
            {"reacts_to": (Event,), "models": (Group,), "handle": print, "__module__": __name__},
        )
    with pytest.raises(InvalidProjection, match="are both named 'groups'"):
        type(
            "Others", (Projection,), {"reacts_to": (Event,), "name": "groups", "handle": print, "__module__": __name__}
        )


@pytest.mark.postgresql
@pytest.mark.parametrize("inline", [False, True])
def test_nothing_that_is_published_meanwhile_is_lost(inline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # In the same process: what others write meanwhile goes to the live rows.
    monkeypatch.setattr("event_store.projections.rebuild.SMALL_REST", 0)
    declare(inline=inline)
    note("a")
    with Elsewhere() as publisher:
        publishing = publisher.start(lambda: [note(f"meanwhile {number}") for number in range(40)])
        for _ in range(3):
            rebuild_projection("groups")
        publishing.result(timeout=60)
    run_subscriptions()

    assert names() == sorted(["a", *(f"meanwhile {number}" for number in range(40))])


def test_what_other_events_bring_is_passed_over() -> None:
    declare()
    event_store.append([Counted(number=1)] * 3, stream="t")

    rebuild_projection("groups")

    assert (names(), tables()) == ([], [])


def test_a_column_that_is_named_like_its_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_store.projections.rebuild.SMALL_REST", 0)
    declare(inline=True)
    note("a")
    monkeypatch.setattr(Group._meta.get_field("name"), "column", "auth_group")

    with pytest.raises(RebuildFailed, match="auth_group has a column that is named like a table: auth_group"):
        rebuild_projection("groups")
