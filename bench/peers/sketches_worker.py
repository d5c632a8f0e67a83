"""Peers that live together: KLL sketches of datasketches, a plain loop over scipy, river's ADWIN."""

import datasketches
import numpy as np
from river.drift import ADWIN
from scipy import stats
from serving import serve, timed, total

KLL_SIZE = 200


def kll(reference, window, repeats):
    """Seconds of sketching both sides and reading the KS distance off the two sketches, column by column."""
    before, now = np.asfortranarray(np.load(reference)), np.asfortranarray(np.load(window))
    columns = range(before.shape[1])
    kept = []

    def judge():
        for sketch, column in zip(kept[-1], columns, strict=True):
            _distance(sketch, _sketch(now[:, column]))

    prepare = timed(lambda: kept.append([_sketch(before[:, column]) for column in columns]), repeats)
    window_side = timed(judge, repeats)
    return {
        "prepare": prepare,
        "window": window_side,
        "total": total(prepare, window_side),
    }


def scipy_loop(reference, window, repeats):
    """Seconds of scipy.stats.ks_2samp, column by column."""
    before, now = np.asfortranarray(np.load(reference)), np.asfortranarray(np.load(window))

    def both():
        for column in range(before.shape[1]):
            stats.ks_2samp(before[:, column], now[:, column])

    return {"total": timed(both, repeats)}


def adwin_tune(quiet, months, looks, features, scales, deltas, seed):
    """The most sensitive setting of each scale that alarms in at most `quiet` of simulated quiet months.

    A month is `looks` window means a feature, standard normal, which is what mean ranks of thousands of
    rows are where nothing changes. Small deltas first: the first that alarms too often ends the search.
    """
    rng = np.random.default_rng(seed)
    streams = rng.standard_normal((months, looks, features))
    settings = []
    for scale in scales:
        best = None
        for delta in sorted(deltas):
            rate = float(np.mean([any(_adwin(month * scale, delta)) for month in streams]))
            if rate > quiet:
                break
            best = {"scale": scale, "delta": delta, "quiet": rate}
        if best:
            settings.append(best)
    return {"settings": settings}


def adwin(streams, scale, delta):
    """For each stream, shape (looks, features), whether any feature's ADWIN alarms at each look.

    NaN looks were not taken and end the stream.
    """
    return {"alarms": [_adwin(stream * scale, delta) for stream in np.load(streams)]}


def _adwin(stream, delta):
    detectors = [
        ADWIN(delta=delta, clock=1, min_window_length=1, grace_period=1) for _ in range(stream.shape[1])
    ]
    alarms = []
    for look in stream:
        if np.isnan(look).any():
            break
        found = False
        for detector, value in zip(detectors, look, strict=True):
            detector.update(float(value))
            found |= detector.drift_detected
        alarms.append(bool(found))
    return alarms


def _sketch(values):
    sketch = datasketches.kll_doubles_sketch(KLL_SIZE)
    sketch.update(values)
    return sketch


def _distance(one, other):
    points = np.union1d([value for value, _ in one], [value for value, _ in other])
    return float(np.abs(np.subtract(one.get_cdf(points), other.get_cdf(points))).max())


if __name__ == "__main__":
    actions = {"kll": kll, "scipy_loop": scipy_loop, "adwin_tune": adwin_tune, "adwin": adwin}
    serve(actions, ["river", "datasketches", "scipy", "numpy"])
