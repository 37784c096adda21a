"""The AI accounts of a subscription and what is in them: read rarely, remembered, and missed when removed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.core.faults import NotPermitted, NotThere, SourceFault, Throttled, Unreachable
from shared.core.model import Account, Scope
from shared.core.periods import HOUR
from shared.core.removals import Removal, missing, put_back
from shared.core.rows import Put
from shared.core.scopes import within
from shared.flows.close import close
from shared.flows.keep import forget_baselines
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.estate import has_projects, parse_account, parse_deployment, parse_owners, parse_projects

LISTED_FOR = HOUR  # a new account is noticed within it
INSIDE_FOR = timedelta(hours=6)  # metrics show a new deployment that is used much sooner
JUST_READ = timedelta(minutes=10)  # reading again would not tell more
BELIEVED_FOR = timedelta(hours=6)  # that the accounts are those of the last time, while they cannot be listed
MOST_INSIDE = 60  # accounts looked into in one round, the oldest knowledge first
MOST_CONFIRMED = 60  # missing things asked for by name in one round
REMOVED_FOR = timedelta(hours=3)  # what is gone still shows in metrics that are read again
ESTATE = "estate"  # the row


@dataclass(frozen=True, slots=True)
class Estate:
    """What a subscription held when it was read."""

    read_at: datetime  # when its accounts were listed
    accounts: tuple[Account, ...] = ()
    inside_at: dict[str, datetime] = field(default_factory=dict)  # when what is in an account was listed
    removed: tuple[Removal, ...] = ()  # lately

    @property
    def known(self) -> tuple[Account, ...]:
        """The accounts whose deployments have been listed."""
        return tuple(account for account in self.accounts if account.id in self.inside_at)

    @property
    def is_whole(self) -> bool:
        """Whether what is in it has been listed of every account."""
        return len(self.known) == len(self.accounts)

    def is_removed(self, scope: Scope) -> bool:
        """Whether a scope's newest readings are of something that is gone."""
        return any(one.covers(scope) for one in self.removed)

    def unlisted(self, used: Iterable[Scope]) -> set[str]:
        """The accounts with deployments in use that are neither listed nor just gone: the list is old."""
        listed = {(one.id, inner.name.lower()) for one in self.accounts for inner in one.deployments}
        accounts = {one.id for one in self.accounts}
        return {
            scope.resource
            for scope in used
            if scope.resource in accounts
            and (scope.resource, scope.part.lower()) not in listed
            and not self.is_removed(scope)
        }

    def account_of(self, resource: str) -> Account | None:
        """The account that a resource is, or is a project in; None for one that is not known."""
        account = resource.partition("/projects/")[0]
        return next((one for one in self.accounts if one.id == account), None)


def load_accounts(ports: Ports, subscription: str) -> tuple[Account, ...]:
    """The accounts as last read; none before the first round."""
    kept = _load(ports, subscription)
    return kept.accounts if kept else ()


def read_estate(
    ports: Ports,
    subscription: str,
    now: datetime,
    used: Iterable[Scope] = (),
    age: timedelta = LISTED_FOR,
) -> tuple[Estate, list[str]]:
    """What there is, read anew where it has become old, and the nudges of the alerts that this closes.

    Accounts are listed again after `age`. `used` are deployments that metrics show: one that is not known
    makes its account be looked into. What is not listed any more is gone only when ARM says so by its
    name. Raises a SourceFault.
    """
    before = _load(ports, subscription)
    after = _listed(ports, subscription, before, now, age)
    due = _due(after, after.unlisted(used), now)
    after = _looked_into(ports, after, due, now)
    gone: list[Removal] = []
    if before is not None:
        after, gone = _without_removed(ports, before, after, now)
    nudges = _forget(ports, subscription, gone, now)
    if after != before:
        body = records.squeeze(records.encode(after))
        ports.store.commit(records.state_partition(subscription), [Put(ESTATE, body)])
    return after, nudges


def _load(ports: Ports, subscription: str) -> Estate | None:
    row = ports.store.get(records.state_partition(subscription), ESTATE)
    return records.decode(records.unsqueeze(row.body), Estate) if row else None


def _listed(ports: Ports, subscription: str, before: Estate | None, now: datetime, age: timedelta) -> Estate:
    """The accounts of now, each with what was known to be in it."""
    if before is not None and now - before.read_at < age:
        return before
    try:
        items = ports.azure.accounts(subscription)
    except (Throttled, Unreachable) as fault:
        if before is None or now - before.read_at >= BELIEVED_FOR:
            raise
        _log(ports, "accounts", fault)
        return before
    known = {account.id: account for account in before.accounts} if before else {}
    found = [parse_account(item, ports.watch.owner_tag) for item in items]
    accounts = [
        replace(one, deployments=known[one.id].deployments, projects=known[one.id].projects)
        if one.id in known
        else one
        for one in found
        if one.id and one.region
    ]
    owned = _owned(ports, subscription, accounts, known)
    return replace(before, read_at=now, accounts=owned) if before else Estate(now, owned)


def _owned(
    ports: Ports, subscription: str, accounts: Sequence[Account], known: dict[str, Account]
) -> tuple[Account, ...]:
    """The accounts with their owners: of one without the tag its resource group's, asked only then."""
    if all(account.owner for account in accounts):
        return tuple(accounts)
    try:
        owners = parse_owners(ports.azure.resource_groups(subscription), ports.watch.owner_tag)
    except SourceFault as fault:
        _log(ports, "resource groups", fault)
        return tuple(
            replace(one, owner=known[one.id].owner) if not one.owner and one.id in known else one
            for one in accounts
        )
    return tuple(
        replace(one, owner=one.owner or owners.get(one.id.partition("/providers/")[0], ""))
        for one in accounts
    )


def _due(estate: Estate, unknown: set[str], now: datetime) -> list[Account]:
    """The accounts to look into, those of which least is known first."""
    ages = {one.id: now - at if (at := estate.inside_at.get(one.id)) else None for one in estate.accounts}
    due = [
        one
        for one in estate.accounts
        if (age := ages[one.id]) is None or age >= INSIDE_FOR or (one.id in unknown and age >= JUST_READ)
    ]
    return sorted(due, key=lambda one: ages[one.id] or timedelta.max, reverse=True)[:MOST_INSIDE]


def _looked_into(ports: Ports, estate: Estate, due: Sequence[Account], now: datetime) -> Estate:
    """The estate with what is in these accounts now; of one that does not answer what was known before."""
    fresh: dict[str, Account] = {}
    for account in due:
        try:
            fresh[account.id] = _look_into(ports, account)
        except (NotPermitted, NotThere) as fault:
            _log(ports, f"deployments of {account.id}", fault)
            fresh[account.id] = account
        except Throttled as fault:
            _log(ports, f"deployments of {account.id}", fault)
            break
        except Unreachable as fault:
            _log(ports, f"deployments of {account.id}", fault)
    if not fresh:
        return estate
    return replace(
        estate,
        accounts=tuple(fresh.get(one.id, one) for one in estate.accounts),
        inside_at={**estate.inside_at, **dict.fromkeys(fresh, now)},
    )


def _look_into(ports: Ports, account: Account) -> Account:
    deployments = map(parse_deployment, ports.azure.deployments(account.id))
    projects = parse_projects(ports.azure.projects(account.id)) if has_projects(account) else ()
    return replace(
        account,
        deployments=tuple(one for one in deployments if one.name),
        projects=tuple(one for one in projects if within(one, account.id)),
    )


def _without_removed(
    ports: Ports, before: Estate, after: Estate, now: datetime
) -> tuple[Estate, list[Removal]]:
    """The estate, and what is really gone: what is only missing from a list, or may not be known, stays."""
    lacking = missing(before.accounts, after.accounts, now)
    gone = [one for one in lacking[:MOST_CONFIRMED] if _is_gone(ports, one)]
    accounts = put_back(before.accounts, after.accounts, [one for one in lacking if one not in gone])
    lately = [
        one
        for one in (*before.removed, *gone)
        if now - one.noticed_at < REMOVED_FOR and not one.is_back(accounts)
    ]
    there = {account.id for account in accounts}
    inside = {one: at for one, at in after.inside_at.items() if one in there}
    return replace(after, accounts=tuple(accounts), inside_at=inside, removed=tuple(lately)), gone


def _is_gone(ports: Ports, removal: Removal) -> bool:
    try:
        return not ports.azure.exists(removal.id)
    except SourceFault as fault:
        _log(ports, removal.id, fault)
        return False


def _forget(ports: Ports, subscription: str, gone: Sequence[Removal], now: datetime) -> list[str]:
    """Closes the alerts of what is gone and forgets what was usual for it; answers the nudges."""
    if not gone:
        return []
    for one in gone:
        ports.log({"event": "removed", "what": one.id})

    def why(scope: Scope) -> str:
        return next((one.why for one in gone if one.covers(scope)), "")

    nudges = close(ports, subscription, why, now)
    forget_baselines(ports, subscription, lambda scope: bool(why(scope)))
    return nudges


def _log(ports: Ports, source: str, fault: SourceFault) -> None:
    ports.log({"event": "source", "source": source, "trouble": str(fault)})
