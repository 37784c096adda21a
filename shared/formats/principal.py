"""Who calls, as the platform's authentication says it in a header: read, and held against who may.

The header is base64 of JSON with `auth_typ`, `role_typ` and `claims`, each a `typ` and a `val`. The platform
puts it there, and takes away what a caller sends under its name, only while it is switched on: without
that anybody can write it.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.formats.loose import folded, mappings, one_line

HEADER = "X-MS-CLIENT-PRINCIPAL"
ENTRA = "aad"  # what the platform calls this provider
LONGEST = 32_000  # characters of the header; hosts take no more
# The platform hands some claims on under their longer names.
TENANT_CLAIMS = ("tid", "http://schemas.microsoft.com/identity/claims/tenantid")
ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
CALLER_CLAIMS = ("azp", "appid")  # of tokens in version 2, and in version 1


@dataclass(frozen=True, slots=True)
class Expected:
    """Who may call. Ids are GUIDs in lower case; where one is "" nobody may.

    `protected` says that the platform's authentication stands before the app.
    """

    protected: bool = False
    audience: str = ""  # the client id of the app registration
    tenant: str = ""
    role: str = ""
    caller: str = ""  # the client id of the one app that calls


@dataclass(frozen=True, slots=True)
class Admission:
    """Which of the webhook's two doors is open: the function key's, or else Entra's."""

    by_key: bool = False
    expected: Expected = Expected()


def refusal(header: str, expected: Expected) -> str:
    """Why a caller is not let in, in words for the log; "" for the one who may."""
    if not expected.protected:
        return "the platform's authentication is not switched on: WEBSITE_AUTH_ENABLED is not true"
    if not all((expected.audience, expected.tenant, expected.role, expected.caller)):
        return "METERWATCH_WEBHOOK_AUDIENCE and METERWATCH_WEBHOOK_TENANT are not both set"
    principal = _principal(header)
    if principal is None:
        return f"no principal in {HEADER}"
    if (provider := one_line(principal.get("auth_typ"), 40)) != ENTRA:
        return f"a principal of provider {provider or '(none)'}, expected {ENTRA}"
    return _mismatch(_claims(principal), expected)


def _mismatch(claims: Mapping[str, frozenset[str]], expected: Expected) -> str:
    """The first claim that is not as it must be; every value of one counts, but of the roles one will do."""
    audiences = frozenset({expected.audience, f"api://{expected.audience}"})
    tenants = frozenset().union(*(claims.get(name, ()) for name in TENANT_CLAIMS))
    tenants |= {_tenant_of(issuer) for issuer in claims.get("iss", ())}
    callers = frozenset().union(*(claims.get(name, ()) for name in CALLER_CLAIMS))
    for name, found, allowed in (
        ("audience", claims.get("aud", frozenset()), audiences),
        ("tenant", tenants, frozenset({expected.tenant})),
        ("caller", callers, frozenset({expected.caller})),
    ):
        if not found or not found <= allowed:
            return f"{name} {_shown(found)}, expected {_shown(allowed)}"
    roles = frozenset().union(*(claims.get(name, ()) for name in ROLE_CLAIMS))
    if expected.role.lower() not in roles:
        return f"roles {_shown(roles)}, expected {expected.role}"
    return ""


def _principal(header: str) -> Mapping[str, Any] | None:
    """The object in the header; None for anything else."""
    if not header or len(header) > LONGEST:
        return None
    try:
        found = msgspec.json.decode(base64.b64decode(header, validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return folded(found) or None


def _claims(principal: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """The values of each claim, all in lower case: GUIDs are written in either."""
    claims: dict[str, frozenset[str]] = {}
    for claim in map(folded, mappings(principal.get("claims"))):
        name, value = one_line(claim.get("typ"), 200).lower(), one_line(claim.get("val")).lower()
        if name and value:
            claims[name] = claims.get(name, frozenset()) | {value}
    return claims


def _tenant_of(issuer: str) -> str:
    """The tenant in https://sts.windows.net/<tenant>/ or https://<login>/<tenant>/v2.0; "" in any other."""
    scheme, _, rest = issuer.partition("://")
    _, _, path = rest.partition("/")
    tenant, _, version = path.partition("/")
    return tenant if scheme == "https" and version in ("", "v2.0") else ""


def _shown(values: frozenset[str]) -> str:
    return " and ".join(sorted(value[:80] for value in values)[:3]) or "(none)"
