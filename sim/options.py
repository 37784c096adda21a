"""What can be switched while the tenant runs. The defaults are the tenant of `make run`."""

from datetime import date, datetime
from typing import Literal

import msgspec

Bucket = Literal["entity", "tenant", "qpu", "clienttype"]
Currency = Literal["USD", "EUR", "GBP"]


class Correction(msgspec.Struct, forbid_unknown_fields=True):
    """From `at` on, the bill shows other rows for the usage of one `day` than it did before.

    `meter` "" is every meter. `factor` re-rates the cost and leaves the quantity. With `moved_to` the rows
    stand under another meter, and those under the old one are gone.
    """

    at: datetime
    day: date
    meter: str = ""
    factor: float = 1.0
    moved_to: str = ""


class MeterRename(msgspec.Struct, forbid_unknown_fields=True):
    """A meter whose usage is billed under the name `to` from the day `since` on."""

    meter: str
    to: str
    since: date


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """Set as a whole by PUT /sim/options: what is not given goes back to its default."""

    cost_page: int = 0  # rows a page of a cost query or forecast at most; 0 is as many as asked
    cost_late: bool = True  # False: a usage is billed at once
    cost_corrections: list[Correction] = []
    meter_renames: list[MeterRename] = []
    service_renamed: bool = True  # False: models stand under "Foundry Models" from the beginning
    odd_case: bool = True  # ids and columns in changing case, columns in changing order
    currencies: dict[str, Currency] = {}  # by subscription in lower case, for those not billed in USD
    reservation: bool = False  # PTU are reserved a month ahead, not billed by the hour
    last_day_only: bool = False  # a daily query with groups answers its last day alone
    future_as_last_year: bool = False  # dates that are yet to come are taken a year earlier
    cost_throttle: bool = False  # short for the bucket "entity"
    cost_buckets: list[Bucket] = []  # those that are enforced on cost queries and forecasts
    budget_scale: float = 1.0  # on the amounts of the budgets that the story leaves quiet
    prices_page: int = 100
    metrics_refused: float = 0.0  # share of the metrics batches answered 529
    metrics_unknown: list[str] = []  # metrics that none has heard of; a region: there none of the newer
    metrics_anonymous: bool = False  # the results of a batch name no resource, and come in the order asked
    metrics_missing_empty: bool = False  # a resource that is not there has no series, and is no refusal
    logs_partial: bool = False  # a log query answers half its rows, and an error beside them
    clock_ahead: float = 0.0  # seconds that Azure's clock is before ours; negative is behind
    cost_denied: Literal[401, 403] = 403  # without Cost Management Reader; both have been seen
    login_fault: Literal["", "AADSTS7000222", "AADSTS90002", "AADSTS700082"] = ""
    wrong_issuer: bool = False  # ARM takes the token for another tenant's
    slack_channels: list[str] = []  # known besides those that begin with C
