"""Systems Manager: parameters."""

from __future__ import annotations

from twin.template.resource import Created, Creator, Resource


def parameter(resource: Resource) -> Created:
    ssm, name = resource.client("ssm"), resource.name("Name", maximum=1011)
    arguments = resource.arguments(
        "AllowedPattern", "DataType", "Description", "Policies", "Tier", "Type", "Value"
    )
    # The only type whose tags are an object in the template.
    tags = [{"Key": key, "Value": value} for key, value in resource.take("Tags", {}).items()]
    ssm.put_parameter(Name=name, Tags=tags, **arguments)
    return Created(ref=name, attributes={"Type": arguments["Type"], "Value": arguments["Value"]})


CREATORS: dict[str, Creator] = {"AWS::SSM::Parameter": parameter}
