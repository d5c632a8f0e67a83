"""NannyML: its univariate drift calculator, with its own default thresholds."""

import nannyml
import numpy as np
import pandas as pd
from serving import serve, timed, total

METHODS = ["kolmogorov_smirnov", "jensen_shannon", "wasserstein"]


def compare(reference, window, repeats):
    """Seconds of fitting on the reference and of calculating the window: KS, Jensen-Shannon, Wasserstein.

    Both sides are one chunk of the window's size, the smallest work that the library can be asked for.
    """
    before, now = _frame(np.load(reference), []), _frame(np.load(window), [])
    made = []

    def fit():
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=list(before.columns), continuous_methods=METHODS, chunk_size=len(now)
        )
        made.append(calculator.fit(before))

    prepare = timed(fit, repeats)
    window_side = timed(lambda: made[-1].calculate(now).to_df(), repeats)
    return {
        "prepare": prepare,
        "window": window_side,
        "total": total(prepare, window_side),
    }


def alarms(reference, month, rows, categorical):
    """Window by window, whether any column alerts: once with KS (chi-square for categories), once with the
    default, Jensen-Shannon. Thresholds are the library's, from chunks of the reference."""
    before, now = _frame(np.load(reference), categorical), _frame(np.load(month), categorical)
    rules = {"ks": ("kolmogorov_smirnov", "chi2"), "js": ("jensen_shannon", "jensen_shannon")}
    answer = {}
    for rule, (continuous, category) in rules.items():
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=list(before.columns),
            continuous_methods=[continuous],
            categorical_methods=[category],
            chunk_size=rows,
        ).fit(before)
        found = calculator.calculate(now).filter(period="analysis").to_df()
        alerts = found.loc[:, found.columns.get_level_values(-1) == "alert"].astype(bool)
        answer[rule] = [bool(alert) for alert in alerts.any(axis=1)]
    return answer


def _frame(values, categorical):
    frame = pd.DataFrame(values, columns=[f"f{column:02d}" for column in range(values.shape[1])])
    for column in categorical:
        frame[f"f{column:02d}"] = frame[f"f{column:02d}"].astype(int).astype(str).astype("category")
    return frame


if __name__ == "__main__":
    serve({"compare": compare, "alarms": alarms}, ["nannyml", "pandas", "numpy", "scipy"])
