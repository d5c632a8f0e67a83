"""A synthesized account, as the tests look at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "workloads" / "flights" / "selfheal.yaml"
STACKS = ("flights-data", "flights-learning", "flights-serving", "flights-healing")


@dataclass(frozen=True)
class Resource:
    stack: str
    logical_id: str
    body: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        return self.body.get("Properties", {})

    def __str__(self) -> str:
        return f"{self.stack}/{self.logical_id}"


class Assembly:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.templates = {stack: json.loads(self.template_path(stack).read_text()) for stack in STACKS}
        self.manifest = json.loads((folder / "manifest.json").read_text())

    def template_path(self, stack: str) -> Path:
        return self.folder / f"{stack}.template.json"

    def of_type(self, type_: str) -> list[Resource]:
        found = [resource for resource in self.resources() if resource.body["Type"] == type_]
        assert found, f"no {type_} was synthesized"
        return found

    def one(self, type_: str) -> Resource:
        (resource,) = self.of_type(type_)
        return resource

    def resources(self) -> Iterator[Resource]:
        for stack, template in self.templates.items():
            for logical_id, body in template["Resources"].items():
                yield Resource(stack, logical_id, body)

    def resolve(self, stack: str, value: Any) -> Any:
        """Values with imports and references replaced by readable names, and joins joined."""
        if isinstance(value, list):
            return [self.resolve(stack, item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return f"<{argument}>"
            if function == "Fn::GetAtt":
                return f"<{'.'.join(argument)}>"
            if function == "Fn::ImportValue":
                return self._exported(argument)
            if function == "Fn::Sub":
                return argument
            if function == "Fn::FindInMap":
                return f"<{argument[0]}>"
            if function == "Fn::Join":
                separator, parts = argument
                return separator.join(self.resolve(stack, part) for part in parts)
        return {key: self.resolve(stack, item) for key, item in value.items()}

    def _exported(self, export: str) -> Any:
        stack, _, output = export.partition(":")
        return self.resolve(stack, self.templates[stack]["Outputs"][output]["Value"])

    def definition(self, machine: Resource) -> dict[str, Any]:
        """A state machine's states, from the string that its template carries."""
        return json.loads(self.resolve(machine.stack, machine.properties["DefinitionString"]))

    def function(self, name: str) -> Resource:
        (found,) = [
            f for f in self.of_type("AWS::Lambda::Function") if f.properties.get("FunctionName") == name
        ]
        return found

    def statements(self) -> Iterator[tuple[Resource, dict[str, Any]]]:
        """Every statement of every role's policies, with actions and resources as lists."""
        for policy in self.of_type("AWS::IAM::Policy"):
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                yield policy, self._plain(policy.stack, statement)

    def allowed(self, function: str) -> dict[str, list[str]]:
        """What a function's role may do: action to resources."""
        declared = self.function(function)
        role = declared.properties["Role"]["Fn::GetAtt"][0]
        actions: dict[str, list[str]] = {}
        for policy, statement in self.statements():
            if policy.stack == declared.stack and {"Ref": role} in policy.properties["Roles"]:
                for action in statement["Action"]:
                    actions.setdefault(action, []).extend(statement["Resource"])
        return actions

    def _plain(self, stack: str, statement: dict[str, Any]) -> dict[str, Any]:
        plain = self.resolve(stack, statement)
        for key in ("Action", "Resource"):
            plain[key] = plain[key] if isinstance(plain[key], list) else [plain[key]]
        return plain


def start_app(out: Path, settings: Path, *, validate: bool = False, context: dict[str, str] | None = None):
    """`python app.py`, as the README says it; returns the process."""
    environment = {
        name: value
        for name, value in os.environ.items()
        # No credentials, no region and no leftovers of the CDK's own: what is synthesized depends on none.
        if not name.startswith(("AWS_", "CDK_", "SELFHEAL_", "JSII_"))
    }
    environment |= {"CDK_OUTDIR": str(out), "SELFHEAL_SETTINGS": str(settings)}
    if not validate:
        environment["CDK_VALIDATION"] = "false"
    if context is not None:
        environment["CDK_CONTEXT_JSON"] = json.dumps(context)
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
