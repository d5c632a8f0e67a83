"""The account's API over HTTP: what a function, a training job or a model server sees as AWS.

The server runs in a thread of the process that holds moto's backends, so a call over HTTP and a call
through in-process boto3 under `mock_aws` see the same account. Start it inside `mock_aws`: entering
`mock_aws` resets the backends, and what was created before would be lost.

Werkzeug's own request handler closes the connection after every answer, which doubles the cost of a
call; the handler here keeps connections open. moto's own dispatcher lists its package's folder and tries
a regular expression per service for every call; the dispatcher here does so once per host.
"""

from __future__ import annotations

import html
import io
import json
import logging
import os
from collections.abc import Callable
from http.client import responses as REASONS  # noqa: N812 - a constant table under a lower-case name
from threading import Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any

from flask import Flask
from moto import settings
from moto.backends import SERVICE_NAMES
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.test import run_wsgi_app

from twin.interfaces import ACCOUNT_ID, TwinError

if TYPE_CHECKING:
    from boto3.session import Session

HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class ApiServer:
    """Context manager: moto on `url`, a free port of the loopback interface, until the block ends."""

    def __init__(self, session: Session) -> None:
        if settings.TEST_SERVER_MODE or os.environ.get("MOTO_PROXY_PORT"):
            raise TwinError("moto is told to use a server elsewhere: unset TEST_SERVER_MODE, MOTO_PROXY_PORT")
        self.url = ""
        self._session = session
        self._server: BaseWSGIServer | None = None
        self._thread: Thread | None = None
        self._lock = Lock()
        self._credentials: dict[str, dict[str, str]] = {}
        self._roles: dict[str, str] = {}

    def __enter__(self) -> ApiServer:
        application = _Dispatcher(create_backend_app)
        self._server = make_server(HOST, 0, application, threaded=True, request_handler=_KeepAlive)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, name="twin-api", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def credentials_for(self, role_name: str) -> dict[str, str]:
        """Temporary credentials of the role, under the names that boto3 reads from an environment."""
        with self._lock:
            if role_name not in self._credentials:
                self._credentials[role_name] = self._assume(role_name)
            return dict(self._credentials[role_name])

    def identify(self, access_key_id: str) -> str | None:
        """The role that the access key was issued to; None for keys that this server did not issue."""
        return self._roles.get(access_key_id)

    def _assume(self, role_name: str) -> dict[str, str]:
        issued = self._session.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/{role_name}", RoleSessionName=role_name
        )["Credentials"]
        self._roles[issued["AccessKeyId"]] = role_name
        return {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which remembers the backend of a host: it depends on nothing but the name."""

    def __init__(self, create_app: Callable[[SERVICE_NAMES], Flask]) -> None:
        super().__init__(create_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        # moto calls this under its lock.
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


class _KeepAlive(MotoRequestHandler):
    """One connection, many requests: the body is read to its end, the answer states its length."""

    protocol_version = "HTTP/1.1"
    # The status line, headers and body leave in one segment, at once: a delayed acknowledgement costs 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        # The base class has answered `Expect: 100-continue`, into the buffer.
        self.wfile.flush()
        self.environ = environ = self.make_environ()
        self._read_body(environ)
        status, headers, body = self._answer(environ)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason or REASONS.get(int(code), ""))
        for name, value in headers:
            if name.lower() not in _FRAMING:
                self.send_header(name, value)
        length = _stated_length(headers) if self.command == "HEAD" else str(len(body))
        if length is not None and int(code) not in _WITHOUT_BODY:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a demo makes tens of thousands of calls."""

    def _read_body(self, environ: dict[str, Any]) -> None:
        # What moto leaves unread would be taken for the next request of the connection.
        if environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
            return
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(self.rfile.read(length))

    def _answer(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
            return status, list(headers), b"".join(chunks)
        except Exception as error:
            _log.exception("moto failed on %s %s", self.command, self.path)
            return _fault(error, json_wanted="json" in environ.get("CONTENT_TYPE", ""))


_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
_WITHOUT_BODY = frozenset({204, 304})


def _fault(error: Exception, json_wanted: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    """What the caller gets when moto itself fails: 501, because boto3 would repeat a call after a 500."""
    if json_wanted:
        body = json.dumps({"__type": "TwinFault", "message": repr(error)})
    else:
        # botocore reads no more than the status from an HTML page, whatever the service's protocol.
        body = f"<html>{html.escape(repr(error))}</html>"
    return "501 Not Implemented", [("Content-Type", "text/html")], body.encode()


def _stated_length(headers: list[tuple[str, str]]) -> str | None:
    return next((value for name, value in headers if name.lower() == "content-length"), None)
