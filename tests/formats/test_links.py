"""A signed link is good for one thing, until its end, in exactly the form in which it was made."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.core.model import Act
from shared.formats.links import LASTS, MOST_TOKEN, Links, Ticket, link_to, sealed, unsealed
from tests.builders import NOW

KEY = b"k" * 32
TICKET = Ticket(Act.ACKNOWLEDGE, "MW-1A2B3C4D", "on-call", NOW + LASTS, "6f1e")
TOKEN = sealed(TICKET, KEY)
SECOND = timedelta(seconds=1)
TEXTS = st.text(max_size=30)


@given(act=st.sampled_from(Act), subject=TEXTS, channel=TEXTS, nonce=TEXTS)
def test_what_was_sealed_comes_back_and_fits_into_an_address(act, subject, channel, nonce):
    ticket = Ticket(act, subject, channel, NOW + LASTS, nonce)
    link = link_to(Links("https://app.example/api/respond", KEY), ticket)

    (token,) = parse_qs(urlsplit(link).query)["t"]
    assert unsealed(token, KEY, NOW) == ticket
    assert link.isascii()


def test_a_link_is_good_until_its_end_and_not_after():
    assert unsealed(TOKEN, KEY, TICKET.expires - SECOND) == TICKET
    assert unsealed(TOKEN, KEY, TICKET.expires) == "this link has expired; it was good for 7 days"


@given(place=st.integers(0, len(TOKEN) - 1), letter=st.characters())
def test_no_changed_letter_is_accepted(place, letter):
    assume(TOKEN[place] != letter)

    assert isinstance(unsealed(TOKEN[:place] + letter + TOKEN[place + 1 :], KEY, NOW), str)


@given(first=st.integers(0, len(TOKEN)), last=st.integers(0, len(TOKEN)), put=st.text(max_size=40))
def test_no_cut_and_no_addition_is_accepted(first, last, put):
    changed = TOKEN[:first] + put + TOKEN[last:]
    assume(changed != TOKEN)

    assert isinstance(unsealed(changed, KEY, NOW), str)


@given(
    st.text(max_size=200)
    | st.just("." * MOST_TOKEN)
    | st.text(min_size=MOST_TOKEN + 1, max_size=MOST_TOKEN + 9)
)
def test_no_text_that_is_none_of_ours_is_accepted_or_raises(text):
    assert isinstance(unsealed(text, KEY, NOW), str)


@given(st.text(alphabet="\ud800\udfff.\x00=", max_size=9))
def test_what_no_utf8_has_is_refused_in_words_too(text):
    assert isinstance(unsealed(text, KEY, NOW), str)


def test_another_spelling_of_the_same_bytes_is_refused():
    payload, _, signature = TOKEN.partition(".")
    spelt = {signature + "=", signature[:-1] + chr(ord(signature[-1]) + 1)}
    same = [one for one in spelt if _bytes(one) == _bytes(signature)]

    assert same  # base64 has several texts for one signature
    assert all(isinstance(unsealed(f"{payload}.{one}", KEY, NOW), str) for one in same)


def _bytes(text):
    return urlsafe_b64decode(text.rstrip("=") + "=")


def test_another_act_or_incident_under_the_same_signature_is_refused():
    payload, _, signature = TOKEN.partition(".")
    said = json.loads(urlsafe_b64decode(payload + "=="))
    for place, put in [(0, "resolve"), (1, "MW-00000000"), (3, said[3] + 10**6)]:
        changed = urlsafe_b64encode(json.dumps([*said[:place], put, *said[place + 1 :]]).encode()).decode()
        assert isinstance(unsealed(f"{changed.rstrip('=')}.{signature}", KEY, NOW), str)


def test_a_link_signed_with_another_key_is_refused():
    assert isinstance(unsealed(sealed(TICKET, b"j" * 32), KEY, NOW), str)


def test_what_the_key_signed_for_something_else_is_no_link():
    payload = TOKEN.partition(".")[0]
    signature = urlsafe_b64encode(hmac.digest(KEY, payload.encode(), "sha256")).decode().rstrip("=")

    assert isinstance(unsealed(f"{payload}.{signature}", KEY, NOW), str)


def test_two_links_for_the_same_are_told_apart_by_their_nonce():
    assert sealed(TICKET, KEY) != sealed(replace(TICKET, nonce="70aa"), KEY)


def test_the_key_is_in_no_text_of_links():
    assert "kkkk" not in repr(Links("https://app.example", KEY))


def test_a_signature_is_compared_without_telling_by_time_how_much_of_it_is_right(monkeypatch):
    compared: list[bytes] = []
    equal = hmac.compare_digest

    def noted(ours, theirs):
        compared.append(theirs)
        return equal(ours, theirs)

    monkeypatch.setattr(hmac, "compare_digest", noted)

    assert unsealed(TOKEN, KEY, NOW) == TICKET
    assert compared == [TOKEN.partition(".")[2].encode()]
