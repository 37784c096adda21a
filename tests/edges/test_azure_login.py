"""Signing in: a failure says what to do, and is never taken for one of the API that was to be asked."""

from urllib.parse import parse_qs

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from shared.core.faults import Fault, SignInFault, Unreachable
from shared.edges.azure_api import AzureApi
from shared.edges.azure_clients import Endpoints
from shared.edges.azure_login import ClientSecretLogin, SignIn
from tests.loopback import Told, loopback

SECRET = "nobody-may-see-this"
SCOPE = "https://management.azure.com/.default"
GIVEN = {"token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"}


class Failing:
    """A credential as `DefaultAzureCredential` is without a login."""

    def __init__(self, error):
        self.error = error

    def get_token_info(self, *scopes, **options):
        raise self.error


def login_at(url, tenant="contoso.example"):
    return SignIn(ClientSecretLogin(url, tenant, "client", lambda: SECRET, clock=lambda: 1000.5))


def signing_in(told):
    with loopback(lambda request: told) as server:
        return login_at(server.url).get_token_info(SCOPE)


@pytest.mark.parametrize("kind", [ClientAuthenticationError, CredentialUnavailableError])
def test_nobody_signed_in_is_said_as_such(kind):
    azure = AzureApi(Failing(kind(message="no login\nand many more lines")), Endpoints())

    with pytest.raises(SignInFault, match=r"az login.*\(no login\)") as raised:
        azure.subscriptions()

    assert len(str(raised.value).splitlines()) == 1


def test_a_refusal_of_entra_is_none_of_the_api():
    error = ClientAuthenticationError(message="AADSTS7000222: expired")
    error.status_code = 401  # as azure-identity keeps it from the answer of the login

    with pytest.raises(SignInFault, match="the client secret has expired"):
        AzureApi(Failing(error), Endpoints()).subscriptions()


def test_a_login_that_cannot_be_reached_is_no_missing_login():
    azure = AzureApi(Failing(ServiceRequestError("no route")), Endpoints())

    with pytest.raises(Unreachable, match="signing in to Azure: ServiceRequestError"):
        azure.subscriptions()


def test_no_secret_in_the_words_of_a_login_is_shown():
    error = ClientAuthenticationError(message=f"odd at https://login.example/t?secret={SECRET}")

    with pytest.raises(SignInFault, match="odd at https") as raised:
        AzureApi(Failing(error), Endpoints()).subscriptions()

    assert SECRET not in str(raised.value)


def test_a_client_signs_in_with_its_secret_for_one_scope():
    with loopback(lambda request: Told(200, GIVEN)) as server:
        login = login_at(server.url)
        found = login.get_token_info(SCOPE)
        older = login.get_token(SCOPE)

    heard = server.heard[0]
    assert (found.token, found.expires_on) == ("a-token", 4600)
    assert older.token == "a-token"
    assert heard.path == "/contoso.example/oauth2/v2.0/token"
    assert parse_qs(heard.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client"],
        "client_secret": [SECRET],
        "scope": [SCOPE],
    }


@pytest.mark.parametrize("seconds", [3600, "3600"])
def test_a_token_lasts_as_long_as_it_is_said_to(seconds):
    assert signing_in(Told(200, {**GIVEN, "expires_in": seconds})).expires_on == 4600


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        (Told(401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired"}), SignInFault,
         "the client secret has expired (AADSTS7000222)"),
        (Told(400, {"error": "invalid_request", "error_description": "AADSTS90002: Tenant 'x' not found."}),
         SignInFault, "there is no tenant x"),
        (Told(400, {"error": "invalid_client", "error_description": f"odd secret {SECRET}"}), SignInFault,
         "odd secret ..."),
        (Told(400, b"<html><title>No</title></html>"), SignInFault, "a page: No"),
        (Told(200, {"access_token": 5}), SignInFault, "an answer without a token"),
        (Told(200, {"access_token": SECRET}), SignInFault, "an answer without a token"),
        (Told(200, b"{"), SignInFault, "an answer without a token"),
        (Told(200, [1]), SignInFault, "an answer without a token"),
        (Told(503, b""), Unreachable, "signing in to Azure: answered 503"),
        (Told(429, b""), Unreachable, "signing in to Azure: answered 429"),
        (Told(302, b"", {"Location": "http://localhost:1/"}), SignInFault, "not signed in"),
    ],
    ids=["expired", "no tenant", "our secret repeated", "a page", "no text", "no time", "cut off", "a list",
         "trouble", "too often", "away"],
)  # fmt: skip
def test_a_login_that_fails_says_what_to_do_and_no_secret(told, kind, words):
    with pytest.raises(kind) as raised:
        signing_in(told)

    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


def test_an_authority_that_is_not_there_is_said_without_the_secret():
    with loopback(lambda request: Told()) as server:
        pass
    with pytest.raises(Fault, match="signing in to Azure: ConnectionError") as raised:
        login_at(server.url).get_token_info(SCOPE)

    assert isinstance(raised.value, Unreachable)


def test_a_tenant_s_name_cannot_lead_to_another_path():
    with loopback(lambda request: Told(200, GIVEN)) as server:
        login_at(server.url, "a/../b?c").get_token_info(SCOPE)

    assert server.heard[0].path == "/a%2F..%2Fb%3Fc/oauth2/v2.0/token"
