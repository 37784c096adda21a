from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.baseline import Baseline
from shared.core.freshness import Watermark
from shared.core.gates import Gate
from shared.core.model import (
    Account,
    Address,
    Conversation,
    Delivery,
    Deployment,
    Incident,
    Kind,
    Meter,
    Reading,
    Reason,
    Scope,
    Severity,
    Transition,
    Waiting,
)
from shared.core.muting import Silence
from shared.core.routes import Matcher
from shared.flows.accounts import Estate
from shared.formats import records
from tests.formats.situations import (
    BUDGET,
    NOON,
    conversations,
    deliveries,
    incident,
    incidents,
    moments,
    quantities,
    waiting,
)

text = st.text(st.characters(codec="utf-8"), max_size=300)
any_text = st.text(max_size=400)  # halves of surrogate pairs too: nobody checks the names that Azure sends
scopes = st.builds(Scope, text, text)
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.decimals(allow_nan=False, allow_infinity=False)

stored = {
    Incident: incidents,
    Conversation: conversations,
    Waiting: waiting,
    Delivery: deliveries,
    Transition: st.builds(
        Transition,
        text,
        st.integers(),
        moments,
        text,
        text,
        st.lists(text, max_size=3).map(tuple),
        text,
        st.none() | quantities,
        st.none() | quantities,
    ),
    Gate: st.builds(
        Gate,
        text,
        *[st.none() | moments for _ in range(4)],
        text,
        st.lists(moments, max_size=3).map(tuple),
        st.none() | moments,
    ),
    Silence: st.builds(
        Silence,
        text,
        st.builds(
            Matcher,
            st.sampled_from(Severity),
            text,
            st.lists(st.sampled_from(Kind), max_size=2).map(tuple),
            st.lists(text, max_size=2).map(tuple),
            text,
            st.dictionaries(text, text, max_size=2),
        ),
        moments,
        moments,
        text,
        text,
        text,
        text,
        st.none() | numbers,
    ),
    Watermark: st.builds(
        Watermark,
        st.sampled_from(["usage", "spend"]),
        text,
        *[st.none() | moments for _ in range(3)],
        text,
        st.none() | moments,
    ),
    Baseline: st.builds(
        Baseline,
        **{field.name: moments for field in fields(Baseline) if field.type is datetime},
        state=st.binary(max_size=2000),
        hours=st.integers(0, 10_000),
    ),
    Estate: st.builds(
        Estate,
        moments,
        st.lists(
            st.builds(
                Account,
                text,
                text,
                text,
                text,
                st.lists(st.builds(Deployment, text, text, text, text), max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
    ),
}


@pytest.mark.parametrize("kind", stored, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_kept_comes_back_as_it_was(kind, data):
    noun = data.draw(stored[kind])
    assert records.decode(records.encode(noun), kind) == noun


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"id":5}', b"\xff"])
def test_what_was_never_kept_is_refused(body):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        records.decode(body, Incident)


seconds = moments.map(lambda moment: moment.replace(microsecond=0))
readings = st.builds(
    lambda scope, meter, start, length, value, as_of: Reading(
        scope, meter, start, start + timedelta(seconds=length), value, as_of
    ),
    scopes,
    st.builds(Meter, text, text),
    seconds,
    st.integers(1, 86_400 * 31),
    numbers,
    seconds,
)


def in_series(some: list[Reading]) -> list[Reading]:
    """Series by series, in the order in which each was first met."""
    met = list(dict.fromkeys((one.scope, one.meter) for one in some))
    return [one for series in met for one in some if (one.scope, one.meter) == series]


@given(st.lists(readings, max_size=8), st.lists(st.integers(0, 7), max_size=12))
def test_readings_are_unpacked_as_they_were_packed(some, again):
    some = some + [replace(some[n], value=Decimal(n)) for n in again if n < len(some)]
    assert list(records.unpack(records.pack(some))) == in_series(some)


@given(st.lists(readings, max_size=20), st.integers(100, 2_000))
def test_readings_in_several_parts_are_all_there_and_no_part_is_too_large(some, most):
    parts = records.pack_in_parts(some, most)

    unpacked = [one for part in parts for one in records.unpack(part)]
    assert Counter(unpacked) == Counter(some)
    assert all(len(part) <= most or len(list(records.unpack(part))) == 1 for part in parts)
    assert len(parts) == 1 or len(records.pack(some)) > most


@given(st.lists(readings, max_size=8))
def test_rows_that_were_written_without_compression_are_read(some):
    assert list(records.unpack(records.unsqueeze(records.pack(some)))) == in_series(some)


@given(st.lists(readings, max_size=8))
def test_the_points_of_a_body_are_those_of_its_readings(some):
    assert Counter(records.points_in(records.pack(some))) == Counter(records.points_of(some))


@given(st.binary(max_size=200))
def test_a_body_comes_back_from_compression_as_it_was(body):
    assert records.unsqueeze(records.squeeze(body)) == body


def test_a_day_of_one_deployment_is_small():
    grain = timedelta(minutes=5)
    meter = Meter("tokens in", "tokens")
    day = [
        Reading(
            Scope("r" * 150, "chat"), meter, NOON + n * grain, NOON + (n + 1) * grain, Decimal(123_456), NOON
        )
        for n in range(288)
    ]
    assert len(records.pack(day)) < 2_000


names = any_text | st.sampled_from(["a|b", "\x00", "x" * 5_000, "chat-prod", ""])
any_scope = st.builds(Scope, names | names.map(lambda name: f"/subscriptions/{name}"), names)


@given(any_scope, moments)
def test_a_key_is_short_and_holds_no_nul_whatever_the_names(scope, moment):
    keys = [
        records.incident_key(replace(BUDGET, key=scope.part, scope=scope)),
        records.baseline_key(scope),
        records.usage_key(scope.resource, moment),
        records.incident_id(scope.resource, None, moment),
    ]
    for key in keys:
        assert "\x00" not in key
        assert len(key) <= 200
        key.encode()


LONGEST = Address("x" * 60, "f" * 16)


def test_the_longest_channel_name_fits_the_keys_of_what_is_told():
    told = Delivery("MW-1A2B3C4D", LONGEST, 999_999, Reason.OPENED, NOON, "dead", 1, False, "")
    waits = Waiting(LONGEST, told.incident, "", 999_999, NOON, Reason.OPENED)
    keys = [records.waiting_key(waits), records.conversation_key(LONGEST), records.delivery_key(told)]

    assert max(map(len, [*keys, records.gate_key(LONGEST.channel), LONGEST.nudge])) <= 200


def test_what_waits_is_in_the_order_of_its_numbers():
    waits = [Waiting(LONGEST, "MW-1", "", number, NOON, Reason.OPENED) for number in (1, 2, 9, 10, 99_999)]
    keys = [records.waiting_key(one) for one in waits]

    assert keys == sorted(keys)


def test_a_nudge_finds_what_waits_there_and_at_no_other_address():
    here, *others = (
        records.waiting_key(Waiting(Address(channel, group), "MW-1", "", 1, NOON, Reason.OPENED))
        for channel, group in (("finops", "g1"), ("finops2", "g1"), ("finops", "g12"))
    )
    nudge = f"waiting|{Address('finops', 'g1').nudge}|"

    assert here.startswith(nudge)
    assert not any(other.startswith(nudge) for other in others)


@given(
    st.from_regex(r"[\w .+()-]{1,60}", fullmatch=True), st.text("0123456789abcdef", min_size=1, max_size=16)
)
def test_a_nudge_says_whose_it_is(channel, group):
    assert records.address_of(Address(channel, group).nudge) == Address(channel, group)


@pytest.mark.parametrize(
    "nudge", ["", "|", "finops", "finops|", "|g1", "a|b|c", "a\0|b", "a|b\n", "a|\ud800", "a|" + "b" * 120]
)
def test_what_is_no_nudge_names_nobody(nudge):
    assert records.address_of(nudge) is None


@pytest.mark.parametrize(
    ("resource", "area"),
    [
        ("/subscriptions/7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01/x", "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"),
        ("", "-"),
        ("/providers/microsoft.management", "-"),
        ("/subscriptions/", "-"),
    ],
)
def test_incidents_are_read_together_by_subscription(resource, area):
    assert records.area_of(replace(BUDGET, scope=Scope(resource))) == area


def test_two_deployments_never_share_a_baseline():
    scopes = [
        Scope("r", "a"),
        Scope("r", "b"),
        Scope("ra", ""),
        Scope("r|a", ""),
        Scope("r", "A"),
        Scope("", "ra"),
    ]
    assert len({records.baseline_key(scope) for scope in scopes}) == len(scopes)


def test_an_incident_has_one_id_for_one_opening():
    first, later = datetime(2026, 9, 8, tzinfo=UTC), datetime(2026, 9, 9, tzinfo=UTC)
    assert records.incident_id("a", None, first) == records.incident_id("a", None, first)
    before = [None, incident(id="MW-1"), incident(id="MW-2")]
    assert (
        len({records.incident_id(key, one, at) for key in "ab" for one in before for at in (first, later)})
        == 12
    )
