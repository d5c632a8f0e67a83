"""Lambda: functions, layers, permissions, versions, aliases."""

from __future__ import annotations

from twin.template.resource import Created, Creator, Resource, only, tag_map

NAME_LENGTH = 64


def function(resource: Resource) -> Created:
    """A function; one whose runtime is not Python is loaded and stays inert, as CDK's own framework is."""
    code = resource.require("Code")
    only(resource, "Code", code, "S3Bucket", "S3Key")
    name = resource.name("FunctionName", maximum=NAME_LENGTH)
    resource.account.code.assign(name, code["S3Bucket"], code["S3Key"])
    client = resource.client("lambda")
    arguments = resource.arguments(
        "Architectures",
        "DeadLetterConfig",
        "Description",
        "Environment",
        "EphemeralStorage",
        "Handler",
        "Layers",
        "LoggingConfig",
        "MemorySize",
        "PackageType",
        "Role",
        "Runtime",
        "Timeout",
        "TracingConfig",
        KmsKeyArn="KMSKeyArn",
    )
    made = client.create_function(
        FunctionName=name, Code=code, Tags=tag_map(resource.take("Tags")), **arguments
    )
    reserved = resource.take("ReservedConcurrentExecutions")
    if reserved is not None:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))
    return Created(ref=name, attributes={"Arn": made["FunctionArn"]})


def layer_version(resource: Resource) -> Created:
    name = resource.name("LayerName", maximum=NAME_LENGTH)
    arguments = resource.arguments(
        "CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LicenseInfo"
    )
    made = resource.client("lambda").publish_layer_version(LayerName=name, **arguments)
    arn = made["LayerVersionArn"]
    return Created(ref=arn, attributes={"LayerVersionArn": arn})


def permission(resource: Resource) -> Created:
    statement = f"{resource.stack}-{resource.logical_id}"
    arguments = resource.arguments(
        "Action",
        "EventSourceToken",
        "FunctionName",
        "FunctionUrlAuthType",
        "Principal",
        "PrincipalOrgID",
        "SourceAccount",
        "SourceArn",
    )
    resource.client("lambda").add_permission(StatementId=statement, **arguments)
    return Created(ref=statement, attributes={"Id": statement})


def version(resource: Resource) -> Created:
    arguments = resource.arguments("CodeSha256", "Description", "FunctionName")
    made = resource.client("lambda").publish_version(**arguments)
    arn = f"{made['FunctionArn'].removesuffix(':' + made['Version'])}:{made['Version']}"
    return Created(ref=arn, attributes={"FunctionArn": arn, "Version": made["Version"]})


def alias(resource: Resource) -> Created:
    arguments = resource.arguments("Description", "FunctionName", "FunctionVersion", "Name")
    arn = resource.client("lambda").create_alias(**arguments)["AliasArn"]
    return Created(ref=arn, attributes={"AliasArn": arn})


def event_invoke_config(resource: Resource) -> Created:
    arguments = resource.arguments(
        "DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"
    )
    resource.client("lambda").put_function_event_invoke_config(**arguments)
    return Created(ref=f"{resource.stack}-{resource.logical_id}")


CREATORS: dict[str, Creator] = {
    "AWS::Lambda::Alias": alias,
    "AWS::Lambda::EventInvokeConfig": event_invoke_config,
    "AWS::Lambda::Function": function,
    "AWS::Lambda::LayerVersion": layer_version,
    "AWS::Lambda::Permission": permission,
    "AWS::Lambda::Version": version,
}
