"""What serves and what should, down to the package."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selfheal.verdict import Verdict
from selfheal.verify.serving import Intended, Live, judge_serving

LIVE = Live(status="InService", config="new", model="model-2", package="p/2")
ASKED = Intended(config="new", model="model-2", package="p/2")
NOTHING = Intended(config=None, model=None, package=None)
PASS, WAIT, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL


@pytest.mark.parametrize(
    ("live", "intended", "verdict", "reason"),
    [
        (LIVE, ASKED, PASS, "new serves p/2"),
        (LIVE, NOTHING, PASS, "new serves p/2"),
        (replace(LIVE, config="old"), ASKED, FAIL, "old serves where new should"),
        (replace(LIVE, model="model-1"), ASKED, FAIL, "model-1 serves where model-2 should"),
        (replace(LIVE, package="p/1"), ASKED, FAIL, "p/1 serves where p/2 should"),
        (replace(LIVE, package=None), ASKED, FAIL, "a model without a package serves where p/2 should"),
        (replace(LIVE, package=None), NOTHING, PASS, "new serves model-2"),
        (replace(LIVE, status="Updating"), ASKED, WAIT, "the endpoint is Updating"),
        (replace(LIVE, status="RollingBack"), ASKED, WAIT, "the endpoint is RollingBack"),
        (replace(LIVE, status="Failed"), ASKED, FAIL, "the endpoint is Failed"),
        (replace(LIVE, status="UpdateRollbackFailed"), ASKED, FAIL, "the endpoint is UpdateRollbackFailed"),
        (replace(LIVE, status="what is new"), ASKED, FAIL, "the endpoint is what is new"),
    ],
)
def test_the_verdict(live, intended, verdict, reason):
    finding = judge_serving(live, intended)
    assert (finding.verdict, finding.reasons) == (verdict, (reason,))


def test_the_same_name_does_not_do_where_another_package_is_behind_it():
    finding = judge_serving(replace(LIVE, model="model-1", package="p/1"), ASKED)
    assert finding.verdict is FAIL
    assert len(finding.reasons) == 2
