"""Does the endpoint serve what it should: not in name alone, but down to the model package?"""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.verify.finding import Finding


@dataclass(frozen=True, kw_only=True)
class Live:
    """What an endpoint serves.

    Attributes:
        status: SageMaker's.
        package: the model package that its model was made of; None where the model names none.
    """

    status: str
    config: str
    model: str
    package: str | None


@dataclass(frozen=True, kw_only=True)
class Intended:
    """What an endpoint should serve. None where nothing is demanded: a remedy that changes no service asks for no
    config, and of a model that was there before, no package is recorded."""

    config: str | None
    model: str | None
    package: str | None


def judge_serving(live: Live, intended: Intended) -> Finding:
    """FAIL where anything else serves, or nothing; INCONCLUSIVE while the endpoint is being changed."""
    if live.status in ("Updating", "SystemUpdating", "RollingBack", "Creating"):
        return Finding.held(f"the endpoint is {live.status}")
    if live.status != "InService":
        return Finding.failed(f"the endpoint is {live.status}")
    pairs = (
        (live.config, intended.config),
        (live.model, intended.model),
        (live.package or "a model without a package", intended.package),
    )
    wrong = [
        f"{found} serves where {wanted} should" for found, wanted in pairs if wanted not in (None, found)
    ]
    if wrong:
        return Finding.failed(*wrong)
    return Finding.passed(f"{live.config} serves {live.package or live.model}")
