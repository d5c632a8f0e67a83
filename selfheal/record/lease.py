"""The lease of the one open incident, with a fencing token.

A lease alone does not keep a workflow that lost it from acting: it may have been aborted and redriven, or its
function may have stood still, and it does not know. So the lease has a number that only ever grows, and whoever
acts shows it; what is written with an older number is refused where it is written (M. Kleppmann, "How to do
distributed locking", 2016, https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).

The number is the place in the ledger of the entry that opened the incident: the ledger only grows, so no token comes
twice, and every token can be looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# The longest that a Lambda function runs: what a workflow that has ended had begun by then has ended too.
LEASE_TIME = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who heals the open incident.

    Attributes:
        execution: ARN of the workflow's execution.
        token: the fencing token.
        held_until: before this nobody may take the lease away, whatever became of the execution.
    """

    incident: str
    execution: str
    token: int
    held_until: datetime

    def renewed(self, now: datetime) -> Lease:
        """The lease after a step at `now`: steps may arrive out of order, and none shortens it."""
        return replace(self, held_until=max(self.held_until, now + LEASE_TIME))

    def is_expired(self, now: datetime) -> bool:
        return now >= self.held_until
