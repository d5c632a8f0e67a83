"""whylogs: profiles of both sides, and the drift scores that it derives from them."""

from pathlib import Path

import numpy as np
import pandas as pd
import whylogs
from serving import serve, timed, total
from whylogs.core.view.dataset_profile_view import DatasetProfileView
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


def compare(reference, window, repeats):
    """Seconds of profiling the reference, of profiling the window and scoring the drift."""
    before, now = _frame(np.load(reference)), _frame(np.load(window))
    views = []

    def judge():
        view = whylogs.log(now).view()
        calculate_drift_scores(target_view=view, reference_view=views[-1], with_thresholds=True)

    prepare = timed(lambda: views.append(whylogs.log(before).view()), repeats)
    window_side = timed(judge, repeats)
    return {
        "prepare": prepare,
        "window": window_side,
        "total": total(prepare, window_side),
    }


def merge(reference, hours, folder, repeats):
    """Seconds of reading and merging a profile an hour, and scoring the drift of the whole."""
    before = whylogs.log(_frame(np.load(reference))).view()
    paths = []
    for number, hour in enumerate(np.load(hours)):
        paths.append(Path(folder) / f"whylogs-{number:03d}.bin")
        whylogs.log(_frame(hour)).view().write(str(paths[-1]))

    def judge():
        whole = DatasetProfileView.read(str(paths[0]))
        for path in paths[1:]:
            whole = whole.merge(DatasetProfileView.read(str(path)))
        calculate_drift_scores(target_view=whole, reference_view=before, with_thresholds=True)

    return {"total": timed(judge, repeats)}


def _frame(values):
    return pd.DataFrame(values, columns=[f"f{column:02d}" for column in range(values.shape[1])])


if __name__ == "__main__":
    serve({"compare": compare, "merge": merge}, ["whylogs", "pandas", "numpy", "scipy"])
