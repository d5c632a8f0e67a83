"""The application in front of the endpoint: it asks about each flight and reports what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from demo.feed import WeatherFeed
from twin.traffic import Request, Response, TrafficDriver
from workloads.flights.replay import CONTENT_TYPE, Flight, Replay, ground_truth

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True)
class Answer:
    """What the endpoint said about a flight: a score and the package that gave it, or an error's status."""

    flight: Flight
    status: int
    score: float | None
    package: str | None


class Application:
    """Asks the endpoint over HTTP, flight by flight, and uploads outcomes every hour."""

    def __init__(
        self, replay: Replay, driver: TrafficDriver, s3: S3Client, bucket: str, endpoint: str
    ) -> None:
        self._replay = replay
        self._driver = driver
        self._s3 = s3
        self._bucket = bucket
        self._endpoint = endpoint
        self._reported_to = replay.flights[0].at.replace(minute=0)
        self.feed = WeatherFeed()
        self.answers: list[Answer] = []

    def run(self, since: datetime, until: datetime) -> None:
        """Everything that the application does in [since, until)."""
        flights = self._replay.asked(since, until)
        requests = [
            Request(
                at=flight.at,
                inference_id=flight.key,
                body=self.feed.payload(flight).encode(),
                content_type=CONTENT_TYPE,
            )
            for flight in flights
        ]
        if requests:
            responses = self._driver.send(self._endpoint, requests)
            self.answers += [
                _answer(flight, response) for flight, response in zip(flights, responses, strict=True)
            ]
        self._report_outcomes(until)

    def _report_outcomes(self, until: datetime) -> None:
        """Outcomes of each full hour, in the folder of the hour in which they were collected."""
        while self._reported_to + timedelta(hours=1) <= until:
            hour = self._reported_to
            self._reported_to = hour + timedelta(hours=1)
            landed = self._replay.landed(hour, self._reported_to)
            if landed:
                key = f"ground-truth/{self._endpoint}/{hour:%Y/%m/%d/%H}/outcomes.jsonl"
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=ground_truth(landed).encode())


def _answer(flight: Flight, response: Response) -> Answer:
    if response.status != 200:
        return Answer(flight, response.status, None, None)
    body = json.loads(response.body)
    return Answer(flight, response.status, body["predictions"][0]["score"], body["model_package"])
