"""Callers as the platform's authentication describes them."""

import base64
import json
from typing import Any

CLIENT = "0a1b2c3d-1111-2222-3333-444455556666"
TENANT = "9f8e7d6c-1111-2222-3333-444455556666"
ACTION_GROUPS = "461e8683-5575-4561-ac7f-899cc907d62a"
ROLE = "ActionGroupsSecureWebhook"
V2 = {
    "aud": CLIENT,
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "tid": TENANT,
    "azp": ACTION_GROUPS,
    "roles": ROLE,
}
V1 = {
    "aud": f"api://{CLIENT}",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
    "appid": ACTION_GROUPS,
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ROLE,
}


def header(*pairs: tuple[str, str], provider: Any = "aad", **more: Any) -> str:
    claims = [{"typ": name, "val": value} for name, value in pairs]
    return encoded({"auth_typ": provider, "claims": claims, "role_typ": "roles", **more})


def encoded(found: object) -> str:
    return base64.b64encode(json.dumps(found).encode()).decode()


def of(claims: dict[str, str], provider: Any = "aad", **changed: str) -> str:
    return header(*{**claims, **changed}.items(), provider=provider)
