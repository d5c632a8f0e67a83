"""The API server and in-process boto3 see one account, and the server tells the callers apart."""

from __future__ import annotations

import inspect
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection

import boto3
import pytest
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler

from twin.api import ApiServer
from twin.interfaces import REGION, TwinError


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def api(session):
    with ApiServer(session) as api:
        yield api


@pytest.fixture
def connection(api):
    """A raw connection: it goes through the server, whatever mock_aws does to boto3 in this process."""
    with closing(HTTPConnection(api.url.removeprefix("http://"))) as connection:
        yield connection


def signed(service, **headers):
    scope = f"K/20130101/us-east-1/{service}/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x",
        **headers,
    }


CHILD = """
import sys, boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
s3.put_object(Bucket="flights", Key="from-child", Body=b"x" * 300_000)
print(s3.get_object(Bucket="flights", Key="from-parent")["Body"].read().decode())
"""


def test_another_process_and_this_one_see_the_same_objects(session, api):
    s3 = session.client("s3")
    s3.create_bucket(Bucket="flights")
    s3.put_object(Bucket="flights", Key="from-parent", Body=b"hello")
    environment = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "PATH": "/usr/bin:/bin"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, api.url], env=environment, capture_output=True, text=True, check=True
    )
    assert child.stdout == "hello\n"
    assert child.stderr == ""
    assert s3.head_object(Bucket="flights", Key="from-child")["ContentLength"] == 300_000


def test_a_connection_is_kept_and_survives_every_kind_of_answer(session, connection, monkeypatch):
    session.client("s3").create_bucket(Bucket="flights")
    connections = []
    original = MotoRequestHandler.setup
    monkeypatch.setattr(
        MotoRequestHandler, "setup", lambda handler: (connections.append(handler), original(handler))
    )
    for method, path, body, status in [
        ("PUT", "/flights/k", b"12345", 200),
        ("GET", "/flights/k", None, 200),
        ("HEAD", "/flights/k", None, 200),
        ("GET", "/flights/absent", None, 404),
        ("DELETE", "/flights/k", None, 204),
        ("GET", "/flights/k", None, 404),
    ]:
        connection.request(method, path, body=body, headers=signed("s3"))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == status, (method, path)
        if method == "HEAD":
            assert (answer.headers["Content-Length"], content) == ("5", b"")
    assert len(connections) == 1


def test_credentials_tell_the_role(api):
    issued = api.credentials_for("flights-observe")
    assert set(issued) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert api.credentials_for("flights-observe") == issued
    assert api.identify(issued["AWS_ACCESS_KEY_ID"]) == "flights-observe"
    other = api.credentials_for("flights-release")
    assert api.identify(other["AWS_ACCESS_KEY_ID"]) == "flights-release"
    assert api.identify("AKIAIOSFODNN7EXAMPLE") is None


def test_the_account_itself_knows_who_calls(api):
    issued = api.credentials_for("flights-observe")
    client = boto3.client(
        "sts",
        endpoint_url=api.url,
        aws_access_key_id=issued["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=issued["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=issued["AWS_SESSION_TOKEN"],
    )
    with closing(client):
        arn = client.get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/flights-observe/flights-observe"


def test_moto_pointed_elsewhere_is_refused(session, monkeypatch):
    monkeypatch.setattr("moto.settings.TEST_SERVER_MODE", True)
    with pytest.raises(TwinError, match="TEST_SERVER_MODE"):
        ApiServer(session)


def test_a_fault_of_moto_is_not_retried_and_says_what_it_was(connection, caplog):
    headers = {"X-Amz-Target": "SageMaker.DescribeLineageGroup", "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", body=b"{}", headers=signed("sagemaker", **headers))
    answer = connection.getresponse()
    assert (answer.status, b"describe_lineage_group" in answer.read()) == (501, True)
    assert "moto failed" in caplog.text
    connection.request("GET", "/", headers=signed("s3"))
    assert connection.getresponse().status == 200


def test_the_backend_of_a_host_is_looked_up_once_and_hosts_are_kept_apart(session, connection, monkeypatch):
    looked_up = []
    original = DomainDispatcherApplication.get_backend_for_host
    monkeypatch.setattr(
        DomainDispatcherApplication,
        "get_backend_for_host",
        lambda self, host: (looked_up.append(host), original(self, host))[1],
    )
    session.client("s3").create_bucket(Bucket="flights")
    json_1_1 = {"Content-Type": "application/x-amz-json-1.1"}
    answers = []
    for _ in range(2):
        connection.request("GET", "/", headers=signed("s3"))
        answers.append(connection.getresponse().read())
        target = {"X-Amz-Target": "SageMaker.ListModels"}
        connection.request("POST", "/", body=b"{}", headers=signed("sagemaker", **target, **json_1_1))
        answers.append(connection.getresponse().read())
    assert [b"<Name>flights</Name>" in answer for answer in answers] == [True, False] * 2
    assert [b"Models" in answer for answer in answers] == [False, True] * 2
    assert sorted(set(looked_up), key=str) == sorted(looked_up, key=str)
    assert "s3.us-east-1.amazonaws.com" in looked_up


def test_contract_the_dispatcher_asks_for_the_backend_of_a_host():
    assert "self.get_backend_for_host(host)" in inspect.getsource(DomainDispatcherApplication.get_application)
    parameters = inspect.signature(DomainDispatcherApplication.get_backend_for_host).parameters
    assert list(parameters) == ["self", "host"]


def test_contract_the_handler_that_is_overridden_still_has_the_methods():
    assert callable(MotoRequestHandler.make_environ)
    assert callable(MotoRequestHandler.run_wsgi)
