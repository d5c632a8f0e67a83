"""The runtime API: answers, errors, metrics and data capture."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from tests.twin.fixtures_endpoints.account import BUCKET, CAPTURE, SCRIPT, account, model_archive
from tests.twin.fixtures_endpoints.fakes import START
from twin.endpoints.routing import Route, Target, UnknownVariantError
from twin.interfaces import REGION, TwinError
from twin.traffic import Request

PAIR = {"EndpointName": "flights", "VariantName": "AllTraffic"}


@pytest.fixture
def acc(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with account(tmp_path / "state") as opened:
        opened.model("model-a", model_archive(2.0))
        yield opened


@pytest.fixture
def served(acc):
    acc.config("config-a", "model-a", instances=1, DataCaptureConfig=CAPTURE)
    acc.serve()
    return acc


def runtime(url):
    return boto3.client(
        "sagemaker-runtime", region_name=REGION, endpoint_url=url, config=Config(retries={"max_attempts": 0})
    )


@pytest.fixture(params=["gateway", "in process", "moto server"])
def client(request, served):
    """A runtime client on each of the three ways in."""
    if request.param == "gateway":
        yield runtime(served.endpoints.gateway_url)
    elif request.param == "in process":
        yield runtime(None)
    else:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        yield runtime(f"http://{host}:{port}")
        server.stop()


def captured(acc):
    """Capture files by key, as lists of records."""
    listed = acc.s3.list_objects_v2(Bucket=BUCKET, Prefix="capture/").get("Contents", [])
    return {
        item["Key"]: [
            json.loads(line)
            for line in acc.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().splitlines()
        ]
        for item in listed
    }


# --- clients


def test_a_boto3_client_gets_the_models_answer(client):
    answer = client.invoke_endpoint(EndpointName="flights", ContentType="text/csv", Body=b"1,2")
    assert answer["Body"].read() == b"6.0"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_a_models_exception_is_a_model_error_with_its_members(client):
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="flights", ContentType="text/csv", Body=b"-1,2")
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 500
    assert response["OriginalMessage"] == "a negative distance"
    assert response["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/flights")
    assert 'Received server error (500) from primary with message "a negative distance"' in str(caught.value)


def test_an_unsupported_content_type_is_the_models_415(client):
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="flights", ContentType="image/png", Body=b"\x89PNG\xff")
    assert caught.value.response["OriginalStatusCode"] == 415
    assert "Received client error (415)" in str(caught.value)


def test_an_unknown_endpoint_is_a_validation_error(client):
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="nobody", Body=b"1")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_endpoint_that_is_being_created_does_not_serve(acc):
    acc.config("config-a", "model-a", instances=1)
    acc.sagemaker.create_endpoint(EndpointName="flights", EndpointConfigName="config-a")
    with pytest.raises(ClientError) as caught:
        runtime(acc.endpoints.gateway_url).invoke_endpoint(EndpointName="flights", Body=b"1")
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert not acc.metrics.data


def test_a_variant_can_be_asked_for_by_name(served):
    client = runtime(served.endpoints.gateway_url)
    ask = {"EndpointName": "flights", "ContentType": "text/csv", "Body": b"1"}
    assert (
        client.invoke_endpoint(TargetVariant="AllTraffic", **ask)["InvokedProductionVariant"] == "AllTraffic"
    )
    with pytest.raises(ClientError, match="ValidationError"):
        client.invoke_endpoint(TargetVariant="Nobody", **ask)


def test_what_the_runtime_lacks_says_so(served):
    client = runtime(served.endpoints.gateway_url)
    with pytest.raises(ClientError, match="Target-Model"):
        client.invoke_endpoint(EndpointName="flights", TargetModel="m.tar.gz", Body=b"1")
    with pytest.raises(TwinError, match="asynchronous"):
        runtime(None).invoke_endpoint_async(EndpointName="flights", InputLocation="s3://b/k")


def test_many_clients_at_once_are_all_answered(served):
    client = runtime(served.endpoints.gateway_url)

    def invoke(number):
        answer = client.invoke_endpoint(
            EndpointName="flights", ContentType="text/csv", Body=f"{number}".encode()
        )
        return float(answer["Body"].read())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(invoke, range(200))) == [2.0 * number for number in range(200)]
    assert sum(served.metrics.values("Invocations", **PAIR)) == 200


def test_an_instance_that_died_is_a_server_error_not_a_hang(served):
    (variant,) = served.endpoints.variants("flights").values()
    variant.instances[0].stop()
    assert served.send("1,1")[0].status == 424
    assert served.metrics.values("Invocation5XXErrors", **PAIR) == [1.0]
    assert not served.metrics.values("ModelLatency", **PAIR)


# --- metrics


def test_metrics_are_rates_and_microseconds_at_the_requests_own_time(acc):
    script = SCRIPT.replace('os.environ.get("DELAY", "0")', '"0.03" if data[0] == 7 else "0"')
    acc.model("model-slow", model_archive(script=script))
    acc.config("config-a", "model-slow", instances=1)
    acc.serve()
    at = START + timedelta(days=3, seconds=7)
    requests = [
        Request(at=at, inference_id=f"r{n}", body=body, content_type=kind)
        for n, (body, kind) in enumerate(
            [(b"7,1", "text/csv"), (b"1,1", "text/csv"), (b"-1,1", "text/csv"), (b"1,1", "text/xml")]
        )
    ]
    assert [response.status for response in acc.traffic.send("flights", requests)] == [200, 200, 424, 424]
    assert {datum.at for datum in acc.metrics.data} == {at}
    assert {datum.namespace for datum in acc.metrics.data} == {"AWS/SageMaker"}
    sums = {
        name: sum(acc.metrics.values(name, **PAIR))
        for name in (
            "Invocations",
            "InvocationsPerInstance",
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "InvocationModelErrors",
        )
    }
    assert sums == {
        "Invocations": 4,
        "InvocationsPerInstance": 4,
        "Invocation4XXErrors": 1,
        "Invocation5XXErrors": 1,
        "InvocationModelErrors": 2,
    }
    slow, *fast = sorted(acc.metrics.values("ModelLatency", **PAIR), reverse=True)
    assert 30_000 <= slow < 300_000
    # The others queued behind the sleeping instance; that must not count as their model's latency.
    assert max(fast) < 30_000
    assert all(0 < value < 30_000 for value in acc.metrics.values("OverheadLatency", **PAIR))


# --- capture


def test_capture_files_have_sagemakers_shape_and_place(served):
    at = START + timedelta(hours=2, minutes=5, seconds=9, milliseconds=250)
    served.traffic.send(
        "flights",
        [
            Request(at=at + timedelta(minutes=1), inference_id="late", body=b"3,4", content_type="text/csv"),
            Request(at=at, inference_id="flight-1", body=b"1,2", content_type="text/csv"),
        ],
    )
    served.endpoints.tick(START + timedelta(hours=2, minutes=59))
    assert captured(served) == {}, "the hour is still open"
    served.endpoints.tick(START + timedelta(hours=3))
    ((key, records),) = captured(served).items()
    assert re.fullmatch(r"capture/flights/AllTraffic/2013/02/12/12/05-09-250-[0-9a-f-]{36}\.jsonl", key)
    assert [record["eventMetadata"]["inferenceId"] for record in records] == ["flight-1", "late"]
    event_id = records[0]["eventMetadata"].pop("eventId")
    assert re.fullmatch(r"[0-9a-f-]{36}", event_id)
    assert records[0] == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": "6.0",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"inferenceId": "flight-1", "inferenceTime": "2013-02-12T12:05:09Z"},
        "eventVersion": "0",
    }


def test_a_failed_invocation_is_captured_with_its_input_alone(served):
    served.send("-1,1")
    served.endpoints.capture.flush()
    ((record,),) = captured(served).values()
    assert set(record["captureData"]) == {"endpointInput"}


def test_a_request_without_an_inference_id_has_none_in_its_record(served):
    runtime(served.endpoints.gateway_url).invoke_endpoint(
        EndpointName="flights", ContentType="text/csv", Body=b"1"
    )
    served.endpoints.capture.flush()
    ((record,),) = captured(served).values()
    assert set(record["eventMetadata"]) == {"eventId", "inferenceTime"}


def test_a_record_for_an_hour_already_written_goes_into_another_file_of_that_hour(served):
    for _ in range(2):
        served.send("1,1")
        served.endpoints.tick(START + timedelta(hours=2))
    keys = list(captured(served))
    assert len(keys) == 2
    assert len({key.rpartition("/")[0] for key in keys}) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"EnableCapture": False}, None),
        ({"InitialSamplingPercentage": 0}, None),
        ({"InitialSamplingPercentage": 25}, 2),
        ({"CaptureOptions": [{"CaptureMode": "InputAndOutput"}]}, 8),
    ],
    ids=["disabled", "no sampling", "a quarter", "both"],
)
def test_capture_follows_its_settings(acc, changes, expected):
    acc.config("config-a", "model-a", instances=1, DataCaptureConfig={**CAPTURE, **changes})
    acc.serve()
    acc.send(*["1,1"] * 8)
    acc.endpoints.capture.flush()
    files = captured(acc)
    assert (sum(map(len, files.values())) if files else None) == expected


def test_without_content_type_headers_capture_is_base64(acc):
    settings = {key: value for key, value in CAPTURE.items() if key != "CaptureContentTypeHeader"}
    settings["CaptureOptions"] = [{"CaptureMode": "Input"}]
    settings["DestinationS3Uri"] = f"s3://{BUCKET}/capture/"
    acc.config("config-a", "model-a", instances=1, DataCaptureConfig=settings)
    acc.serve()
    acc.send("1,2")
    acc.endpoints.capture.flush()
    ((key, (record,)),) = captured(acc).items()
    assert "//" not in key
    assert set(record["captureData"]) == {"endpointInput"}
    side = record["captureData"]["endpointInput"]
    assert (side["encoding"], base64.b64decode(side["data"])) == ("BASE64", b"1,2")


def test_capture_files_are_encrypted_with_the_configs_key(acc):
    acc.config("config-a", "model-a", instances=1, DataCaptureConfig={**CAPTURE, "KmsKeyId": "alias/capture"})
    acc.serve()
    acc.send("1,2")
    acc.endpoints.capture.flush()
    (key,) = captured(acc)
    head = acc.s3.head_object(Bucket=BUCKET, Key=key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/capture")


# --- routing


def target(variant, share):
    return Target(variant=variant, share=share, ports=[1, 2], dimensions=[], capture=None)


def test_shares_are_exact_and_a_half_alternates():
    route = Route([target("a", 0.5), target("b", 0.5)])
    assert [route.pick().variant for _ in range(6)] in (list("ababab"), list("bababa"))
    route = Route([target("a", 0.9), target("b", 0.1)])
    picks = [route.pick().variant for _ in range(200)]
    assert picks.count("b") == 20
    assert all(picks[start : start + 10].count("b") == 1 for start in range(0, 200, 10))


def test_a_target_variant_narrows_the_choice_to_its_fleets():
    route = Route([target("a", 0.5), target("b", 0.5)])
    assert {route.pick("b").variant for _ in range(4)} == {"b"}
    with pytest.raises(UnknownVariantError):
        route.pick("c")


def test_instances_take_turns():
    one = target("a", 1.0)
    assert [one.next_port() for _ in range(4)] == [1, 2, 1, 2]
