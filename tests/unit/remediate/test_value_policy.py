"""Prices, from the settings file to the function that weighs with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from selfheal.aws import policies
from selfheal.remediate.rails import Rails
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.settings import policy_json
from selfheal.settings_file import SettingsError, load

FLIGHTS = Path(__file__).parents[3] / "workloads" / "flights" / "selfheal.yaml"


@pytest.fixture
def settings(tmp_path):
    """The flights' settings with sections of one's own."""

    def read(**sections):
        path = tmp_path / "selfheal.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(FLIGHTS.read_text("utf-8")), **sections}), "utf-8")
        return load(path)

    return read


def test_by_default_nothing_is_weighed_and_money_is_not_capped(settings):
    found = settings()
    assert not found.value.is_stated
    assert found.rails.money_usd_per_30_days is None
    assert found.rails.flapping_incidents == 3


def test_prices_reach_the_function_as_they_were_validated(settings):
    value = settings(value={"per_prediction_usd": 0.02, "training_usd": 40, "rollout_usd": 15}).value
    assert policies.value_policy(policy_json(value)) == value
    assert value.retraining_usd == 55
    assert policies.value_policy(policy_json(ValuePolicy())) == ValuePolicy()


def test_rails_reach_the_function_with_and_without_a_cap():
    for rails in (Rails(), Rails(money_usd_per_30_days=200.5, flapping_incidents=9)):
        assert policies.rails(policy_json(rails)) == rails


def test_a_cap_on_money_without_a_price_is_refused(settings):
    with pytest.raises(SettingsError, match=r"value\.training_usd = 0\.0: expected more than 0 here or in"):
        settings(rails={"money_usd_per_30_days": 100})


@pytest.mark.parametrize("price", ["training_usd", "rollout_usd"])
def test_a_cap_on_money_with_either_price_is_taken(settings, price):
    found = settings(rails={"money_usd_per_30_days": 100}, value={price: 1})
    assert found.rails.money_usd_per_30_days == 100


@pytest.mark.parametrize("section", [{"training_usd": -1}, {"horizon_days": "soon"}, {"currency": "EUR"}])
def test_a_price_that_cannot_be_is_named(settings, section):
    with pytest.raises(SettingsError, match=rf"value\.{next(iter(section))} = "):
        settings(value=section)
