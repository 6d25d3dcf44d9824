"""Two states of a process, or of two processes of a type, side by side."""

from __future__ import annotations

from typing import Any

from browser.process_steps import state_at
from browser.state_diff import Comparison, compare
from browser.views.base import VIEW_PROCESSES, Breadcrumb, BrowserView
from browser.views.process import process_or_404, step_number
from event_store import process_managers


class CompareView(BrowserView):
    """`?a=3&b=4` for two steps, `?with=<key>` for another process of the type; without, the last step with the one before."""

    template_name = "browser/compare.html"
    section = "processes"
    obeys_policy = True
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        process = process_or_404(context["type"], context["key"])
        other = process_or_404(context["type"], self._other_key) if self._other_key else process
        last, last_of_other = process.version + 1, other.version + 1
        a = step_number(self.request, "a", last=last, default=last if self._other_key else max(0, last - 1))
        b = step_number(self.request, "b", last=last_of_other)
        return super().get_context_data(
            process=process,
            other=other,
            is_other=bool(self._other_key),
            a=a,
            b=b,
            last=last,
            last_of_other=last_of_other,
            is_known=process.type in process_managers,
            comparison=self._comparison(process, a, other, b) if self.may_see_payload else None,
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        process_type, key = self.kwargs["type"], self.kwargs["key"]
        return [
            Breadcrumb(process_type, self.url("process_type", process_type)),
            Breadcrumb(key, self.url("process", process_type, key)),
        ]

    @property
    def _other_key(self) -> str:
        return self.request.GET.get("with", "").replace("\0", "")

    def _has_consent(self) -> bool:
        is_own = super()._has_consent()
        return is_own and (not self._other_key or self.sight.process(self.kwargs["type"], self._other_key))

    def _comparison(self, process: Any, a: int, other: Any, b: int) -> Comparison | None:
        """None where one of the states cannot be folded."""
        before, after = state_at(process, a), state_at(other, b)
        return None if before is None or after is None else compare(before, after)
