"""Every string of the pages is translated, with the same placeholders, and compiled."""

from __future__ import annotations

import gettext
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from browser.ages import duration
from browser.views.base import BrowserView
from tests.browser.conftest import ADMIN
from tests.browser.translations import by_key, catalogue_of, compiled, template

TRANSLATED = [each for each in BrowserView.languages if each != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z.\d]*[sdf]|%%s|%[sd]")


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_is_translated_and_none_that_is_gone(language: str) -> None:
    messages = by_key(catalogue_of(language))
    strings = by_key(template())

    assert len(strings) > 500
    assert set(messages) ^ set(strings) == set(), "make messages"
    assert [key for key, each in messages.items() if each.fuzzy or not _all_forms(each.string)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_placeholders_and_forms_of_the_original(language: str) -> None:
    catalogue = catalogue_of(language)

    for message in by_key(catalogue).values():
        original = [message.id] if isinstance(message.id, str) else list(message.id)
        translated = [message.string] if isinstance(message.string, str) else list(message.string)
        assert len(translated) == (1 if isinstance(message.id, str) else catalogue.num_plurals), message.id
        # The singular may spell its number out.
        wanted = {frozenset(PLACEHOLDER.findall(each)) for each in original}
        assert {frozenset(PLACEHOLDER.findall(each)) for each in translated} <= wanted, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    with compiled(language).open("rb") as file:
        read = gettext.GNUTranslations(file)

    for message in by_key(catalogue_of(language)).values():
        if isinstance(message.id, str):
            found = read.pgettext(message.context, message.id) if message.context else read.gettext(message.id)
            assert found == message.string, "make messages"
        else:
            assert read.ngettext(*message.id, 5) == message.string[2], "make messages"


@pytest.mark.django_db
def test_pages_are_in_the_language_of_the_visitor(client: Client, settings: Any, orders: dict[str, Any]) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]

    polish = client.get(f"{ADMIN}processes/", headers={"Accept-Language": "pl"})
    arabic = client.get(f"{ADMIN}processes/", headers={"Accept-Language": "ar"})

    assert (polish["Content-Language"], arabic["Content-Language"]) == ("pl", "en")
    assert '<html lang="pl" dir="ltr"' in polish.text
    assert '<html lang="en" dir="ltr"' in arabic.text
    assert "Na co czekają" in polish.text
    assert '1 proces"' in polish.text
    # Names are the user's, not ours.
    assert "CatererSaidYes" in polish.text


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "5 s"),
        (timedelta(hours=26), "1 d 2 godz."),
        (timedelta(minutes=90), "1 godz. 30 min"),
        (timedelta(days=30), "30 d"),
    ],
)
def test_ages_are_in_the_language_of_the_visitor(length: timedelta, words: str) -> None:
    with translation.override("pl"):
        assert duration(length).replace("\u00a0", " ") == words


def _all_forms(string: Any) -> bool:
    return bool(string) if isinstance(string, str) else all(string)
