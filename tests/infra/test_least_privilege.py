"""Least privilege: what the roles may do, and above all what they may not."""

from __future__ import annotations

import pytest
from cloud_assembly import Assembly

# Actions that take no resource, or none that would narrow them; every other names what it acts on.
ANY_RESOURCE = {
    "cloudwatch:DescribeAlarms": "a narrower scope hides composite alarms",
    "cloudwatch:GetMetricStatistics": "knows no resources",
    "cloudwatch:PutMetricData": "knows no resources; narrowed by namespace",
    "ecr:GetAuthorizationToken": "knows no resources",
    "sagemaker:ListEndpoints": "knows no resources",
    "xray:PutTraceSegments": "knows no resources",
    "xray:PutTelemetryRecords": "knows no resources",
    "xray:GetSamplingRules": "knows no resources",
    "xray:GetSamplingTargets": "knows no resources",
    "logs:CreateLogDelivery": "log delivery of Step Functions knows no resources",
    "logs:GetLogDelivery": "log delivery of Step Functions knows no resources",
    "logs:UpdateLogDelivery": "log delivery of Step Functions knows no resources",
    "logs:DeleteLogDelivery": "log delivery of Step Functions knows no resources",
    "logs:ListLogDeliveries": "log delivery of Step Functions knows no resources",
    "logs:PutResourcePolicy": "log delivery of Step Functions knows no resources",
    "logs:DescribeResourcePolicies": "log delivery of Step Functions knows no resources",
    "logs:DescribeLogGroups": "log delivery of Step Functions knows no resources",
}
WILD_ACTIONS = {
    "kms:GenerateDataKey*": "with and without plain text: services use either",
    "kms:ReEncrypt*": "its two halves, from and to",
}
DELETES = {
    "dynamodb:DeleteItem": "leases, triggers and waits end; see the test of the ledger below",
    "cloudwatch:DeleteAlarms": "a release removes the alarms that it made",
    "logs:DeleteLogDelivery": "log delivery of Step Functions",
}


def test_no_role_may_do_more_than_it_names(account: Assembly) -> None:
    for policy, statement in account.statements():
        for action in statement["Action"]:
            assert "*" not in action or action in WILD_ACTIONS, f"{policy}: {action}"
            if "*" in statement["Resource"]:
                assert action in ANY_RESOURCE, f"{policy}: {action} on everything"
        if "cloudwatch:PutMetricData" in statement["Action"]:
            assert "cloudwatch:namespace" in str(statement["Condition"]), policy


def test_every_statement_allows(account: Assembly) -> None:
    assert {statement["Effect"] for _, statement in account.statements()} == {"Allow"}


def test_nothing_is_deleted(account: Assembly) -> None:
    actions = {action for _, statement in account.statements() for action in statement["Action"]}
    deleting = {action for action in actions if action.partition(":")[2].startswith(("Delete", "Remove"))}
    assert deleting == set(DELETES)
    assert not {"dynamodb:Scan", "dynamodb:BatchWriteItem"} & actions


def test_the_ledger_and_the_releases_only_grow(account: Assembly) -> None:
    changing = {"dynamodb:DeleteItem", "dynamodb:UpdateItem"}
    for policy, statement in account.statements():
        if changing & set(statement["Action"]):
            partitions = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
            assert set(partitions) <= {"OPEN", "TRIGGER", "WAIT", "APPROVAL"}, policy
            assert set(statement["Action"]) <= changing, policy


def test_only_release_alarms_are_made_and_removed(account: Assembly) -> None:
    for policy, statement in account.statements():
        if {"cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"} & set(statement["Action"]):
            assert all(arn.endswith(":alarm:flights-release-*") for arn in statement["Resource"]), policy


def test_roles_are_passed_to_sagemaker_alone(account: Assembly) -> None:
    passing = [s for _, s in account.statements() if "iam:PassRole" in s["Action"]]
    assert passing
    for statement in passing:
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        assert all("*" not in arn for arn in statement["Resource"])


@pytest.mark.parametrize(
    ("action", "functions"),
    [
        ("sagemaker:UpdateEndpoint", {"rollback", "release", "replace", "fall-back"}),
        ("sagemaker:UpdateEndpointWeightsAndCapacities", {"scale"}),
        ("sagemaker:CreateEndpointConfig", {"release", "replace"}),
        ("sagemaker:StartPipelineExecution", {"reactivate", "retrain", "first-champion-start"}),
        ("sagemaker:CreateModel", {"release", "first-champion-check"}),
        ("sagemaker:CreateModelPackage", {"recalibrate"}),
        ("sagemaker:UpdateModelPackage", {"approve", "approve-recalibration", "settle"}),
        ("ssm:PutParameter", {"settle", "first-champion-check"}),
        ("dynamodb:DeleteItem", {"record", "sweep", "park"}),
        ("dynamodb:UpdateItem", {"open-incident"}),
        ("states:StartExecution", {"sweep", "settle"}),
        ("states:SendTaskSuccess", {"sweep", "park", "ask-approval"}),
        ("sns:Publish", {"record", "quarantine", "sweep", "ask-approval"}),
    ],
)
def test_who_may_change_things(account: Assembly, action: str, functions: set[str]) -> None:
    assert {name for name in _ours(account) if action in account.allowed(f"flights-{name}")} == functions


def test_who_changes_the_service_reads_mode_and_kill_switch(account: Assembly) -> None:
    parameters = {"parameter/selfheal/flights/mode", "parameter/selfheal/flights/kill-switch"}
    for name in (
        "plan",
        "rollback",
        "recalibrate",
        "reactivate",
        "retrain",
        "release",
        "quarantine",
        "scale",
        "replace",
        "fall-back",
    ):
        readable = {arn.rpartition(":")[2] for arn in account.allowed(f"flights-{name}")["ssm:GetParameter"]}
        assert parameters <= readable, name
        variables = account.function(f"flights-{name}").properties["Environment"]["Variables"]
        assert variables["SELFHEAL_MODE_PARAMETER"] == "/selfheal/flights/mode"
        assert variables["SELFHEAL_KILL_SWITCH_PARAMETER"] == "/selfheal/flights/kill-switch"


def test_who_recalibrates_a_model_can_neither_approve_nor_release_it(account: Assembly) -> None:
    allowed = account.allowed("flights-recalibrate")
    changing = {action for action in allowed if action.startswith(("sagemaker:Create", "sagemaker:Update"))}
    assert changing == {"sagemaker:CreateModelPackage"}
    assert {arn.rpartition(":")[2] for arn in allowed["sagemaker:CreateModelPackage"]} == {
        "model-package-group/flights",
        "model-package/flights/*",
    }
    assert [arn.partition("/")[2] for arn in allowed["s3:PutObject"]] == ["packages/recalibrated/*"]
    approving = account.allowed("flights-approve-recalibration")
    assert [arn.partition("/")[2] for arn in approving["s3:GetObject"]] == ["packages/recalibrated/*"]
    assert "s3:PutObject" not in approving


def test_nothing_writes_the_mode_or_the_kill_switch(account: Assembly) -> None:
    for policy, statement in account.statements():
        if "ssm:PutParameter" in statement["Action"]:
            assert [arn.rpartition(":")[2] for arn in statement["Resource"]] == [
                "parameter/selfheal/flights/champion/model"
            ], policy


def test_an_update_is_granted_on_endpoint_and_config(account: Assembly) -> None:
    for name in ("rollback", "release", "replace", "fall-back"):
        resources = account.allowed(f"flights-{name}")["sagemaker:UpdateEndpoint"]
        assert {arn.rpartition(":")[2] for arn in resources} == {"endpoint/flights", "endpoint-config/*"}


def test_observe_writes_nowhere_but_its_own_prefixes(account: Assembly) -> None:
    written = account.allowed("flights-observe")["s3:PutObject"]
    assert {arn.rpartition("/")[0].rpartition("/")[2] for arn in written} == {
        "profiles",
        "profiling",
        "reports",
        "rejected",
    }


def test_quarantined_hours_are_written_by_their_two_functions_and_read_by_those_who_leave_them_out(
    account: Assembly,
) -> None:
    def below(function: str, action: str) -> set[str]:
        arns = account.allowed(f"flights-{function}").get(action, [])
        return {arn.rpartition("/")[0].rpartition("/")[2] for arn in arns}

    assert below("quarantine", "s3:PutObject") == below("verify", "s3:PutObject") == {"quarantine"}
    assert below("quarantine", "s3:GetObject") == {"reports", "quarantine"}
    writers = {name for name in _ours(account) if "quarantine" in below(name, "s3:PutObject")}
    # The first champion leaves a note there: a job refuses an empty folder.
    assert writers == {"quarantine", "verify", "first-champion-start"}
    changing = ("sagemaker:Create", "sagemaker:Update", "sagemaker:Start")
    assert not [a for a in account.allowed("flights-quarantine") if a.startswith(changing)]
    jobs = [s for policy, s in account.statements() if policy.logical_id.startswith("JobsRole")]
    assert any(arn.endswith("/quarantine/*") for s in jobs for arn in s["Resource"])


def test_listing_is_confined_to_prefixes(account: Assembly) -> None:
    for policy, statement in account.statements():
        if "s3:ListBucket" in statement["Action"]:
            (operator,) = statement["Condition"]
            assert operator in ("StringLike", "StringLikeIfExists")
            assert statement["Condition"][operator]["s3:prefix"], policy


def test_key_grants_are_for_aws_resources_alone(account: Assembly) -> None:
    granting = [s for _, s in account.statements() if "kms:CreateGrant" in s["Action"]]
    assert granting
    for statement in granting:
        assert statement["Action"] == ["kms:CreateGrant"]
        assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_managed_policies_are_the_custom_resource_frameworks_alone(account: Assembly) -> None:
    managed = [role for role in account.of_type("AWS::IAM::Role") if role.properties.get("ManagedPolicyArns")]
    assert all("framework" in role.logical_id for role in managed)


def test_the_guardrails_can_see_their_alarms(account: Assembly) -> None:
    (policy,) = [p for p in account.of_type("AWS::IAM::Policy") if p.logical_id.startswith("ServingRole")]
    assert "cloudwatch:DescribeAlarms" in str(policy.properties)


def _ours(account: Assembly) -> list[str]:
    names = [
        function.properties.get("FunctionName", "") for function in account.of_type("AWS::Lambda::Function")
    ]
    return [name.removeprefix("flights-") for name in names if name]


def test_verification_alone_asks_the_endpoint_and_no_other_endpoint(account: Assembly) -> None:
    asking = [s for _, s in account.statements() if "sagemaker:InvokeEndpoint" in s["Action"]]
    (resource,) = account.allowed("flights-verify")["sagemaker:InvokeEndpoint"]
    assert resource.endswith(":endpoint/flights")
    assert [statement["Resource"] for statement in asking] == [[resource]]
