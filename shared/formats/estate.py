"""ARM's lists of groups, AI accounts, deployments and projects as ours. Anything may be absent or odd."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.core.model import Account, Deployment
from shared.formats.loose import folded, mapping, one_line

LONGEST_ID = 1000  # characters of an ARM id
FOUNDRY = "aiservices"  # the kind of account that has projects


def parse_account(item: Mapping[str, Any], owner_tag: str) -> Account:
    """An account without what is in it; `owner_tag` names the tag (any case) that says whose it is."""
    known = mapping(item)
    return Account(
        id=_id(known),
        region=one_line(known.get("location")).replace(" ", "").lower(),
        kind=one_line(known.get("kind")),
        owner=_owner(known, owner_tag),
        tags={name: one_line(value) for name, value in folded(known.get("tags")).items()},
    )


def parse_deployment(item: Mapping[str, Any]) -> Deployment:
    """A deployment with its model, version and SKU; "" where ARM does not say."""
    known = mapping(item)
    model = mapping(mapping(known.get("properties")).get("model"))
    return Deployment(
        name=one_line(known.get("name")),
        model=one_line(model.get("name")),
        version=one_line(model.get("version")),
        sku=one_line(mapping(known.get("sku")).get("name")),
    )


def parse_projects(items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The ARM ids of projects, in lower case."""
    return tuple(filter(None, (_id(mapping(item)) for item in items)))


def parse_owners(groups: Iterable[Mapping[str, Any]], owner_tag: str) -> dict[str, str]:
    """Whose each resource group is, by its ARM id in lower case; without those that do not say."""
    found = {_id(known): _owner(known, owner_tag) for known in map(mapping, groups)}
    return {group: owner for group, owner in found.items() if group and owner}


def has_projects(account: Account) -> bool:
    """Whether an account is of the kind that has projects."""
    return account.kind.lower() == FOUNDRY


def _id(known: Mapping[str, Any]) -> str:
    return one_line(known.get("id"), LONGEST_ID).rstrip("/").lower()


def _owner(known: Mapping[str, Any], owner_tag: str) -> str:
    return one_line(folded(known.get("tags")).get(owner_tag.lower()))
