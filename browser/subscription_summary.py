"""How all subscriptions are doing, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from browser.declared_readers import durable_names
from browser.progress import MOST, Progress
from event_store.models import Subscription


@dataclass(frozen=True)
class SubscriptionSummary:
    """
    Numbers of subscriptions, each of them counted once.

    Attributes:
        most_behind: positions between the newest event and the slowest of those that are behind.
        failing: the partitions that fail.
        is_more: there are more partitions than were looked at.
    """

    up_to_date: int
    behind: int
    most_behind: int
    failing: Sequence[Progress]
    not_run_yet: int
    is_more: bool = False

    @classmethod
    def of(cls, rows: Sequence[Progress]) -> SubscriptionSummary:
        """Of partitions in the order of their names."""
        failing = [each for each in rows if each.subscription.status == Subscription.Status.FAILING]
        partitions = {name: list(each) for name, each in groupby(rows, key=lambda row: row.subscription.name)}
        well = {name: each for name, each in partitions.items() if not any(row in failing for row in each)}
        late = [max(row.behind for row in each) for each in well.values() if not all(row.is_up_to_date for row in each)]
        return cls(
            up_to_date=len(well) - len(late),
            behind=len(late),
            most_behind=max(late, default=0),
            failing=failing,
            not_run_yet=len(durable_names() - set(partitions)),
            is_more=len(rows) >= MOST,
        )

    @property
    def failing_count(self) -> int:
        return len({each.subscription.name for each in self.failing})

    @property
    def words(self) -> str:
        """`6 up to date · 1 behind by 1 204 · 1 failing`; what there is none of is left out."""
        most = f"{self.most_behind:,}".replace(",", "\u00a0")
        parts = [
            (self.up_to_date, _("%(count)d up to date") % {"count": self.up_to_date}),
            (
                self.behind,
                ngettext("%(count)d behind by %(most)s", "%(count)d behind by up to %(most)s", self.behind)
                % {"count": self.behind, "most": most},
            ),
            (self.failing_count, _("%(count)d failing") % {"count": self.failing_count}),
            (self.not_run_yet, _("%(count)d not run yet") % {"count": self.not_run_yet}),
        ]
        said = [words for count, words in parts if count]
        return " · ".join([*said, "…"] if self.is_more else said) or _("none")
