"""What a function may do, one method per sentence: each grant names its resources and nothing wider.

A grant is applied to the role of the function that declares it, so that a declaration reads as the list of
what the function needs. Where a call cannot be narrowed to a resource, the method says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from infra.constructs.stores import Stores
from infra.names import Names

Grant = Callable[[iam.IRole], None]


class Partition(str, Enum):
    """Partitions of the ledger table whose items change or go. The ledger itself and the releases only grow."""

    OPEN_INCIDENT = "OPEN"
    TRIGGER = "TRIGGER"
    WAIT = "WAIT"
    APPROVAL = "APPROVAL"


class Permissions:
    """Grants within one stack of one workload."""

    def __init__(self, stack: Stack, *, names: Names, stores: Stores) -> None:
        self._stack = stack
        self._names = names
        self._stores = stores

    # Data

    def read(self, *prefixes: str) -> Grant:
        """Read and list objects below these prefixes, each without a trailing slash.

        Whoever may not list is told 403 instead of 404 for an object that is not there, and a read carries no
        prefix to compare: hence IfExists, without which "missing" would look like "forbidden".
        """

        def grant(role: iam.IRole) -> None:
            bucket = self._stores.bucket
            listed = {"StringLikeIfExists": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}}
            _allow(role, ["s3:GetObject"], [bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes])
            _allow(role, ["s3:ListBucket"], [bucket.bucket_arn], listed)
            self._stores.key.grant_decrypt(role)

        return grant

    def list_objects(self, prefix: str) -> Grant:
        """See which objects there are below a prefix, without a trailing slash, and read none of them."""
        listed = {"StringLike": {"s3:prefix": [f"{prefix}/*"]}}
        return lambda role: _allow(role, ["s3:ListBucket"], [self._stores.bucket.bucket_arn], listed)

    def write(self, *prefixes: str) -> Grant:
        """Put objects below these prefixes; reading them is a grant of its own."""

        def grant(role: iam.IRole) -> None:
            objects = [self._stores.bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]
            _allow(role, ["s3:PutObject"], objects)
            self._stores.key.grant_encrypt_decrypt(role)

        return grant

    def ledger(self) -> Grant:
        """Read and append. Nobody scans the table."""

        def grant(role: iam.IRole) -> None:
            actions = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"]
            _allow(role, actions, [self._stores.ledger.table_arn])
            self._stores.key.grant_encrypt_decrypt(role)

        return grant

    def change(self, *partitions: Partition) -> Grant:
        """Update items of these partitions of the ledger table."""
        return self._on_partitions("dynamodb:UpdateItem", partitions)

    def forget(self, *partitions: Partition) -> Grant:
        """Delete items of these partitions of the ledger table."""
        return self._on_partitions("dynamodb:DeleteItem", partitions)

    def _on_partitions(self, action: str, partitions: tuple[Partition, ...]) -> Grant:
        keys = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [p.value for p in partitions]}}
        return lambda role: _allow(role, [action], [self._stores.ledger.table_arn], keys)

    def notify(self) -> Grant:
        def grant(role: iam.IRole) -> None:
            self._stores.notices.grant_publish(role)

        return grant

    # Parameters

    def rails(self) -> Grant:
        """Read the mode and the kill switch, as every mutating function must right before it acts."""
        return self._read_parameters(self._names.mode_parameter, self._names.kill_switch_parameter)

    def champion_read(self) -> Grant:
        return self._read_parameters(self._names.champion_parameter)

    def champion_write(self) -> Grant:
        return self._on(["ssm:PutParameter"], self._parameter(self._names.champion_parameter))

    def _read_parameters(self, *names: str) -> Grant:
        return self._on(["ssm:GetParameter", "ssm:GetParameters"], *map(self._parameter, names))

    # SageMaker

    def list_endpoints(self) -> Grant:
        """Which endpoints are being changed; a list knows no resources."""
        return self._on(["sagemaker:ListEndpoints"], "*")

    def describe_endpoint(self) -> Grant:
        return self._on(["sagemaker:DescribeEndpoint"], self._endpoint)

    def describe_serving(self) -> Grant:
        """The endpoint, its configs and their models: what is being served. CloudFormation names configs."""
        return self._on(
            ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
            self._endpoint,
            self._sagemaker("endpoint-config/*"),
            self._models,
        )

    def invoke_endpoint(self) -> Grant:
        """Ask the endpoint as an application does: for verification's golden set."""
        return self._on(["sagemaker:InvokeEndpoint"], self._endpoint)

    def update_endpoint(self) -> Grant:
        """Move the endpoint to a config; SageMaker asks for the right on both, and for the key of its volumes."""

        def grant(role: iam.IRole) -> None:
            _allow(role, ["sagemaker:UpdateEndpoint"], [self._endpoint, self._sagemaker("endpoint-config/*")])
            grant_volume_key(self._stores, role)

        return grant

    def resize_endpoint(self) -> Grant:
        """Change how many instances a variant has."""
        return self._on(["sagemaker:UpdateEndpointWeightsAndCapacities"], self._endpoint)

    def create_endpoint_config(self) -> Grant:
        """A config under a name of the workload's own."""
        configs = self._sagemaker(f"endpoint-config/{self._names.workload}-*")
        return self._on(["sagemaker:CreateEndpointConfig", "sagemaker:AddTags"], configs)

    def describe_model(self) -> Grant:
        return self._on(["sagemaker:DescribeModel"], self._models)

    def create_model(self, serving_role: iam.IRole) -> Grant:
        def grant(role: iam.IRole) -> None:
            _allow(role, ["sagemaker:CreateModel", "sagemaker:AddTags"], [self._models])
            to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            _allow(role, ["iam:PassRole"], [serving_role.role_arn], to_sagemaker)

        return grant

    def describe_package(self) -> Grant:
        return self._on(["sagemaker:DescribeModelPackage"], self._packages)

    def register_package(self) -> Grant:
        """A version of the workload's own group."""
        group = self._sagemaker(f"model-package-group/{self._names.package_group}")
        return self._on(["sagemaker:CreateModelPackage"], group, self._packages)

    def update_package(self) -> Grant:
        return self._on(["sagemaker:UpdateModelPackage"], self._packages)

    def start_pipeline(self) -> Grant:
        return self._on(
            ["sagemaker:StartPipelineExecution"], self._sagemaker(f"pipeline/{self._names.pipeline}")
        )

    def start_replay(self) -> Grant:
        return self._on(
            ["sagemaker:StartPipelineExecution"], self._sagemaker(f"pipeline/{self._names.replay_pipeline}")
        )

    def describe_pipeline_execution(self) -> Grant:
        return self._on(["sagemaker:DescribePipelineExecution"], *self._executions)

    def list_pipeline_steps(self) -> Grant:
        return self._on(["sagemaker:ListPipelineExecutionSteps"], *self._executions)

    def run_profile_jobs(self, jobs_role: iam.IRole) -> Grant:
        """Begin and look at jobs of the workload's own name, as their role, with the key of their volumes."""

        def grant(role: iam.IRole) -> None:
            verbs = ["sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"]
            _allow(role, verbs, [self._sagemaker(f"processing-job/{self._names.profile_jobs}*")])
            to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            _allow(role, ["iam:PassRole"], [jobs_role.role_arn], to_sagemaker)
            grant_volume_key(self._stores, role)

        return grant

    # CloudWatch and Step Functions

    def describe_alarms(self) -> Grant:
        """A scope narrower than `*` would hide composite alarms without an error."""
        return self._on(["cloudwatch:DescribeAlarms"], "*")

    def count_requests(self) -> Grant:
        """Metrics are no resources: whoever may read one may read all."""
        return self._on(["cloudwatch:GetMetricStatistics"], "*")

    def make_release_alarms(self) -> Grant:
        return self._on(["cloudwatch:PutMetricAlarm"], self._release_alarms)

    def remove_release_alarms(self) -> Grant:
        return self._on(["cloudwatch:DeleteAlarms"], self._release_alarms)

    def start_incident(self) -> Grant:
        return self._on(["states:StartExecution"], self.machine_arn(self._names.incident_machine))

    def look_at_incidents(self) -> Grant:
        name = f"{self._names.incident_machine}:*"
        executions = self._arn("states", "execution", name, ArnFormat.COLON_RESOURCE_NAME)
        return self._on(["states:DescribeExecution"], executions)

    def resume_workflows(self) -> Grant:
        machines = (self._names.incident_machine, self._names.release_machine)
        return self._on(["states:SendTaskSuccess"], *map(self.machine_arn, machines))

    def machine_arn(self, name: str) -> str:
        """By name: the machines refer to the functions, so the functions cannot refer to the machines."""
        return self._arn("states", "stateMachine", name, ArnFormat.COLON_RESOURCE_NAME)

    # ARNs

    @property
    def _endpoint(self) -> str:
        return self._sagemaker(f"endpoint/{self._names.endpoint}")

    @property
    def _models(self) -> str:
        return self._sagemaker(f"model/{self._names.workload}-*")

    @property
    def _packages(self) -> str:
        return self._sagemaker(f"model-package/{self._names.package_group}/*")

    @property
    def _executions(self) -> tuple[str, ...]:
        pipelines = (self._names.pipeline, self._names.replay_pipeline)
        return tuple(self._sagemaker(f"pipeline/{name}/execution/*") for name in pipelines)

    @property
    def _release_alarms(self) -> str:
        return self._arn("cloudwatch", "alarm", self._names.release_alarms, ArnFormat.COLON_RESOURCE_NAME)

    def _parameter(self, name: str) -> str:
        return self._arn("ssm", "parameter", name.removeprefix("/"))

    def _sagemaker(self, resource: str) -> str:
        kind, _, name = resource.partition("/")
        return self._arn("sagemaker", kind, name)

    def _arn(
        self, service: str, resource: str, name: str, form: ArnFormat = ArnFormat.SLASH_RESOURCE_NAME
    ) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=form)

    def _on(self, actions: list[str], *resources: str) -> Grant:
        return lambda role: _allow(role, actions, list(resources))


def grant_volume_key(stores: Stores, role: iam.IRole) -> None:
    """Let a caller have SageMaker encrypt volumes: it hands the key on by a grant, for AWS resources only."""
    stores.key.grant_encrypt_decrypt(role)
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    _allow(role, ["kms:CreateGrant"], [stores.key.key_arn], for_aws)
    _allow(role, ["kms:DescribeKey"], [stores.key.key_arn])


def _allow(
    role: iam.IRole, actions: list[str], resources: list[str], conditions: Mapping[str, object] | None = None
) -> None:
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
    )
