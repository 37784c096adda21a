"""Readings read again: which of two for the same period counts."""

from collections.abc import Iterable

from shared.core.model import Meter, Reading, Scope


def merged(before: Iterable[Reading], newer: Iterable[Reading]) -> list[Reading]:
    """Both together, oldest first: of two for the same period the later `as_of` wins.

    A reading that finer ones of the same series lie within gives way to them; one that is absent in
    `newer` stays, since absent is unknown.
    """
    found: dict[tuple[Scope, Meter], dict[object, Reading]] = {}
    for reading in (*before, *newer):
        series = found.setdefault((reading.scope, reading.meter), {})
        other = series.get(reading.start)
        if other is None or _counts(reading, other):
            series[reading.start] = reading
    return [reading for key in sorted(found) for reading in _without_coarse([*found[key].values()])]


def _counts(reading: Reading, other: Reading) -> bool:
    finer = (other.end - other.start) - (reading.end - reading.start)
    return bool(finer) if finer.total_seconds() > 0 else not finer and reading.as_of >= other.as_of


def _without_coarse(series: list[Reading]) -> list[Reading]:
    kept: list[Reading] = []
    for reading in sorted(series, key=lambda one: one.start):
        if kept and reading.start < kept[-1].end:
            kept[-1] = reading  # it begins inside a coarser one
        else:
            kept.append(reading)
    return kept
