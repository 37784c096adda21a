"""Why no credential could be had, in one line that says what to do. Entra's codes begin with AADSTS."""

import re
from collections.abc import Mapping

from shared.formats.azure_answers import quoted

_CODE = re.compile(r"\bAADSTS(\d{4,8})\b")
_TENANT = re.compile(r"Tenant '([\w.-]{1,100})' not found", re.IGNORECASE)

NOBODY = "not signed in to Azure: run `az login`; in Azure give the app a managed identity"
EXPIRED = "the login has expired ({code}): run `az login`"
NO_TENANT = "there is no tenant {tenant} ({code}): check AZURE_TENANT_ID, or run `az login --tenant ID`"
IN_PERSON = "the login asks for a person ({code}): run `az login`"
BY_CODE: Mapping[str, str] = {
    "700082": EXPIRED,  # not used for 90 days
    "70043": EXPIRED,  # by a sign-in frequency policy
    "70008": EXPIRED,
    "50173": EXPIRED,  # the password was changed
    "50076": IN_PERSON,  # a second factor
    "50079": IN_PERSON,
    "50158": IN_PERSON,
    "7000222": "the client secret has expired ({code}): make a new one and set AZURE_CLIENT_SECRET",
    "7000215": "the client secret is wrong ({code}): AZURE_CLIENT_SECRET is its value, not its id",
    "700016": "the tenant does not know the app ({code}): check AZURE_CLIENT_ID and AZURE_TENANT_ID",
    "90002": NO_TENANT,
    "900023": NO_TENANT,
}


def sign_in_line(message: str) -> str:
    """What to do about a credential's failure, of which `message` may be many lines and hold anything."""
    found = next((match for match in _CODE.finditer(message) if match[1] in BY_CODE), None)
    if found:
        tenant = _TENANT.search(message)
        return BY_CODE[found[1]].format(code=found[0], tenant=tenant[1] if tenant else "of that name")
    first = quoted(message.strip().split("\n", 1)[0], 160)
    return f"{NOBODY} ({first})" if first and not first.startswith("DefaultAzureCredential") else NOBODY
