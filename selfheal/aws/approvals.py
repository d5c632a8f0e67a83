"""Questions to people, in the workload's table, and the workflows that wait for their answers.

    pk         sk            what
    APPROVAL   <incident>    the question that was asked last, with its answer where there is one

The answer is written down first, and only the first counts; then the workflow is woken. Who wakes it may die in
between: the sweep wakes those whose question has an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.aws.items import Items, key
from selfheal.aws.targets import hand_on
from selfheal.remediate.approval import Answer, Question
from selfheal.remediate.playbook import Remedy

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_stepfunctions.client import SFNClient

PARTITION = "APPROVAL"


class UnknownQuestion(ValueError):
    """No question, or more than one, is of an incident whose id begins so; the message lists those that are."""


class Approvals:
    """The questions of one workload."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, workflows: SFNClient) -> None:
        self._items = Items(dynamodb, table)
        self._workflows = workflows

    def ask(self, question: Question) -> Question:
        """Write a question down in place of the incident's last one.

        Returns:
            It as it stands: with its answer, where it is asked again because the workflow's first try was lost, and
            somebody was quick.
        """
        held = self._held(question.incident)
        again = held is not None and held.key == question.key
        if again and held is not None and held.answer is not None:
            return replace(question, answer=held.answer)
        condition = {"ConditionExpression": "attribute_not_exists(answer)"} if again else {}
        if self._items.write_all(self._items.putting(_item(question), condition)):
            return question
        return self.ask(question)

    def questions(self) -> list[Question]:
        """All that were asked and not forgotten yet, in the order of their incidents' ids."""
        return [_question(item) for item in self._items.query(PARTITION)]

    def find(self, incident: str) -> Question:
        """The question of that incident, or of the only one whose id begins so.

        Raises:
            UnknownQuestion: there is none, or there are several.
        """
        asked = self.questions()
        found = [q for q in asked if q.incident == incident] or [
            q for q in asked if q.incident.startswith(incident)
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(q.incident for q in found or asked) or "none"
        count = "several incidents wait" if found else "no incident waits"
        raise UnknownQuestion(f"{count} for an answer under {incident!r}; those that do: {names}")

    def answer(self, question: Question, answer: Answer) -> bool:
        """Write an answer down; False where the question has one already, or is not asked any more."""
        unanswered = {
            "ConditionExpression": "question = :question AND attribute_not_exists(answer)",
            "ExpressionAttributeValues": {":question": {"S": question.key}},
        }
        answered = _item(replace(question, answer=answer))
        return self._items.write_all(self._items.putting(answered, unanswered))

    def wake(self, question: Question) -> bool:
        """Hand a question's answer to the workflow; False where none waits for it any more."""
        if question.answer is None:
            raise ValueError(f"the question of {question.incident} has no answer to hand on")
        return hand_on(self._workflows, question.token, question.answer.to_json())

    def forget(self, question: Question) -> None:
        """Forget a question; does nothing where the incident asks another one by now."""
        same = {
            "ConditionExpression": "question = :question",
            "ExpressionAttributeValues": {":question": {"S": question.key}},
        }
        self._items.delete(PARTITION, question.incident, same)

    def _held(self, incident: str) -> Question | None:
        item = self._items.get(PARTITION, incident)
        return _question(item) if item else None


def _item(question: Question) -> dict[str, Any]:
    answer = {"answer": {"S": json.dumps(question.answer.to_json())}} if question.answer else {}
    return {
        **key(PARTITION, question.incident),
        "remedy": {"S": question.remedy.value},
        "question": {"S": question.key},
        "token": {"S": question.token},
        "asked_at": {"S": question.asked_at.isoformat()},
        # Not named `expires_at`: the table forgets items by that attribute.
        "due": {"S": question.expires_at.isoformat()},
        **answer,
    }


def _question(item: Mapping[str, Any]) -> Question:
    return Question(
        incident=item["sk"]["S"],
        remedy=Remedy(item["remedy"]["S"]),
        key=item["question"]["S"],
        token=item["token"]["S"],
        asked_at=datetime.fromisoformat(item["asked_at"]["S"]),
        expires_at=datetime.fromisoformat(item["due"]["S"]),
        answer=Answer.from_json(json.loads(item["answer"]["S"])) if "answer" in item else None,
    )
