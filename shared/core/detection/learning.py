"""What points and whole rounds teach: one round that is far off little, several of them are believed."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shared.core.detection.scores import FIRST_JUDGED, MEMORY, Scores, margin, running
from shared.core.detection.state import Flags, Floats, Points, State
from shared.core.detection.telling import CALM
from shared.core.detection.usual import Usual

LEVEL_GAIN = 0.13  # of a difference, each round: a half-life of five
SHAPE_GAIN, WEEK_GAIN = 0.15, 0.3
ERROR_GAIN, SPREAD_GAIN = 0.15, 0.1
CLIP = 3.0  # ordinary deviations; what lies further off teaches no more than this
BELIEF = 4.0  # times wider for each round in a row that was off
CHANGE = 0.35  # of the logarithm: less is left to the level's own pace, which a leak outruns
BELIEVED = 0.7  # what is left of the doubt about a new level with each such round
PEAK_KEPT = 0.98  # of the furthest ever, each round
FEW = 5.0  # rounds; before that each one teaches a slow length all that it went
PEAK_TAUGHT = 1.5  # times the limit, at most: one incident does not make the next one usual
NO_PEAK = 0.3  # ordinary deviations; a furthest of less is not told apart
WEEK_DOUBT = 2.0  # more than the measured error, over the weeks seen, that the week's shape must make up for
PREFERRED = (1.0, 0.97, 0.94)  # a shape that is as good as none is taken
TINY = np.float32(1e-9)


def take(state: State, usual: Usual, limit: Floats, points: Points, values: Floats, scored: Scores) -> None:
    """Adds points to the round so far."""
    held = ~np.isnan(values)
    there = np.where(held, values, 0)
    state.averages[...] = scored.averages[:, :, -1]
    for average, ones in ((state.seen, there), (state.due, np.where(held, scored.expected, 0))):
        average[...] = running(state.grain, average[:, None], ones[None])[:, 0, -1]
    state.fractions[...] = np.maximum(state.fractions, np.any(there != np.rint(there), axis=0))
    _follow(state, scored)
    off = np.minimum(np.abs(there - scored.expected), CLIP * scored.width)
    natural = np.where(scored.held, off / np.maximum(scored.natural, np.float32(1e-30)), 0)
    for sums, ones in ((state.sums, there), (state.counts, held), (state.off_sums, natural)):
        _add_by_slot(sums, points.astype(np.intp) // state.grain.points, ones)
    state.round_points += held.sum(axis=0, dtype=np.float32)
    log_off = np.minimum(np.abs(scored.off[1]), CLIP) * usual.ratio_width
    state.round_log_off += np.where(scored.held, log_off, 0).sum(axis=0)
    np.maximum(state.round_peak, scored.far.max(axis=2), out=state.round_peak)
    state.round_off += np.where(scored.held, np.minimum(np.abs(scored.far), limit[:, :, None]), 0).sum(axis=2)


def _add_by_slot(sums: Floats, slots: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> None:
    if len(slots) == 1:
        sums[slots[0]] += values[0]
        return
    starts = np.flatnonzero(np.diff(slots, prepend=-1))
    sums[slots[starts]] += np.add.reduceat(values, starts, axis=0, dtype=np.float32)


def _follow(state: State, scored: Scores) -> None:
    """Keeps how long each series has been odd, and how far each finding went since it began."""
    odd = scored.ratio.max(axis=(0, 1)) >= CALM
    if not odd.any() and not state.since_calm.any() and scored.standing.max() < CALM:
        state.odd_points[...] = 0
        return
    for point, one in enumerate(odd):
        state.odd_points[...] = (state.odd_points + 1) * one
        standing = scored.standing[:, :, point]
        np.maximum(state.since_calm, standing, out=state.since_calm)
        state.since_calm *= standing >= CALM


def close(state: State, usual: Usual, limit: Floats, day: int) -> None:
    """Learns the round that ended, `day` of the week. A round without a point changes nothing."""
    some = state.round_points > 0
    if not some.any():
        return
    counts, points = np.maximum(state.counts, 1), np.maximum(state.round_points, 1)
    there = state.counts > 0
    means = state.sums / counts
    first = some & (state.rounds == 0)
    for level in (state.level, state.week_level):
        level[...] = np.where(first, np.maximum(state.sums.sum(axis=0) / points, TINY), level)
    _learn_errors(state, day, means, there, ~first)
    _learn_shapes(state, usual, day, means, there, first)
    _learn_spreads(state, there, points)
    _learn_furthest(state, limit, points, some)
    _choose_way(state)
    state.rounds += some
    _begin_anew(state)


def _learn_errors(state: State, day: int, means: Floats, there: Flags, known: Flags) -> None:
    """How far off each way to expect the round would have been."""
    level = state.level
    ways = [np.broadcast_to(level, means.shape), state.shape * level]
    ways += [] if state.grain.daily else [state.week[day] * state.week_level]
    for way, expected in enumerate(ways):
        compared = there & ~np.isnan(expected) & known
        off = np.where(compared, np.minimum(np.abs(means - expected), 3 * level), 0)
        some = compared.sum(axis=0)
        enough = (some > 0) & (some >= 0.5 * there.sum(axis=0))
        error = off.sum(axis=0) / np.maximum(some, 1) / np.maximum(level, TINY)
        gain = np.maximum(ERROR_GAIN, 1 / (state.errors_seen[way] + 1))
        state.errors[way] += np.where(enough, gain * (error - state.errors[way]), 0)
        state.errors_seen[way] += enough


def _learn_shapes(state: State, usual: Usual, day: int, means: Floats, there: Flags, first: Flags) -> None:
    level, rounds = state.level, state.rounds
    value = np.where(first, level, usual.value)
    room = CLIP * usual.width * BELIEF ** np.minimum(np.abs(state.run), 5)
    believed = np.where(rounds < 2, means, np.clip(means, value - room, value + room))
    total, some = np.where(there, value, 0).sum(axis=0), np.asarray(there.any(axis=0))
    ratio = np.where(there, believed, 0).sum(axis=0) / np.maximum(total, TINY * np.maximum(level, TINY))
    ratio = np.where(first | ~some, 1, np.clip(ratio, 0.1, 10))
    gain = _level_gain(state, np.log(ratio), some)
    own = np.maximum(level * ratio, TINY)
    shape_gain = np.maximum(SHAPE_GAIN, 1 / (rounds + 1))
    state.shape += np.where(there, shape_gain * (believed / own - state.shape), 0)
    if not state.grain.daily:
        _learn_week(state, day, means, room, gain)
    state.level[...] = np.maximum(level * ratio**gain, TINY * (state.level > 0))


def _level_gain(state: State, log_ratio: Floats, some: Flags) -> Floats:
    """How much of the round's ratio the level takes over; more with each round in a row that was off."""
    off = np.abs(log_ratio) > np.maximum(2 * state.log_spread, CHANGE)
    sign = np.sign(log_ratio)
    run = np.where(off, np.where(sign == np.sign(state.run), state.run + sign, sign), 0)
    state.run[...] = np.where(some, run, state.run)
    gain = np.maximum(LEVEL_GAIN, 1 / (state.rounds + 1))
    return np.asarray(1 - (1 - gain) * BELIEVED ** np.maximum(np.abs(state.run) - 1, 0))


def _learn_week(state: State, day: int, means: Floats, room: Floats, gain: Floats) -> None:
    """The shape of this day of the week and the level of all; the first week teaches shapes alone."""
    shape, level, there = state.week[day], np.maximum(state.week_level, TINY), state.counts > 0
    new = np.isnan(shape)
    value = shape * level
    believed = np.where(new, means, np.clip(means, value - room, value + room))
    known = there & ~new
    total = np.where(known, value, 0).sum(axis=0)
    ratio = np.where(known, believed, 0).sum(axis=0) / np.maximum(total, TINY * level)
    ratio = np.where(total > 0, np.clip(ratio, 0.1, 10), 1)
    week_gain = np.maximum(WEEK_GAIN, 1 / (state.weeks[day] + 1))
    after = np.where(new, means / level, shape + week_gain * (believed / (level * ratio) - shape))
    state.week[day] = np.where(there, after, shape)
    state.weeks[day] += there.any(axis=0)
    weekly = np.where(state.way == 2, gain, np.maximum(LEVEL_GAIN, 1 / np.maximum(state.rounds - 5, 1)))
    state.week_level[...] = level * ratio ** np.minimum(weekly, 1)


def _learn_spreads(state: State, there: Flags, points: Floats) -> None:
    """A mean deviation times 1.25 is a normal one's standard deviation."""
    known = (state.rounds >= 1) & (state.round_points > 0)
    gain = np.maximum(SPREAD_GAIN, 1 / np.maximum(state.rounds, 1))
    for spread, sums in (
        (state.all_spread, state.off_sums.sum(axis=0)),
        (state.log_spread, state.round_log_off),
    ):
        spread[...] += np.where(known, gain * (1.25 * sums / points - spread), 0)
    np.maximum(state.all_spread, 0.01, out=state.all_spread)
    here = 1.25 * state.off_sums / np.maximum(state.counts, 1)
    slot_gain = np.maximum(SPREAD_GAIN, 1 / (state.spread_seen + 1))
    after = np.where(np.isnan(state.spread), here, state.spread + slot_gain * (here - state.spread))
    state.spread[...] = np.where(known & there, after, state.spread)
    state.spread_seen += known & there


def _learn_furthest(state: State, limit: Floats, points: Points, some: Flags) -> None:
    """The scale of each finding and its furthest, from the third round on: the first two only learn."""
    rounds = state.rounds
    known = some & (rounds >= 2)
    once = state.grain.rounds_in[:, None, None]
    scale, gain = (
        1.25 * state.round_off / points,
        np.maximum(SPREAD_GAIN / once, 1 / np.maximum(rounds - 1, 1)),
    )
    after = np.where(np.isnan(state.scale), scale, state.scale + gain * (scale - state.scale))
    state.scale[...] = np.where(known, after, state.scale)
    furthest = np.where(
        rounds >= FIRST_JUDGED,
        np.minimum(state.round_peak, PEAK_TAUGHT * limit / margin(state.grain)),
        state.round_peak,
    )
    kept = PEAK_KEPT * state.peak
    # What takes rounds to see is believed as slowly: a leak must not become usual day by day.
    believed = np.clip(FEW / np.maximum(rounds, 1), 1 / once, 1)
    after = kept + believed * np.maximum(furthest - kept, 0)
    state.peak[...] = np.where(known, after, state.peak)
    logarithm = np.log(np.maximum(furthest, NO_PEAK))
    off = logarithm - state.log_peak
    gain = np.maximum(1 / MEMORY, 1 / np.maximum(rounds - 1, 1))
    variance = np.where(rounds <= 3, off * off / 2, (1 - gain) * (state.log_variance + gain * off * off))
    state.log_variance[...] = np.where(known & (rounds > 2), variance, state.log_variance)
    state.log_peak[...] = np.where(
        known, np.where(rounds <= 2, logarithm, state.log_peak + gain * off), state.log_peak
    )


def _choose_way(state: State) -> None:
    """Takes the way that was least off lately; the spreads follow its error."""
    doubt = np.array([0, 0, WEEK_DOUBT])[:, None] / np.maximum(state.errors_seen, 1)
    errors = state.errors * (1 + doubt) * np.array(PREFERRED)[:, None]
    errors = np.where(state.errors_seen >= 1, errors, np.inf)
    best = np.where(np.isfinite(errors.min(axis=0)), errors.argmin(axis=0), 0)
    each = np.arange(state.series)
    before, after = state.errors[state.way.astype(np.intp), each], state.errors[best, each]
    changed = (best != state.way) & (state.rounds > 2)
    factor = np.where(changed, np.clip((after + 0.02) / (before + 0.02), 0.2, 2), 1)
    for spread in (state.all_spread, state.spread, state.log_spread):
        spread[...] *= factor
    state.way[...] = best


def _begin_anew(state: State) -> None:
    for part in (state.sums, state.counts, state.off_sums, state.round_points, state.round_log_off,
                 state.round_peak, state.round_off):  # fmt: skip
        part[...] = 0
