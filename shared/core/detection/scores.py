"""How far off points are, at every length, as a share of the furthest that the series leads to expect."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from shared.core.detection.state import JUMP, POINT, Flags, Floats, Grain, Points, State
from shared.core.detection.usual import Usual, between_slots

FIRST_JUDGED = 3  # rounds that are learnt before anything is said
MARGIN = 1.3  # beyond what history leads to expect; a daily series has fewer points to be wrong about
DAILY_MARGIN = 1.2
LEAST_SCALES = 5.0  # ordinary deviations that a finding is off at least
DEVIATIONS = 3.0  # of the logarithm of a round's furthest, above its mean
FIRST_VARIANCE, FIRST_WEIGHT = 0.04, 4.0  # of that logarithm, before it is known; as many rounds
MEMORY = 10.0  # rounds after which more of them make it no surer
PEAKS = 1.5  # times the furthest ever: further than that is always a finding
TINY = np.float32(1e-15)
LEAST_SHARE = 0.15  # of the usual that a point is off at least; less is nobody's concern
LEAST_SLOW_SHARE = 0.05  # the same for lengths that take more than a round to see


@dataclass(frozen=True, slots=True)
class Scores:
    """What is said of some points of one round. Axes: length, side, point, series, where they apply."""

    ratio: Floats  # of how far off to the furthest expected; 1 and more is a finding
    standing: Floats  # the same, of an average even where the newest point is usual again
    far: Floats  # how far off, in ordinary deviations
    off: Floats  # of each point alone, by side; 0 where absent
    averages: Floats  # after each point: running length, side, point, series
    expected: Floats  # by point and series, in the unit of the values
    width: Floats
    natural: Floats
    held: Flags  # whether there was a value


def limits(state: State) -> Floats:
    """The furthest that each finding is expected to be off, by length, side and series.

    From the logarithms of the furthest of each round, as for block maxima, with a wide margin while
    there are few; a single round that was far off does not raise it beyond `PEAKS` times itself.
    """
    rounds = np.maximum(state.rounds - 2, 0)
    once = state.grain.rounds_in[:, None, None]
    weight = np.minimum(rounds, MEMORY) / once
    variance = (FIRST_WEIGHT * FIRST_VARIANCE + weight * state.log_variance) / (FIRST_WEIGHT + weight)
    doubt = once / np.maximum(rounds, 1)
    furthest = np.exp(
        np.minimum(50, state.log_peak + DEVIATIONS * (1 + doubt) * np.sqrt(variance * (1 + doubt)))
    )
    beyond = np.where(state.rounds > 3, PEAKS * (1 + doubt) * state.peak, np.inf)
    scale = np.where(np.isnan(state.scale), 1, state.scale)
    few = 1 + 1 / np.maximum(state.rounds, 1)
    least = np.where(state.rounds > 3, LEAST_SCALES * scale, LEAST_SCALES * scale * few)
    chance = state.grain.chance[:, None, None]
    widest = np.maximum(np.maximum(least, chance), np.minimum(furthest, beyond))
    return np.asarray(margin(state.grain) * widest, dtype=np.float32)


def margin(grain: Grain) -> float:
    return DAILY_MARGIN if grain.daily else MARGIN


def score(state: State, usual: Usual, limit: Floats, points: Points, values: Floats) -> Scores:
    """What is to be said of `values` (point, series; NaN is absent) at `points` of the round."""
    expected, width, natural = (
        between_slots(state, one, points) for one in (usual.value, usual.width, usual.natural)
    )
    known = ~np.isnan(values) & (state.rounds >= 1)
    off = _off(usual, expected, width, values, known)
    clipped = np.clip(off, -limit[POINT][:, None], limit[POINT][:, None])
    averages = running(state.grain, state.averages, clipped)
    far = _far(state, off, averages)
    share = np.abs(values - expected) / (expected + usual.small + TINY)
    least = np.where(state.grain.rounds_in > 1, LEAST_SLOW_SHARE, LEAST_SHARE)[:, None, None, None]
    judged = known & (state.rounds >= FIRST_JUDGED)
    ratio = np.where(judged, np.minimum(far / limit[:, :, None], share / least), 0)
    standing = ratio.copy()
    standing[2:] = averages[1:] / limit[2:, :, None]
    return Scores(ratio, standing, far, off, averages, expected, width, natural, known)


def _off(usual: Usual, expected: Floats, width: Floats, values: Floats, known: Flags) -> Floats:
    """Rises in units, drops as a ratio: a drop to nothing is far, and no rise is flattened."""
    base = expected + usual.small + TINY
    rise = (values - expected) / width
    ratio_width = 0.5 * (usual.ratio_width + np.hypot(usual.ratio_width, width / base))
    fall = -np.log((values + usual.small + TINY) / base) / ratio_width
    return np.where(known, np.stack((rise, fall)), np.float32(0))


def _far(state: State, off: Floats, averages: Floats) -> Floats:
    above = np.maximum(off, 0)
    before = np.concatenate((state.averages[0][:, None], averages[0][:, :-1]), axis=1)
    jump = off - before
    far = np.empty((len(state.grain.lengths), *off.shape), dtype=np.float32)
    far[JUMP] = np.where(jump > 0, np.minimum(jump, above), jump)  # back to the usual is no jump
    far[POINT] = off
    # An average says something only while the newest point does: what is over is not told any more.
    np.minimum(averages[1:], above, out=far[2:])
    return far


def running(grain: Grain, before: Floats, values: Floats) -> Floats:
    """The running averages of `values` (side, point, series) after each point, from those before."""
    if values.shape[1] == 1:
        gains = grain.gains[:, None, None]
        return (before + gains * (values[:, 0] - before))[:, :, None]
    weights, kept = _weights(grain, values.shape[1])
    return np.asarray(np.matmul(weights[:, None], values) + kept[:, None, :, None] * before[:, :, None])


@lru_cache(maxsize=64)
def _weights(grain: Grain, points: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What each of some points, and what was before them, weighs in the averages after each point."""
    index = np.arange(points)
    ago = index[:, None] - index
    gains = grain.gains[:, None, None]
    weights = np.where(ago >= 0, gains * (1 - gains) ** np.maximum(ago, 0), 0)
    return weights.astype(np.float32), ((1 - grain.gains[:, None]) ** (index + 1)).astype(np.float32)
