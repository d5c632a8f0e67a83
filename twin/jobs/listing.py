"""ListTrainingJobs and ListProcessingJobs: filter, then sort, then page (moto pages before it filters)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twin.jobs.record import JobRecord
from twin.service_shapes import paged, refuse_unsupported

_FILTERS: Mapping[str, Callable[[JobRecord, Any], bool]] = {
    "NameContains": lambda job, text: text.lower() in job.name.lower(),
    "StatusEquals": lambda job, status: job.status == status,
    "CreationTimeAfter": lambda job, time: job.creation_time >= time,
    "CreationTimeBefore": lambda job, time: job.creation_time <= time,
    "LastModifiedTimeAfter": lambda job, time: job.last_modified_time >= time,
    "LastModifiedTimeBefore": lambda job, time: job.last_modified_time <= time,
}
_ORDERS: Mapping[str, Callable[[JobRecord], Any]] = {
    "Name": lambda job: job.name,
    "CreationTime": lambda job: job.creation_time,
    "Status": lambda job: job.status,
}
_PAGING = ("MaxResults", "NextToken", "SortBy", "SortOrder")


def list_jobs(jobs: Iterable[JobRecord], query: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Summaries of one page, and the token of the next."""
    refuse_unsupported("listing jobs", query, (*_FILTERS, *_PAGING))
    chosen = [
        job
        for job in jobs
        if all(keeps(job, query[name]) for name, keeps in _FILTERS.items() if name in query)
    ]
    chosen.sort(
        key=_ORDERS[query.get("SortBy", "CreationTime")],
        reverse=query.get("SortOrder", "Ascending") == "Descending",
    )
    page, token = paged(chosen, query, default_size=10)
    return [job.summary() for job in page], token
