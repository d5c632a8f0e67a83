"""An image that AWS keeps in one account per region."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Aws, CfnMapping, Stack
from constructs import Construct


class RegionalImage(Construct):
    """The image of whichever region the stack is deployed to; a region that lacks it fails the deployment at
    once, by name."""

    def __init__(
        self, scope: Construct, construct_id: str, *, repository: str, tag: str, accounts: Mapping[str, str]
    ) -> None:
        super().__init__(scope, construct_id)
        mapping = CfnMapping(
            self, "Accounts", mapping={region: {"id": id_} for region, id_ in accounts.items()}
        )
        account = mapping.find_in_map(Aws.REGION, "id")
        self.uri = f"{account}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}/{repository}:{tag}"
        self.repository_arn = Stack.of(self).format_arn(
            service="ecr", account=account, resource="repository", resource_name=repository
        )
