"""Downloads of events: what stands in them, who may have them, and that they are read batch by batch."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from browser.converters import escape_name
from browser.export import file_name
from browser.policy import BrowserPolicy, Hidden
from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.event_store.sample import HOSTILE_NAMES, Counted, Noted

pytestmark = pytest.mark.django_db
EXPORT = (*PERMISSIONS, "export_storedevent")


@pytest.fixture
def exporter(sign_in: Callable[..., Client]) -> Client:
    return sign_in(*EXPORT)


def lines(response: Any) -> list[Any]:
    return [json.loads(line) for line in response.getvalue().decode().splitlines()]


def cells(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.getvalue().decode(), newline="")))


def store_as(event: Any, text: str) -> str:
    """Put this JSON text in the place of an event's data; the text that the database has made of it."""
    with changes_allowed(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE event_store_storedevent SET data = %s WHERE global_position = %s", [text, event.global_position]
        )
    stored = event_store.events.as_json().with_ids(event.id).first()
    assert stored is not None
    return str(stored.data)


# ---- what stands in them


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("path", ["events/", "streams/s/"])
def test_digits_and_signs_survive(exporter: Client, path: str, kind: str) -> None:
    [event] = event_store.append(Noted(), stream="s")
    text = (
        '{"a": 12345678901234567890.123456789, "b": -7210194211959421178, "c": 1e400, "d": "\\u0001", "e": "\\u00e9"}'
    )
    stored = store_as(event, text)
    response = exporter.get(f"{ADMIN}{path}export.{kind}")
    content = response.getvalue().decode()

    assert "12345678901234567890.123456789" in stored
    assert stored in (content if kind == "jsonl" else list(csv.reader(io.StringIO(content)))[1])


def test_a_line_says_all_about_an_event(exporter: Client, orders: Any) -> None:
    [line] = lines(exporter.get(f"{ADMIN}streams/Customer$7/export.jsonl"))
    event = orders["customer"]

    assert line == {
        "global_position": event.global_position, "stream": "Customer$7", "position": 0, "id": str(event.id),
        "type": "sample.CustomerSaidYes", "schema_version": 1,
        "recorded_at": event.recorded_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "valid_at": event.valid_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "correlation_id": str(event.correlation_id), "causation_id": None,
        "data": {"order_id": "41"}, "metadata": {"user": "anna"},
    }  # fmt: skip
    [header, row] = cells(exporter.get(f"{ADMIN}streams/Customer$7/export.csv"))
    assert header == list(line)
    assert json.loads(dict(zip(header, row, strict=True))["data"]) == {"order_id": "41"}


def test_a_stored_text_of_several_lines_stays_one_line(exporter: Client) -> None:
    [event] = event_store.append(Noted(), stream="s")
    store_as(event, '{\r\n"text": "a"\n}')

    assert [line["data"] for line in lines(exporter.get(f"{ADMIN}events/export.jsonl"))] == [{"text": "a"}]


def test_the_filters_of_the_page_hold_for_its_file(exporter: Client, orders: Any) -> None:
    def exported(path: str, **filters: Any) -> list[str]:
        page = exporter.get(f"{ADMIN}{path}export.jsonl", filters)
        return [line["type"].removeprefix("sample.") for line in lines(page)]

    assert exported("events/", type="Noted") == ["Noted"]
    assert exported("events/", where='order_id:"42"') == ["CustomerSaidYes"]
    assert exported("events/", where='order_id>"41"', stream="Order$42") == ["CustomerSaidYes"]
    assert exported("events/", stream="Agreement$41", type="-Confirmed") == ["CustomerSaidYes", "CatererSaidYes"]
    assert exported("events/", until="2000-01-01") == []
    assert exported("streams/Agreement$41/") == ["CustomerSaidYes", "CatererSaidYes"]
    assert exported("streams/Agreement$41/", type="CatererSaidYes") == ["CatererSaidYes"]
    assert exported("streams/Agreement$41/", type="-CatererSaidYes") == ["CustomerSaidYes"]
    assert exported("streams/Agreement$41/", after="0") == ["CatererSaidYes"]


@pytest.mark.parametrize("filters", ["", "type=sample.Counted&type=-sample.Noted&"])
@pytest.mark.parametrize("path", ["events/", "streams/s/"])
def test_where_a_file_ends_early_the_next_one_goes_on(
    exporter: Client, monkeypatch: pytest.MonkeyPatch, path: str, filters: str
) -> None:
    monkeypatch.setattr("browser.views.export.BATCH", 4)
    monkeypatch.setattr("browser.views.export.WINDOW", 7)
    event_store.append([Counted(number=number) for number in range(25)], stream="s")
    seen, url, ends = [], f"{ADMIN}{path}export.jsonl?{filters}limit=10", []
    while url:
        *rows, last = lines(exporter.get(url))
        more = last.get("truncated")
        seen += [row["data"]["number"] for row in ([*rows] if more else [*rows, last])]
        ends.append(more)
        url = last["next"] if more else ""

    assert seen == list(range(25))
    assert ends == [True, True, None]
    assert "truncated" not in exporter.get(f"{ADMIN}{path}export.jsonl?limit=25").getvalue().decode()
    assert cells(exporter.get(f"{ADMIN}{path}export.csv?limit=10"))[-1][:2] == ["truncated", "next"]
    assert cells(exporter.get(f"{ADMIN}{path}export.csv?limit=10"))[-1][2].startswith(
        f"{ADMIN}{path}export.csv?limit=10&after="
    )


@pytest.mark.parametrize("cell", ["=1+1", "@x", "+x", "-x", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(exporter: Client, cell: str) -> None:
    [event] = event_store.append(Noted(), stream=cell)
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(type=cell, data=-1)
    [_header, row] = cells(exporter.get(f"{ADMIN}events/export.csv"))

    assert row[1] == row[4] == f"'{cell}"
    assert row[-2] == "'-1"
    assert [each for each in row if each.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


# ---- their names


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, 'a/b"\n', "a\r\nSet-Cookie: x=1", "../../etc/passwd", ".hidden"])
def test_a_file_is_named_after_its_stream_and_breaks_no_header(exporter: Client, name: str) -> None:
    event_store.append(Noted(text=name), stream=name)
    response = exporter.get(f"{ADMIN}streams/{escape_name(name)}/export.jsonl")
    header = response.headers["Content-Disposition"]

    assert header.startswith("attachment; filename")
    assert not set(header) & set("\r\n/\\\0")
    assert header.count('"') in (0, 2)
    assert len(header) < 1000
    assert [line["stream"] for line in lines(response)] == [name]


def test_a_file_name_keeps_letters_digits_and_little_else() -> None:
    assert file_name("Order$42", "csv") == "Order$42.csv"
    assert file_name('a/b"\n', "jsonl") == "a_b__.jsonl"
    assert file_name("..", "csv") == "events.csv"
    assert file_name("Zamówienie", "csv") == "Zamówienie.csv"
    assert len(file_name("x" * 255, "csv")) == 104


# ---- who may have them


def test_an_export_needs_two_permissions(sign_in: Callable[..., Client], orders: Any) -> None:
    paths = ["events/export.jsonl", "streams/notes/export.csv"]
    for number, granted in enumerate(
        ([], ["view_storedevent"], ["export_storedevent"], ["view_storedevent", "view_payload"])
    ):
        client = sign_in(*granted, username=f"u{number}")
        assert [client.get(ADMIN + path).status_code for path in paths] == [403, 403]
        assert "export.jsonl" not in client.get(f"{ADMIN}events/").text
    page = client.get(f"{ADMIN}events/export.csv")
    assert "export events (event_store.export_storedevent)" in re.sub(r"<[^>]+>", "", page.text)
    assert client.get(f"{ADMIN}events/export.xml", follow=True).status_code == 404


def test_links_to_downloads_are_shown_to_those_who_may(exporter: Client, orders: Any) -> None:
    page = exporter.get(f"{ADMIN}events/?type=sample.Noted&size=100")

    assert f'href="{ADMIN}events/export.jsonl?type=sample.Noted"' in page.text
    assert exporter.get("/es/events/").text.count('href="/es/events/export.csv"') == 1


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_without_the_payload_permission_no_value_is_exported(
    sign_in: Callable[..., Client], orders: Any, kind: str
) -> None:
    client = sign_in("view_storedevent", "export_storedevent")
    for path in ("events/", "streams/notes/"):
        content = client.get(f"{ADMIN}{path}export.{kind}").getvalue().decode()
        assert "sample.Noted" in content
        assert "just so" not in content
        assert "anna" not in content
        assert "hidden: needs the permission event_store.view_payload" in content
    assert client.get(f"{ADMIN}events/export.jsonl", {"where": "a?"}).status_code == 400


class NoNotes(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "notes"


class WithoutNumber(BrowserPolicy):
    def redact(self, request: Any, event: Any) -> Any:
        return {**event.data, "order_id": Hidden("personal data")} if "order_id" in event.data else event.data


def test_a_policy_keeps_its_rows_and_values_out_of_files(exporter: Client, orders: Any, settings: Any) -> None:
    event_store.link([event_store.events.of_type(Noted).first()], stream="Customer$7")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}
    assert "sample.Noted" not in exporter.get(f"{ADMIN}events/export.jsonl").getvalue().decode()
    assert len(lines(exporter.get(f"{ADMIN}streams/Customer$7/export.jsonl"))) == 1
    assert exporter.get(f"{ADMIN}streams/notes/export.jsonl").status_code == 403
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutNumber"}
    [line] = lines(exporter.get(f"{ADMIN}streams/Order$42/export.jsonl"))
    assert line["data"] == {"order_id": "hidden: personal data"}
    assert line["metadata"] == "hidden"
    assert "just so" in exporter.get(f"{ADMIN}streams/notes/export.csv").getvalue().decode()


def test_data_too_deep_to_be_written_is_hidden_under_a_policy(exporter: Client, settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutNumber"}
    deep, _last = event_store.append([Noted(), Noted(text="just so")], stream="s")
    store_as(deep, '{"order_id": "s3cret", "text": ' + "[" * 700 + "]" * 700 + "}")
    raw = exporter.get(f"{ADMIN}events/{deep.id}/raw.json")
    exported = lines(exporter.get(f"{ADMIN}streams/s/export.jsonl"))

    assert raw.status_code == 200
    assert raw.json()["data"] == exported[0]["data"]
    # How deep a value may be to be written depends on the Python.
    assert exported[0]["data"] == "hidden: it cannot be shown" or exported[0]["data"]["order_id"] != "s3cret"
    assert [len(exported), exported[1]["data"]] == [2, {"text": "just so"}]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("streams/never/export.jsonl", 404),
        ("events/export.csv?limit=0", 404),
        ("events/export.csv?limit=x", 404),
        ("events/export.csv?limit=99999999999999999999999", 404),
        ("events/export.csv?after=-2", 404),
        ("streams/notes/export.csv?after=x%00", 404),
        ("events/export.jsonl?where=a", 400),
        ("events/export.jsonl?since=x", 400),
        ("events/export.jsonl?type=Never", 200),
        ("streams/notes/export.jsonl?after=9223372036854775806", 200),
        ("events/export.jsonl?after=9223372036854775806&since=2020-01-01", 200),
    ],
)
def test_bad_parameters_are_no_error(exporter: Client, orders: Any, path: str, status: int) -> None:
    response = exporter.get(ADMIN + path)

    assert response.status_code == status
    assert b"".join(response) == b"" if status == 200 else 'class="es"' in response.text


# ---- how they are read


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.views.export.BATCH", 10)
    event_store.append([Counted(number=number) for number in range(95)], stream="s")


def test_a_file_is_read_batch_by_batch_and_not_after_it_was_cancelled(exporter: Client, small_batches: None) -> None:
    response = exporter.get(f"{ADMIN}events/export.jsonl")
    parts = iter(response.streaming_content)
    with CaptureQueriesContext(connection) as captured:
        for expected in range(1, 4):
            assert next(parts).count(b"\n") == 10
            assert len(captured) == expected
        response.close()
        assert list(parts) == []

    assert len(captured) == 3
    assert response.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_under_asgi_a_file_is_read_batch_by_batch(exporter: Client, small_batches: None) -> None:
    client = AsyncClient()
    client.cookies = exporter.cookies

    async def download() -> tuple[list[int], list[int]]:
        whole = await client.get(f"{ADMIN}streams/s/export.jsonl")
        cancelled = await client.get(f"{ADMIN}streams/s/export.jsonl")
        assert whole.is_async  # type: ignore[attr-defined]
        some = aiter(cancelled.streaming_content)  # type: ignore[attr-defined]
        first = [(await anext(some)).count(b"\n")]
        await some.aclose()
        return [part.count(b"\n") async for part in whole.streaming_content], first  # type: ignore[attr-defined]

    whole, cancelled = async_to_sync(download)()

    assert whole == [10] * 9 + [5]
    assert cancelled == [10]
