"""A login for the simulated tenant, which takes any token."""

from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo

FOREVER = 4_102_444_800  # 2100-01-01, in epoch seconds


class SimulatedLogin:
    """A credential in the SDKs' form whose token opens nothing but the simulated tenant."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("simulated", FOREVER)

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        return AccessTokenInfo("simulated", FOREVER)
