"""The functions of a stack: one source, two layers, and for each a role that may do what it declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aws_cdk import AssetHashType, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.assets import Staged, function_source, layer
from infra.constructs.encrypted_log import FUNCTION_LOGS, EncryptedLog
from infra.constructs.permissions import Grant
from infra.constructs.stores import Stores
from infra.names import Names
from selfheal.settings import Settings

PYTHON = lambda_.Runtime.PYTHON_3_13
GRAVITON = lambda_.Architecture.ARM_64


@dataclass(frozen=True, kw_only=True)
class StageFunction:
    """One function, as lambdas/<stage>/<module>/handler.py implements it.

    Attributes:
        stage: the stage of the loop that it belongs to.
        name: the function's own name; the workload's goes in front of it.
        grants: everything that it may do beyond writing its own log and trace.
        environment: what it is told beyond what every function is told.
        timeout_seconds, memory_mb: its limits.
        science: whether it carries numpy and scipy.
        module, entry: the handler's folder and function where they are not `name` and `handle`.
        dead_letters: where the events go that it failed on; needed where it is invoked asynchronously.
    """

    stage: str
    name: str
    grants: Sequence[Grant] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 30
    memory_mb: int = 256
    science: bool = False
    module: str | None = None
    entry: str = "handle"
    dead_letters: sqs.IQueue | None = None

    @property
    def handler(self) -> str:
        return f"lambdas.{self.stage}.{self.module or self.name}.handler.{self.entry}"


class StageFunctions(Construct):
    """Makes functions from their declarations. Layers are per stack: an exported layer version could never
    be replaced, since the stack that imports it still uses the old one while the new one is exported."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, stores: Stores) -> None:
        super().__init__(scope, construct_id)
        self._names = Names(settings.name)
        self._stores = stores
        self._common = {
            "SELFHEAL_ENDPOINT": self._names.endpoint,
            "SELFHEAL_VARIANT": settings.serving.variant,
            "SELFHEAL_TABLE": stores.ledger.table_name,
            "SELFHEAL_BUCKET": stores.bucket.bucket_name,
            "POWERTOOLS_SERVICE_NAME": settings.name,
            "POWERTOOLS_METRICS_NAMESPACE": "Selfheal",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        self._code = _code(function_source())
        self._core = self._layer("core")
        self._science: lambda_.LayerVersion | None = None

    def add(self, declared: StageFunction) -> lambda_.Function:
        """The function, its role and its log group."""
        name = self._names.function(declared.name)
        log = EncryptedLog(self, f"{declared.name}-log", name=FUNCTION_LOGS + name, key=self._stores.key)
        role = iam.Role(
            self,
            f"{declared.name}-role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=name,
        )
        log.grant_write(role)
        for grant in declared.grants:
            grant(role)
        if declared.dead_letters:
            declared.dead_letters.grant_send_messages(role)
        return lambda_.Function(
            self,
            declared.name,
            function_name=name,
            description=f"{declared.stage}: {declared.module or declared.name}",
            runtime=PYTHON,
            architecture=GRAVITON,
            code=self._code,
            handler=declared.handler,
            layers=[self._core, self._science_layer()] if declared.science else [self._core],
            role=role,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=Duration.seconds(declared.timeout_seconds),
            memory_size=declared.memory_mb,
            environment={**self._common, **declared.environment},
            dead_letter_queue=declared.dead_letters,
        )

    def _science_layer(self) -> lambda_.LayerVersion:
        self._science = self._science or self._layer("science")
        return self._science

    def _layer(self, name: str) -> lambda_.LayerVersion:
        build = self.node.try_get_context("layers") == "build"
        return lambda_.LayerVersion(
            self,
            f"{name}-layer",
            code=_code(layer(name, build=build)),
            description=f"{name}: infra/layers/{name}.lock",
            compatible_runtimes=[PYTHON],
            compatible_architectures=[GRAVITON],
        )


def _code(staged: Staged) -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(Path(staged.path)), asset_hash=staged.digest, asset_hash_type=AssetHashType.CUSTOM
    )
