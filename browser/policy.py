"""Who may see which streams, processes and values: a class that the project names in EVENT_BROWSER["POLICY"]."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from browser.hidden import Hidden
from browser.json_tree import LONGEST_SUMMARIZED, parse
from browser.payload import Payload
from event_store import RecordedEvent, category_of, process_managers
from event_store.models import FailedEvent, IssuedCommand, StoredEvent, StreamLink

__all__ = ["BrowserPolicy", "Hidden", "Sight"]

T = TypeVar("T")
logger = logging.getLogger(__name__)


class BrowserPolicy:
    """
    Extend this, and override what your project needs. It narrows what Django's permissions have opened, never widens it.

    An event may be seen by whoever may see the stream that it was written to, in whatever stream it is shown. It goes
    without saying that a method is asked often: for each row of a list.
    """

    def sees_everything(self, request: HttpRequest) -> bool:
        """Whether nothing is kept from this visitor: no other method is asked then. Superusers, unless overridden."""
        return bool(getattr(request.user, "is_superuser", False))

    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return True

    def may_see_process(self, request: HttpRequest, type: str, key: str) -> bool:
        """Whoever may see a process sees all its steps; its stream is closed with it."""
        return True

    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        """
        What is shown of an event's data.

        Args:
            event: `data` is the JSON that is stored, as Python values (usually a dict); numbers are text, as written.
        Returns:
            `event.data` itself, or other values with `Hidden("why")` where something is kept back.
        """
        return event.data


class Sight:
    """What the visitor of one request may see. Without a policy: whatever the permissions open."""

    def __init__(self, request: HttpRequest, policy: BrowserPolicy | None) -> None:
        self._request = request
        self._policy = policy

    @classmethod
    def of(cls, request: HttpRequest) -> Sight:
        return cls(request, configured_policy())

    @cached_property
    def is_limited(self) -> bool:
        return self._policy is not None and not self._policy.sees_everything(self._request)

    @cached_property
    def hides_values(self) -> bool:
        """
        Whether values of events may be kept back: what was made of them (states, reasons, errors, metadata) is hidden,
        too, because no policy can tell which value went into it.
        """
        return self.is_limited and getattr(type(self._policy), "redact", None) is not BrowserPolicy.redact

    def stream(self, name: str | None) -> bool:
        """Whether a stream may be seen; None stands for one that was deleted."""
        if not self.is_limited or self._policy is None:
            return True
        if name is None or not self._policy.may_see_stream(self._request, name):
            return False
        category = category_of(name)
        return category not in process_managers or self.process(category, name.partition("$")[2])

    def process(self, type: str, key: str) -> bool:
        if not self.is_limited or self._policy is None:
            return True
        return bool(self._policy.may_see_process(self._request, type, key))

    def allows_page(self, route: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the page of a stream, a process, a command, a failure or an event may be seen, by its route and the values in its URL."""
        if "streams/<esname:name>/" in route:
            return self.stream(arguments["name"])
        if "processes/<esname:type>/<esname:key>/" in route:
            return self.process(arguments["type"], arguments["key"])
        if "events/<uuid:event_id>/" in route:
            found = StoredEvent.objects.filter(event_id=arguments["event_id"]).values_list("pk", flat=True)
            return len(self.of_events(list(found), lambda pk: pk)) == len(found)
        if "handlers/<esname:name>/failures/<int:pk>/" in route:
            return self._failure(arguments["name"], arguments["pk"])
        if "commands/<uuid:command_id>/" in route:
            sent_by = IssuedCommand.objects.filter(command_id=arguments["command_id"])
            return all(self.process(*each) for each in sent_by.values_list("process__type", "process__key"))
        return True

    def _failure(self, name: str, pk: int) -> bool:
        failed = FailedEvent.objects.filter(pk=pk, subscription__name=name).values_list("event_id", "sequence").first()
        if failed is None:
            return True
        position, sequence = failed
        return self._sequence(name, sequence) and len(self.of_events([position], lambda each: each)) == 1

    def _sequence(self, subscription: str, sequence: str) -> bool:
        # That of a process manager is named like the process.
        return subscription not in process_managers or self.process(subscription, sequence)

    def of_events(self, rows: Sequence[T], position_of: Callable[[T], int]) -> list[T]:
        """The rows whose event may be seen, by its global position. One query, and none where nothing is limited."""
        if not self.is_limited:
            return list(rows)
        written = StreamLink.objects.filter(event__in=[position_of(each) for each in rows], written_here=True)
        streams: dict[Any, str] = dict(written.values_list("event_id", "stream__name"))
        return [each for each in rows if self.stream(streams.get(position_of(each)))]

    def seen_between(self, low: int, high: int) -> set[int]:
        """The global positions, of those from `low` to `high`, whose event may be seen. One query; each stream is asked about once."""
        written = StreamLink.objects.filter(event_id__gte=low, event_id__lte=high, written_here=True)
        links: list[Any] = list(written.values_list("event_id", "stream__name"))
        seen = {name for name in {name for _position, name in links} if self.stream(name)}
        return {position for position, name in links if name in seen}

    def of_failures(self, rows: Sequence[FailedEvent], *, subscription: str = "") -> list[FailedEvent]:
        """
        The failed events that may be seen: their event, and the process that they belong to.

        Args:
            subscription: whose they all are; where it is left out, each has its own at hand.
        """
        if not self.is_limited:
            return list(rows)
        seen = self.of_events(rows, lambda each: each.event_id)
        return [each for each in seen if self._sequence(subscription or each.subscription.name, each.sequence)]

    def payload(self, event: RecordedEvent[str]) -> Payload:
        """An event's data as this visitor may see it; whether any may be seen is for the permission to say."""
        if not self.hides_values or self._policy is None:
            return Payload(event.data)
        try:
            shown = self._policy.redact(self._request, msgspec.structs.replace(event, data=parse(event.data)))
            # A policy may have changed the value in its place.
            return Payload(event.data) if shown == parse(event.data) else Payload(event.data, instead=shown)
        except Exception:
            logger.exception("The policy could not redact the event %s: its data is hidden.", event.id)
            return Payload(event.data, instead=Hidden(_("the policy failed at this event")))

    def line(self, event: RecordedEvent[str]) -> str:
        """Up to three plain fields of an event's data."""
        return self.payload(event).line() if len(event.data) <= LONGEST_SUMMARIZED else ""


def configured_policy() -> BrowserPolicy | None:
    """Raises ImportError or TypeError for a setting that names none: pages stay closed then."""
    path = getattr(settings, "EVENT_BROWSER", {}).get("POLICY")
    return None if path is None else _policy(path)


def environment() -> str:
    """The word that every page shows beside its title, "" for none."""
    return str(getattr(settings, "EVENT_BROWSER", {}).get("ENVIRONMENT") or "")


@cache
def _policy(path: str) -> BrowserPolicy:
    policy = import_string(path)
    if not (isinstance(policy, type) and issubclass(policy, BrowserPolicy)):
        raise TypeError(f"{path} does not extend browser.policy.BrowserPolicy.")
    return policy()
