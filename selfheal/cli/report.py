"""`selfheal report`: what healing brought, measured."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from selfheal.cli.access import AsJson, EndpointUrl, TableName, print_json, read_entries
from selfheal.record.episode import State, episodes
from selfheal.record.explanation import span
from selfheal.record.json_form import json_form
from selfheal.record.returns import Returns, Share, Spans, measure
from selfheal.record.vocabulary import words

# Below this a single incident moves a mean or a share by a tenth or more.
FEW = 10


def report(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """Measure the return: MTTD, MTTR, auto-resolved and false-action share, and each remedy's success per cause."""
    returns = measure(episodes(read_entries(table, endpoint_url)))
    if as_json:
        print_json(json_form(returns))
        return
    console = Console(highlight=False)
    for line in _counts(returns):
        console.print(line, soft_wrap=True)
    if sum(returns.incidents.values()):
        console.print(_times(returns), _shares(returns))
    if returns.tracks:
        console.print(_tracks(returns))


def _counts(returns: Returns) -> Iterator[str]:
    total = sum(returns.incidents.values())
    if not total:
        yield "No incident is in the ledger yet: there is nothing to measure."
        return
    states = ", ".join(f"{count} {words(state)}" for state, count in returns.incidents.items() if count)
    yield f"{_number(total, 'incident')}: {states}; {returns.watched} of them watched, since nothing was harmed."
    ended = total - returns.incidents[State.OPEN]
    if ended < FEW:
        yield f"Only {ended} ended: take the figures for examples, and look at how far the bounds lie apart."
    if returns.unread:
        yield f"{_number(returns.unread, 'entry', 'entries')} cannot be read by this version, and count nowhere."


def _times(returns: Returns) -> Table:
    from_onset = returns.recovered_from_onset
    from_detection = returns.time_to_recover.count - from_onset
    since = f"{from_onset} from onset, {from_detection} from detection"
    table = _table("Times", "", "mean", "median", "incidents", "counted")
    _time(table, "MTTD: onset to detection", returns.time_to_detect, "where onset is known")
    _time(table, "MTTR: to mitigation", returns.time_to_recover, since)
    _time(table, "to proof", returns.time_to_verify, "the same")
    _time(table, "to mitigation, unverified", returns.time_to_mitigate, "from onset, else from detection")
    return table


def _time(table: Table, name: str, spans: Spans, counted: str) -> None:
    mean = span(spans.mean) if spans.mean is not None else "—"
    median = span(spans.median) if spans.median is not None else "—"
    table.add_row(name, mean, median, str(spans.count), counted)


def _shares(returns: Returns) -> Table:
    table = _table("Shares", "", "share", "count", "between (95 %)")
    table.add_row("auto-resolved, of incidents that ended", *_share(returns.auto_resolved))
    table.add_row("mitigated, unverified, of incidents that ended", *_share(returns.mitigated))
    table.add_row("false actions, of remedies whose end is known", *_share(returns.false_actions))
    return table


def _tracks(returns: Returns) -> Table:
    table = _table("Remedies", "cause", "remedy", "begun", "success", "of known", "between (95 %)")
    for track in returns.tracks:
        cause = words(track.cause) if track.cause else "not diagnosed"
        table.add_row(cause, words(track.remedy), str(track.begun), *_share(track.succeeded))
    return table


def _share(share: Share) -> tuple[str, str, str]:
    if share.share is None or share.low is None or share.high is None:
        return "—", "0 of 0", "—"
    return f"{share.share:.0%}", f"{share.count} of {share.total}", f"{share.low:.0%} to {share.high:.0%}"


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
