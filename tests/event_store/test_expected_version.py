from __future__ import annotations

import pytest

from event_store import ANY, NO_STREAM, STREAM_EXISTS
from event_store.exceptions import InvalidExpectedVersion
from event_store.expected_version import ExpectedVersion, check_expected_version, matches


@pytest.mark.parametrize("expected", [-2, True, 1.0, "any", None, 2**63])
def test_a_version_of_the_wrong_kind_is_refused(expected: object) -> None:
    with pytest.raises(InvalidExpectedVersion, match="expected_version"):
        check_expected_version(expected)


@pytest.mark.parametrize(
    ("expected", "actual", "answer"),
    [
        (ANY, -1, True),
        (ANY, 7, True),
        (NO_STREAM, -1, True),
        (NO_STREAM, 0, False),
        (STREAM_EXISTS, -1, False),
        (STREAM_EXISTS, 0, True),
        (3, 3, True),
        (3, 4, False),
        (4, 3, False),
    ],
)
def test_matches(expected: ExpectedVersion, actual: int, answer: bool) -> None:
    assert matches(check_expected_version(expected), actual) is answer
