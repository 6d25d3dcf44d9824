from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone, translation

from browser.times import day_and_minutes, day_and_seconds, long_time, short_time

MOMENT = datetime(2020, 11, 2, 23, 5, 6, 789_012, tzinfo=UTC)


def test_a_moment_is_written_in_the_zone_and_language_of_the_visitor() -> None:
    with timezone.override(ZoneInfo("Europe/Warsaw")), translation.override("pl"):
        assert long_time(MOMENT) == "3 Lis 2020 00:05:06.789"
        assert day_and_seconds(MOMENT) == "3 Lis 00:05:06"
    assert day_and_minutes(MOMENT) == "2 Nov 23:05"


def test_another_year_is_named() -> None:
    this_year = MOMENT.replace(year=timezone.localtime().year)

    assert short_time(MOMENT) == "2 Nov 2020 23:05"
    assert short_time(this_year) == "2 Nov 23:05"
