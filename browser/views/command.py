"""One command: what it orders, which step sent it and why, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from browser.cursors import Found, first_of
from browser.deeds import deeds_of
from browser.json_tree import json_tree, one_line, plain_tree
from browser.permissions import RETRY_COMMANDS, SKIP_COMMANDS, VIEW_PROCESSES
from browser.views.base import Breadcrumb, BrowserView
from event_store import RecordedEvent, ReplayedStep, event_store, replay
from event_store.models import CommandDelivery, IssuedCommand

MOST_EVENTS = 50
MOST_BEHIND = 1_000


@dataclass(frozen=True)
class Effect:
    """An event that names the command as its cause, and how long after the command it was recorded."""

    event: RecordedEvent[str]
    delay: timedelta


@dataclass(frozen=True)
class Change:
    """A key of the state that the step's event has changed; values in words of at most 60 characters."""

    key: str
    before: str
    after: str


class OfCommand(BrowserView):
    """A page about the command that its address names."""

    section = "processes"

    def parents(self) -> list[Breadcrumb]:
        process = self.command.process
        return [
            Breadcrumb(process.type, self.url("process_type", process.type)),
            Breadcrumb(process.key, self.url("process", process.type, process.key)),
        ]

    @cached_property
    def command(self) -> IssuedCommand:
        return command_or_404(self.kwargs["command_id"])


class CommandView(OfCommand):
    """The state before the step is folded anew, with today's code."""

    template_name = "browser/command.html"
    about = "command"
    obeys_policy = True
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        command, delivery = self.command, delivery_of(self.command)
        return super().get_context_data(
            command=command,
            delivery=delivery,
            deeds=deeds_of(command) if _is_for_the_outside(command, delivery) else [],
            answered_after=command.answered_at - command.issued_at if command.answered_at else None,
            data=json_tree(getattr(command, "data_text", "")) if self.may_see_payload else "",
            before=self._state_before() if self.may_see_payload else "",
            changes=_changes(self._step) if self.may_see_payload else [],
            effects=self._effects(),
            ahead=_ahead_of(delivery) if delivery and command.outcome == "pending" else None,
            behind=behind(delivery) if delivery else 0,
            most_behind=MOST_BEHIND,
            may_retry=delivery is not None and self.may(RETRY_COMMANDS),
            may_skip=delivery is not None and self.may(SKIP_COMMANDS),
            **context,
        )

    @cached_property
    def _step(self) -> ReplayedStep | None:
        process = self.command.process
        return next(iter(replay(process.type, process.key, start=self.command.step.number, limit=1)), None)

    def _state_before(self) -> SafeString:
        state = self._step.state_before if self._step else None
        return SafeString("") if state is None else plain_tree(state)

    def _effects(self) -> Found[Effect]:
        caused = event_store.events.with_causation_id(self.command.command_id).as_json()
        seen = self.sight.of_events(list(caused[: MOST_EVENTS + 1]), lambda event: event.global_position)
        return first_of([Effect(each, _delay(each, self.command)) for each in seen], MOST_EVENTS)


def command_or_404(command_id: UUID) -> IssuedCommand:
    """With its step, the step's event, its process, its delivery, and its data as `data_text`: as it is stored."""
    found = IssuedCommand.objects.select_related("process", "step__event", "equal_to__step", "delivery")
    found = found.defer("data", "step__state_before", "step__event__data", "step__event__metadata", "equal_to__data")
    command = found.annotate(data_text=Cast("data", TextField())).filter(command_id=command_id).first()
    if command is None:
        raise Http404(f"There is no command {command_id}")
    return command


def delivery_of(command: IssuedCommand) -> CommandDelivery | None:
    """Of one for the outside that has no answer yet."""
    return getattr(command, "delivery", None)


def _is_for_the_outside(command: IssuedCommand, delivery: CommandDelivery | None) -> bool:
    return delivery is not None or command.answered_at is not None


def is_behind_another(delivery: CommandDelivery) -> bool:
    return CommandDelivery.objects.filter(process=delivery.process_id, pk__lt=delivery.pk).exists()


def _ahead_of(delivery: CommandDelivery) -> IssuedCommand | None:
    if delivery.next_attempt_at is not None:
        return None
    earlier = CommandDelivery.objects.filter(process=delivery.process_id, pk__lt=delivery.pk).order_by("pk")
    first = earlier.select_related("command").defer("traceback", "command__data").first()
    return first.command if first else None


def behind(delivery: CommandDelivery) -> int:
    """At most one more than is counted."""
    later = CommandDelivery.objects.filter(process=delivery.process_id, pk__gt=delivery.pk)
    return later[: MOST_BEHIND + 1].count()


def _changes(step: ReplayedStep | None) -> Sequence[Change]:
    if step is None or not isinstance(step.state_before, dict) or not isinstance(step.state, dict):
        return []
    before = step.state_before
    return [
        Change(key, one_line(before.get(key)), one_line(value))
        for key, value in step.state.items()
        if value != before.get(key)
    ]


def _delay(event: RecordedEvent[str], command: IssuedCommand) -> timedelta:
    return max(timedelta(0), event.recorded_at - command.issued_at)
