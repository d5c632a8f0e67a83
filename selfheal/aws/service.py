"""The service as a decision needs it: its alarms, its size, and what may be deployed to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import package_of
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.ledger_table import LedgerTable
from selfheal.aws.registry import Registry
from selfheal.remediate.fall_back import Earlier, served_before
from selfheal.remediate.scale import Capacity
from selfheal.remediate.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient


class Serving:
    """What serves at one endpoint, and what served before."""

    def __init__(self, sagemaker: SageMakerClient, endpoint: Endpoint, table: LedgerTable) -> None:
        self._sagemaker = sagemaker
        self._endpoint = endpoint
        self._registry = Registry(sagemaker)
        self._table = table

    def service(self, alarms: Alarms, variant: str, *, maximum: int, step_percent: float) -> Service:
        """The service as it is now.

        Args:
            maximum, step_percent: as in `Capacity`.

        Raises:
            Missing: there is no such endpoint, or the config that it names is gone.
        """
        state = self._endpoint.state()
        model = self._endpoint.model_of(state.config)
        return Service(
            config=state.config,
            firing=tuple(firing.kind for firing in alarms.firing()),
            capacity=_capacity(state, variant, maximum, step_percent),
            barred=self._barred(model),
            earlier=tuple(self.earlier(model)),
        )

    def earlier(self, model: str) -> Iterator[Earlier]:
        """Configs that served before a model's release, latest first, up to the first that may serve again."""
        for config in served_before(self._table.releases(), model):
            found = self._look_at(config)
            if found.model == model:
                continue  # on other instances it would be the model that there is trouble with
            yield found
            if found.obstacle is None:
                return

    def _look_at(self, config: str) -> Earlier:
        try:
            model = self._endpoint.model_of(config)
        except Missing as error:
            return Earlier(config=config, model=None, obstacle=str(error))
        return Earlier(config=config, model=model, obstacle=self._barred(model))

    def _barred(self, model: str) -> str | None:
        """Why a model may not be deployed; None where it may."""
        try:
            self._registry.package(package_of(self._sagemaker, model)).require_deployable()
        except AwsError as error:
            return str(error)
        return None


def _capacity(state: EndpointState, variant: str, maximum: int, step_percent: float) -> Capacity | None:
    found = state.instances.get(variant)
    if found is None:
        return None
    return Capacity(instances=found.desired, maximum=maximum, step_percent=step_percent)
