"""moto's Step Functions engine, with every sleep moved to virtual time and every thread counted.

moto starts a thread for each program and each task, only to be able to stop waiting for it after a
time-out in real seconds. Here those run in the thread that starts them, so that a thread is an
execution, a branch of a Parallel or a worker of a Map, and time-outs are the virtual clock's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program import program as program_module
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    inline_iteration_component as map_module,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (
    IterationWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import BranchWorkerPool
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment

from twin.interfaces import Clock
from twin.patching import Patches
from twin.waiting_room import Interrupted, WaitingRoom


class _SameThread:
    """Stands in for a Thread and runs its target in the thread that starts it."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...] = (), daemon: bool = False) -> None:
        del daemon
        self._target, self._args = target, args

    def start(self) -> None:
        self._target(*self._args)

    def join(self, timeout: float | None = None) -> None:
        del timeout

    def is_alive(self) -> bool:
        return False


class EngineThreads:
    """`on_state(env, name)` is called in the engine's thread whenever a state is entered."""

    def __init__(self, clock: Clock, room: WaitingRoom, on_state: Callable[[Any, str], None]) -> None:
        self._clock = clock
        self._room = room
        self._on_state = on_state
        self._here = threading.local()  # .env: the environment of the state that the thread is in

    def attach(self, patches: Patches) -> None:
        patches.replace(execute_state, "Thread", _SameThread)
        patches.replace(program_module, "threading", SimpleNamespace(Thread=_SameThread))
        self._replace_states(patches)
        self._replace_stops(patches)
        self._replace_branches(patches)
        self._replace_iterations(patches)

    def _replace_states(self, patches: Patches) -> None:
        threads = self

        def enter(state: Any, env: Any) -> None:
            threads._here.env = env
            threads._on_state(env, state.name)
            original_enter(state, env)

        def wait_interval(function: Any, env: Any, wait_seconds: float) -> None:
            del function
            threads._sleep(env, wait_seconds, "a Wait")

        def sleep(seconds: float) -> None:
            threads._sleep(threads._here.env, seconds, "a Retry")

        original_enter = patches.replace(CommonStateField, "_eval_body", enter)
        patches.replace(WaitFunction, "_wait_interval", wait_interval)
        patches.replace(retrier_decl, "time", SimpleNamespace(sleep=sleep))

    def _replace_stops(self, patches: Patches) -> None:
        """Wake the waiting threads of whatever ends from outside: time-outs, stops, failed siblings."""
        threads = self

        def interrupting(name: str) -> None:
            def stop(env: Any, *args: Any, **kwargs: Any) -> None:
                original(env, *args, **kwargs)
                threads._room.interrupt_stopped()

            original = patches.replace(Environment, name, stop)

        def evaluate(program: Any, env: Any) -> None:
            timer = threads._timer(program, env)
            try:
                original_eval(program, env)
            except Interrupted:
                # Only the thread's outermost program ends here; it writes the closing history event.
                program._eval_body(env)
            finally:
                if timer is not None:
                    timer.cancel()

        for name in ("set_ended", "set_error", "set_stop", "set_timed_out"):
            interrupting(name)
        original_eval = patches.replace(Program, "eval", evaluate)

    def _replace_branches(self, patches: Patches) -> None:
        threads = self

        def start(worker: Any) -> None:
            threads._room.came(_execution(worker.env))
            original_start(worker)

        def routine(worker: Any) -> None:
            try:
                original_routine(worker)
            finally:
                threads._room.went(_execution(worker.env))

        def wait(pool: Any) -> None:
            ready = pool._termination_event.is_set
            threads._room.wait(threads._here.env, "its branches", key=pool, ready=ready)

        def on_terminated(pool: Any, env: Any) -> None:
            original_terminated(pool, env)
            if pool._termination_event.is_set():
                threads._room.signal(pool)

        original_start = patches.replace(BranchWorker, "start", start)
        original_routine = patches.replace(BranchWorker, "_thread_routine", routine)
        patches.replace(BranchWorkerPool, "wait", wait)
        original_terminated = patches.replace(BranchWorkerPool, "on_terminated", on_terminated)

    def _replace_iterations(self, patches: Patches) -> None:
        threads = self

        def launch(component: Any, env: Any, eval_input: Any, job_pool: Any) -> Any:
            threads._room.came(_execution(env))
            return original_launch(component, env, eval_input, job_pool)

        def run(worker: Any) -> None:
            try:
                original_run(worker)
            finally:
                threads._room.went(_execution(worker._env))

        def await_jobs(pool: Any) -> None:
            threads._room.wait(threads._here.env, "its iterations", key=pool, ready=pool._is_terminated)

        def close_job(pool: Any, job: Any) -> None:
            original_close(pool, job)
            if pool._is_terminated():
                threads._room.signal(pool)

        original_launch = patches.replace(map_module.InlineIterationComponent, "_launch_worker", launch)
        original_run = patches.replace(IterationWorker, "eval", run)
        patches.replace(JobPool, "await_jobs", await_jobs)
        original_close = patches.replace(JobPool, "close_job", close_job)

    def _sleep(self, env: Any, seconds: float, what: str) -> None:
        if seconds > 0:
            self._room.wait(env, what, until=self._clock.now + timedelta(seconds=seconds))

    def _timer(self, program: Any, env: Any) -> Any:
        if program.timeout_seconds is None or env.is_frame():
            return None
        until = self._clock.now + timedelta(seconds=program.timeout_seconds.timeout_seconds)
        return self._room.at(until, env.set_timed_out, f"time-out of {_execution(env)}")


def _execution(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])
