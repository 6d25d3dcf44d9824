"""What is missing is said in the frame of the pages, whatever the address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from tests.browser.conftest import ADMIN

pytestmark = pytest.mark.django_db
NOBODY = UUID(int=7)


@pytest.mark.parametrize(
    "path",
    [
        f"commands/{NOBODY}/",
        f"commands/{NOBODY}/retry/",
        f"commands/{NOBODY}/skip/",
        "processes/Agreement/nobody/retry/",
        f"events/{NOBODY}/",
        "a%0Ab/",
        "streams/a%0Ab/nothing/here/",
    ],
)
def test_a_missing_page_has_the_frame(sign_in: Any, path: str) -> None:
    client: Client = sign_in(
        "view_storedevent", "view_process", "retry_commanddelivery", "skip_commanddelivery", "retry_process"
    )

    for mount in (ADMIN, "/es/"):
        page = client.get(mount + path)
        assert page.status_code == 404
        assert 'class="es-nav"' in page.text, mount


def test_an_empty_place_in_a_list_is_its_beginning(client: Client, orders: dict[str, Any]) -> None:
    assert client.get(f"{ADMIN}handlers/Agreement/?from=").status_code == 200
