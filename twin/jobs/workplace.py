"""What a job needs to run, and what it leaves when its program has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twin.interfaces import REGION
from twin.jobs.containers import Interpreter
from twin.jobs.process import Exit, Processes
from twin.jobs.sandbox import Sandbox
from twin.jobs.storage import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """One job's sandbox, its interpreter, and S3 as its role sees it."""

    sandbox: Sandbox
    store: ObjectStore
    interpreter: Interpreter
    processes: Processes

    def machine(self, host: str) -> Workplace:
        """The same for one of several machines, each with a file system of its own."""
        return replace(self, sandbox=Sandbox(self.sandbox.home / host))

    def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: Path,
        limit_seconds: float,
    ) -> Exit:
        """Run the container's command; arguments and environment are rewritten to the sandbox."""
        self.interpreter.prepare()
        base = self.interpreter.environment(self.sandbox.home) | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        return self.processes.run(
            self.sandbox.command(argv),
            environment=base | self.sandbox.rewrite_values(environment),
            directory=directory,
            log=self.sandbox.log,
            limit_seconds=limit_seconds,
        )


def _nothing() -> None:
    """A job that failed has nothing to hand over."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job's program ended. `publish` uploads its results, at the job's virtual end.

    `status` is the job's final status, or `Interrupted` when spot capacity was taken away.
    """

    status: str
    secondary_status: str
    reason: str | None = None
    exit_message: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    publish: Callable[[], None] = _nothing


def failed(reason: str, **facts: Any) -> Outcome:
    # The API's limit for a FailureReason; the log in the sandbox has the whole story.
    return Outcome(status="Failed", secondary_status="Failed", reason=reason[:1024], **facts)


def last_line(log: str) -> str:
    """The last thing that a program said, which for Python is the exception."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
