"""One resource on its way from a template into the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.interfaces import TwinError
from twin.template.account import Account
from twin.template.names import generated


@dataclass(frozen=True, kw_only=True)
class Created:
    """What `Ref` and `Fn::GetAtt` answer of a resource."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Resource:
    """A resource's resolved properties. Each is taken once; one that nobody takes is unknown to the twin."""

    def __init__(
        self,
        *,
        stack: str,
        stack_id: str,
        logical_id: str,
        kind: str,
        properties: Mapping[str, Any],
        account: Account,
    ) -> None:
        self.stack = stack
        self.stack_id = stack_id
        self.logical_id = logical_id
        self.kind = kind
        self.account = account
        self._properties = dict(properties)

    def client(self, service: str) -> Any:
        return self.account.client(service)

    def take(self, name: str, default: Any = None) -> Any:
        return self._properties.pop(name, default)

    def require(self, name: str) -> Any:
        if name not in self._properties:
            raise self.error(f"{name} is missing")
        return self._properties.pop(name)

    def arguments(self, *names: str, **renamed: str) -> dict[str, Any]:
        """API parameters: `names` are called alike in the template, `renamed` is property=parameter."""
        parameters = {name: name for name in names} | renamed
        return {parameters[name]: self.take(name) for name in parameters if name in self._properties}

    def name(self, prop: str, *, maximum: int = 255, lower: bool = False) -> str:
        """The physical name: as given, or one made like CloudFormation's."""
        given = self.take(prop)
        return (
            generated(self.stack, self.logical_id, maximum=maximum, lower=lower)
            if given is None
            else str(given)
        )

    def untaken(self) -> list[str]:
        return sorted(self._properties)

    def error(self, message: str) -> TwinError:
        return TwinError(f"{self.stack}.{self.logical_id} ({self.kind}): {message}")


Creator = Callable[[Resource], Created]


def only(resource: Resource, prop: str, document: Mapping[str, Any], *known: str) -> None:
    """Refuse members of a property that are translated by hand and not among the `known`."""
    if unknown := sorted(document.keys() - set(known)):
        raise resource.error(f"{prop}.{unknown[0]} is not in the twin's property mapping")


def lower_first(value: Any) -> Any:
    """The same document with keys as services write them that speak camelCase."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower_first(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [lower_first(item) for item in value]
    return value


def lower_tags(tags: list[dict[str, str]] | None) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags or []]


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}
