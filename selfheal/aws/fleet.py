"""The account's endpoints of this region: which of them are being changed right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

# A deployment under way, forwards or back. `SystemUpdating` is AWS's own maintenance, and nobody's remedy.
CHANGING: tuple[Literal["Updating"], Literal["RollingBack"]] = ("Updating", "RollingBack")


class Fleet:
    """The endpoints beside one.

    A workload's ledger is its own, so no workload can read what healing does elsewhere. What can be seen by all
    is what every remedy comes down to: a deployment. It is there whoever began it and however, and it ends by
    itself: no mark has to be set, and none is left behind by a workflow that dies.
    """

    def __init__(self, sagemaker: SageMakerClient, endpoint: str) -> None:
        self._sagemaker = sagemaker
        self._endpoint = endpoint

    def changing(self) -> tuple[str, ...]:
        """Names of the other endpoints that are being changed, in order."""
        pages = self._sagemaker.get_paginator("list_endpoints")
        names = {
            endpoint["EndpointName"]
            for status in CHANGING
            for page in pages.paginate(StatusEquals=status)
            for endpoint in page["Endpoints"]
        }
        return tuple(sorted(names - {self._endpoint}))
