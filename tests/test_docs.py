"""The documentation keeps its word: its code runs, its files exist, its lists are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from event_store import WrongExpectedVersion
from event_store.testing import isolated_registries, run_subscriptions
from tests.guides import DOCS, ROOT, code_of, load, runnable_blocks

PATTERNS = code_of("process_patterns.md")


def run(code: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    with isolated_registries():
        module = load(code, monkeypatch)
        run_subscriptions()
    return vars(module)


@pytest.mark.django_db
def test_the_fifteen_lines_do_what_they_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run(dict(runnable_blocks())["README.md-0"], monkeypatch)

    places = [(place.stream, place.position, place.written_here) for place in names["places"]]
    assert capsys.readouterr().out == "vegan for order 42\n"
    assert names["newest_first"] == [names["event"]]
    assert places == [("Order$42", 0, True), ("Caterer$7", 0, False)]


@pytest.mark.django_db
def test_the_fifteen_lines_are_refused_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    code = dict(runnable_blocks())["README.md-0"]
    run(code, monkeypatch)

    with pytest.raises(WrongExpectedVersion):
        run(code, monkeypatch)


def test_the_readme_names_the_permissions_as_django_does() -> None:
    named = set(re.findall(r"`(event_store\.view_\w+)`", (ROOT / "README.md").read_text()))

    assert named == set(
        re.findall(r"^\| `(event_store\.view_\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    )


@pytest.mark.django_db
def test_the_process_manager_does_what_it_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = dict(runnable_blocks())

    run(blocks["README.md-1"] + blocks["README.md-2"], monkeypatch)

    assert capsys.readouterr().out == "order 42 is confirmed\n"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_what_is_linked_to_exists(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", path.read_text())

    assert [target for target in targets if "://" not in target and not (path.parent / target).exists()] == []


def test_every_check_is_listed() -> None:
    declared = set(re.findall(r'id="(event_store\.[EW]\d+)"', (ROOT / "event_store/checks.py").read_text()))

    assert declared == set(re.findall(r"`(event_store\.[EW]\d+)`", (ROOT / "docs/settings.md").read_text()))


def test_every_discovered_module_is_listed() -> None:
    from event_store.apps import DISCOVERED

    listed = (ROOT / "docs/settings.md").read_text().partition("## Discovered modules")[2]
    assert tuple(re.findall(r"`(\w+)`", listed)) == DISCOVERED


@pytest.mark.django_db
@pytest.mark.parametrize("document", ["writing.md", "reading.md", "aggregates.md"])
def test_the_examples_of_the_guides_are_true(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [code for name, code in runnable_blocks() if name.startswith(document)]

    names = run("".join(blocks), monkeypatch)

    assert len(blocks) >= 3
    assert {"event_store", "Aggregate"} & names.keys()


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", PATTERNS, re.MULTILINE))
def test_the_patterns_keep_their_word(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with isolated_registries():
        patterns = load(PATTERNS, monkeypatch, name="catering.patterns")
        getattr(patterns, name)()


def test_each_pattern_has_a_test() -> None:
    headings = re.findall(r"^## (.+)", (ROOT / "docs/process_patterns.md").read_text(), re.MULTILINE)

    assert len(headings) == 9
    assert len(re.findall(r"^def test_", PATTERNS, re.MULTILINE)) >= len(headings)
