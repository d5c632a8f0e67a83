"""UpdateEndpointWeightsAndCapacities: real instances come and go, and the endpoint says so."""

from __future__ import annotations

import os
import signal

import pytest
from botocore.exceptions import ClientError

from tests.twin.fixtures_endpoints.account import BUCKET, MINUTE, account, model_archive

ALL = "AllTraffic"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """An endpoint in service on two instances."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with account(tmp_path / "state") as opened:
        opened.model("model-a", model_archive(2.0))
        opened.config("config-a", "model-a")
        opened.serve()
        yield opened


def resize(acc, *asked, **one):
    wanted = list(asked) or [{"VariantName": ALL, **one}]
    return acc.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="flights", DesiredWeightsAndCapacities=wanted
    )


def refused(acc, *asked, **one):
    with pytest.raises(ClientError) as caught:
        resize(acc, *asked, **one)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def counts(acc):
    (variant,) = acc.sagemaker.describe_endpoint(EndpointName="flights")["ProductionVariants"]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def folders(acc):
    """The instances whose files are on disk: one `ml` folder each."""
    return sorted(path.parent.name for path in acc.state.glob("*/*/*/*/ml"))


def processes(acc):
    (variant,) = acc.endpoints.variants("flights").values()
    return variant.instances


def test_more_instances_take_traffic_once_they_are_healthy(served):
    arn = resize(served, DesiredInstanceCount=3)["EndpointArn"]
    assert arn.endswith(":endpoint/flights")
    served.advance(3 * MINUTE)
    assert served.status() == ("Updating", "config-a")
    assert counts(served) == (2, 3)
    assert served.endpoints.busy
    assert [answer.status for answer in served.send("1,2", "1,2")] == [200, 200], "it serves meanwhile"
    served.advance(MINUTE)
    assert served.status() == ("InService", "config-a")
    assert counts(served) == (3, 3)
    assert not served.endpoints.busy
    assert [instance.alive for instance in processes(served)] == [True] * 3
    assert [answer.status for answer in served.send(*["1,2"] * 6)] == [200] * 6
    assert served.bus.statuses()[-2:] == ["UPDATING", "IN_SERVICE"]
    assert served.bus.events[-1].detail["ProductionVariants"][0]["DesiredInstanceCount"] == 3


def test_fewer_instances_go_with_their_files(served):
    resize(served, DesiredInstanceCount=1)
    served.advance(4 * MINUTE)
    assert counts(served) == (1, 1)
    assert folders(served) == ["0"]
    assert [answer.status for answer in served.send(*["1,2"] * 3)] == [200] * 3


def test_an_update_keeps_the_size_where_it_is_told_to(served):
    served.config("config-b", "model-a")
    resize(served, DesiredInstanceCount=3)
    served.advance(4 * MINUTE)
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", RetainAllVariantProperties=True
    )
    served.endpoints.wait_in_service("flights", served.advance)
    assert (served.status()[1], counts(served)) == ("config-b", (3, 3))
    served.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-a")
    served.endpoints.wait_in_service("flights", served.advance)
    assert counts(served) == (2, 2), "without being told so it is as the config says"


def test_instances_that_do_not_start_leave_it_as_it_was(served):
    served.s3.put_object(
        Bucket=BUCKET, Key="models/model-a.tar.gz", Body=model_archive(script="raise OSError")
    )
    resize(served, DesiredInstanceCount=3)
    served.advance(5 * MINUTE)
    assert served.status() == ("InService", "config-a")
    assert counts(served) == (2, 2)
    assert folders(served) == ["0", "1"]
    described = served.sagemaker.describe_endpoint(EndpointName="flights")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert [answer.status for answer in served.send("1,2", "1,2")] == [200, 200]


def test_a_dead_instance_is_not_replaced_by_a_third(served):
    os.kill(processes(served)[0].pid, signal.SIGKILL)
    resize(served, DesiredInstanceCount=3)
    served.advance(4 * MINUTE)
    assert counts(served) == (3, 3)
    assert sorted(answer.status for answer in served.send(*["1,2"] * 6)) == [200, 200, 200, 200, 424, 424]


def test_a_weight_is_changed_without_a_new_process(served):
    before = [instance.pid for instance in processes(served)]
    resize(served, DesiredWeight=0.5)
    (variant,) = served.sagemaker.describe_endpoint(EndpointName="flights")["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 0.5)
    served.advance(4 * MINUTE)
    (variant,) = served.sagemaker.describe_endpoint(EndpointName="flights")["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredInstanceCount"]) == (0.5, 2)
    assert [instance.pid for instance in processes(served)] == before


def test_what_cannot_be_is_refused_and_changes_nothing(served):
    assert "not one of the endpoint's" in refused(served, {"VariantName": "other", "DesiredInstanceCount": 3})
    assert "at least 1" in refused(served, DesiredInstanceCount=0)
    twice = {"VariantName": ALL, "DesiredInstanceCount": 3}
    assert "more than once" in refused(served, twice, twice)
    assert served.status() == ("InService", "config-a")
    assert counts(served) == (2, 2)


def test_while_it_is_resized_it_takes_no_other_change(served):
    served.config("config-b", "model-a")
    resize(served, DesiredInstanceCount=3)
    assert "in-progress" in refused(served, DesiredInstanceCount=4)
    with pytest.raises(ClientError, match="in-progress"):
        served.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-b")


def test_an_endpoint_that_is_not_there_is_refused(served):
    with pytest.raises(ClientError, match="Could not find endpoint"):
        served.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="other",
            DesiredWeightsAndCapacities=[{"VariantName": ALL, "DesiredInstanceCount": 3}],
        )
