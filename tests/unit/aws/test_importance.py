"""Importances, beside a package's baseline."""

from __future__ import annotations

import pytest

from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.importance import importance_of
from selfheal.aws.registry import Registry

KEY = "packages/one/importance.json"


@pytest.fixture
def read(account):
    package = Registry(account.sagemaker).package(account.package("one"))
    return lambda: importance_of(account.objects, package)


def test_shares_by_feature(account, read):
    account.objects.write_json(KEY, {"x": 0.75, "c": 0.25})
    assert read() == {"x": 0.75, "c": 0.25}


def test_a_package_of_before_has_none(read):
    with pytest.raises(Missing, match=KEY):
        read()


def test_a_package_without_a_baseline_has_none(account):
    package = Registry(account.sagemaker).package(account.package("one", baseline=None))
    with pytest.raises(Missing, match="carries no baseline"):
        importance_of(account.objects, package)


@pytest.mark.parametrize("text", ["[1]", "{", '{"x": "much"}', '{"x": null}'])
def test_another_form_is_refused_by_its_key(account, read, text):
    account.objects.write(KEY, text)
    with pytest.raises(AwsError, match=f"{KEY} does not hold a share"):
        read()


@pytest.mark.parametrize("share", ["NaN", "-0.1", "1.5", "Infinity"])
def test_a_share_that_cannot_be_is_refused(account, read, share):
    account.objects.write(KEY, f'{{"x": {share}}}')
    with pytest.raises(AwsError, match="outside 0 to 1"):
        read()
