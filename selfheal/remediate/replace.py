"""Replace: the model that serves, on fresh instances.

AWS replaces a host that fails AWS's own checks. A container that answers wrongly, leaks or hangs it keeps, and only a
deployment makes new ones: of the live endpoint config under another name, for an update to the config that serves
would change nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from selfheal.remediate.release import content_hash, copied
from selfheal.remediate.release_policy import ReleasePolicy, Strategy


def config_on_fresh_instances(live: Mapping[str, Any], workload: str, generation: str) -> dict[str, Any]:
    """The live endpoint config under a name of its own: arguments of CreateEndpointConfig.

    Args:
        live: what DescribeEndpointConfig answered for the config in service.
        generation: what tells this copy from every other one. The same generation gives the same name, so that a
            replacement that is asked for twice is one.

    Raises:
        ValueError: the config does not have exactly one production variant.
    """
    copy = copied(live)
    return {"EndpointConfigName": f"{workload}-{content_hash([copy, generation])}", **copy}


def at_once(policy: ReleasePolicy) -> ReleasePolicy:
    """The guardrails of a deployment that brings a model which has served before.

    All traffic moves as soon as the new fleet is healthy: a small share of it first would find out about a model that
    is known, while the old fleet goes on failing. The new fleet's own alarms watch it for
    `termination_wait_minutes`, and send the deployment back.
    """
    return dataclasses.replace(policy, strategy=Strategy.ALL_AT_ONCE)
