"""Objects: what is unchanged is read once, and listing starts where it must."""

from __future__ import annotations

import pytest

from selfheal.aws.errors import Missing
from selfheal.aws.objects import Objects, split_uri
from unit.account import BUCKET


def shout(text, key):
    return f"{key}: {text.upper()}"


def read_all(objects, prefix):
    return {key: objects.parsed(key, etag, shout) for key, etag, _ in objects.list(prefix)}


def test_an_unchanged_object_is_not_fetched_twice(account):
    account.objects.write("a/1", "one")
    objects = Objects(account.s3, BUCKET)
    account.calls.forget()
    assert read_all(objects, "a/") == read_all(objects, "a/") == {"a/1": "a/1: ONE"}
    assert len(account.calls.of("GetObject")) == 1


def test_a_changed_object_is_fetched_again(account):
    account.objects.write("a/1", "one")
    objects = Objects(account.s3, BUCKET)
    read_all(objects, "a/")
    account.objects.write("a/1", "two")
    assert read_all(objects, "a/") == {"a/1": "a/1: TWO"}


def test_what_is_read_as_it_is_now_is_always_fetched(account):
    account.objects.write("a/1", "one")
    objects = Objects(account.s3, BUCKET)
    assert objects.read("a/1") == "one"
    account.objects.write("a/1", "two")
    assert objects.read("a/1") == "two"


def test_what_the_window_has_passed_is_forgotten_and_fetched_again(account):
    for key in ("a/1", "a/2", "b/1"):
        account.objects.write(key, key)
    objects = Objects(account.s3, BUCKET)
    read_all(objects, "")
    objects.forget_before("a/", "a/2")
    account.calls.forget()
    assert set(read_all(objects, "")) == {"a/1", "a/2", "b/1"}
    assert [arguments["Key"] for arguments in account.calls.of("GetObject")] == ["a/1"]


def test_what_cannot_be_parsed_is_not_remembered(account):
    account.objects.write("a/1", "one")
    ((key, etag, _),) = account.objects.list("a/")

    def fail(text, key):
        raise ValueError(f"cannot read {key}")

    with pytest.raises(ValueError, match="cannot read a/1"):
        account.objects.parsed(key, etag, fail)
    assert account.objects.parsed(key, etag, shout) == "a/1: ONE"


def test_limits_leave_both_ends_out_and_keep_the_order(account):
    for key in ("a/05", "a/05/x", "a/06/x", "a/07", "a/07/x", "b/06"):
        account.objects.write(key, key)
    found = [key for key, _, _ in account.objects.list("a/", after="a/05", before="a/07")]
    assert found == ["a/05/x", "a/06/x"]
    assert [key for key, _, _ in account.objects.list("a/", after="a/07")] == ["a/07/x"]
    assert [key for key, _, _ in account.objects.list("nothing/")] == []


def test_listing_goes_on_over_pages(account):
    for number in range(1005):
        account.objects.write(f"a/{number:04d}", "x")
    account.calls.forget()
    keys = [key for key, _, _ in account.objects.list("a/", after="a/0001")]
    assert keys == [f"a/{number:04d}" for number in range(2, 1005)]
    assert len(account.calls.of("ListObjectsV2")) == 2


def test_a_missing_object_is_named(account):
    with pytest.raises(Missing, match=f"s3://{BUCKET}/nowhere does not exist"):
        account.objects.read("nowhere")


def test_json_is_written_so_that_the_same_is_the_same(account):
    account.objects.write_json("a", {"b": 1, "a": [1.5, None]})
    assert account.text("a") == '{"a":[1.5,null],"b":1}'
    assert account.objects.read_json("a") == {"b": 1, "a": [1.5, None]}


def test_addresses_are_split():
    assert split_uri("s3://bucket/a/b.json") == ("bucket", "a/b.json")


@pytest.mark.parametrize("uri", ["", "bucket/key", "https://bucket/key", "s3:///key", "s3:"])
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(ValueError, match="not an s3:// address"):
        split_uri(uri)
