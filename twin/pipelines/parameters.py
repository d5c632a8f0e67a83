"""Pipeline parameters: declared with a type in the definition, given as text by StartPipelineExecution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twin.pipelines.expressions import DefinitionError
from twin.service_shapes import refuse_unsupported, validation_error

_TYPES = ("String", "Integer", "Boolean", "Float")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    choices: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Parameter:
        refuse_unsupported(
            f"parameter {entry['Name']}", entry, ("Name", "Type", "DefaultValue", "EnumValues")
        )
        if entry["Type"] not in _TYPES:
            raise DefinitionError(f"parameter {entry['Name']} has the unknown type {entry['Type']}")
        parameter = cls(
            name=entry["Name"],
            type=entry["Type"],
            default=entry.get("DefaultValue"),
            choices=tuple(entry.get("EnumValues", ())),
        )
        if parameter.default is not None:
            # JSON carries the default with its own type; it must be one that the text would give.
            parameter.value(_as_text(parameter.default))
        return parameter

    def value(self, text: str) -> Any:
        """The typed value of what a caller gave; ValidationException if it has none."""
        try:
            value = self._typed(text)
        except ValueError as error:
            raise validation_error(
                f"Pipeline parameter {self.name} must be of type {self.type}, got {text!r}"
            ) from error
        if self.choices and value not in self.choices:
            allowed = ", ".join(map(str, self.choices))
            raise validation_error(f"Pipeline parameter {self.name} must be one of [{allowed}], got {text!r}")
        return value

    def _typed(self, text: str) -> Any:
        if self.type == "Integer":
            return int(text)
        if self.type == "Float":
            return float(text)
        if self.type == "Boolean":
            if text.lower() not in _BOOLEANS:
                raise ValueError(text)
            return _BOOLEANS[text.lower()]
        return text


def bind(declared: Mapping[str, Parameter], given: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The value of every declared parameter in one execution; ValidationException for a bad call."""
    texts = {entry["Name"]: entry["Value"] for entry in given}
    if len(texts) != len(given):
        raise validation_error("Pipeline parameters must not be given twice")
    if unknown := sorted(set(texts) - set(declared)):
        raise validation_error(f"Unknown pipeline parameters: [{', '.join(unknown)}]")
    missing = sorted(name for name, entry in declared.items() if name not in texts and entry.default is None)
    if missing:
        raise validation_error(f"Pipeline parameters without a value or a default: [{', '.join(missing)}]")
    return {
        name: entry.value(texts[name] if name in texts else _as_text(entry.default))
        for name, entry in declared.items()
    }


def as_api(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": _as_text(value)} for name, value in values.items()]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
