"""ARM's lists of AI accounts and deployments as ours. Anything may be absent, null or odd."""

from collections.abc import Mapping
from typing import Any

from shared.core.model import Account, Deployment
from shared.formats.loose import folded, mapping, one_line

LONGEST_ID = 1000  # characters of an ARM id


def parse_account(item: Mapping[str, Any], owner_tag: str) -> Account:
    """An account without its deployments; `owner_tag` names the tag (any case) that says whose it is."""
    known = mapping(item)
    return Account(
        id=one_line(known.get("id"), LONGEST_ID).rstrip("/").lower(),
        region=one_line(known.get("location")).replace(" ", "").lower(),
        kind=one_line(known.get("kind")),
        owner=one_line(folded(known.get("tags")).get(owner_tag.lower())),
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
