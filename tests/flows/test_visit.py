"""A link from a card: looking changes nothing, the form acts once, and whatever else comes is refused."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.acts import Wish
from shared.core.faults import StoreAway
from shared.core.model import Act, State, Transition
from shared.flows.respond import respond
from shared.flows.visit import Visit, visit
from shared.formats import records
from shared.formats.links import LASTS, Links, Ticket, sealed
from shared.formats.pages import HEADERS, STYLE, Question, confirm, say
from tests.builders import HOUR, an_alert, an_incident
from tests.telling import MINUTE, NOW, incidents, limit, links_on, ports_telling, tell

LINKS = Links("https://app.example/api/respond", b"k" * 32)
SOON = NOW + MINUTE
TAGS = set(
    "html head meta title style body main h1 p b small article form input label select option button".split()
)
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;"


@pytest.fixture
def ports(tmp_path, chat):
    with ports_telling(chat, tmp_path / "told.db") as found:
        ready = replace(found, links=LINKS)
        tell(ready, [limit()], NOW)
        yield ready


def everything(ports):
    return [(row.key, row.version) for row in ports.store.scan(records.ALERTS)]


def links_of(chat):
    """The links on the newest card, by what they say."""
    card = chat.of("teams")[-1].body["attachments"][0]["content"]
    return {action["title"]: action["url"] for action in links_on(card)}


def token_of(link):
    return urlsplit(link).query.removeprefix("t=")


def a_token(act=Act.ACKNOWLEDGE, subject="", ports=None, **named):
    subject = subject or incidents(ports)[0].id
    return sealed(replace(Ticket(act, subject, "teams", NOW + LASTS, "n1"), **named), LINKS.key)


def look(ports, token, now=SOON, **named):
    return visit(ports, Visit(False, token, **named), now)


def post(ports, token, now=SOON, principal="", **fields):
    form = {"t": token, "who": "ann@contoso.example", "why": "on it"} | fields
    return visit(ports, Visit(True, "", urlencode(form).encode(), principal), now)


def last_change(ports):
    rows = list(ports.store.scan(records.ALERTS, f"transition|{incidents(ports)[0].id}|"))
    return records.decode(rows[-1].body, Transition)


def test_a_card_has_a_link_for_each_act_and_slack_has_them_as_buttons(chat, ports):
    assert {*links_of(chat)} == {"Acknowledge", "Silence", "Mark as expected", "Resolve"}
    assert all(link.startswith(LINKS.address + "?t=") for link in links_of(chat).values())
    assert "api/respond" in str(chat.of("slack")[-1].body)


def test_looking_shows_how_it_stands_and_changes_nothing(chat, ports):
    before = everything(ports)
    for link in links_of(chat).values():
        reply = look(ports, token_of(link))
        assert (reply.status, reply.nudges) == (200, ())
        for words in (
            "PTU utilisation 97 %",
            "Open since Tue 8 Sep 14:05 UTC",
            "nobody has acknowledged",
            "<form method",
        ):
            assert words in reply.text

    assert everything(ports) == before


@pytest.mark.parametrize(
    ("act", "change"),
    [
        (Act.ACKNOWLEDGE, "acknowledged"),
        (Act.SILENCE, "silenced"),
        (Act.EXPECTED, "expected"),
        (Act.RESOLVE, "resolved"),
    ],
)
def test_posting_the_form_acts_and_records_who_and_why(ports, act, change):
    reply = post(ports, a_token(act, ports=ports))

    assert reply.status == 200
    assert reply.nudges
    found = last_change(ports)
    assert (found.change, found.by, found.at) == (change, "ann@contoso.example", SOON)
    assert "on it (by a link in teams, the name as it was typed)" in found.why


def test_the_form_that_is_shown_is_the_one_that_acts(ports):
    page = look(ports, a_token(Act.SILENCE, ports=ports)).text
    fields = {"who": "ann", **dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))}
    fields["minutes"] = re.findall(r'<option value="(\d+)">', page)[1]
    reply = visit(ports, Visit(True, "", urlencode(fields).encode()), SOON)

    assert reply.status == 200
    assert "until Tue 8 Sep 18:06 UTC" in reply.text


@pytest.mark.parametrize("act", Act)
def test_a_link_that_was_used_is_refused_and_changes_nothing(ports, act):
    token = a_token(act, ports=ports)
    assert post(ports, token).status == 200
    before = everything(ports)

    for again in (post(ports, token), post(ports, token, now=SOON + timedelta(hours=30), minutes="1440")):
        assert (again.status, again.nudges) == (409, ())
        assert "<form" not in again.text
    assert "<form" not in look(ports, token).text
    assert everything(ports) == before


@pytest.mark.parametrize("seconds", [0, 1, 86_400])
def test_a_link_that_has_expired_is_refused_and_changes_nothing(ports, seconds):
    token, now = a_token(ports=ports), NOW + LASTS + timedelta(seconds=seconds)
    before = everything(ports)

    for reply in (look(ports, token, now), post(ports, token, now)):
        assert (reply.status, reply.nudges) == (401, ())
        assert "expired" in reply.text
    assert everything(ports) == before


def test_a_forged_link_is_refused_and_changes_nothing(ports):
    sound = a_token(ports=ports)
    other = sealed(Ticket(Act.RESOLVE, incidents(ports)[0].id, "teams", NOW + LASTS, "n2"), b"j" * 32)
    before = everything(ports)

    for token in ("", "rubbish", sound[:-1], sound + "A", sound.swapcase(), other, NASTY):
        for reply in (look(ports, token), post(ports, token)):
            assert (reply.status, reply.nudges) == (401, ())
            assert "Nothing was changed" in reply.text
            assert NASTY not in reply.text
    assert everything(ports) == before


@pytest.mark.parametrize("body", [b"", b"t", b"\xff", b"a=b&" * 99, b"t=" + b"x" * 20_000])
def test_a_form_that_is_none_is_refused(ports, body):
    before = everything(ports)

    assert visit(ports, Visit(True, a_token(ports=ports), body), SOON).status == 401
    assert everything(ports) == before


@pytest.mark.parametrize("act", Act)
def test_a_link_to_what_is_over_says_so_and_changes_nothing(ports, act):
    token = a_token(act, ports=ports)
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    before = everything(ports)

    seen, posted = look(ports, token), post(ports, token)
    assert (seen.status, posted.status) == (200, 409)
    assert all("Over since Tue 8 Sep 14:06 UTC" in reply.text for reply in (seen, posted))
    assert not any("<form" in reply.text for reply in (seen, posted))
    assert everything(ports) == before


def test_what_was_done_by_others_meanwhile_is_said_and_changes_nothing(ports):
    token = a_token(ports=ports)
    respond(ports, incidents(ports)[0].id, Wish(Act.ACKNOWLEDGE, "bob"), SOON)
    before = everything(ports)

    reply = post(ports, token)
    assert reply.status == 409
    assert "bob has it already" in reply.text
    assert everything(ports) == before


@pytest.mark.parametrize("who", ["", "   ", "\u202e\x00"])
def test_who_does_not_say_who_it_is_is_asked_again(ports, who):
    before = everything(ports)
    reply = post(ports, a_token(ports=ports), who=who)

    assert reply.status == 400
    assert "Say who you are" in reply.text
    assert "<form" in reply.text
    assert everything(ports) == before


def test_who_the_platform_says_it_is_counts_for_more_than_what_was_typed(ports):
    ports = replace(ports, signs_in=True)
    token = a_token(ports=ports)
    assert 'name="who"' not in look(ports, token, principal="carol@contoso.example").text
    assert post(ports, token, principal="carol@contoso.example").status == 200

    found = last_change(ports)
    assert (found.by, found.why) == ("carol@contoso.example", "on it (by a link in teams)")


def test_a_header_says_nothing_where_the_platform_signs_nobody_in(ports):
    post(ports, a_token(ports=ports), principal="ceo@contoso.example")

    assert last_change(ports).by == "ann@contoso.example"


def test_a_length_of_silence_that_is_not_offered_is_the_shortest(ports):
    post(ports, a_token(Act.SILENCE, ports=ports), minutes="999999")

    assert last_change(ports).why.startswith("for 1 h")


def test_the_store_being_away_is_said_in_words(ports):
    class Away:
        def get(self, *asked):
            raise StoreAway("away")

    token = a_token(ports=ports)

    assert look(replace(ports, store=Away()), token).status == 503


def test_without_a_key_there_is_no_page_and_no_link(ports, chat):
    bare = replace(ports, links=None)
    assert look(bare, a_token(ports=ports)).status == 404

    tell(bare, [limit(key="another")], NOW + HOUR)
    assert links_of(chat) == {}


def test_a_link_on_a_card_of_several_is_about_all_that_are_open(ports, chat):
    alerts = [limit(key=f"limit|{number}") for number in range(3)]
    tell(ports, alerts, NOW + 10 * MINUTE)
    token = token_of(links_of(chat)["Acknowledge"])
    told = look(ports, token, NOW + 11 * MINUTE)
    assert told.text.count("<article>") > 1

    assert post(ports, token, NOW + 11 * MINUTE).status == 200
    held = [one.state is State.ACKNOWLEDGED for one in incidents(ports)]
    assert held.count(True) == told.text.count("<article>")
    assert post(ports, token, NOW + 12 * MINUTE).status == 409


def test_what_an_alert_and_a_person_say_is_text_on_every_page(ports):
    tell(ports, [limit(key="nasty", what=NASTY, rule=NASTY, why=NASTY)], NOW)
    (nasty,) = [one for one in incidents(ports) if one.alert.key == "nasty"]
    token = a_token(Act.SILENCE, subject=nasty.id)
    pages = [look(ports, token), post(ports, token, who=NASTY, why=NASTY), look(ports, token)]
    pages.append(look(ports, a_token(Act.RESOLVE, subject=nasty.id, nonce="n3"), principal=NASTY))
    tell(ports, [limit(key="nasty", what=NASTY, why=NASTY, firing=False)], NOW + MINUTE)
    pages.append(look(ports, a_token(Act.RESOLVE, subject=nasty.id, nonce="n4")))

    for page in pages:
        assert html.escape(NASTY[:25]) in page.text
        assert set(re.findall(r"<(\w+)", page.text)) <= TAGS
        assert not re.search(r"<[^>]*\son\w+=", page.text)


class Elements(HTMLParser):
    """The elements of a page and the names of their attributes, as a browser would find them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))


@given(what=st.text(max_size=60) | st.just(NASTY), who=st.text(max_size=60) | st.just('" onfocus="alert(1)'))
def test_no_text_at_all_makes_an_element_or_an_attribute(what, who):
    def pages(what, who):
        incident = an_incident(an_alert(what=what, why=who), acknowledged_by=who, note=who)
        yield from (confirm(Question(act, what, [incident], who, what)) for act in Act)
        yield say(what, [who], [incident])

    for page, plain in zip(pages(what or "x", who or "x"), pages("x", "x"), strict=True):
        assert Elements(page).found == Elements(plain).found


def test_the_policy_of_the_page_forbids_scripts_and_everything_from_elsewhere(ports):
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    page = look(ports, a_token(ports=ports)).text

    assert policy["default-src"] == "'none'"
    assert "unsafe" not in str(policy)
    assert "script-src" not in policy
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == (
        "'none'",
        "'none'",
        "'self'",
    )
    assert page.count("<style>") == 1
    assert f"<style>{STYLE}</style>" in page
    assert "//" not in page.replace(LINKS.address, "")
    assert 'style="' not in page
    assert HEADERS["Referrer-Policy"] == "no-referrer"
