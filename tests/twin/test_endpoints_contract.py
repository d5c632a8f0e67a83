"""moto as the endpoints' patches expect it: each replaced symbol exists, in the form that is relied on."""

from __future__ import annotations

import inspect

import pytest
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import method_names_from_class
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from tests.twin.fixtures_endpoints.account import account


@pytest.mark.parametrize(
    "name",
    [
        "create_endpoint_config",
        "describe_endpoint_config",
        "delete_endpoint_config",
        "create_endpoint",
        "describe_endpoint",
        "delete_endpoint",
        "update_endpoint_weights_and_capacities",
    ],
)
def test_an_action_is_a_plain_method_that_returns_an_action_result(name):
    assert list(inspect.signature(getattr(SageMakerResponse, name)).parameters) == ["self"]
    assert name in method_names_from_class(SageMakerResponse)
    assert inspect.signature(getattr(SageMakerResponse, name)).return_annotation in (
        ActionResult,
        "ActionResult",
    )


def test_moto_still_lacks_update_endpoint():
    assert not hasattr(SageMakerResponse, "update_endpoint")


def test_moto_checks_instance_types_in_a_method_of_its_own():
    assert list(inspect.signature(FakeEndpointConfig.validate_instance_type).parameters) == [
        "self",
        "instance_type",
    ]


@pytest.mark.parametrize("name", ["invoke_endpoint", "invoke_endpoint_async"])
def test_a_runtime_action_is_a_plain_method(name):
    assert list(inspect.signature(getattr(SageMakerRuntimeResponse, name)).parameters) == ["self"]


def test_moto_decodes_bodies_unless_told_not_to():
    assert BaseResponse.use_raw_body is False


def test_the_backend_keeps_endpoints_and_configs_where_the_patches_look():
    backend = SageMakerModelBackend("us-east-1", "123456789012")
    assert backend.endpoints == {}
    assert backend.endpoint_configs == {}
    for name, parameters in {
        "create_endpoint": ["endpoint_name", "endpoint_config_name", "tags"],
        "describe_endpoint_config": ["endpoint_config_name"],
        "describe_model": ["model_name"],
        "describe_model_package": ["model_package_name"],
    }.items():
        assert list(inspect.signature(getattr(backend, name)).parameters) == parameters
    record = FakeEndpoint("123456789012", "us-east-1", "e", "c", [], {}, [])
    for name in ("endpoint_status", "last_modified_time", "failure_reason", "production_variants", "tags"):
        assert hasattr(record, name)


def test_undoing_the_patches_restores_moto(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    before = (SageMakerResponse.create_endpoint, SageMakerRuntimeResponse.invoke_endpoint)
    with account(tmp_path):
        assert SageMakerResponse.create_endpoint is not before[0]
        assert hasattr(SageMakerResponse, "update_endpoint")
    assert (SageMakerResponse.create_endpoint, SageMakerRuntimeResponse.invoke_endpoint) == before
    assert not hasattr(SageMakerResponse, "update_endpoint")
    assert "use_raw_body" not in vars(SageMakerRuntimeResponse)
