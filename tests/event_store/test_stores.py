from __future__ import annotations

from typing import Any

import pytest

from event_store import EventStore, event_store, event_stores
from event_store.exceptions import InvalidStoreSettings


def test_without_a_setting_there_is_one_store_in_the_default_database() -> None:
    assert list(event_stores) == ["default"]
    assert event_stores["default"].backend.using == "default"
    assert event_store == event_stores["default"]


def test_settings_are_honoured_when_they_are_overridden(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "second": {"OPTIONS": {"wake_up": "worker"}}}

    assert isinstance(event_stores["second"], EventStore)
    assert (event_stores["second"].wake_up, event_store.wake_up) == ("worker", "inline")


def test_an_unknown_store_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidStoreSettings, match="no store 'other'; it has default"):
        event_stores["other"]


def test_a_setting_that_is_no_dict_says_so_when_it_is_used(settings: Any) -> None:
    settings.EVENT_STORES = ["default"]

    with pytest.raises(InvalidStoreSettings, match="make it a dict"):
        event_store.publish([], stream="s")


def test_a_store_that_cannot_work_says_why_when_it_is_used(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"using": "elsewhere"}}}

    with pytest.raises(InvalidStoreSettings, match="'elsewhere', which is not in DATABASES"):
        event_store.publish([], stream="s")
