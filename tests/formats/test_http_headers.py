"""What every HTML answer carries: no script, no style but the page's own, nothing framed, kept or sent on."""

import base64
import hashlib

import pytest

from shared.formats.http_headers import PLAIN, page_headers


def policy(stylesheet=""):
    parts = page_headers(stylesheet)["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize("stylesheet", ["", "p { color: red }"], ids=["no style", "a style"])
def test_nothing_is_loaded_or_run_that_is_not_named(stylesheet):
    found = policy(stylesheet)

    assert found["default-src"] == "'none'"
    assert (found["frame-ancestors"], found["base-uri"], found["form-action"]) == (
        "'none'",
        "'none'",
        "'self'",
    )
    assert not [name for name in found if name.startswith("script")]
    assert "unsafe" not in str(found)


def test_the_one_style_is_named_by_its_digest():
    css = "p { content: 'ü' }"
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()

    assert policy(css)["style-src"] == f"'sha256-{digest}'"
    assert policy()["style-src"] == "'none'"


def test_a_page_is_neither_kept_nor_guessed_at_nor_named_to_others():
    headers = page_headers()

    assert PLAIN.items() <= headers.items()
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
