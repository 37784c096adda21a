"""What a round is expected to bring, slot by slot, and how wide a slot's ordinary deviation is."""

from dataclasses import dataclass

import numpy as np

from shared.core.detection.state import Floats, Points, State

SMALL = np.float32(0.1)  # of the level; below it a ratio says nothing
ROOT = np.float32(0.1)  # how much of the width goes with the root of the value, as for counts of few
SLOT_DOUBT = np.float32(3)  # rounds; before that a slot's own spread is mixed with that of all
LEAST_WIDTH = np.float32(0.03)  # of the usual; no series is more regular
LEAST_RATIO_WIDTH = np.float32(0.05)  # of a logarithm


@dataclass(frozen=True, slots=True)
class Usual:
    """By slot and series, of one round; all in the unit of the values."""

    value: Floats
    natural: Floats  # the width that a value of this size has by itself, to be scaled by the spread
    width: Floats  # of the ordinary deviation
    small: Floats  # by series: what is added to both sides of a ratio
    ratio_width: Floats  # by series: the ordinary deviation of the ratio's logarithm


def usual(state: State, day: int) -> Usual:
    """What a round on this day of the week is expected to bring; all 0 where nothing is known."""
    level = state.level
    value = np.maximum(expected(state, day), 0)
    natural = np.sqrt(value * (value + ROOT * level) + (SMALL * level) ** 2)
    seen = np.where(np.isnan(state.spread), 0, state.spread_seen)
    own = np.where(np.isnan(state.spread), state.all_spread, state.spread)
    spread = (SLOT_DOUBT * state.all_spread + seen * own) / (SLOT_DOUBT + seen)
    counted = np.where(state.fractions > 0, 0, 0.8 * np.sqrt(value) + 0.3)  # whole numbers may be counts
    least = LEAST_WIDTH * np.maximum(value, 0.3 * level)
    width = np.maximum(np.maximum(natural * spread, counted), least)
    return Usual(
        value, natural, np.maximum(width, np.float32(1e-15)), SMALL * level,
        np.maximum(state.log_spread, LEAST_RATIO_WIDTH),
    )  # fmt: skip


def expected(state: State, day: int) -> Floats:
    """By the way in use: the level alone, with the round's shape, or with that of its day of the week."""
    plain: Floats = np.where(state.way >= 1, state.shape, np.float32(1)) * state.level
    if state.grain.daily:
        return plain
    week = _of_the_week(state, day) * state.week_level
    return np.where((state.way == 2) & ~np.isnan(week), week, plain)


def _of_the_week(state: State, day: int) -> Floats:
    """The shape of a day of the week; where an hour was never seen, that of the days of its sort."""
    shape: Floats = state.week[day]
    unseen = np.isnan(shape)
    if not unseen.any():
        return shape
    alike = state.week[5:] if day >= 5 else state.week[:5]
    seen = (~np.isnan(alike)).sum(axis=0)
    mean = np.nansum(alike, axis=0) / np.maximum(seen, 1)
    return np.where(unseen & (seen > 0), mean, shape)


def between_slots(state: State, by_slot: Floats, points: Points) -> Floats:
    """A value by slot at points of the round, which may lie between two whole ones.

    A slot's value stands in its middle; the first and the last slot of a round are neighbours.
    """
    grain = state.grain
    if grain.points == 1 and points.dtype.kind == "i":
        return by_slot[points]
    at = (points + 0.5) / grain.points - 0.5
    lower = np.floor(at).astype(np.intp)
    share = (at - lower).astype(np.float32)[:, None]
    return np.asarray(by_slot[lower % grain.slots] * (1 - share) + by_slot[(lower + 1) % grain.slots] * share)
