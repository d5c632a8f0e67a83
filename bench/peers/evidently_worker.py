"""Evidently 0.7: its data drift preset, whole, and the tests that the preset chooses, without the report."""

import io
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from evidently import Report
from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset
from serving import peak_mb, serve, timed

DRIFT_SHARE = 0.5  # of the columns; the preset's default


def compare(reference, window, repeats):
    """Seconds of the preset on two files of floats, frames made beforehand."""
    before, now = _frame(np.load(reference)), _frame(np.load(window))
    return {"total": timed(lambda: Report([DataDriftPreset()]).run(now, before).dict(), repeats)}


def capture(folder, repeats):
    """Seconds from capture files to the finished report, and the peak memory of this process."""
    return {"total": timed(lambda: _capture_report(Path(folder)), repeats), "peak_mb": peak_mb()}


def _capture_report(folder):
    rows = [
        json.loads(line)["captureData"]["endpointInput"]["data"]
        for path in sorted((folder / "capture").rglob("*.jsonl"))
        for line in path.open(encoding="utf-8")
    ]
    names = json.loads((folder / "features.json").read_text())
    now = pd.read_csv(io.StringIO("\n".join(rows)), header=None, names=names)
    before = pd.DataFrame(np.load(folder / "reference.npy"), columns=names)
    return json.dumps(Report([DataDriftPreset()]).run(now, before).dict(), default=str)


def alarms(reference, month, rows, windows, categorical, until_alarm):
    """For each window in `windows`, whether any column drifted and whether the dataset did.

    The tests are those that the preset chooses for more than 1,000 rows: normed Wasserstein distance for
    numbers, Jensen-Shannon distance for categories, each with its default threshold, 0.1. With
    `until_alarm` the watch ends where both rules have alarmed.
    """
    before, all_rows = np.load(reference), np.load(month, mmap_mode="r")
    any_column, dataset = [], []
    for window in windows:
        drifted = _drifted(
            before, np.asarray(all_rows[window * rows : (window + 1) * rows], float), categorical
        )
        any_column.append(any(drifted))
        dataset.append(float(np.mean(drifted)) >= DRIFT_SHARE)
        if until_alarm and any(any_column) and any(dataset):
            break
    return {"any_column": any_column, "dataset": dataset}


def agree(reference, month, rows, windows):
    """Of the preset itself and of `alarms`: how many columns drifted, window by window; and its seconds."""
    before, all_rows = np.load(reference), np.load(month, mmap_mode="r")
    preset, direct, seconds = [], [], []
    for window in windows:
        now = np.asarray(all_rows[window * rows : (window + 1) * rows], float)
        start = time.perf_counter()
        result = Report([DataDriftPreset()]).run(_frame(now), _frame(before)).dict()
        seconds.append(time.perf_counter() - start)
        preset.append(int(result["metrics"][0]["value"]["count"]))
        direct.append(sum(_drifted(before, now, [])))
    return {"preset": preset, "direct": direct, "seconds": seconds}


def _drifted(before, now, categorical):
    flags = []
    for column in range(before.shape[1]):
        kind = ColumnType.Categorical if column in categorical else ColumnType.Numerical
        test = jensenshannon_stat_test if column in categorical else wasserstein_stat_test
        result = test(pd.Series(before[:, column]), pd.Series(now[:, column]), kind, test.default_threshold)
        flags.append(bool(result.drifted))
    return flags


def _frame(values):
    return pd.DataFrame(values, columns=[f"f{column:02d}" for column in range(values.shape[1])])


if __name__ == "__main__":
    actions = {"compare": compare, "capture": capture, "alarms": alarms, "agree": agree}
    serve(actions, ["evidently", "pandas", "numpy", "scipy"])
