"""The package of a recalibrated model, with everything that the pipeline's packages carry.

packages/recalibrated/<request>/model.tar.gz        the champion's archive with another calibration
packages/recalibrated/<request>/evaluation.json     the gate's report, as the pipeline writes it, and the calibration
packages/recalibrated/<request>/baseline.json       what its answers are held against
packages/recalibrated/<request>/metrics.json        in the form of Model Monitor's model quality
packages/recalibrated/<request>/golden.json         the champion's golden set, with calibrated answers, where it has one
packages/recalibrated/<request>/importance.json     the champion's, where it has one
packages/recalibrated/<request>/package.json        what it was registered as

A request is one rung of one incident: asked twice, it is the same package.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from selfheal.aws.errors import Missing
from selfheal.aws.golden_set import golden_set_of
from selfheal.aws.importance import FILE as IMPORTANCE
from selfheal.aws.importance import importance_of
from selfheal.aws.model_archive import recalibrate_archive
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import GOLDEN_DIGEST, GOLDEN_SET, Package, Registry, require_digest, sha256_of
from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.metrics.measure import measure, names_and_values
from selfheal.observe.performance.metrics.model_quality import confusion_matrix, model_quality
from selfheal.observe.performance.scoring import Floats
from selfheal.remediate.recalibrated_baseline import recalibrated_baseline
from selfheal.remediate.recalibration import LogitMap, Recalibration

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ROOT = "packages/recalibrated"
GOLDEN = "golden.json"
# Keys of the package's metadata, beside those that its approval writes.
FROM, CALIBRATION = "recalibrated-from", "calibration"
FITTED, JUDGED = "labels-fitted", "labels-judged"
SINCE, UNTIL = "labels-from", "labels-to"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a recalibrated model comes from.

    Attributes:
        champion, baseline: the model whose answers were calibrated.
        labels: ISO times between which it was asked what the labels are of.
    """

    champion: Package
    baseline: Baseline
    labels: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A recalibrated model's archive.

    Attributes:
        calibration: what it holds: of the booster's own scores, so after all calibrations before it.
        golden: the golden set that it must answer, as text; None where the champion has none.
    """

    file: IO[bytes]
    sha256: str
    calibration: LogitMap
    golden: str | None


class Registered(NamedTuple):
    """A recalibrated package by its ARN, and why its gate let it pass."""

    package: str
    reason: str


class RecalibratedPackages:
    """Recalibrated packages of one workload."""

    def __init__(self, s3: S3Client, objects: Objects, registry: Registry) -> None:
        self._s3 = s3
        self._objects = objects
        self._registry = registry

    def folder(self, request: str) -> str:
        """Where a request's evaluation lies, as an address in S3."""
        return f"s3://{self._objects.bucket}/{ROOT}/{request}"

    def registered(self, request: str) -> Registered | None:
        """What a request was registered as; None where it was not."""
        try:
            return Registered(**self._objects.read_json(f"{ROOT}/{request}/package.json"))
        except Missing:
            return None

    @contextmanager
    def archive(self, origin: Origin, found: Recalibration) -> Iterator[Archive]:
        """The recalibrated model's archive in scratch space, until the block ends; nothing is written in S3.

        Raises:
            Uncalibrated: the champion's archive carries no calibration.
            Refused: the champion's archive is not what was registered, or must not be copied.
            Missing: there is none, or no golden set where it should have one.
            AwsError: the golden set is not what was registered.
        """
        require_digest(self._s3, origin.champion)
        golden = self._golden(origin.champion, found.map)
        bucket, key = split_uri(origin.champion.artifact)
        source: Any = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        with tempfile.TemporaryFile() as file:
            calibration = recalibrate_archive(source, file, found.map)
            yield Archive(file=file, sha256=_digest(file), calibration=calibration, golden=golden)

    def write(self, request: str, origin: Origin, found: Recalibration, archive: Archive) -> None:
        """Write the folder of a request; written twice it is the same."""
        folder = f"{ROOT}/{request}"
        self._s3.put_object(Bucket=self._objects.bucket, Key=f"{folder}/model.tar.gz", Body=archive.file)
        baseline = recalibrated_baseline(origin.baseline, found.after, found.labels)
        evaluation = _evaluation(origin, found, baseline, archive)
        for name, body in {
            "evaluation": evaluation,
            "baseline": baseline.to_json(),
            "metrics": _quality(baseline, found),
        }.items():
            self._objects.write_json(f"{folder}/{name}.json", body)
        if archive.golden is not None:
            self._objects.write(f"{folder}/{GOLDEN}", archive.golden)
        try:
            importance = dict(importance_of(self._objects, origin.champion))
        except Missing:
            return
        self._objects.write_json(f"{folder}/{IMPORTANCE}", importance)

    def register(self, request: str, origin: Origin, found: Recalibration, archive: Archive) -> Registered:
        """Register the written folder as a package that waits for approval."""
        folder = self.folder(request)
        since, until = origin.labels
        package = self._registry.register_like(
            origin.champion.arn,
            artifact=f"{folder}/model.tar.gz",
            quality=f"{folder}/metrics.json",
            description=f"{origin.champion.arn.rpartition('/')[2]} recalibrated",
            metadata={
                FROM: origin.champion.arn,
                CALIBRATION: f"slope {found.map.slope:.6g}, intercept {found.map.intercept:.6g}",
                FITTED: str(found.fitted),
                JUDGED: str(len(found.labels)),
                SINCE: since,
                UNTIL: until,
                **_golden_metadata(f"{folder}/{GOLDEN}", archive.golden),
            },
            token=request,
        )
        registered = Registered(package=package, reason=found.gate.checks[-1].reason)
        self._objects.write_json(f"{ROOT}/{request}/package.json", registered._asdict())
        return registered

    def _golden(self, champion: Package, calibration: LogitMap) -> str | None:
        """The rows that the champion is asked again, with what it must answer once it is calibrated."""
        golden = golden_set_of(self._objects, champion)
        if golden is None:
            return None
        answers = calibration.probability(np.asarray(golden.answers, dtype=np.float64))
        calibrated = replace(golden, answers=tuple(answers.tolist()))
        return json.dumps(calibrated.to_json(), sort_keys=True)


def _golden_metadata(uri: str, golden: str | None) -> Mapping[str, str]:
    if golden is None:
        return {}
    return {GOLDEN_SET: uri, GOLDEN_DIGEST: hashlib.sha256(golden.encode()).hexdigest()}


def _digest(archive: IO[bytes]) -> str:
    """SHA-256 of a file, which stands at its beginning afterwards."""
    archive.seek(0)
    digest = sha256_of(archive)
    archive.seek(0)
    return digest


def _evaluation(
    origin: Origin, found: Recalibration, baseline: Baseline, archive: Archive
) -> Mapping[str, Any]:
    """As the pipeline's evaluation has it, whose approval reads it.

    The window is that in which the model was trained: a calibration makes it no younger.
    """
    start, end = baseline.window
    since, until = origin.labels
    return {
        "gate": found.gate.to_json(),
        "artifact": {"sha256": archive.sha256},
        "window": {"start": start, "end": end},
        "holdout": {"rows": len(found.labels)},
        "metrics": {
            "challenger": dict(baseline.metrics),
            "champion": _metrics(baseline, found.before, found.labels),
        },
        "recalibration": {
            "from": origin.champion.arn,
            "map": found.map.to_json(),
            "calibration": archive.calibration.to_json(),
            "fitted": found.fitted,
            "judged": len(found.labels),
            "labels": {"from": since, "to": until},
        },
    }


def _metrics(baseline: Baseline, scores: Floats, labels: Floats) -> dict[str, float]:
    return dict(names_and_values(measure(baseline.task, scores, labels)))


def _quality(baseline: Baseline, found: Recalibration) -> dict[str, Any]:
    measures = measure(baseline.task, found.after, found.labels)
    return model_quality(measures, confusion_matrix(baseline.task, found.after, found.labels))
