"""Where moments lie on a picture: to scale, apart, and with idle time folded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from browser.time_scale import Fold, TimeScale

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


def scale(*seconds: float, true_scale: bool = False) -> TimeScale:
    moments = [NOON + timedelta(seconds=each) for each in seconds]
    return TimeScale(moments, left=100, right=900, true_scale=true_scale)


def test_a_pause_of_days_is_folded_and_says_how_long_it_was() -> None:
    [fold] = scale(0, 10, 10 + 66 * 3600, 20 + 66 * 3600).folds

    assert fold.pause == timedelta(hours=66)
    assert fold.label == "2\u00a0d\u00a018\u00a0h, nothing happened"
    assert 100 < fold.x - fold.width / 2 < fold.x + fold.width / 2 < 900


def test_what_is_folded_takes_up_the_same_whatever_its_length() -> None:
    picture = scale(0, 3600, 3660, 3660 + 40 * 86400)

    assert [fold.pause for fold in picture.folds] == [timedelta(hours=1), timedelta(days=40)]
    assert len({fold.width for fold in picture.folds}) == 1


@pytest.mark.parametrize(("pause", "is_folded"), [(60, False), (60.001, True)])
def test_a_minute_is_not_folded_and_more_is(pause: float, is_folded: bool) -> None:
    assert bool(scale(0, 1, 1 + pause).folds) == is_folded


def test_a_pause_as_long_as_many_others_is_not_folded() -> None:
    assert scale(*range(0, 3600, 120)).folds == []


def test_what_is_folded_is_not_active_time_by_which_others_are_measured() -> None:
    # A twentieth of all the time is more than an hour; of the active time it is three minutes.
    steps = [*range(0, 3600, 120), 7200, 7200 + 86400]

    assert [fold.pause for fold in scale(*steps).folds] == [timedelta(seconds=3720), timedelta(days=1)]


def test_moments_of_one_instant_stay_apart_in_their_order() -> None:
    assert scale(5, 5, 5).places == [100, 500, 900]
    assert scale(5).places == [100]
    assert scale().places == []


def test_of_two_pauses_the_longer_one_is_longer() -> None:
    first, second, third = scale(0, 10, 40).places

    assert (first, third) == (100, 900)
    assert second == 400


def test_places_are_those_of_the_moments_in_whatever_order() -> None:
    forward, backward = scale(0, 10, 40).places, scale(40, 10, 0).places

    assert backward == forward[::-1]


def test_any_moment_has_a_place_between_its_neighbours() -> None:
    picture = scale(0, 10, 40)

    assert picture.x(NOON + timedelta(seconds=5)) == 250
    assert picture.x(NOON + timedelta(seconds=10)) == 400
    assert picture.x(NOON - timedelta(days=1)) == 100
    assert picture.x(NOON + timedelta(days=1)) == 900
    assert scale().x(NOON) == 100


def test_the_true_scale_folds_nothing_and_keeps_nothing_apart() -> None:
    picture = scale(0, 0, 86400, 4 * 86400, true_scale=True)

    assert picture.places == [100, 100, 300, 900]
    assert picture.folds == []
    assert scale(5, 5, true_scale=True).places[0] == 100


@pytest.mark.parametrize(("width", "label"), [(200, "1\u00a0h, nothing happened"), (40, "1\u00a0h"), (10, "")])
def test_a_label_is_as_long_as_there_is_room(width: float, label: str) -> None:
    assert Fold(100, width, timedelta(hours=1)).label == label


def test_a_zigzag_stands_around_the_middle_of_its_fold() -> None:
    assert Fold(100, 50, timedelta(hours=1)).zigzag(80) == "M88 80 l4 -7 l8 14 l8 -14 l4 7"
