"""The workload at the beginning, and what AWS, its traffic and its people may do to it."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from unit.samples import baseline

from machine.account.endpoint import Deployment
from machine.installation import client
from machine.world import World
from selfheal.aws.approvals import Approvals
from selfheal.aws.champion import PACKAGE_VARIABLE
from selfheal.aws.registry import BASELINE, DIGEST, INCIDENT
from selfheal.observe.report import Report
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.remediate.approval import Answer, Question

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = "arn:aws:iam::123456789012:role/serving"
NEIGHBOUR = "neighbour"
WATCHED = ("latency", "errors", "data-drift", "performance")

# What observe may have found: the status of each kind of signal.
FINDINGS: dict[str, dict[SignalKind, Status]] = {
    "all is well": {},
    "harmful drift": {SignalKind.PERFORMANCE: Status.BREACH, SignalKind.DATA_DRIFT: Status.BREACH},
    "concept drift": {SignalKind.PERFORMANCE: Status.BREACH},
    "harmless drift": {SignalKind.DATA_DRIFT: Status.BREACH},
    "broken input": {SignalKind.DATA_QUALITY: Status.BREACH},
}
JUDGED = (SignalKind.DATA_DRIFT, SignalKind.PREDICTION_DRIFT, SignalKind.DATA_QUALITY, SignalKind.PERFORMANCE)


class Scene:
    """One workload in a world; each method is one thing that happens, and tells it."""

    def __init__(self, world: World) -> None:
        self.world, self.account = world, world.account
        environment = world.deployed.environment
        self.name = environment["SELFHEAL_ENDPOINT"]
        self.bucket = environment["SELFHEAL_BUCKET"]
        self.variant = environment["SELFHEAL_VARIANT"]
        self.parameters = {
            key: environment[f"SELFHEAL_{key}_PARAMETER"] for key in ("CHAMPION", "MODE", "KILL_SWITCH")
        }
        self.hands = 0
        self.approvals = Approvals(client("dynamodb"), environment["SELFHEAL_TABLE"], client("stepfunctions"))
        for alarm in WATCHED:
            self.account.cloudwatch.put_metric_alarm(AlarmName=f"{self.name}-{alarm}")
        self.set("MODE", "act")
        self.set("KILL_SWITCH", "off")
        self.champion = self.package("Approved")
        self._serve(self.champion)
        self.account.sagemaker.create_endpoint(NEIGHBOUR, "first")
        self.observe("all is well")
        world.story.clear()

    @property
    def endpoint(self) -> dict[str, Any]:
        return self.account.sagemaker.endpoints[self.name]

    # --- people

    def set(self, parameter: str, value: str) -> None:
        self.account.ssm.put_parameter(self.parameters[parameter], value, Overwrite=True)
        self.world.tell(f"somebody sets {parameter.lower().replace('_', ' ')} to {value}")

    def approve(self, arn: str) -> None:
        self.account.sagemaker.update_model_package(arn, ModelApprovalStatus="Approved")
        self.world.tell(f"somebody approves {short(arn)}")
        self._announce_package(arn)

    def reject(self, arn: str) -> None:
        self.account.sagemaker.update_model_package(arn, ModelApprovalStatus="Rejected")
        self.world.tell(f"somebody rejects {short(arn)}")
        self._announce_package(arn)

    def unanswered(self) -> list[Question]:
        return [question for question in self.approvals.questions() if question.answer is None]

    def answer(self, question: Question, *, approved: bool) -> None:
        """What `selfheal approve` and `selfheal reject` do."""
        answer = Answer(approved=approved, by="ann", at=self.world.now)
        if self.world.now < question.expires_at and self.approvals.answer(question, answer):
            said = "approves" if approved else "rejects"
            self.world.tell(f"somebody {said} {question.remedy.value} of {question.incident}")
            self.approvals.wake(self.approvals.find(question.incident))

    def deploy_by_hand(self) -> None:
        """A person's UpdateEndpoint with a model of their own, which the endpoint must be at rest for."""
        self.hands += 1
        sagemaker, name = self.account.sagemaker, f"by-hand-{self.hands}"
        sagemaker.create_model(name, PrimaryContainer={"Image": IMAGE, "Environment": {}})
        self._config(name, name)
        sagemaker.update_endpoint(self.name, name)
        self.world.tell(f"somebody deploys {name} by hand")
        self._announce_endpoint()

    # --- what AWS does

    def alarm(self, kind: str, state: str) -> None:
        cloudwatch, name = self.account.cloudwatch, f"{self.name}-{kind}"
        before = cloudwatch.alarms[name]["StateValue"]
        cloudwatch.set_alarm_state(name, state, f"{kind} is {state}")
        if before == state:
            return
        self.world.tell(f"alarm {name} goes to {state}")
        written = {
            "value": state,
            "reason": f"{kind} is {state}",
            "reasonData": "{}",
            "timestamp": self.world.now.isoformat(),
        }
        self.world.emit(
            "aws.cloudwatch", "CloudWatch Alarm State Change", {"alarmName": name, "state": written}
        )

    def end_deployment(self, how: str) -> Deployment:
        """`taken`, or `sent back`, `lacks capacity`, `half back`."""
        sagemaker = self.account.sagemaker
        running = sagemaker.running_deployment()
        assert running is not None
        if how == "taken":
            sagemaker.end_deployment(taken=True)
        elif how == "lacks capacity":
            sagemaker.end_deployment(taken=False, failure="InsufficientInstanceCapacity: no capacity")
        else:
            # A fleet that did not grow is the fleet that it was: only a deployment to another config can stick halfway.
            whole = how == "sent back" or running.config == running.previous
            status = "InService" if whole else "UpdateRollbackFailed"
            sagemaker.end_deployment(taken=False, status=status)
            package = self.world.properties.package_of(running.config)
            served = self.world.properties.package_of(running.previous)
            # Fresh instances of what serves anyway bring nothing that could be sent back.
            if running.guarded and package and package != served:
                self.world.properties.sent_back.add(package)
        self.world.tell(f"the deployment of {running.config} ends: {how}")
        self._announce_endpoint()
        return running

    def neighbour(self, status: str) -> None:
        """Another endpoint of the account is deployed to, or is done."""
        self.account.sagemaker.endpoints[NEIGHBOUR]["EndpointStatus"] = status
        self.world.tell(f"{NEIGHBOUR} is {status}")

    def end_pipeline(self, arn: str, how: str) -> None:
        """`approved`, `refused` by the gate, `fails`, `stopped`, or `empty`: it registers nothing."""
        execution = self.account.sagemaker.executions[arn]
        parameters = {p["Name"]: p["Value"] for p in execution["Parameters"]}
        if how in ("approved", "refused"):
            package = self.package("PendingManualApproval", parameters["Incident"])
            step = {"StepName": "Register", "Metadata": {"RegisterModel": {"Arn": package}}}
            execution["Steps"].append(step)
        if how in ("refused", "fails"):
            execution["Steps"].append({"StepName": "Gate", "FailureReason": f"the pipeline {how}"})
        ends = {"approved": "Succeeded", "empty": "Succeeded", "stopped": "Stopped"}
        execution["PipelineExecutionStatus"] = ends.get(how, "Failed")
        self.world.tell(f"the retraining {arn[-4:]} ends: {how}")
        if how == "approved":
            self.account.sagemaker.update_model_package(package, ModelApprovalStatus="Approved")
            self._announce_package(package)
        detail = {
            "pipelineArn": execution["PipelineArn"],
            "pipelineExecutionArn": arn,
            "currentPipelineExecutionStatus": execution["PipelineExecutionStatus"],
        }
        kind = "SageMaker Model Building Pipeline Execution Status Change"
        self.world.emit("aws.sagemaker", kind, detail)

    def observe(self, finding: str) -> None:
        now = self.world.now
        signals = tuple(_signal(kind, FINDINGS[finding].get(kind, Status.OK)) for kind in JUDGED)
        report = Report(endpoint=self.name, champion=None, at=now, signals=signals)
        # Without a champion a report could judge nothing; any name will do.
        body = {**report.to_json(), "champion": "arn:champion"}
        key = f"reports/{self.name}/{now:%Y/%m/%d/%H}/signals.json"
        self.account.s3.put_object(self.bucket, key, json.dumps(body).encode())
        self.world.tell(f"observe reports: {finding}")

    # --- things

    def package(self, status: str, incident: str | None = None) -> str:
        """A package whose artifact is what its digest says. Returns its ARN."""
        number = len(self.account.sagemaker.packages) + 1
        artifact = f"model {number}".encode()
        folder = f"packages/{number}"
        self.account.s3.put_object(self.bucket, f"{folder}/model.tar.gz", artifact)
        self.account.s3.put_object(self.bucket, f"{folder}/baseline.json", _baseline())
        carried = {
            DIGEST: hashlib.sha256(artifact).hexdigest(),
            BASELINE: f"s3://{self.bucket}/{folder}/baseline.json",
            **({INCIDENT: incident} if incident else {}),
        }
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.bucket}/{folder}/model.tar.gz"}
        return str(
            self.account.sagemaker.create_model_package(
                self.name, {"Containers": [container]}, status, carried
            )["ModelPackageArn"]
        )

    def _serve(self, package: str) -> None:
        sagemaker = self.account.sagemaker
        container = {"Image": IMAGE, "Environment": {PACKAGE_VARIABLE: package}}
        sagemaker.create_model("champion", PrimaryContainer=container, ExecutionRoleArn=ROLE)
        self._config("first", "champion")
        sagemaker.create_endpoint(self.name, "first")
        self.set("CHAMPION", "champion")

    def _config(self, name: str, model: str) -> None:
        variant = {"VariantName": self.variant, "ModelName": model, "InitialInstanceCount": 2}
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{self.bucket}/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
        self.account.sagemaker.create_endpoint_config(
            name, ProductionVariants=[variant], DataCaptureConfig=capture
        )

    def _announce_endpoint(self) -> None:
        kind = "SageMaker Endpoint State Change"
        named = ("EndpointName", "EndpointStatus", "EndpointConfigName")
        self.world.emit("aws.sagemaker", kind, {name: self.endpoint[name] for name in named})

    def _announce_package(self, arn: str) -> None:
        package = self.account.sagemaker.packages[arn]
        detail = {
            "ModelPackageGroupName": package["ModelPackageGroupName"],
            "ModelPackageArn": arn,
            "ModelApprovalStatus": package["ModelApprovalStatus"],
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
        self.world.emit("aws.sagemaker", "SageMaker Model Package State Change", detail)


def short(arn: str) -> str:
    return arn.rpartition("model-package/")[2]


def _signal(kind: SignalKind, status: Status) -> Signal:
    reason = f"{kind.value} is {status.value}"
    return Signal(kind=kind, subject="x", statistic="log_loss", status=status, reason=reason)


@functools.cache
def _baseline() -> bytes:
    return json.dumps(baseline(rows=1000).to_json()).encode()
