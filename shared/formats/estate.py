"""ARM's lists of AI accounts and deployments as ours. Anything may be absent or null."""

from collections.abc import Mapping
from typing import Any

from shared.core.model import Account, Deployment


def parse_account(item: Mapping[str, Any], owner_tag: str) -> Account:
    """An account without its deployments; `owner_tag` names the tag (any case) that says whose it is."""
    tags = {str(name).lower(): str(value) for name, value in (item.get("tags") or {}).items()}
    return Account(
        id=str(item.get("id") or "").rstrip("/").lower(),
        region=str(item.get("location") or "").replace(" ", "").lower(),
        kind=str(item.get("kind") or ""),
        owner=tags.get(owner_tag.lower(), ""),
    )


def parse_deployment(item: Mapping[str, Any]) -> Deployment:
    """A deployment with its model, version and SKU; "" where ARM does not say."""
    model = (item.get("properties") or {}).get("model") or {}
    return Deployment(
        name=str(item.get("name") or ""),
        model=str(model.get("name") or ""),
        version=str(model.get("version") or ""),
        sku=str((item.get("sku") or {}).get("name") or ""),
    )
