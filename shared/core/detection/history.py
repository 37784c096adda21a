"""A whole series judged as if its points came one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from shared.core.detection.bank import new_bank
from shared.core.detection.state import Flags, Floats, Grain, place
from shared.core.detection.telling import told


@dataclass(frozen=True, slots=True)
class Judged:
    """A series after the judge went through it; all by point, oldest first."""

    times: tuple[datetime, ...]
    values: Floats
    expected: Floats
    ratios: Floats  # by point and finding: length and side
    told: Flags


def judge_history(
    grain: Grain, points: Sequence[tuple[datetime, float]], newest: datetime | None = None
) -> Judged:
    """Judges points in order of their time, each from itself and earlier ones alone.

    Of several points for one time the last counts. Points after `newest` are left out: they are from
    the future. What is no number is passed over, and what is negative counts as nothing.
    """
    ordered = dict(sorted(dict(one for one in points if newest is None or one[0] <= newest).items()))
    times, values = tuple(ordered), np.array([*ordered.values()], dtype=np.float64)
    bank = new_bank(grain, 1)
    expected, ratios = np.full(len(times), np.nan), np.zeros((len(times), 2 * len(grain.lengths)))
    standing = np.zeros_like(ratios)
    places = np.array([place(grain, at) for at in times], dtype=np.int64).reshape(-1, 2)
    numbers, starts = np.unique(places[:, 0], return_index=True)
    ends = [*starts[1:], len(times)] if times else []
    for number, first, end in zip(numbers, starts, ends, strict=True):
        scored = bank.block(int(number), places[first:end, 1], values[first:end, None])
        expected[first:end] = np.where(scored.held, scored.expected, np.nan)[:, 0]
        for by_point, one in ((ratios, scored.ratio), (standing, scored.standing)):
            by_point[first:end] = one[:, :, :, 0].reshape(-1, end - first).T
    return Judged(times, values, expected, ratios, told(grain, ratios, standing))


def grain_of(times: Sequence[datetime]) -> Grain:
    """The most frequent distance of a series' points, in whole minutes; an hour for fewer than two."""
    ordered = sorted(set(times))
    apart = [later - earlier for earlier, later in pairwise(ordered)]
    if not apart:
        return Grain(60)
    usual = max(sorted(set(apart)), key=apart.count)
    return Grain(max(1, round(usual / timedelta(minutes=1))))
