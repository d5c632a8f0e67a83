"""Everything at rest is under the workload's own key, and nothing travels in the clear."""

from __future__ import annotations

import json

from cloud_assembly import Assembly


def _key(account: Assembly) -> str:
    return f"<{account.one('AWS::KMS::Key').logical_id}.Arn>"


def test_the_key_rotates_and_survives_its_stack(account: Assembly) -> None:
    key = account.one("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    assert key.body["DeletionPolicy"] == "Retain"
    assert account.one("AWS::KMS::Alias").properties["AliasName"] == "alias/selfheal/flights"


def test_services_use_the_key_for_this_workload_alone(account: Assembly) -> None:
    statements = account.one("AWS::KMS::Key").properties["KeyPolicy"]["Statement"]
    services = [statement for statement in statements if "Service" in statement["Principal"]]
    assert len(services) == 2
    assert all(statement["Condition"] for statement in services)
    logs = json.dumps(services[0]["Condition"])
    assert ":log-group:/aws/lambda/flights-*" in logs
    assert "aws:SourceAccount" in json.dumps(services[1]["Condition"])


def test_every_log_group_is_encrypted_and_ends(account: Assembly) -> None:
    for group in account.of_type("AWS::Logs::LogGroup"):
        assert account.resolve(group.stack, group.properties["KmsKeyId"]) == _key(account), group
        assert group.properties["RetentionInDays"] == 90, group
        # The key's policy admits these names and no others.
        assert group.properties["LogGroupName"].startswith(
            ("/aws/lambda/flights-", "/aws/vendedlogs/states/flights-")
        )


def test_every_function_logs_to_a_group_of_the_template(account: Assembly) -> None:
    for function in account.of_type("AWS::Lambda::Function"):
        assert "Ref" in function.properties["LoggingConfig"]["LogGroup"], function


def test_queues_and_topic_are_encrypted_and_refuse_plain_text(account: Assembly) -> None:
    for kind, policy in (
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    ):
        for resource in account.of_type(kind):
            assert account.resolve(resource.stack, resource.properties["KmsMasterKeyId"]) == _key(account)
        assert len(account.of_type(policy)) == len(account.of_type(kind))
        for document in account.of_type(policy):
            assert _refuses_plain_text(document.properties["PolicyDocument"]), document


def test_the_bucket_is_encrypted_versioned_private_and_retained(account: Assembly) -> None:
    bucket = account.one("AWS::S3::Bucket")
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert account.resolve(bucket.stack, rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]) == _key(
        account
    )
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket.body["DeletionPolicy"] == bucket.body["UpdateReplacePolicy"] == "Retain"
    assert _refuses_plain_text(account.one("AWS::S3::BucketPolicy").properties["PolicyDocument"])
    assert "BucketName" not in bucket.properties


def test_capture_and_results_of_jobs_expire_and_nothing_else_does(account: Assembly) -> None:
    rules = account.one("AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
    assert {rule.get("Prefix"): rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule} == {
        "capture/": 400,
        "profiling/": 7,
    }
    assert [
        rule["NoncurrentVersionExpiration"] for rule in rules if "NoncurrentVersionExpiration" in rule
    ] == [{"NoncurrentDays": 90}]
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_the_ledger_is_encrypted_recoverable_and_retained(account: Assembly) -> None:
    table = account.one("AWS::DynamoDB::Table")
    sse = table.properties["SSESpecification"]
    assert sse["SSEEnabled"] is True
    assert account.resolve(table.stack, sse["KMSMasterKeyId"]) == _key(account)
    assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table.properties["BillingMode"] == "PAY_PER_REQUEST"
    assert table.properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert [key["AttributeName"] for key in table.properties["KeySchema"]] == ["pk", "sk"]
    assert table.body["DeletionPolicy"] == "Retain"


def test_parameters_start_where_the_settings_say(account: Assembly) -> None:
    values = {p.properties["Name"]: p.properties["Value"] for p in account.of_type("AWS::SSM::Parameter")}
    assert values == {
        "/selfheal/flights/champion/model": "none",
        "/selfheal/flights/mode": "act",
        "/selfheal/flights/kill-switch": "off",
    }


def _refuses_plain_text(policy: dict) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["Statement"]
    )
