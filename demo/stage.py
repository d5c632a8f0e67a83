"""The stage: the stacks deployed into a twin, the application in front of them, and a person beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from demo.chronicle import Chronicle, Resources
from demo.hand import Person
from demo.traffic import Application
from selfheal.aws.champion import package_of
from selfheal.aws.objects import split_uri
from selfheal.aws.registry import Registry
from twin.account import Twin
from twin.template import Assembly, DeployedStack
from workloads.flights.replay import Replay

ENDPOINT = "flights"
# The stacks need about twenty minutes of the account's time before they can take traffic.
DEPLOYMENT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The champion that the stacks came with: its package, since when it serves, and its archive."""

    package: str
    since: datetime
    archive: bytes


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where stories play."""

    twin: Twin
    chronicle: Chronicle
    application: Application
    person: Person
    first: Champion
    say: Callable[[str], None]


def set_up(
    twin: Twin,
    assembly: Path,
    replay: Replay,
    opening: datetime,
    *,
    say: Callable[[str], None] = lambda _: None,
    on_stack: Callable[[DeployedStack], None] = lambda _: None,
) -> Stage:
    """Deploy a cdk.out into a twin and let its traffic begin at the opening."""
    stacks: list[DeployedStack] = []

    def deployed(stack: DeployedStack) -> None:
        stacks.append(stack)
        on_stack(stack)

    twin.deploy(assembly, deployed)
    templates = {stack.name: stack.template for stack in Assembly.read(assembly).stacks}
    resources = Resources.of(stacks, templates, ENDPOINT)
    chronicle = Chronicle(twin.session, resources)
    twin.functions.listen(chronicle.note)
    s3, sagemaker = twin.session.client("s3"), twin.session.client("sagemaker")
    first = Registry(sagemaker).package(package_of(sagemaker, chronicle.champion_model()))
    bucket, key = split_uri(first.artifact)
    champion = Champion(
        package=first.arn, since=twin.clock.now, archive=s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    )
    application = Application(replay, twin.traffic, s3, resources.bucket, ENDPOINT)
    twin.advance_to(opening)
    twin.on_tick(application.run)
    person = Person(s3, sagemaker, resources.group, resources.bucket)
    return Stage(
        twin=twin, chronicle=chronicle, application=application, person=person, first=champion, say=say
    )
