"""POST /login/{tenant}/oauth2/v2.0/token: a token for a client's secret, or what Entra says instead."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, uuid5

from sim.arm_shapes import TENANT
from sim.view import View
from sim.wire import Answer, Request, as_json

LIFETIME = timedelta(hours=1)
NEEDED = ("grant_type", "client_id", "client_secret", "scope")
EXPIRED_SECRET = (
    "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new "
    "keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added "
    "security: https://aka.ms/certCreds."
)
NO_TENANT = (
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
    "correct cloud. Check with your subscription administrator, this may happen if there are no active "
    "subscriptions for the tenant."
)
EXPIRED_LOGIN = (
    "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for "
    "90.00:00:00."
)
MISSING = "The request body must contain the following parameter: '{missing}'."
ERRORS = {  # code: status, error, words
    "AADSTS7000222": (401, "invalid_client", EXPIRED_SECRET),
    "AADSTS90002": (400, "invalid_request", NO_TENANT),
    "AADSTS700082": (400, "invalid_grant", EXPIRED_LOGIN),
    "AADSTS900144": (400, "invalid_request", MISSING),
}


def give_token(view: View, request: Request, tenant: str) -> Answer:
    """Any secret is right; the token is one that the tenant's APIs take."""
    form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
    missing = next((name for name in NEEDED if name not in form), "")
    code = "AADSTS900144" if missing else view.options.login_fault
    if not code and tenant.lower() != TENANT:
        code = "AADSTS90002"
    if code:
        client = form.get("client_id", "")
        return refused(code, view.now, client=client, tenant=tenant, missing=missing)
    seconds = int(LIFETIME.total_seconds())
    return as_json(
        {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": "simulated",
        }
    )


def refused(code: str, now: datetime, **facts: str) -> Answer:
    status, error, words = ERRORS[code]
    issued = f"{now - timedelta(days=100):%Y-%m-%dT%H:%M:%S}.0000000Z"
    trace = str(uuid5(NAMESPACE_URL, f"{code}|{now}"))
    stamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
    said = f"{code}: {words.format(issued=issued, **facts)}"
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"{said} Trace ID: {trace} Correlation ID: {trace} Timestamp: {stamp}",
        "error_codes": [int(code.removeprefix("AADSTS"))],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={code.removeprefix('AADSTS')}",
    }
    return as_json(body, status)
