"""The headers of our HTTP answers: nothing is kept, guessed, framed or sent on; pages run no script."""

import base64
import hashlib
from collections.abc import Mapping

# An answer may hold words of whoever called: it is text and nothing else, and nobody keeps it.
PLAIN: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
NO_REFERRER: Mapping[str, str] = {"Referrer-Policy": "no-referrer"}  # a signed link must not travel on


def page_headers(stylesheet: str = "") -> dict[str, str]:
    """Those of every HTML answer.

    `stylesheet` is the text inside the page's one <style>, byte for byte: no other style is used, no `style`
    attribute either, no script at all; pictures are in the page itself, and forms go back to the app.
    """
    digest = base64.b64encode(hashlib.sha256(stylesheet.encode()).digest()).decode()
    policy = (
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'" if stylesheet else "style-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        **PLAIN,
        **NO_REFERRER,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Strict-Transport-Security": "max-age=31536000",
    }
