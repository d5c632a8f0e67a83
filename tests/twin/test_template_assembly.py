"""Assemblies that the twin refuses to read."""

from __future__ import annotations

import json

import pytest

from twin.interfaces import TwinError
from twin.template import Assembly


def test_an_assembly_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(TwinError, match="synthesize the app first"):
        Assembly.read(tmp_path)


def manifest(tmp_path, **members):
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {}, **members}))
    return tmp_path


def test_an_unknown_artifact_is_refused(tmp_path):
    folder = manifest(tmp_path, artifacts={"Nested": {"type": "cdk:cloud-assembly"}})
    with pytest.raises(TwinError, match=r"Nested .* cdk:cloud-assembly"):
        Assembly.read(folder)


def test_missing_look_ups_are_refused(tmp_path):
    with pytest.raises(TwinError, match="look-ups missing"):
        Assembly.read(manifest(tmp_path, missing=[{"key": "vpc"}]))


def test_container_images_are_refused(tmp_path):
    (tmp_path / "S.template.json").write_text("{}")
    (tmp_path / "S.assets.json").write_text(json.dumps({"dockerImages": {"abc": {}}}))
    artifacts = {
        "S.assets": {"type": "cdk:asset-manifest", "properties": {"file": "S.assets.json"}},
        "S": {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": "S.template.json"},
            "dependencies": ["S.assets"],
        },
    }
    with pytest.raises(TwinError, match="container images"):
        Assembly.read(manifest(tmp_path, artifacts=artifacts))
