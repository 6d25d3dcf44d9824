"""The command that prints the SQL for roles."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("event_store_roles", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_roles_that_it_is_given() -> None:
    text = printed("--web", "shop_web", "--operator", "shop_operator")

    assert text.startswith("BEGIN;\n")
    assert text.endswith("COMMIT;\n")
    assert ('TO "shop_web"' in text, 'TO "shop_operator"' in text, ":" + '"role"' in text) == (True, True, False)


def test_a_project_without_djangos_users_needs_no_right_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '"auth_permission"' in printed("--reader", "shop_reader")
    monkeypatch.setattr("event_store.roles.apps.is_installed", lambda name: False)

    assert "permission" not in printed("--reader", "shop_reader")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "at least one role"),
        (("--web", "shop", "--reader", "shop"), "a name of its own"),
        (("--web", ""), "1 to 63 bytes"),
        (("--web", "é" * 32), "1 to 63 bytes"),
        (("--web", "a\0b"), "1 to 63 bytes"),
        (("--web", "\udc80"), "1 to 63 bytes"),
    ],
)
def test_names_that_cannot_work_are_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        printed(*arguments)
