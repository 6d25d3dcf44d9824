"""Having failed events handled again, and skipping them."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from browser.permissions import RETRY_FAILURES, SKIP_FAILURES, VIEW_EVENTS
from browser.type_names import short_name
from browser.views.action import ActionView, Done, outcome_of, who
from browser.views.base import Breadcrumb
from browser.views.failure import (
    MOST_COUNTED,
    counted,
    earlier_than,
    failure_or_none,
    first_of_sequence,
    gone,
    later_than,
    up_to,
)
from event_store import durable_subscribers, retry_failed_event, retry_failed_events_up_to, skip_failed_event
from event_store.models import FailedEvent


class FailureAction(ActionView):
    template_name = "browser/failure_action.html"
    section = "subscriptions"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        if self.failure is None:
            raise Http404(gone(self.kwargs["pk"]))
        return super().get_context_data(failure=self.failure, **context)

    def parents(self) -> list[Breadcrumb]:
        subscription = Breadcrumb(self.kwargs["name"], self.url("subscription", self.kwargs["name"]))
        return [subscription, *([Breadcrumb(self._type, self.back_url())] if self.failure else [])]

    @cached_property
    def failure(self) -> FailedEvent | None:
        return failure_or_none(self.kwargs["name"], self.kwargs["pk"])

    def already(self) -> str:
        if self.failure is None:
            return _("Already handled: this failed event is gone. Nothing was done.")
        if self.failure.status == FailedEvent.Status.SKIPPED:
            return _("Already handled: %(who)s has skipped it. Nothing was done.") % {"who": self.failure.skipped_by}
        return ""

    def logged(self) -> FailedEvent:
        return self._parked

    def back_url(self) -> str:
        return self.url("failure", self.kwargs["name"], self.kwargs["pk"])

    def next_url(self) -> str:
        if failure_or_none(self.kwargs["name"], self.kwargs["pk"]) is None:
            return self.url("subscription", self.kwargs["name"])
        return self.back_url()

    @property
    def _parked(self) -> FailedEvent:
        if self.failure is None:
            raise AssertionError("`already` has answered for what is gone")
        return self.failure

    @property
    def _type(self) -> str:
        return short_name(self._parked.event.type)


class RetryAction(FailureAction):
    permission_required = (VIEW_EVENTS, RETRY_FAILURES)

    def obstacle(self) -> str:
        if durable_subscribers.get(self.kwargs["name"]) is None:
            return _("No code that is loaded here declares this subscription: its events can be skipped, not retried.")
        return ""

    def seen(self) -> str:
        first = self._first
        return f"{first.pk}-{first.attempts}"

    @property
    def _pair(self) -> tuple[int, int]:
        return self._first.pk, self._first.attempts

    @cached_property
    def _first(self) -> FailedEvent:
        return first_of_sequence(self._parked) or self._parked


class RetryFailureView(RetryAction):
    """This one, which has to be the first of its sequence."""

    title = gettext_lazy("Retry this event?")
    button = gettext_lazy("Retry it now")

    def obstacle(self) -> str:
        if why := super().obstacle():
            return why
        earlier = counted(earlier_than(self._parked))
        return _("Earlier events of its sequence come first: retry all up to here.") if earlier else ""

    def meaning(self) -> list[str]:
        behind = counted(later_than(self._parked))
        return [
            _("1 event: the handler is called with it now, on this server, while you wait."),
            _("If that goes well, it is done with. If the handler raises again, one more attempt is counted."),
            _following(behind),
        ]

    def act(self, reason: str) -> bool:
        return retry_failed_event(self._parked.pk, seen=self._pair)

    def told(self, result: bool, reason: str) -> Done:
        return outcome_of(
            result,
            well=_("Handled: %(type)s. What waited behind it follows.") % {"type": self._type},
            badly=_("%(type)s failed again: its page says why.") % {"type": self._type},
        )


class RetryUpToView(RetryAction):
    """Its sequence, from the first event to this one."""

    title = gettext_lazy("Retry all up to here?")
    button = gettext_lazy("Retry them now")

    def has_permission(self) -> bool:
        return super().has_permission() and self._sees_them_all()

    def meaning(self) -> list[str]:
        count = counted(up_to(self._parked))
        number = f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)
        return [
            ngettext(
                "%(number)s event: the handler is called with it now, on this server, while you wait.",
                "%(number)s events, in their order: the handler is called with each of them now, on this server, while you wait.",
                count,
            )
            % {"number": number},
            _("The first one at which it raises again ends this; it and those behind it go on waiting."),
            _following(counted(later_than(self._parked))),
        ]

    def act(self, reason: str) -> int:
        return retry_failed_events_up_to(self._parked.pk, seen=self._pair)

    def told(self, result: int, reason: str) -> Done:
        is_left = failure_or_none(self.kwargs["name"], self.kwargs["pk"]) is not None
        words = ngettext("%(count)d event was handled.", "%(count)d events were handled.", result) % {"count": result}
        if is_left:
            words = _("%(words)s Then one failed again: its page says why.") % {"words": words}
        return Done(words, f"Retried up to here: {result} handled.", went_well=not is_left)

    def _sees_them_all(self) -> bool:
        if self.failure is None or not self.sight.is_limited:
            return True
        rows = list(up_to(self.failure)[: MOST_COUNTED + 1])
        seen = self.sight.of_failures(rows, subscription=self.kwargs["name"])
        return len(seen) == len(rows) <= MOST_COUNTED


class SkipFailureView(FailureAction):
    title = gettext_lazy("Skip this event?")
    button = gettext_lazy("Skip it for good")
    needs_reason = True
    permission_required = (VIEW_EVENTS, SKIP_FAILURES)

    def meaning(self) -> list[str]:
        return [
            _("1 event: the handler is never called with it again. The event itself stays in its streams."),
            _("What its handler would have done has to be done by hand, or never. This cannot be taken back."),
            _following(counted(later_than(self._parked))),
        ]

    def act(self, reason: str) -> None:
        skip_failed_event(self._parked.pk, reason=reason, user=who(self.request))

    def told(self, result: None, reason: str) -> Done:
        words = _("Skipped: %(type)s. What waited behind it follows.") % {"type": self._type}
        return Done(words, f"Skipped: {reason}")


def _following(count: int) -> str:
    if count == 0:
        return _("No later event of its sequence waits behind it.")
    number = f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)
    return ngettext(
        "%(number)s later event of its sequence waits behind it and follows by itself.",
        "%(number)s later events of its sequence wait behind it and follow by themselves.",
        count,
    ) % {"number": number}
