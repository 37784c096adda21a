"""Which points of a judged series are worth a message: a beginning, its first day, and a worsening."""

import numpy as np

from shared.core.detection.state import Flags, Floats, Grain

WORSE = 1.3  # times the furthest of the same finding since it began
CALM = 0.5  # of the ratio; below it a finding is over


def told(grain: Grain, ratios: Floats, standing: Floats) -> Flags:
    """Whether each point is told. Both by point and finding (length and side), as in `Scores`.

    A finding that goes on is not told again after a day (three, when daily) unless it worsens: a level
    that has changed for good is one message, until it is learnt.
    """
    first_day = 3 if grain.daily else 1440 // grain.minutes
    found = ratios >= 1
    telling = np.zeros(len(ratios), dtype=bool)
    furthest: Floats = np.zeros(ratios.shape[1])
    began = -first_day - 1
    for index in np.flatnonzero(np.maximum.accumulate(found.any(axis=1))):
        ratio = ratios[index]
        if (found[index] & (ratio >= WORSE * furthest)).any():
            telling[index] = True
            began = int(index) if index - began > first_day else began
        elif found[index].any():
            telling[index] = index - began <= first_day
        furthest = went(furthest, ratio, standing[index])
    return telling


def went(furthest: Floats, ratio: Floats, standing: Floats) -> Floats:
    """How far findings went since they began, after one more point; 0 for those that are over."""
    return np.where(ratio >= 1, np.maximum(furthest, ratio), np.where(standing < CALM, 0, furthest))
