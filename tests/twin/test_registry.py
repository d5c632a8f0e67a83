"""Model packages: AWS's update semantics, everything described, and the events that moto never sends."""

from __future__ import annotations

import inspect

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from tests.twin.sagemaker_account import BUCKET, IMAGE, account
from twin.interfaces import TwinError
from twin.registry import DETAIL_TYPE

GROUP = "flights"
PACKAGE = {
    "ModelPackageGroupName": GROUP,
    "ModelPackageDescription": "delays",
    "ModelApprovalStatus": "PendingManualApproval",
    "InferenceSpecification": {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["application/json"],
    },
    "ModelMetrics": {
        "ModelQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/evaluation.json"}
        }
    },
    "DriftCheckBaselines": {
        "ModelDataQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/statistics.json"},
            "Constraints": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/constraints.json"},
        }
    },
    "CustomerMetadataProperties": {"sha256": "abc", "window": "2013-01-01/2013-02-12"},
    "SkipModelValidation": "All",
}


@pytest.fixture
def twin(tmp_path):
    with account(tmp_path) as twin:
        twin.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
        yield twin


def register(twin, **changes):
    return twin.sagemaker.create_model_package(**PACKAGE | changes)["ModelPackageArn"]


def describe(twin, arn):
    return twin.sagemaker.describe_model_package(ModelPackageName=arn)


def test_versions_count_up_in_their_group(twin):
    arns = [register(twin), register(twin)]
    assert arns == [f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{n}" for n in (1, 2)]
    assert describe(twin, arns[1])["ModelPackageVersion"] == 2


def test_everything_given_is_described(twin):
    described = describe(twin, register(twin))
    assert {name: described[name] for name in PACKAGE} == PACKAGE
    assert described["ModelPackageStatus"] == "Completed"


def test_a_version_waits_for_approval_unless_told_otherwise(twin):
    given = {name: value for name, value in PACKAGE.items() if name != "ModelApprovalStatus"}
    arn = twin.sagemaker.create_model_package(**given)["ModelPackageArn"]
    assert describe(twin, arn)["ModelApprovalStatus"] == "PendingManualApproval"


def test_an_approval_leaves_everything_else_alone(twin):
    arn = register(twin)
    before = describe(twin, arn)
    twin.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    after = describe(twin, arn)
    assert after["ModelApprovalStatus"] == "Approved"
    for name in PACKAGE.keys() - {"ModelApprovalStatus"}:
        assert after[name] == before[name]


def test_properties_merge_and_the_approval_stays(twin):
    arn = register(twin, ModelApprovalStatus="Approved")
    twin.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ApprovalDescription="quarantined by hand",
        CustomerMetadataProperties={"sha256": "def", "quarantined": "yes"},
        CustomerMetadataPropertiesToRemove=["window", "never-there"],
    )
    after = describe(twin, arn)
    assert after["CustomerMetadataProperties"] == {"sha256": "def", "quarantined": "yes"}
    assert after["ApprovalDescription"] == "quarantined by hand"
    assert after["ModelApprovalStatus"] == "Approved"


def test_a_description_outlives_later_updates(twin):
    arn = register(twin)
    twin.sagemaker.update_model_package(ModelPackageArn=arn, ApprovalDescription="why")
    twin.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    assert describe(twin, arn)["ApprovalDescription"] == "why"


def test_at_most_fifty_properties(twin):
    arn = register(twin)
    many = {f"p{number}": "x" for number in range(49)}
    with pytest.raises(ClientError, match="at most 50"):
        twin.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=many)
    assert describe(twin, arn)["CustomerMetadataProperties"] == PACKAGE["CustomerMetadataProperties"]


def test_events_tell_what_an_update_touched(twin):
    arn = register(twin)
    twin.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    twin.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    created, approved, edited = twin.bus.details(DETAIL_TYPE)
    assert created["ModelApprovalStatus"] == "PendingManualApproval"
    assert "UpdatedModelPackageFields" not in created
    assert approved["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert edited["UpdatedModelPackageFields"] == ["CustomerMetadataProperties"]
    for detail in (created, approved, edited):
        assert detail["ModelPackageArn"] == arn
        assert (detail["ModelPackageGroupName"], detail["ModelPackageVersion"]) == (GROUP, 1)
        assert detail["CreationTime"] == "2013-02-12T00:00:00Z"
    assert edited["ModelApprovalStatus"] == "Approved"
    assert [resources for _, kind, _, resources in twin.bus.events if kind == DETAIL_TYPE] == [[arn]] * 3


def test_a_token_makes_one_package(twin):
    token = "t" * 36
    assert register(twin, ClientToken=token) == register(twin, ClientToken=token)
    assert len(twin.bus.details(DETAIL_TYPE)) == 1


def test_a_wrong_status_is_refused_and_changes_nothing(twin):
    arn = register(twin)
    with pytest.raises(ClientError, match="ModelApprovalStatus"):
        twin.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Maybe")
    assert len(twin.bus.details(DETAIL_TYPE)) == 1


def test_what_the_twin_does_not_keep_is_named(twin):
    with pytest.raises(TwinError, match="SourceUri"):
        register(twin, SourceUri="s3://elsewhere/model")


class TestMotoContract:
    """What the patches of moto rely on."""

    @pytest.mark.parametrize("operation", ["create_model_package", "update_model_package"])
    def test_operations_take_the_response_object_alone(self, operation):
        assert list(inspect.signature(getattr(SageMakerResponse, operation)).parameters) == ["self"]

    def test_moto_still_overwrites_what_an_update_leaves_out(self):
        source = inspect.getsource(SageMakerModelBackend.update_model_package)
        assert "model_package.customer_metadata_properties = customer_metadata_properties" in source

    def test_the_package_object_has_the_members_that_are_set(self):
        for method in ("set_model_approval_status", "add_additional_inference_specifications"):
            assert len(inspect.signature(getattr(ModelPackage, method)).parameters) == 2
        assert "SkipModelValidation" in inspect.getsource(ModelPackage.gen_response_object)
