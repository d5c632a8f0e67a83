"""Packages: only what is approved, never quarantined and the very artifact that was registered."""

from __future__ import annotations

import hashlib

import pytest

from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.errors import Missing, Refused
from selfheal.aws.models import ensure_model
from selfheal.aws.registry import QUARANTINED_BY, Package, Registry, digest_of, require_digest
from unit.account import BUCKET, CHAMPION_PARAMETER, IMAGE, NAME, ROLE, archive

NOWHERE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/99"


@pytest.fixture
def registry(account):
    return Registry(account.sagemaker)


def test_a_package_as_it_was_registered(account, registry):
    arn = account.package("one", incident="i1")
    package = registry.package(arn)
    assert package.arn == arn
    assert package.status == "Approved"
    assert package.image == IMAGE
    assert package.artifact == f"s3://{BUCKET}/packages/one/model.tar.gz"
    assert package.environment == {"SAGEMAKER_PROGRAM": "inference.py"}
    assert package.metadata["incident"] == "i1"
    assert package.baseline_uri == f"s3://{BUCKET}/packages/one/baseline.json"


def test_a_missing_package_is_named(registry):
    with pytest.raises(Missing, match="flights/99 does not exist"):
        registry.package(NOWHERE)


def test_a_package_without_a_baseline_says_so(account, registry):
    with pytest.raises(Missing, match="carries no baseline"):
        _ = registry.package(account.package(baseline=None)).baseline_uri


def test_what_is_approved_and_clean_may_be_deployed(account, registry):
    registry.package(account.package()).require_deployable()


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_what_is_not_approved_is_refused(account, registry, status):
    with pytest.raises(Refused, match=f"is {status}: only an Approved"):
        registry.package(account.package(status=status)).require_deployable()


def test_what_was_quarantined_is_refused_even_if_approved_again(account, registry):
    arn = account.package()
    registry.quarantine(arn, "incident-7", "it answered 5xx")
    assert registry.package(arn).status == "Rejected"
    account.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        # AWS keeps what is not named; moto forgets it, so it is named.
        CustomerMetadataProperties={QUARANTINED_BY: "incident-7"},
    )
    package = registry.package(arn)
    assert package.status == "Approved"
    with pytest.raises(Refused, match="quarantined by incident-7"):
        package.require_deployable()


def test_quarantine_names_only_its_own_mark_and_a_description_that_fits(account, registry):
    arn = account.package()
    account.calls.forget()
    registry.quarantine(arn, "incident-7", "x" * 5000)
    (sent,) = account.calls.of("UpdateModelPackage")
    assert sent["CustomerMetadataProperties"] == {QUARANTINED_BY: "incident-7"}
    assert len(sent["ApprovalDescription"]) == 1024


def test_approval_carries_its_metadata(account, registry):
    arn = account.package(status="PendingManualApproval")
    registry.approve(arn, {"sha256": "abc"}, "passed the gate")
    package = registry.package(arn)
    assert package.status == "Approved"
    assert package.metadata["sha256"] == "abc"


def test_the_digest_is_that_of_the_whole_object(account):
    body = bytes(range(256)) * 10_000  # more than one chunk
    account.s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert digest_of(account.s3, f"s3://{BUCKET}/large") == hashlib.sha256(body).hexdigest()


def test_an_artifact_to_the_bit_is_trusted(account, registry):
    require_digest(account.s3, registry.package(account.package("one")))


def test_another_artifact_is_refused_with_both_digests(account, registry):
    arn = account.package("one")
    account.s3.put_object(Bucket=BUCKET, Key="packages/one/model.tar.gz", Body=archive("forged"))
    package = registry.package(arn)
    with pytest.raises(Refused, match=f"the package says {package.metadata['sha256'][:12]}"):
        require_digest(account.s3, package)


@pytest.mark.parametrize("digest", [None, ""])
def test_a_package_without_a_digest_is_refused(account, registry, digest):
    package = registry.package(account.package("one"))
    bare = Package(**{**vars(package), "metadata": {} if digest is None else {"sha256": digest}})
    with pytest.raises(Refused, match="names no sha256"):
        require_digest(account.s3, bare)


def test_a_missing_artifact_is_named(account, registry):
    arn = account.package("one")
    account.s3.delete_object(Bucket=BUCKET, Key="packages/one/model.tar.gz")
    with pytest.raises(Missing, match=r"packages/one/model.tar.gz does not exist"):
        require_digest(account.s3, registry.package(arn))


def test_a_model_names_its_package_and_is_made_once(account, registry):
    package = registry.package(account.package())
    name = ensure_model(account.sagemaker, NAME, package, ROLE)
    assert ensure_model(account.sagemaker, NAME, package, ROLE) == name
    assert account.calls.changes().count("CreateModel") == 1
    container = account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]
    assert container["ModelDataUrl"] == package.artifact
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert package_of(account.sagemaker, name) == package.arn


def test_a_model_made_by_hand_names_no_package(account):
    account.model("by-hand", None)
    with pytest.raises(Missing, match="names no model package"):
        package_of(account.sagemaker, "by-hand")


def test_a_missing_model_is_named(account):
    with pytest.raises(Missing, match="model nobody does not exist"):
        package_of(account.sagemaker, "nobody")


def test_the_pointer_is_empty_until_it_is_moved(account):
    pointer = ChampionPointer(account.ssm, CHAMPION_PARAMETER)
    assert pointer.model() is None
    pointer.move("flights-1")
    assert pointer.model() == "flights-1"


def test_a_pointer_without_its_parameter_says_what_to_deploy(account):
    account.ssm.delete_parameter(Name=CHAMPION_PARAMETER)
    with pytest.raises(Missing, match=f"{CHAMPION_PARAMETER} does not exist: deploy the Data stack first"):
        ChampionPointer(account.ssm, CHAMPION_PARAMETER).model()
