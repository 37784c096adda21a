"""Signing in: any credential of the SDKs with its failures in our words, and one that needs no https."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import AzureError, ClientAuthenticationError

from shared.core.faults import SignInFault, Unreachable
from shared.formats.azure_answers import Reply, said
from shared.formats.azure_sign_in import sign_in_line
from shared.formats.loose import folded, one_line

LONGEST_TOKEN = 20_000  # characters
SECONDS_TO_WAIT = (10, 30)  # to connect, and for the answer


class SignIn:
    """A credential whose failures cannot be taken for those of the API that a token was wanted for."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """A token. Raises SignInFault, or Unreachable when nobody could be asked for one."""
        try:
            found: AccessTokenInfo = self._credential.get_token_info(*scopes, **options)
        except ClientAuthenticationError as refused:
            raise SignInFault(sign_in_line(str(refused))) from None
        except (AzureError, ValueError) as lost:
            raise Unreachable(f"signing in to Azure: {type(lost).__name__}") from None
        return found

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The same in the older form."""
        found = self.get_token_info(*scopes)
        return AccessToken(found.token, found.expires_on)


class ClientSecretLogin:
    """Signs in with a client's secret at any authority; azure-identity takes none without https.

    `secret` answers the secret, for the one call that needs it.
    """

    def __init__(
        self,
        authority: str,
        tenant: str,
        client: str,
        secret: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = f"{authority}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._client, self._secret, self._clock = client, secret, clock

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """A token, asked for anew each time: the SDKs' pipelines keep it. Raises as azure-identity does."""
        reply = self._post(
            {
                "grant_type": "client_credentials",
                "client_id": self._client,
                "client_secret": self._secret(),
                "scope": " ".join(scopes),
            }
        )
        if reply.status == 429 or reply.status >= 500:
            raise Unreachable(f"signing in to Azure: answered {reply.status}")
        found = _object(reply.body) if reply.status == 200 else {}
        token, seconds = one_line(found.get("access_token"), LONGEST_TOKEN), one_line(found.get("expires_in"))
        if not token or not seconds.isdecimal():
            why = said(reply)[0].message if reply.status != 200 else "an answer without a token"
            raise ClientAuthenticationError(message=why.replace(self._secret(), "..."))
        return AccessTokenInfo(token, int(self._clock()) + int(seconds))

    def _post(self, form: dict[str, str]) -> Reply:
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy is asked for what is on this machine
                answer = session.post(self._url, data=form, timeout=SECONDS_TO_WAIT, allow_redirects=False)
                return Reply(answer.status_code, {}, answer.content)
        except requests.RequestException as lost:
            raise Unreachable(f"signing in to Azure: {type(lost).__name__}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        return folded(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        return {}
