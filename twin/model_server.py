"""One instance of an endpoint's fleet: `python -m twin.model_server`, always as a process of its own.

It keeps SageMaker's container contract (`GET /ping`, `POST /invocations`) and stands where the XGBoost
framework image's own server stands, with the image's script mode:

- `SAGEMAKER_PROGRAM`, found in `SAGEMAKER_SUBMIT_DIRECTORY`, defines `model_fn(model_dir)`,
  `input_fn(body, content_type)`, `predict_fn(data, model)` and `output_fn(prediction, accept)`, the last
  returning `(body, content_type)` or the body alone. As in the image, `body` is a `str` for text/csv and
  application/json and `bytes` for everything else.
- An exception in a hook is HTTP 500 with its message. An exception whose class, or a base of it, is named
  `UnsupportedFormatError` (the name in both of SageMaker's serving toolkits) is HTTP 415.
- `/ping` answers 200 once the model is loaded, and 500 with the reason if loading failed.

One request at a time: a hook that sleeps blocks the instance. `X-Twin-Model-Latency-Us` carries the time
spent in the hooks, in microseconds, so that waiting on a busy machine is not mistaken for a slow model.

The environment names paths under `/opt/ml`; the parent has already rewritten that prefix to the instance's
directory, which stands in for the container's mount. The port goes to the parent as one line on standard
output; from then on standard output is the log. The process ends when its standard input closes, which is
when the parent closes it or dies.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

LATENCY_HEADER = "X-Twin-Model-Latency-Us"
HOOKS = ("model_fn", "input_fn", "predict_fn", "output_fn")
MAX_PAYLOAD_BYTES = 25 * 1024**2

_TEXT_TYPES = frozenset({"text/csv", "application/json"})
_DEFAULT_TYPE = "application/json"


class ScriptError(Exception):
    """The inference script does not keep script mode's contract."""


@dataclass(frozen=True)
class Script:
    """The four hooks of an inference script, with the model that `model_fn` returned."""

    model: Any
    input_fn: Callable[[str | bytes, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], Any]

    @classmethod
    def load(cls, directory: Path, program: str, model_dir: Path) -> Script:
        """Import the program and load its model; whatever goes wrong is raised."""
        if not (directory / program).is_file():
            raise ScriptError(f"{program} is not in {directory}")
        sys.path.insert(0, str(directory))
        module = importlib.import_module(Path(program).stem)
        missing = [name for name in HOOKS if not hasattr(module, name)]
        if missing:
            raise ScriptError(f"{program} lacks {', '.join(missing)}; the twin has no defaults for the hooks")
        return cls(module.model_fn(str(model_dir)), module.input_fn, module.predict_fn, module.output_fn)

    def invoke(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Run the hooks; returns the response's body and content type."""
        media_type = content_type.partition(";")[0].strip().lower()
        data = self.input_fn(body.decode() if media_type in _TEXT_TYPES else body, content_type)
        output = self.output_fn(self.predict_fn(data, self.model), accept)
        out_body, out_type = output if isinstance(output, tuple) else (output, accept)
        return (out_body.encode() if isinstance(out_body, str) else bytes(out_body)), out_type


class Instance:
    """Answers the container contract; `script` is the reason for failure where loading failed."""

    def __init__(self, script: Script | str) -> None:
        self._script = script

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET" and request.path == "/ping":
            return self._ping()
        if request.method == "POST" and request.path == "/invocations":
            return self._invoke(await request.read(), request)
        return web.Response(status=404)

    def _ping(self) -> web.Response:
        if isinstance(self._script, str):
            return web.Response(status=500, text=self._script)
        return web.Response(status=200)

    def _invoke(self, body: bytes, request: web.BaseRequest) -> web.Response:
        if isinstance(self._script, str):
            return web.Response(status=500, text=self._script)
        accept = request.headers.get("Accept", "*/*")
        started = time.perf_counter()
        try:
            out_body, out_type = self._script.invoke(
                body,
                request.headers.get("Content-Type", _DEFAULT_TYPE),
                _DEFAULT_TYPE if accept == "*/*" else accept,
            )
            status = 200
        except Exception as error:  # whatever a user's code raises is the model's failure, not the server's
            traceback.print_exc()
            status, out_body, out_type = _status(error), _message(error).encode(), "text/plain"
        latency = (time.perf_counter() - started) * 1e6
        headers = {"Content-Type": out_type, LATENCY_HEADER: f"{latency:.1f}"}
        return web.Response(status=status, body=out_body, headers=headers)


def _status(error: Exception) -> int:
    return 415 if any(base.__name__ == "UnsupportedFormatError" for base in type(error).__mro__) else 500


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


def _load() -> Script | str:
    try:
        return Script.load(
            Path(os.environ["SAGEMAKER_SUBMIT_DIRECTORY"]),
            os.environ["SAGEMAKER_PROGRAM"],
            Path(os.environ["SM_MODEL_DIR"]),
        )
    except Exception as error:  # a broken script must show as a failing /ping, as it does in the image
        traceback.print_exc()
        return f"{type(error).__name__}: {_message(error)}"


def _leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _hide_own_path() -> None:
    """Take the twin's path off `sys.path`: the script may import only what its image would carry."""
    own = {
        str(Path(entry).resolve()) for entry in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if entry
    }
    sys.path[:] = [entry for entry in sys.path if str(Path(entry).resolve()) not in own and entry != ""]


async def _serve(instance: Instance, report: int) -> None:
    server = web.Server(
        instance.handle,
        access_log=None,
        request_factory=lambda message, payload, protocol, writer, task: web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            asyncio.get_running_loop(),
            client_max_size=MAX_PAYLOAD_BYTES,
        ),
    )
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=512)
    os.write(report, f"{listener.sockets[0].getsockname()[1]}\n".encode())
    os.close(report)
    await listener.serve_forever()


def main() -> None:
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _hide_own_path()
    asyncio.run(_serve(Instance(_load()), report))


if __name__ == "__main__":
    main()
