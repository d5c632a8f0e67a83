"""The functions of the healing stack, each with everything that it may do."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_iam as iam

from infra.constructs.permissions import Partition, Permissions
from infra.constructs.stage_functions import StageFunction
from infra.constructs.stores import Stores
from infra.names import Delivery, Names
from selfheal.settings import Settings, policy_json


class HealingFunctions:
    """Declarations, stage by stage."""

    def __init__(
        self, *, settings: Settings, stores: Stores, permissions: Permissions, serving_role: iam.IRole
    ) -> None:
        self._settings = settings
        self._names = Names(settings.name)
        self._stores = stores
        self._may = permissions
        self._serving_role = serving_role
        self._machine = {"SELFHEAL_INCIDENT_MACHINE": permissions.machine_arn(self._names.incident_machine)}
        self._champion = {"SELFHEAL_CHAMPION_PARAMETER": self._names.champion_parameter}
        self._topic = {"SELFHEAL_TOPIC": stores.notices.topic_arn}
        self._rails = {
            "SELFHEAL_MODE_PARAMETER": self._names.mode_parameter,
            "SELFHEAL_KILL_SWITCH_PARAMETER": self._names.kill_switch_parameter,
        }

        self._size = {
            "SELFHEAL_MAX_INSTANCE_COUNT": str(settings.serving.max_instance_count),
            "SELFHEAL_SCALE_STEP_PERCENT": str(settings.serving.scale_step_percent),
        }
        self._guardrails = {"SELFHEAL_RELEASE_POLICY": policy_json(settings.release)}

    def __iter__(self) -> Iterator[StageFunction]:
        yield from (self._sweep(), self._open_incident(), self._diagnose(), self._plan())
        yield from (self._rollback(), self._retrain(), self._candidate(), self._quarantine())
        yield from (self._recalibrate(), self._approve_recalibration(), self._reactivate())
        yield from (self._scale(), self._replace(), self._fall_back())
        yield from (self._ask_approval(), self._take_answer())
        yield from (self._admit(), self._release(), self._park(), self._settle())
        yield from (self._verify(), self._record())

    def _sweep(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="observe",
            name="sweep",
            timeout_seconds=60,
            dead_letters=self._stores.dead_letters[Delivery.SWEEP],
            environment={**self._machine, **self._topic},
            grants=[
                may.describe_alarms(),
                may.ledger(),
                may.forget(Partition.WAIT, Partition.APPROVAL, Partition.TRIGGER, Partition.OPEN_INCIDENT),
                may.start_incident(),
                may.look_at_incidents(),
                may.resume_workflows(),
                may.describe_endpoint(),
                may.describe_pipeline_execution(),
                may.notify(),
            ],
        )

    def _open_incident(self) -> StageFunction:
        grants = [self._may.ledger(), self._may.change(Partition.TRIGGER)]
        return StageFunction(stage="diagnose", name="open_incident", grants=grants)

    def _diagnose(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="diagnose",
            name="diagnose",
            timeout_seconds=60,
            environment={"SELFHEAL_DIAGNOSIS_POLICY": policy_json(self._settings.diagnosis)},
            grants=[
                may.ledger(),
                may.read("reports", "pipeline", "packages"),
                may.list_objects("capture"),
                may.describe_alarms(),
                may.count_requests(),
                may.describe_serving(),
                may.describe_package(),
            ],
        )

    def _plan(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="plan",
            environment={
                **self._rails,
                "SELFHEAL_PLAYBOOK": policy_json(dict(self._settings.playbook)),
                "SELFHEAL_RAILS": policy_json(self._settings.rails),
                "SELFHEAL_VALUE_POLICY": policy_json(self._settings.value),
                "SELFHEAL_WORSE_PERCENT": str(self._settings.observe.performance.worse_percent),
                "SELFHEAL_SAMPLING_PERCENT": str(self._settings.capture.sampling_percent),
                **self._size,
            },
            grants=[
                may.ledger(),
                may.rails(),
                may.list_endpoints(),
                may.describe_alarms(),
                may.describe_serving(),
                may.describe_package(),
                may.read("reports"),
            ],
        )

    def _rollback(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="rollback",
            environment=self._rails,
            grants=[
                may.ledger(),
                may.rails(),
                may.describe_serving(),
                may.describe_model(),
                may.describe_package(),
                may.update_endpoint(),
            ],
        )

    def _scale(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="scale",
            environment={**self._rails, **self._size},
            grants=[may.ledger(), may.rails(), may.describe_endpoint(), may.resize_endpoint()],
        )

    def _replace(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="replace",
            environment={**self._rails, **self._guardrails},
            grants=[
                may.ledger(),
                may.rails(),
                may.describe_serving(),
                may.describe_package(),
                may.create_endpoint_config(),
                may.make_release_alarms(),
                may.describe_alarms(),
                may.update_endpoint(),
            ],
        )

    def _fall_back(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="fall_back",
            # It reads the artifact, to the bit, as a release does.
            timeout_seconds=300,
            memory_mb=1024,
            environment={**self._rails, **self._guardrails},
            grants=[
                may.ledger(),
                may.rails(),
                may.read("pipeline", "packages"),
                may.describe_serving(),
                may.describe_package(),
                may.make_release_alarms(),
                may.describe_alarms(),
                may.update_endpoint(),
            ],
        )

    def _retrain(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="retrain",
            environment={**self._rails, **self._champion, "SELFHEAL_PIPELINE": self._names.pipeline},
            grants=[
                may.ledger(),
                may.rails(),
                may.champion_read(),
                may.describe_model(),
                may.describe_package(),
                may.start_pipeline(),
                may.read("pipeline", "packages"),
                may.write("retraining"),
            ],
        )

    def _recalibrate(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="recalibrate",
            science=True,
            timeout_seconds=300,
            memory_mb=1024,
            environment={
                **self._rails,
                **self._champion,
                "SELFHEAL_OBSERVE_POLICY": policy_json(self._settings.observe),
                "SELFHEAL_GATE_POLICY": policy_json(self._settings.gate),
            },
            grants=[
                may.ledger(),
                may.rails(),
                may.champion_read(),
                may.describe_model(),
                may.describe_package(),
                may.register_package(),
                may.read("profiles", "ground-truth", "pipeline", "packages", "quarantine"),
                may.write("packages/recalibrated"),
            ],
        )

    def _approve_recalibration(self) -> StageFunction:
        """Whoever makes a package may not approve it: the pipeline's own judge looks at this one as well."""
        may = self._may
        return StageFunction(
            stage="remediate",
            name="approve_recalibration",
            module="approve",
            entry="handle_step",
            timeout_seconds=300,
            memory_mb=512,
            grants=[may.read("packages/recalibrated"), may.describe_package(), may.update_package()],
        )

    def _reactivate(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="reactivate",
            environment={**self._rails, **self._champion, "SELFHEAL_PIPELINE": self._names.replay_pipeline},
            grants=[
                may.ledger(),
                may.rails(),
                may.champion_read(),
                may.describe_serving(),
                may.describe_package(),
                may.start_replay(),
                may.read("pipeline", "packages"),
                may.write("retraining"),
            ],
        )

    def _ask_approval(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="ask_approval",
            environment={**self._topic, "SELFHEAL_RAILS": policy_json(self._settings.rails)},
            grants=[may.ledger(), may.notify(), may.resume_workflows()],
        )

    def _take_answer(self) -> StageFunction:
        return StageFunction(stage="remediate", name="take_answer", grants=[self._may.ledger()])

    def _quarantine(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="quarantine",
            environment={**self._rails, **self._topic},
            grants=[
                may.ledger(),
                may.rails(),
                may.read("reports", "quarantine"),
                may.write("quarantine"),
                may.notify(),
            ],
        )

    def _candidate(self) -> StageFunction:
        may = self._may
        grants = [
            may.ledger(),
            may.describe_pipeline_execution(),
            may.list_pipeline_steps(),
            may.describe_package(),
        ]
        return StageFunction(stage="remediate", name="candidate", grants=grants)

    def _admit(self) -> StageFunction:
        may = self._may
        grants = [may.ledger(), may.champion_read(), may.describe_package(), may.describe_model()]
        return StageFunction(stage="remediate", name="admit", environment=self._champion, grants=grants)

    def _release(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="release",
            timeout_seconds=300,
            memory_mb=1024,
            environment={
                **self._rails,
                **self._guardrails,
                "SELFHEAL_SERVING_ROLE": self._serving_role.role_arn,
            },
            grants=[
                may.ledger(),
                may.rails(),
                may.read("pipeline", "packages"),
                may.describe_package(),
                may.describe_serving(),
                may.create_model(self._serving_role),
                may.create_endpoint_config(),
                may.update_endpoint(),
                may.make_release_alarms(),
                may.describe_alarms(),
            ],
        )

    def _park(self) -> StageFunction:
        may = self._may
        grants = [
            may.ledger(),
            may.forget(Partition.WAIT),
            may.resume_workflows(),
            may.describe_endpoint(),
            may.describe_pipeline_execution(),
        ]
        return StageFunction(stage="remediate", name="park", grants=grants)

    def _settle(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="remediate",
            name="settle",
            environment={**self._champion, **self._machine},
            grants=[
                may.ledger(),
                may.champion_write(),
                may.describe_serving(),
                may.describe_package(),
                may.update_package(),
                may.remove_release_alarms(),
                may.start_incident(),
            ],
        )

    def _verify(self) -> StageFunction:
        may = self._may
        return StageFunction(
            stage="verify",
            name="verify",
            science=True,
            memory_mb=1024,
            # A container has a minute to answer the golden set.
            timeout_seconds=120,
            environment={
                **self._champion,
                "SELFHEAL_RECOVERY_POLICY": policy_json(self._settings.recovery),
                "SELFHEAL_OBSERVE_POLICY": policy_json(self._settings.observe),
            },
            grants=[
                may.ledger(),
                may.read("reports", "profiles", "ground-truth", "pipeline", "packages", "quarantine"),
                may.write("quarantine"),
                may.describe_alarms(),
                may.champion_read(),
                may.describe_serving(),
                may.describe_package(),
                may.invoke_endpoint(),
            ],
        )

    def _record(self) -> StageFunction:
        return StageFunction(
            stage="record",
            name="record",
            environment=self._topic,
            grants=[
                self._may.ledger(),
                self._may.forget(Partition.TRIGGER, Partition.OPEN_INCIDENT),
                self._may.notify(),
            ],
        )
