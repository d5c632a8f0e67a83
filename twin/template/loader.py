"""Stacks into the account: parameters and conditions, resources in order, outputs and exports."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from twin.interfaces import ACCOUNT_ID, REGION, TwinError
from twin.template.account import Account
from twin.template.assembly import Stack
from twin.template.dependencies import in_order, references
from twin.template.expressions import Expressions, Scope
from twin.template.publishing import bootstrap, publish
from twin.template.resource import Created, Resource
from twin.template.resources import creator_of

_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    }
)
# Policies and metadata speak of later updates and deletions, which the twin does not perform.
_RESOURCE_MEMBERS = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}
)
_SCALAR_PARAMETERS = frozenset({"String", "Number", "AWS::SSM::Parameter::Name"})
_LIST_PARAMETERS = frozenset({"CommaDelimitedList", "List<Number>", "List<String>"})


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    name: str
    stack_id: str
    resources: Mapping[str, str]
    """Logical id to what `Ref` gives."""
    outputs: Mapping[str, Any]


class Loader:
    """Deploys the stacks of one assembly, each once, in the order in which they are given."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._exports: dict[str, Any] = {}
        self._deployed: set[str] = set()
        bootstrap(account.session)

    def deploy(self, stack: Stack) -> DeployedStack:
        """Publish the stack's assets and create its resources; whatever cannot be done is a TwinError."""
        if stack.name in self._deployed:
            raise TwinError(f"{stack.name} is deployed already: the twin does not update stacks")
        self._deployed.add(stack.name)
        for asset in stack.assets:
            publish(self._account.session, asset, self._account.code)
        return _Deployment(stack, self._account, self._exports).run()


@dataclass
class _Deployment:
    """One stack being deployed; `exports` are the account's and grow."""

    stack: Stack
    account: Account
    exports: dict[str, Any]
    created: dict[str, Created] = field(default_factory=dict)

    def __post_init__(self) -> None:
        template = self.stack.template
        if unknown := sorted(template.keys() - _SECTIONS):
            raise TwinError(f"{self.stack.name}: the twin has no template section {unknown[0]}")
        # A fixed namespace: the id is the same from run to run.
        token = uuid.uuid5(uuid.NAMESPACE_URL, self.stack.name)
        self.stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{self.stack.name}/{token}"
        self.values = self._pseudo_parameters()
        self.values |= {name: self._parameter(name) for name in template.get("Parameters", {})}
        self.expressions = Expressions(
            Scope(
                ref=self._ref,
                attribute=self._attribute,
                exported=self._exported,
                parameter_store=self._stored,
                zones=self._zones,
                mappings=template.get("Mappings", {}),
                conditions=template.get("Conditions", {}),
            )
        )

    def run(self) -> DeployedStack:
        self._check_rules()
        wanted = self._wanted()
        for logical_id in in_order({name: self._needs(name, wanted) for name in wanted}):
            self.created[logical_id] = self._create(logical_id, wanted[logical_id])
        return DeployedStack(
            name=self.stack.name,
            stack_id=self.stack_id,
            resources={logical_id: created.ref for logical_id, created in self.created.items()},
            outputs=self._outputs(),
        )

    def _wanted(self) -> dict[str, Mapping[str, Any]]:
        """The resources whose condition holds."""
        wanted = {}
        for logical_id, resource in self.stack.template["Resources"].items():
            if unknown := sorted(resource.keys() - _RESOURCE_MEMBERS):
                raise TwinError(
                    f"{self.stack.name}.{logical_id}: the twin has no resource attribute {unknown[0]}"
                )
            if "Condition" not in resource or self.expressions.condition(resource["Condition"]):
                wanted[logical_id] = resource
        return wanted

    def _needs(self, logical_id: str, wanted: Mapping[str, Any]) -> set[str]:
        resource = wanted[logical_id]
        explicit = resource.get("DependsOn", [])
        named = {explicit} if isinstance(explicit, str) else set(explicit)
        for needed in named - self.stack.template["Resources"].keys():
            raise TwinError(f"{self.stack.name}.{logical_id}: DependsOn names {needed}, which does not exist")
        return {name for name in named | set(references(resource.get("Properties", {}))) if name in wanted}

    def _create(self, logical_id: str, definition: Mapping[str, Any]) -> Created:
        kind, where = definition["Type"], f"{self.stack.name}.{logical_id}"
        create = creator_of(kind)
        if create is None:
            raise TwinError(
                f"{where}: resource type {kind} is not in the twin; add it to twin/template/resources"
            )
        resource = Resource(
            stack=self.stack.name,
            stack_id=self.stack_id,
            logical_id=logical_id,
            kind=kind,
            properties=self.expressions.resolve(definition.get("Properties", {}), where),
            account=self.account,
        )
        try:
            created = create(resource)
        except (ClientError, BotoCoreError, NotImplementedError) as error:
            raise resource.error(str(error).replace("\n", " ")) from error
        if unknown := resource.untaken():
            raise resource.error(f"{unknown[0]} is not in the twin's property mapping")
        return created

    def _outputs(self) -> dict[str, Any]:
        outputs = {}
        for name, output in self.stack.template.get("Outputs", {}).items():
            if "Condition" in output and not self.expressions.condition(output["Condition"]):
                continue
            where = f"{self.stack.name}.Outputs.{name}"
            outputs[name] = value = self.expressions.resolve(output["Value"], where)
            if "Export" in output:
                export = self.expressions.resolve(output["Export"]["Name"], where)
                if export in self.exports:
                    raise TwinError(f"{where}: export {export} exists already")
                self.exports[export] = value
        return outputs

    def _check_rules(self) -> None:
        for name, rule in self.stack.template.get("Rules", {}).items():
            where = f"{self.stack.name}.Rules.{name}"
            if set(rule) != {"Assertions"}:
                raise TwinError(f"{where}: the twin knows rules of Assertions only, not {sorted(rule)}")
            for assertion in rule["Assertions"]:
                if not self.expressions.holds(assertion["Assert"], where):
                    raise TwinError(f"{where}: {assertion.get('AssertDescription', assertion['Assert'])}")

    def _parameter(self, name: str) -> Any:
        definition = self.stack.template["Parameters"][name]
        kind = definition["Type"]
        value = self.stack.parameters.get(name, definition.get("Default"))
        where = f"{self.stack.name}.Parameters.{name}"
        if value is None:
            raise TwinError(f"{where} has no value")
        if kind.startswith("AWS::SSM::Parameter::Value<"):
            stored, inner = self._stored(value), kind[len("AWS::SSM::Parameter::Value<") : -1]
            return stored.split(",") if inner.startswith("List<") else stored
        if kind in _SCALAR_PARAMETERS:
            return value
        if kind in _LIST_PARAMETERS:
            return [item.strip() for item in value.split(",")]
        raise TwinError(f"{where}: the twin has no parameters of type {kind}")

    def _pseudo_parameters(self) -> dict[str, Any]:
        return {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def _ref(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        return self._made(name).ref

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        attributes = self._made(logical_id).attributes
        if attribute not in attributes:
            raise TwinError(
                f"{logical_id} has no attribute {attribute}, only {', '.join(attributes) or 'none'}"
            )
        return attributes[attribute]

    def _made(self, logical_id: str) -> Created:
        if logical_id not in self.created:
            raise TwinError(
                f"{logical_id} is no parameter or resource of this stack, or its condition is false"
            )
        return self.created[logical_id]

    def _exported(self, name: str) -> Any:
        if name not in self.exports:
            raise TwinError(f"no stack deployed so far exports {name}")
        return self.exports[name]

    def _stored(self, name: str) -> str:
        try:
            found = self.account.client("ssm").get_parameter(Name=name)
        except ClientError as error:
            raise TwinError(f"there is no SSM parameter {name}") from error
        if found["Parameter"]["Type"] == "SecureString":
            raise TwinError(f"SSM parameter {name} is a SecureString, which a template cannot read in plain")
        return str(found["Parameter"]["Value"])

    def _zones(self, region: str) -> list[str]:
        zones = self.account.session.client("ec2", region_name=region).describe_availability_zones()
        return [zone["ZoneName"] for zone in zones["AvailabilityZones"]]
