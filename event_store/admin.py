"""Plain, read-only admin pages for every model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from event_store.exceptions import EventStoreError
from event_store.models import (
    AggregateSnapshot,
    CommandDelivery,
    FailedEvent,
    IssuedCommand,
    Process,
    ProcessDeadline,
    ProcessStep,
    StoredEvent,
    Stream,
    StreamLink,
    Subscription,
    Worker,
)
from event_store.processes.manager import ANY_EVENT
from event_store.processes.retries import retry_command, retry_process, skip_command
from event_store.subscriptions.failed_events import (
    retry_failed_event,
    retry_failed_events_up_to,
    skip_failed_event,
)

MOST_LINKS = 100
NEWEST = 1_000


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """
    Pages through the newest 1,000 rows: counting them all, or skipping many, would cost more with every event.

    `is_capped` tells that there are more.
    """

    @cached_property
    def count(self) -> int:
        return min(self._counted, NEWEST)

    @property
    def is_capped(self) -> bool:
        return self._counted > NEWEST

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: NEWEST + 1].count())


class NewestChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.paginator.is_capped:
            # Equal numbers have the search form leave out "1000 results"; below the list stands how many are shown.
            self.full_result_count = self.result_count


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    paginator = NewestPaginator
    ordering = ("-pk",)
    show_full_result_count = False
    list_per_page = 100
    # With both bars off the change list would bring an inline style.
    actions_on_top = True
    actions: Any = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # Any list can be filtered by its address; a database may take hours over a pattern.
        is_pattern = lookup.rpartition(LOOKUP_SEP)[2] in ("regex", "iregex")
        return not is_pattern and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PayloadAdmin(ReadOnlyAdmin):
    """Rows with fields that hold what events hold: they are shown, and can be asked about, with `view_payload` alone."""

    payload_fields: tuple[str, ...] = ()

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*(super().get_exclude(request, obj) or ()), *self._withheld(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # Whether a row is found tells what is in it.
        is_withheld = lookup.partition(LOOKUP_SEP)[0] in self._withheld(request)
        return not is_withheld and super().lookup_allowed(lookup, value, request)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        # The reasons for what was skipped are a part of it.
        if self._withheld(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def _withheld(self, request: HttpRequest | None) -> tuple[str, ...]:
        may_see = request is not None and request.user.has_perm("event_store.view_payload")
        return () if may_see else self.payload_fields

    def get_list_display(self, request: HttpRequest) -> Any:
        hidden = self.get_exclude(request)
        return [name for name in super().get_list_display(request) if name not in hidden]


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    list_display = ("name", "category", "version", "created_at")
    search_fields = ("name__startswith",)
    readonly_fields = ("shown_events",)

    @admin.display(description="Newest events")
    def shown_events(self, stream: Stream) -> SafeString:
        links = stream.links.select_related("event").defer("event__data", "event__metadata").order_by("-position")
        return _lines((f"{link.position}:", self.event_label(link.event), _how(link)) for link in links[:MOST_LINKS])

    def event_label(self, event: StoredEvent) -> str:
        return str(event)


@admin.register(StoredEvent)
class StoredEventAdmin(PayloadAdmin):
    payload_fields = ("data", "metadata")
    list_display = ("global_position", "type", "event_id", "recorded_at")
    readonly_fields = ("shown_in",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data", "metadata")

    @admin.display(description="Streams")
    def shown_in(self, event: StoredEvent) -> SafeString:
        links = event.links.select_related("stream").order_by("-written_here", "linked_at")
        return _lines((self.stream_label(link.stream), f"#{link.position}", _how(link)) for link in links[:MOST_LINKS])

    def stream_label(self, stream: Stream) -> str:
        return str(stream)


@admin.register(Subscription)
class SubscriptionAdmin(PayloadAdmin):
    payload_fields = ("last_error",)
    list_display = ("__str__", "checkpoint", "status", "handled", "owner", "last_success_at", "last_error")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("name", "started_at", "seen_at")


class FailureAdmin(PayloadAdmin):
    """Rows of what failed: tried again, or skipped with a reason; each is noted in the log of the admin."""

    actions: Any = ("retry", "skip")
    skip_title, skip_warning = "", ""

    def label(self, row: Any) -> str:
        """A row in words, for whoever may not see payloads."""
        raise NotImplementedError

    def retry_row(self, row: Any) -> bool:
        """Whether it went well now. Raises an EventStoreError for what cannot be retried."""
        raise NotImplementedError

    def skip_row(self, row: Any, *, reason: str, user: object) -> None:
        raise NotImplementedError

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"event_store.retry_{self.opts.model_name}")

    def has_skip_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"event_store.skip_{self.opts.model_name}")

    @admin.action(description="Retry", permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: Any) -> None:
        for row in chosen.order_by("pk"):
            do(self, request, row, "Retried", partial(self._retried, row), label=self.label(row))

    @admin.action(description="Skip …", permissions=["skip"])
    def skip(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        rows, reason = list(chosen.order_by("pk")), request.POST.get("reason", "").strip()
        if not reason:
            context = {
                **self.admin_site.each_context(request),
                "title": self.skip_title,
                "warning": self.skip_warning,
                "opts": self.model._meta,
                "rows": [(row.pk, self.label(row)) for row in rows],
                "is_unanswered": "confirmed" in request.POST,
            }
            return TemplateResponse(request, "event_store/skip.html", context)

        for row in rows:
            skipped = partial(self._skipped, row, reason=reason, user=request.user)
            do(self, request, row, "Skipped", skipped, label=self.label(row))
        return None

    def _retried(self, row: Any) -> str:
        return _outcome(self.retry_row(row))

    def _skipped(self, row: Any, *, reason: str, user: object) -> str:
        self.skip_row(row, reason=reason, user=user)
        return f"skipped: {reason}"


@admin.register(FailedEvent)
class FailedEventAdmin(FailureAdmin):
    payload_fields = ("error", "traceback", "skip_reason")
    list_display = ("event_type", "subscription", "sequence", "status", "attempts", "next_attempt_at", "error")
    list_filter = ("status", "subscription")
    list_select_related = ("subscription", "event")
    actions = ("retry", "retry_up_to_here", "skip")
    skip_title = "Skip failed events"
    skip_warning = "They are left unhandled for good; their sequences go on without them."

    @admin.display(description="Event", ordering="event__type")
    def event_type(self, failure: FailedEvent) -> str:
        # With its id, the line would be too wide for the rest.
        return str(failure.event.type)

    def label(self, row: FailedEvent) -> str:
        return f"{row.subscription} at {row.event}"

    def retry_row(self, row: FailedEvent) -> bool:
        return retry_failed_event(row.pk)

    def skip_row(self, row: FailedEvent, *, reason: str, user: object) -> None:
        skip_failed_event(row.pk, reason=reason, user=user)

    @admin.action(description="Retry up to here", permissions=["retry"])
    def retry_up_to_here(self, request: HttpRequest, chosen: Any) -> None:
        for row in chosen.order_by("pk"):
            do(self, request, row, "Retried up to here", partial(_retried_up_to, row.pk), label=self.label(row))


@admin.register(CommandDelivery)
class CommandDeliveryAdmin(FailureAdmin):
    payload_fields = ("error", "traceback")
    list_display = ("command", "process", "outcome", "attempts", "next_attempt_at", "error")
    list_filter = ("command__outcome",)
    list_select_related = ("command", "process")
    skip_title = "Skip commands"
    skip_warning = "They are left undelivered for good; those behind them are delivered."

    @admin.display(description="Outcome", ordering="command__outcome")
    def outcome(self, delivery: CommandDelivery) -> str:
        return str(delivery.command.get_outcome_display())

    def label(self, row: CommandDelivery) -> str:
        return f"{row.command} of {row.process}"

    def retry_row(self, row: CommandDelivery) -> bool:
        return retry_command(row.command.command_id)

    def skip_row(self, row: CommandDelivery, *, reason: str, user: object) -> None:
        skip_command(row.command.command_id, reason=reason, user=user)


@admin.register(AggregateSnapshot)
class AggregateSnapshotAdmin(PayloadAdmin):
    list_display = ("stream", "version", "taken_at")
    search_fields = ("stream__startswith",)
    payload_fields = ("state",)


@admin.register(Process)
class ProcessAdmin(PayloadAdmin):
    payload_fields = ("last_error",)
    list_display = ("key", "type", "status", "awaited", "waiting_since", "next_deadline", "step_count")
    search_fields = ("key__startswith",)
    exclude = ("waiting_for",)
    readonly_fields = ("awaited",)
    actions = ("retry",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("event_store.retry_process")

    @admin.action(description="Retry what failed", permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: Any) -> None:
        for row in chosen.order_by("pk"):
            do(self, request, row, "Retried", partial(_retried_process, row.type, row.key), label=str(row))

    @admin.display(description="Waiting for", ordering="waiting_for", empty_value="–")
    def awaited(self, process: Process) -> str:
        return "any event" if process.waiting_for == ANY_EVENT else process.waiting_for


@admin.register(ProcessStep)
class ProcessStepAdmin(PayloadAdmin):
    list_display = ("process", "step", "event", "ended_as", "handled_at")
    list_select_related = ("process", "event")
    payload_fields = ("state_before", "end_reason")
    exclude = ("number",)
    readonly_fields = ("step",)

    @admin.display(description="Step", ordering="number")
    def step(self, step: ProcessStep) -> int:
        return step.number + 1


@admin.register(IssuedCommand)
class IssuedCommandAdmin(PayloadAdmin):
    list_display = ("type", "process", "reason", "outcome", "issued_at")
    list_select_related = ("process",)
    payload_fields = ("data", "reason", "rejection", "skip_reason")


@admin.register(ProcessDeadline)
class ProcessDeadlineAdmin(PayloadAdmin):
    list_display = ("name", "process", "due_at", "status")
    list_filter = ("status",)
    list_select_related = ("process",)
    payload_fields = ("name", "reason")


def do(page: ReadOnlyAdmin, request: HttpRequest, row: Any, verb: str, act: Callable[[], str], *, label: str) -> None:
    """Do something with a row, and say and log what came of it, or what was in the way."""
    try:
        outcome = act()
    except EventStoreError as error:
        page.message_user(request, str(error), messages.WARNING)
        return
    page.log_change(request, row, f"{verb}: {outcome}.")
    page.message_user(request, f"{label}: {outcome}.", messages.INFO)


def _retried_up_to(failure_id: int) -> str:
    return f"{retry_failed_events_up_to(failure_id)} handled"


def _retried_process(process_type: str, process_id: str) -> str:
    return _outcome(retry_process(process_type, process_id))


def _outcome(went_well: bool) -> str:
    return "done" if went_well else "failed again"


def _how(link: StreamLink) -> str:
    return "written here" if link.written_here else "linked"


def _lines(rows: Any) -> SafeString:
    return format_html_join("", "<div>{} {} ({})</div>", rows) or SafeString("–")
