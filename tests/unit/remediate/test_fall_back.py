"""What served before, and which of it may serve again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.remediate.fall_back import Earlier, last_good, obstacle, served_before
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.service import BY_SERVICE, Service
from unit.remediate.services import slow_service
from unit.samples import NOW

PROMOTED, ROLLED_BACK, RELEASING = (
    ReleaseStatus.PROMOTED,
    ReleaseStatus.ROLLED_BACK,
    ReleaseStatus.RELEASING,
)


def release(number, previous, status=PROMOTED):
    """The release of model m<number>, by config c<number>, on day <number>."""
    return Release(
        config=f"c{number}",
        model=f"m{number}",
        package=f"p{number}",
        previous_config=previous,
        started_at=NOW + timedelta(days=number),
        status=status,
    )


def earlier(config, reason=None):
    return Earlier(config=config, model=f"model of {config}", obstacle=reason)


def test_what_the_releases_found_is_what_served_before():
    releases = [release(2, "c1"), release(3, "c2"), release(1, "first")]
    assert served_before(releases, "m3") == ("c2", "c1", "first")
    assert served_before(releases, "m2") == ("c1", "first"), "what came after it did not serve before it"


def test_what_the_first_champion_was_before_nobody_knows():
    assert served_before([], "m1") == ()
    assert served_before([release(1, "first")], "champion") == ()


@pytest.mark.parametrize("status", [ROLLED_BACK, RELEASING])
def test_a_release_that_is_not_known_to_have_held_brought_nothing_into_service(status):
    assert served_before([release(1, "first", status)], "m1") == ()


def test_a_release_that_did_not_hold_found_something_that_served():
    """c1 served, m2 was sent back to it, m3 came after both."""
    releases = [release(1, "first"), release(2, "c1", ROLLED_BACK), release(3, "c1")]
    assert served_before(releases, "m3") == ("c1", "first")


def test_fresh_instances_that_served_are_known_by_their_own_name():
    assert served_before([release(1, "first"), release(2, "c1-again")], "m2") == ("c1-again", "first")


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(ReleaseStatus)), max_size=12))
def test_falling_back_again_and_again_comes_to_an_end(drawn):
    releases = [release(n, f"c{n - 1}", status) for n, status in dict(drawn).items()]
    model, seen = "m20", set()
    while (found := served_before(releases, model)) and found[0] not in seen:
        seen.add(found[0])
        model = found[0].replace("c", "m", 1)
    assert not found, "it came back to where it had been"


def test_the_latest_that_may_serve_is_the_last_good_one():
    found = [earlier("c2", "it is quarantined"), earlier("c1"), earlier("first")]
    assert last_good(found).config == "c1"
    assert obstacle(found) is None


def test_where_none_may_serve_each_says_why():
    assert last_good([]) is None
    assert obstacle([]) == "no other config served before the one that serves"
    found = [earlier("c2", "it is quarantined"), earlier("first", "it does not exist")]
    assert obstacle(found) == "c2: it is quarantined; first: it does not exist"


@pytest.mark.parametrize(
    "service",
    [
        slow_service(),
        slow_service(capacity=None, barred="no", firing=()),
        slow_service(earlier=(earlier("c1", "gone"), earlier("first"))),
    ],
)
def test_a_service_can_be_written_down_and_read_again(service):
    assert Service.from_json(service.to_json()) == service


def test_a_size_that_is_not_known_is_not_raised():
    assert slow_service(capacity=None).obstacle(Remedy.SCALE) == "its size is not known"


@pytest.mark.parametrize("remedy", [remedy for remedy in Remedy if remedy not in BY_SERVICE])
def test_no_other_remedy_asks_for_the_service(remedy):
    assert slow_service(capacity=None, barred="no").obstacle(remedy) is None
