"""alibi-detect (Business Source License 1.1: measured here, used nowhere)."""

import numpy as np
from alibi_detect.cd import TabularDrift
from serving import serve, timed


def compare(reference, window, repeats):
    """Seconds of TabularDrift: a KS test a column, false discoveries controlled."""
    before, now = np.load(reference), np.load(window)

    def both():
        return TabularDrift(before, p_val=0.05, correction="fdr").predict(now)

    return {"total": timed(both, repeats)}


if __name__ == "__main__":
    serve({"compare": compare}, ["alibi-detect", "numpy", "scipy"])
