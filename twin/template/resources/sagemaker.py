"""SageMaker: the registry's group, the pipeline, models, and what serves them."""

from __future__ import annotations

from datetime import timedelta

from twin.interfaces import ACCOUNT_ID, REGION
from twin.template.resource import Created, Creator, Resource, only

NAME_LENGTH = 63
POLL = timedelta(minutes=1)


def model_package_group(resource: Resource) -> Created:
    made = resource.client("sagemaker").create_model_package_group(
        **resource.arguments("ModelPackageGroupDescription", "ModelPackageGroupName", "Tags")
    )
    arn = made["ModelPackageGroupArn"]
    return Created(ref=arn, attributes={"ModelPackageGroupArn": arn})


def pipeline(resource: Resource) -> Created:
    definition = resource.require("PipelineDefinition")
    only(resource, "PipelineDefinition", definition, "PipelineDefinitionBody", "PipelineDefinitionS3Location")
    arguments = resource.arguments(
        "ParallelismConfiguration",
        "PipelineDescription",
        "PipelineDisplayName",
        "PipelineName",
        "RoleArn",
        "Tags",
    )
    if "PipelineDefinitionBody" in definition:
        arguments["PipelineDefinition"] = definition["PipelineDefinitionBody"]
    else:
        location = definition["PipelineDefinitionS3Location"]
        only(
            resource, "PipelineDefinition.PipelineDefinitionS3Location", location, "Bucket", "Key", "Version"
        )
        names = {"Bucket": "Bucket", "Key": "ObjectKey", "Version": "VersionId"}
        arguments["PipelineDefinitionS3Location"] = {names[key]: value for key, value in location.items()}
    # The API asks for an idempotency token that the template has no property for.
    token = f"{resource.stack}-{resource.logical_id}".ljust(32, "-")[:128]
    resource.client("sagemaker").create_pipeline(ClientRequestToken=token, **arguments)
    return Created(ref=arguments["PipelineName"])


def model(resource: Resource) -> Created:
    name = resource.name("ModelName", maximum=NAME_LENGTH)
    resource.client("sagemaker").create_model(
        ModelName=name,
        **resource.arguments(
            "Containers",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "InferenceExecutionConfig",
            "PrimaryContainer",
            "Tags",
            "VpcConfig",
        ),
    )
    return _named("model", name, "ModelName")


def endpoint_config(resource: Resource) -> Created:
    name = resource.name("EndpointConfigName", maximum=NAME_LENGTH)
    resource.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        **resource.arguments(
            "AsyncInferenceConfig",
            "DataCaptureConfig",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "ExplainerConfig",
            "KmsKeyId",
            "ProductionVariants",
            "ShadowProductionVariants",
            "Tags",
            "VpcConfig",
        ),
    )
    return _named("endpoint-config", name, "EndpointConfigName")


def endpoint(resource: Resource) -> Created:
    """Create the endpoint and wait until it serves, as CloudFormation does before it goes on."""
    sagemaker, name = resource.client("sagemaker"), resource.name("EndpointName", maximum=NAME_LENGTH)
    # What an update is to keep; a creation has nothing to keep.
    for prop in ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig"):
        resource.take(prop)
    sagemaker.create_endpoint(
        EndpointName=name, **resource.arguments("DeploymentConfig", "EndpointConfigName", "Tags")
    )
    while (found := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        resource.account.wait(POLL)
    if found["EndpointStatus"] != "InService":
        raise resource.error(f"endpoint {name} is {found['EndpointStatus']}: {found.get('FailureReason')}")
    return _named("endpoint", name, "EndpointName")


def _named(kind: str, name: str, attribute: str) -> Created:
    # SageMaker writes names in its ARNs in lower case.
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:{kind}/{name.lower()}"
    return Created(ref=arn, attributes={attribute: name, "Id": arn})


CREATORS: dict[str, Creator] = {
    "AWS::SageMaker::Endpoint": endpoint,
    "AWS::SageMaker::EndpointConfig": endpoint_config,
    "AWS::SageMaker::Model": model,
    "AWS::SageMaker::ModelPackageGroup": model_package_group,
    "AWS::SageMaker::Pipeline": pipeline,
}
