"""Having a command for the outside delivered again, skipping it, and having a failed process go on."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from browser.permissions import RETRY_COMMANDS, RETRY_PROCESSES, SKIP_COMMANDS, VIEW_PROCESSES
from browser.policy import Sight
from browser.progress import not_skipped
from browser.status_words import status_word
from browser.type_names import short_name
from browser.views.action import ActionView, Done, outcome_of, who
from browser.views.base import Breadcrumb
from browser.views.command import MOST_BEHIND, OfCommand, behind, delivery_of, is_behind_another
from browser.views.failure import MOST_COUNTED, MOST_LISTED
from event_store import retry_command, retry_process, skip_command
from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process


class CommandAction(OfCommand, ActionView):
    template_name = "browser/command_action.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(command=self.command, delivery=delivery_of(self.command), **context)

    def already(self) -> str:
        if delivery_of(self.command) is None:
            outcome = status_word(self.command.outcome).lower()
            return _("Already handled: the command is %(outcome)s, and nothing is left to deliver.") % {
                "outcome": outcome
            }
        return ""

    def logged(self) -> IssuedCommand:
        return self.command

    def back_url(self) -> str:
        return self.url("command", self.command.command_id)

    def _following(self) -> str:
        count = behind(self._delivery)
        if count == 0:
            return _("No later command of its process waits behind it.")
        number = f"{MOST_BEHIND}+" if count > MOST_BEHIND else str(count)
        return ngettext(
            "%(number)s later command of its process waits behind it and is delivered then.",
            "%(number)s later commands of its process wait behind it and are delivered then.",
            count,
        ) % {"number": number}

    @property
    def _delivery(self) -> CommandDelivery:
        delivery = delivery_of(self.command)
        if delivery is None:
            raise AssertionError("`already` has answered for what is delivered")
        return delivery

    @property
    def _type(self) -> str:
        return short_name(self.command.type)


class RetryCommandView(CommandAction):
    title = gettext_lazy("Deliver this command again?")
    button = gettext_lazy("Deliver it now")
    permission_required = (VIEW_PROCESSES, RETRY_COMMANDS)

    def obstacle(self) -> str:
        if is_behind_another(self._delivery):
            return _("An earlier command of the same process comes first: retry or skip that.")
        return ""

    def seen(self) -> str:
        return str(self._delivery.attempts)

    def meaning(self) -> list[str]:
        return [
            _("1 command: its handler is called now, on this server, while you wait."),
            _("It gets the same idempotency key as before: a service that knows it does nothing twice."),
            self._following(),
        ]

    def act(self, reason: str) -> bool:
        return retry_command(self.command.command_id, attempts=self._delivery.attempts)

    def told(self, result: bool, reason: str) -> Done:
        return outcome_of(
            result,
            well=_("Answered: %(type)s.") % {"type": self._type},
            badly=_("%(type)s was not delivered: the error below says why.") % {"type": self._type},
        )


class SkipCommandView(CommandAction):
    title = gettext_lazy("Skip this command?")
    button = gettext_lazy("Skip it for good")
    needs_reason = True
    permission_required = (VIEW_PROCESSES, SKIP_COMMANDS)

    def meaning(self) -> list[str]:
        return [
            _("1 command: it is never delivered again. An attempt that had no answer may have been carried out."),
            _("What it orders has to be done by hand, or never. This cannot be taken back."),
            self._following(),
        ]

    def act(self, reason: str) -> None:
        skip_command(self.command.command_id, reason=reason, user=who(self.request))

    def told(self, result: None, reason: str) -> Done:
        return Done(_("Skipped: %(type)s.") % {"type": self._type}, f"Skipped: {reason}")


class RetryProcessView(ActionView):
    """Its parked events, then the command that was given up."""

    template_name = "browser/process_action.html"
    section = "processes"
    title = gettext_lazy("Have this process go on?")
    button = gettext_lazy("Retry now")
    permission_required = (VIEW_PROCESSES, RETRY_PROCESSES)

    def has_permission(self) -> bool:
        return super().has_permission() and sees_what_failed(self.sight, self.process)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            process=self.process,
            failures=list(self._failures.select_related("event").defer("event__data", "traceback")[:MOST_LISTED]),
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [
            Breadcrumb(self.process.type, self.url("process_type", self.process.type)),
            Breadcrumb(self.process.key, self.back_url()),
        ]

    @cached_property
    def process(self) -> Process:
        found = Process.objects.filter(type=self.kwargs["type"], key=self.kwargs["key"]).first()
        if found is None:
            raise Http404(f"There is no process {self.kwargs['type']} {self.kwargs['key']}")
        return found

    def already(self) -> str:
        if self.process.status != Process.Status.FAILED and not self.process.last_error:
            return _("Already handled: nothing of this process has failed, or it goes on again.")
        return ""

    def seen(self) -> str:
        return self.process.updated_at.isoformat()

    def meaning(self) -> list[str]:
        sentences = [self._events()] if self._parked else []
        if given_up := self._given_up():
            sentences.append(
                _("1 command: %(type)s is delivered again; its handler gets the same idempotency key.")
                % {"type": short_name(given_up.type)}
            )
        return [*sentences, _("What fails again ends this; the process then stays as it is, with the new error.")]

    def act(self, reason: str) -> bool:
        return retry_process(self.process.type, self.process.key, updated_at=self.process.updated_at)

    def told(self, result: bool, reason: str) -> Done:
        return outcome_of(
            result,
            well=_("The process goes on: nothing that failed is left."),
            badly=_("It failed again: the error below says why."),
        )

    def logged(self) -> Process:
        return self.process

    def back_url(self) -> str:
        return self.url("process", self.process.type, self.process.key)

    def _events(self) -> str:
        number = f"{MOST_COUNTED}+" if self._parked > MOST_COUNTED else str(self._parked)
        return ngettext(
            "%(number)s parked event is handled now, on this server, while you wait.",
            "%(number)s parked events are handled now, in their order, on this server, while you wait.",
            self._parked,
        ) % {"number": number}

    @cached_property
    def _parked(self) -> int:
        return self._failures.order_by()[: MOST_COUNTED + 1].count()

    @property
    def _failures(self) -> QuerySet[FailedEvent]:
        return _failures_of(self.process)

    def _given_up(self) -> IssuedCommand | None:
        failed = CommandDelivery.objects.filter(process=self.process.pk, command__outcome=IssuedCommand.Outcome.FAILED)
        first = failed.select_related("command").defer("traceback", "command__data").order_by("pk").first()
        return first.command if first else None


def sees_what_failed(sight: Sight, process: Process) -> bool:
    """Whether the visitor may see all parked events of a process: a retry hands them to their handler."""
    if not sight.is_limited:
        return True
    rows = list(_failures_of(process)[: MOST_COUNTED + 1])
    return len(sight.of_failures(rows, subscription=process.type)) == len(rows) <= MOST_COUNTED


def _failures_of(process: Process) -> QuerySet[FailedEvent]:
    return not_skipped().filter(subscription__name=process.type, sequence=process.key).order_by("pk")
