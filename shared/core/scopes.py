"""ARM ids: what lies within what, and where the portal shows it. All in lower case, no trailing slash."""


def within(resource: str, scope: str) -> bool:
    """Whether a resource is a scope or lies below it; "" holds everything."""
    return not scope or resource == scope or resource.startswith(scope + "/")


def subscription_of(resource: str) -> str:
    """The subscription's GUID in an ARM id, or "" when it names none."""
    segments = resource.lower().split("/")
    return segments[2] if len(segments) > 2 and segments[1] == "subscriptions" else ""


def portal_link(resource: str) -> str:
    """Where the Azure portal shows a resource; "" for none."""
    return f"https://portal.azure.com/#@/resource{resource}/overview" if resource.startswith("/") else ""
