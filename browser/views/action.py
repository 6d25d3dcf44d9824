"""What people do from the pages: asked first, done once by a POST, noted with who and why."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from browser.views.base import BrowserView
from event_store import EventStoreError

LONGEST_REASON = 1_000
logger = logging.getLogger("browser.actions")


@dataclass(frozen=True)
class Done:
    """
    What came of an action: for whoever did it, and in the log for those who look later (English, and no payload).
    """

    words: str
    note: str
    went_well: bool = True


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=LONGEST_REASON)


# A handler has transactions of its own, and outside commands have none: none of them is to wait for this page.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
@method_decorator(csrf_protect, name="dispatch")
class ActionView(BrowserView):
    """
    GET says what will happen and asks; POST does it, logs it, says what came of it, and leads on.

    A form carries what its page has seen. Where that has changed meanwhile (sent twice, or somebody was faster), nothing
    is done.

    Class attributes:
        title, button: a question, and the words of the button.
        needs_reason: whether the form asks for one.
    """

    obeys_policy = True
    title: ClassVar[Any] = ""
    button: ClassVar[Any] = ""
    needs_reason: ClassVar[bool] = False

    def already(self) -> str:
        """Why there is nothing to do any more; "" where there is."""
        raise NotImplementedError

    def obstacle(self) -> str:
        """Why it cannot be done now; "" where it can."""
        return ""

    def meaning(self) -> list[str]:
        """Sentences: how much it is about, and what follows."""
        raise NotImplementedError

    def seen(self) -> str:
        """What has changed once it was done."""
        return ""

    def act(self, reason: str) -> Any:
        """Do it. Raises EventStoreError for what cannot be done."""
        raise NotImplementedError

    def told(self, result: Any, reason: str) -> Done:
        """What `act` gave, in words."""
        raise NotImplementedError

    def logged(self) -> Model | None:
        """What the entry in the admin's log is about; None where `act` has made entries itself."""
        raise NotImplementedError

    def back_url(self) -> str:
        """Where what it is about is shown."""
        raise NotImplementedError

    def next_url(self) -> str:
        """Where to go afterwards."""
        return self.back_url()

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        already = self.already()
        obstacle = "" if already else self.obstacle()
        return super().get_context_data(
            **{
                "title": self.title,
                "button": self.button,
                "needs_reason": self.needs_reason,
                "longest_reason": LONGEST_REASON,
                "already": already,
                "obstacle": obstacle,
                "meaning": [] if already or obstacle else self.meaning(),
                "seen": "" if already else self.seen(),
                "back_url": self.next_url() if already else self.back_url(),
                "reason": "",
                "error": "",
                **context,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if already := self.already():
            return self._answer(already, went_well=False)
        reason = ""
        if self.needs_reason:
            form = ReasonForm(request.POST)
            if not form.is_valid():
                return self._ask_again(request.POST.get("reason", ""))
            reason = form.cleaned_data["reason"]
        if request.POST.get("seen", "") != self.seen():
            return self._answer(
                _("Already handled: something has happened to it since you opened the form. Nothing was done."),
                went_well=False,
            )
        return self._do(reason)

    def _do(self, reason: str) -> HttpResponse:
        row = self.logged()
        try:
            with as_in_a_worker():
                result = self.act(reason)
        except EventStoreError as error:
            return self._answer(_("Nothing was done: %(why)s") % {"why": error}, went_well=False)
        done = self.told(result, reason)
        if row is not None:
            note(self.request, row, done.note)
        return self._answer(done.words, went_well=done.went_well)

    def _ask_again(self, reason: str) -> HttpResponse:
        is_long = len(reason) > LONGEST_REASON
        error = _("The reason is too long.") if is_long else _("A reason is needed.")
        return self.render_to_response(self.get_context_data(reason=reason[:LONGEST_REASON], error=error))

    def _answer(self, words: str, *, went_well: bool) -> HttpResponse:
        try:
            messages.add_message(self.request, messages.SUCCESS if went_well else messages.WARNING, words)
        except messages.MessageFailure:
            # A site without Django's messages.
            url = self.next_url()
            return self._instead("browser/action_done.html", status=200, words=words, went_well=went_well, next_url=url)
        return HttpResponseRedirect(self.next_url())


@contextmanager
def as_in_a_worker() -> Iterator[None]:
    """The site's own language and time zone: what a handler writes is not to depend on who pressed the button."""
    with translation.override(settings.LANGUAGE_CODE), timezone.override(None):
        yield


def note(request: HttpRequest, row: Model, words: str) -> None:
    """Who did what, in the log of the admin, or of the process where there is no admin."""
    if not apps.is_installed("django.contrib.admin"):
        logger.info("%s: %s: %s", request.user, row, words)
        return
    # Without the admin's tables it could not be imported.
    from django.contrib.admin.models import CHANGE, LogEntry

    LogEntry.objects.log_actions(
        user_id=request.user.pk or 0, queryset=[row], action_flag=CHANGE, change_message=words, single_object=True
    )


def who(request: HttpRequest) -> str:
    """Whoever skips something, for its record."""
    return str(request.user).strip() or f"user {request.user.pk}"


def outcome_of(went_well: bool, *, well: str, badly: str) -> Done:
    """Of one thing that was tried again."""
    return Done(well, "Retried: done.") if went_well else Done(badly, "Retried: failed again.", went_well=False)
