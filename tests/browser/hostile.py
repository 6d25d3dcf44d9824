"""Names that something on the way from a link to a page could misread, and texts that a page could take for its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from event_store import Command, Deadline, Event, ProcessManager, RecordedEvent, Rejected, event_store, handles
from event_store.models import FailedEvent, IssuedCommand, Process, Subscription
from event_store.testing import run_subscriptions

HOSTILE_NAMES = [
    # parts of addresses
    "a/b", "/a", "a/", "a//b", "/", "//", "a/../b", "../a", "a/..", "a/./b", ".", "..", "...", ".a", "a.",
    "a/export/", "a/export.csv", "export.jsonl", "state", "0", "-1", "a?b", "?", "a?b=c&d=e", "a#b", "#", "a;b", "a&b",
    "&amp;", "a=b", "http://x/y", "//x/y", "javascript:x()", "\\", "a\\..\\b", "C:\\x",
    # escapes, ours and others'
    "100%", "%", "%2F", "%2e%2e", "%00", "%E2%80%AE", "%s", "~", "~2F", "~~", "~7E", "a+b", "{{7*7}}", "{% url %}",
    # white space and controls
    "a b", " a", "a ", " ", "a\nb", "a\r\nSet-Cookie: x=y", "a\tb", "\x7f", "\x1b[31m", "\u00a0", "\u2028", "\ufeff",
    # direction, width, composition
    "\u202etxet", "a\u200bb", "\u2066x\u2069", "\u00e9", "e\u0301", "\u212b", "\u00c5", "A\u030a", "אבג", "日本語", "ﬁ",
    # length and quotes
    "🍲" * 255, "x" * 255, "'", '"', "`", "<b>", "--", "a'--", "*", "|", "HOME$", "Order$42$7", "a:b@c",
]  # fmt: skip

MARKUP = [
    '<script data-x>alert("x")</script>',
    '"><img data-x src=x onerror=alert(1)>',
    "'><svg data-x onload=alert(1)>",
    "javascript:alert(1)//data-x",
    "{{7*7}}{% now 'Y' %}",
    "</title><b data-x>",
    "</textarea></style></script><b data-x>",
    "';alert(1)//",
    "<!--<b data-x>",
    "&lt;b data-x&gt;",
]


@dataclass(frozen=True)
class Published:
    """What stands in the store for one text: the ids of its event and of the command that its process has sent."""

    text: str
    event_id: UUID
    command_id: UUID


def publish_everywhere(*texts: str) -> list[Published]:
    """Each as stream, type, key, JSON key and value, metadata, reason, rejection, error, traceback and docstring."""
    said = [_publish(text) for text in texts]
    run_subscriptions()
    for event, text in zip(said, texts, strict=True):
        _fail(event, text)
    sent = {each.step.event.event_id: each.command_id for each in IssuedCommand.objects.select_related("step__event")}
    return [Published(text, event.id, sent[event.id]) for event, text in zip(said, texts, strict=True)]


def _publish(text: str) -> RecordedEvent[Any]:

    class Said(Event, type=text):
        key: str
        values: dict[str, str]

    class Answer(Command, type=f"{text} "):
        key: str

    class Listener(ProcessManager):
        reacts_to = (Said,)
        type = text

        @dataclass(frozen=True)
        class State:
            values: dict[str, str] = field(default_factory=dict)

        def process_id(self, event: RecordedEvent[Any]) -> str:
            return str(event.data.key)

        def apply(self, state: State, event: RecordedEvent[Any]) -> State:
            return replace(state, values=event.data.values) if isinstance(event.data, Said) else state

        def act(self, state: State, event: RecordedEvent[Any]) -> Any:
            if isinstance(event.data, Said):
                yield Deadline(text, after=timedelta(days=1)).because(text)
                yield Answer(key=text).because(text)

    @handles(Answer)
    def answer(command: Answer) -> None:
        raise Rejected(text)

    Said.__doc__ = Answer.__doc__ = Listener.__doc__ = text
    with event_store.metadata(user=text):
        [said] = event_store.publish(Said(key=text, values={text: text}), stream=text, links=[f"of {text}"])
    return said


def _fail(event: RecordedEvent[Any], text: str) -> None:
    now = timezone.now()
    subscription = Subscription.objects.get(name=text)
    Subscription.objects.filter(pk=subscription.pk).update(status="failing", last_error=text, last_error_at=now)
    FailedEvent.objects.create(
        subscription=subscription, event_id=event.global_position, sequence=text, attempts=5, parked_at=now,
        last_failed_at=now, error=text, traceback=f"Traceback:\n  {text}",
    )  # fmt: skip
    Process.objects.filter(type=text).update(status="failed", last_error=text)
