import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import COST, Meter, Period, Reading, Scope
from shared.formats.cost_query import AI_COST, CostRows, next_link, parse, question
from shared.formats.records import pack, unpack

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
DAY = datetime(2026, 9, 1, tzinfo=UTC)
ACCOUNT = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/A"
COLUMNS = ("Cost", "UsageQuantity", "UsageDate", "Meter", "ResourceId", "Currency")
ROW = (1.5, 300.0, 20260901, "gpt-4o Inp", ACCOUNT, "USD")


def page(*rows: Any, columns: Any = COLUMNS) -> dict[str, Any]:
    described = [{"name": name, "type": "Number"} for name in columns]
    as_json = [list(row) if isinstance(row, tuple) else row for row in rows]
    return {"properties": {"columns": described, "rows": as_json, "nextLink": None}}


def read(*rows: Any, columns: Any = COLUMNS) -> CostRows:
    return parse([page(*rows, columns=columns)], NOON)


def reading(value: str, currency: str = "USD", day: datetime = DAY, meter: str = "gpt-4o Inp") -> Reading:
    scope = Scope(ACCOUNT.lower(), meter)
    return Reading(scope, Meter(COST, currency), day, day + timedelta(days=1), Decimal(value), NOON)


def quantities(one: Reading, value: str) -> dict[tuple[Scope, Meter, datetime], Decimal]:
    """The quantity of one reading, as an answer holds it."""
    return {(one.scope, one.meter, one.start): Decimal(value)}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((AZURE / f"{name}.json").read_bytes())
    return found


def test_a_row_is_the_cost_of_a_day_a_meter_and_a_resource():
    assert read(ROW) == CostRows((reading("1.5"),), (), quantities(reading("1.5"), "300"))


def test_columns_are_found_by_name_in_any_order_and_case():
    columns = ("CURRENCY", "resourceId", "new column", "METER", "usagedate", "COST")
    assert (
        read(("usd", ACCOUNT, {"odd": 1}, "gpt-4o Inp", "20260901", "1.5"), columns=columns).readings
        == read(ROW).readings
    )


@pytest.mark.parametrize(
    ("column", "expected"),
    [("Cost", "EUR"), ("PreTaxCost", "EUR"), ("CostUSD", "USD"), ("PreTaxCostUSD", "USD")],
)
def test_a_column_in_dollars_is_in_dollars_whatever_the_bill_is_in(column, expected):
    (found,) = read((1.5, 20260901, "EUR"), columns=(column, "UsageDate", "Currency")).readings
    assert found.meter == Meter(COST, expected)


def test_cost_in_the_bills_currency_goes_before_cost_in_dollars():
    columns = ("CostUSD", "Cost", "UsageDate", "Currency")
    (found,) = read((9, 8, 20260901, "EUR"), columns=columns).readings
    assert (found.value, found.meter.unit) == (Decimal(8), "EUR")


def test_a_missing_currency_is_no_currency_and_not_dollars():
    (found,) = read((1.5, 20260901), columns=("Cost", "UsageDate")).readings
    assert found.meter == Meter(COST, "XXX")
    assert found.scope == Scope("", "no meter")


def test_currencies_are_never_added():
    found = read(ROW, (*ROW[:5], "EUR")).readings
    assert {(one.value, one.meter.unit) for one in found} == {
        (Decimal("1.5"), "USD"),
        (Decimal("1.5"), "EUR"),
    }


def test_a_resource_in_mixed_case_is_one_and_its_rows_are_summed():
    rows = [(*ROW[:4], spelled, "USD") for spelled in (ACCOUNT, ACCOUNT.upper(), f"{ACCOUNT.lower()}/")]
    assert read(*rows).readings == (reading("4.5"),)


def test_pages_are_one_answer():
    next_day = (*ROW[:2], 20260902, *ROW[3:])
    pages = [page(ROW), page(), page(ROW, next_day)]
    expected = (reading("3.0"), reading("1.5", day=DAY + timedelta(days=1)))
    known = quantities(expected[0], "600") | quantities(expected[1], "300")
    assert parse(pages, NOON) == CostRows(expected, (), known)


@pytest.mark.parametrize("unknown", [None, "some", float("nan"), []])
def test_a_quantity_of_which_a_part_is_unknown_is_unknown_and_the_cost_counts(unknown):
    rows = [ROW, (ROW[0], unknown, *ROW[2:])]
    for order in (rows, rows[::-1]):
        assert read(*order) == CostRows((reading("3.0"),))


def test_a_column_of_quantities_may_be_called_in_any_case():
    columns = tuple(name.upper() for name in COLUMNS)
    assert read(ROW, columns=columns).quantities == quantities(reading("1.5"), "300")


@pytest.mark.parametrize(
    "day", [20260901, 20260901.0, "20260901", "2026-09-01", "2026-09-01T00:00:00", "2026-09-01T00:00:00Z"]
)
def test_a_day_is_a_number_or_a_text(day):
    assert read((*ROW[:2], day, *ROW[3:])).readings == (reading("1.5"),)


ODD_DAYS: list[Any] = [None, 0, 99991231, 20261301, "soon", float("inf"), [], True]


@pytest.mark.parametrize(
    "row",
    [
        None,
        5,
        "text",
        {},
        [],
        ROW[:5],
        (*ROW, 1),
        (None, *ROW[1:]),
        ("free", *ROW[1:]),
        (True, *ROW[1:]),
        (float("nan"), *ROW[1:]),
        (1e300, *ROW[1:]),
        *[(*ROW[:2], day, *ROW[3:]) for day in ODD_DAYS],
    ],
    ids=repr,
)
def test_a_row_that_makes_no_sense_is_named_and_the_others_count(row):
    found = read(row, ROW)
    assert found.readings == (reading("1.5"),)
    (odd,) = found.odd
    assert str(list(row) if isinstance(row, tuple) else row)[:20] in odd


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [{}],
        [{"properties": None}],
        [{"properties": []}],
        [{"properties": {"columns": None, "rows": None}}],
        [{"properties": {"columns": [{"name": "Cost"}], "rows": []}}],
        [{"properties": {"columns": 5, "rows": {"a": 1}}}],
        [None, 5, "x"],
    ],
    ids=repr,
)
def test_an_answer_without_rows_is_empty(pages):
    assert parse(pages, NOON) == CostRows(())


def test_columns_that_are_odd_leave_no_row_readable_and_say_so():
    answer = {"properties": {"columns": [None, {"name": 5}, {"title": "Cost"}], "rows": [[1, 2, 3]]}}
    found = parse([answer], NOON)
    assert found.readings == ()
    assert len(found.odd) == 1


def test_the_documented_answer_of_a_subscription():
    found = parse([sample("costquery-subscription-daily")], NOON)
    assert found.odd == ()
    costs = {one.start.date().isoformat(): one.value for one in found.readings}
    assert costs == {
        "2018-03-31": Decimal("2.10333307059661") + Decimal("218.68795741935486"),
        "2018-04-01": Decimal("0.14384913581657052"),
        "2018-04-29": Decimal("0.009865586851323632"),
    }


def test_the_documented_answer_of_a_billing_account():
    found = parse([sample("costquery-billingaccount-daily-nextlink")], NOON)
    assert found.odd == ()
    assert {one.meter.unit for one in found.readings} == {"USD"}


def test_an_answer_without_days_names_every_row():
    found = parse([sample("costquery-by-meter-thirdparty-mock")], NOON)
    assert found.readings == ()
    assert len(found.odd) == 3
    assert all("UsageDate" in line for line in found.odd)


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(20260901)
rows = st.lists(cells, max_size=6) | cells
any_page = st.builds(
    lambda columns, some: {"properties": {"columns": columns, "rows": some}},
    st.lists(st.builds(lambda name: {"name": name}, st.sampled_from(COLUMNS) | cells) | cells, max_size=6),
    st.lists(rows, max_size=5) | cells,
)


@given(st.lists(any_page | cells, max_size=3))
def test_any_answer_is_read_row_by_row(pages):
    found = parse(pages, NOON)
    assert list(unpack(pack(found.readings))) == sorted(
        found.readings, key=lambda one: (one.scope, one.meter)
    )
    assert len({(one.scope, one.meter, one.start) for one in found.readings}) == len(found.readings)


def test_a_row_without_a_resource_belongs_to_its_subscription_or_to_what_was_asked():
    by_subscription = ("Cost", "UsageDate", "Meter", "SubscriptionId", "Currency")
    whole = ("Cost", "UsageDate", "Currency")
    pages = [
        page((1, 20260901, "inp", "AAA", "USD"), columns=by_subscription),
        page((1, 20260901, "USD"), columns=whole),
    ]
    found = parse(pages, NOON, holder="/subscriptions/bbb")

    assert [one.scope for one in found.readings] == [
        Scope("/subscriptions/aaa", "inp"),
        Scope("/subscriptions/bbb", "no meter"),
    ]


def test_a_row_of_a_day_that_was_not_asked_for_is_odd():
    asked = Period(DAY, DAY + timedelta(days=1))
    found = parse([page(ROW, (*ROW[:2], 20250901, *ROW[3:]))], NOON, asked)

    assert found.readings == read(ROW).readings
    assert found.odd[0].endswith("of 2025-09-01, which is not of the days asked for")


def test_a_question_is_of_whole_days_of_ai_cost_unless_told_otherwise():
    asked = Period(DAY, DAY + timedelta(days=2))
    plain = question(asked)

    assert plain["timePeriod"] == {"from": "2026-09-01T00:00:00Z", "to": "2026-09-02T23:59:59Z"}
    assert [one["name"] for one in plain["dataset"]["grouping"]] == ["Meter", "ResourceId"]
    assert plain["dataset"]["filter"] == AI_COST
    assert "filter" not in question(asked, only={})["dataset"]
    assert question(asked, groups=(), kind="AmortizedCost")["type"] == "AmortizedCost"


def test_the_last_page_has_no_link():
    assert [next_link(one) for one in (page(ROW), {}, {"properties": {"nextLink": "https://a/b"}})] == [
        "",
        "",
        "https://a/b",
    ]
