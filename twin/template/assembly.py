"""The cloud assembly: what `python app.py` leaves in cdk.out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.interfaces import TwinError
from twin.template.dependencies import in_order

_STACK = "aws:cloudformation:stack"
_ASSETS = "cdk:asset-manifest"
# They describe the app and are not deployed.
_INFORMATION = frozenset({"cdk:tree", "cdk:feature-flag-report"})


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file or folder of the assembly and the object that it becomes; names may hold `${AWS::…}`."""

    path: Path
    zipped: bool
    bucket: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    assets: tuple[Asset, ...]


@dataclass(frozen=True, kw_only=True)
class Assembly:
    stacks: tuple[Stack, ...]
    """In deploy order."""

    @classmethod
    def read(cls, folder: Path) -> Assembly:
        """Read cdk.out; an artifact of a kind that the twin does not know is a TwinError."""
        path = folder / "manifest.json"
        if not path.is_file():
            raise TwinError(f"there is no cloud assembly in {folder}: synthesize the app first")
        manifest = json.loads(path.read_text())
        if missing := manifest.get("missing"):
            raise TwinError(f"{folder} was synthesized with look-ups missing: {missing}")
        artifacts: dict[str, dict[str, Any]] = manifest["artifacts"]
        for name, artifact in artifacts.items():
            if artifact["type"] not in {_STACK, _ASSETS} | _INFORMATION:
                raise TwinError(
                    f"artifact {name} of {folder} is a {artifact['type']}: the twin knows no such kind"
                )
        edges = {name: set(artifact.get("dependencies", ())) for name, artifact in artifacts.items()}
        stacks = [name for name in in_order(edges) if artifacts[name]["type"] == _STACK]
        return cls(stacks=tuple(_stack(folder, name, artifacts) for name in stacks))


def _stack(folder: Path, name: str, artifacts: Mapping[str, Any]) -> Stack:
    artifact = artifacts[name]
    properties = artifact["properties"]
    manifests = [
        artifacts[needed]["properties"]["file"]
        for needed in artifact.get("dependencies", ())
        if artifacts[needed]["type"] == _ASSETS
    ]
    return Stack(
        name=properties.get("stackName", name),
        template=json.loads((folder / properties["templateFile"]).read_text()),
        parameters=properties.get("parameters", {}),
        assets=tuple(asset for file in manifests for asset in _assets(folder, file)),
    )


def _assets(folder: Path, file: str) -> list[Asset]:
    manifest = json.loads((folder / file).read_text())
    if images := manifest.get("dockerImages"):
        raise TwinError(f"{file} has container images ({', '.join(images)}): the twin runs without Docker")
    return [
        Asset(
            path=folder / source["source"]["path"],
            zipped=_zipped(file, source["source"]),
            bucket=destination["bucketName"],
            key=destination["objectKey"],
        )
        for source in manifest.get("files", {}).values()
        for destination in source["destinations"].values()
    ]


def _zipped(file: str, source: Mapping[str, Any]) -> bool:
    if set(source) != {"path", "packaging"} or source["packaging"] not in ("zip", "file"):
        raise TwinError(f"{file}: the twin cannot package an asset from {dict(source)}")
    return bool(source["packaging"] == "zip")
