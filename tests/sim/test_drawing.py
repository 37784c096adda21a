from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.drawing import drawn
from sim.drawing.markdown import inline_markdown
from sim.drawing.mrkdwn import mrkdwn
from sim.page import lasted, page

OURS = {
    *("a", "article", "aside", "b", "blockquote", "body", "code", "dd", "details", "div", "dl", "dt", "em"),
    *("h1", "h2", "head", "header", "hr", "html", "li", "main", "meta", "nav", "ol", "p", "pre", "s"),
    *("section", "span", "strong", "style", "summary", "table", "tbody", "td", "th", "thead", "time"),
    *("title", "tr", "ul"),
}


class Reader(HTMLParser):
    """Reads HTML as a browser would: which elements, which attributes, which text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text += data

    def of(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def assert_harmless(html: str) -> None:
    read = Reader(html)
    assert "<script" not in html.lower()
    assert read.tags <= OURS
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "srcdoc")]
    assert all(url.startswith(("http://", "https://", "#")) for url in map(str.lower, read.of("href")))
    html.encode()  # raises where it could not be written


# --- Whatever is posted

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    '[x](https://a.example/"onclick="alert(1))',
    "<javascript:alert(1)|x>",
    "<https://a.example/|*<b>*>",
    "<!date^99999999999^{date_long} {time} {x}|y>",
    "<!date^1793714400^<script>|y>",
    "*a _b ~c `d ```e",
    "red;} body{display:none",
    "#D13438",
    "\ud800",
]
TYPES = [
    *("AdaptiveCard", "TextBlock", "RichTextBlock", "TextRun", "FactSet", "Container", "ColumnSet", "Column"),
    *(
        "ActionSet",
        "Action.OpenUrl",
        "Action.ShowCard",
        "Action.ToggleVisibility",
        "Image",
        "ImageSet",
        "Table",
    ),
    *("header", "section", "context", "divider", "actions", "button", "markdown", "rich_text", "image"),
    *("rich_text_section", "rich_text_list", "text", "link", "emoji", "mrkdwn", "plain_text", "<script>"),
]
TEXTS = [
    "title",
    "value",
    "url",
    "style",
    "size",
    "color",
    "width",
    "altText",
    "spacing",
    "name",
    "contentType",
]
LISTS = ["body", "items", "columns", "facts", "inlines", "actions", "blocks", "elements", "fields", "images"]
NODES = ["text", "card", "fallback", "accessory", "content", "selectAction"]
leaf = st.sampled_from(NASTY + TYPES) | st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def element(children):
    texts = st.dictionaries(st.sampled_from(TEXTS), leaf, max_size=3)
    lists = st.dictionaries(st.sampled_from(LISTS), st.lists(children, max_size=3), max_size=3)
    nodes = st.dictionaries(st.sampled_from(NODES), children, max_size=3)
    parts = st.tuples(texts, lists, nodes, st.sampled_from(TYPES))
    return parts.map(lambda part: {**part[0], **part[1], **part[2], "type": part[3]})


anything = element(st.recursive(leaf, lambda inner: element(inner) | st.lists(inner), max_leaves=12)) | leaf


@given(anything)
def test_no_json_raises_or_brings_an_element_of_its_own(value):
    card = {"type": "AdaptiveCard", "body": [value], "actions": [value]}
    for body in (value, {"attachments": [{"content": card}]}):
        assert_harmless(drawn("teams", body))
    for body in (
        value,
        {"blocks": [value]},
        {"text": value, "attachments": [{"color": value, "blocks": [value]}]},
    ):
        assert_harmless(drawn("slack", body))


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://a.example/\'"onclick="alert(1)'])
@pytest.mark.parametrize("outer", TYPES)
def test_no_element_lets_mark_up_through_in_any_place(outer, url):
    nasty = "<script>\"'><img src=x onerror=alert(1)>"
    address = {"url": url, "selectAction": {"url": url}}
    texts = dict.fromkeys(TEXTS, nasty)
    for text in (nasty, {"type": "mrkdwn", "text": nasty}, {"type": "plain_text", "text": nasty}):
        for inner in TYPES:
            item = {**texts, **address, "text": text, "type": inner}
            whole = {
                **texts,
                **address,
                **{key: [nasty, item] for key in LISTS},
                **dict.fromkeys(NODES, item),
            }
            whole = {**whole, "text": text, "type": outer}
            assert_harmless(drawn("teams", card(whole)))
            assert_harmless(drawn("slack", {"blocks": [whole], "attachments": [whole]}))


@given(st.text(st.sampled_from("*_~`<>|[]()\\&!^:\u034f\n ab1")))
def test_no_text_raises_or_brings_an_element_of_its_own(text):
    assert_harmless(mrkdwn(text))
    assert_harmless(inline_markdown(text))


def test_a_body_nested_without_end_becomes_a_grey_box():
    item: dict[str, object] = {"type": "TextBlock", "text": "deep"}
    for _ in range(5000):
        item = {"type": "Container", "items": [item]}
    assert "nested too deeply" in drawn(
        "teams", {"attachments": [{"content": {"type": "AdaptiveCard", "body": [item]}}]}
    )


# --- Slack


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
        ("2 * 3 * 4, a_b_c", "2 * 3 * 4, a_b_c"),
        ("*\u034f*x\u034f**", "<strong>*x*</strong>"),
        ("R&amp;D &lt;b&gt; `a*b*`", "R&amp;D &lt;b&gt; <code>a*b*</code>"),
        (":rotating_light: :nobody_knows:", "🚨 :nobody_knows:"),
        ("<!here> <#C1|costs>", '<span class="mention">@here</span> <span class="mention">#costs</span>'),
        ("&gt; said\nreply", "<blockquote>said</blockquote>reply"),
        ("<javascript:x|y>", '<span title="javascript:x">y</span>'),
    ],
)
def test_mrkdwn_is_read_as_slack_reads_it(text, html):
    assert mrkdwn(text) == html


def test_a_date_is_shown_in_utc_and_a_link_under_its_label():
    read = Reader(
        mrkdwn("<!date^1793714400^{date_short_pretty} {time}|then> <https://a.example/?x=1&amp;y=2|look>")
    )
    assert read.text == "Nov 3, 2026 14:00 look"
    assert read.of("href") == ["https://a.example/?x=1&y=2"]


def test_slack_shows_the_text_only_where_there_are_no_blocks():
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "in a block"}}
    assert Reader(drawn("slack", {"text": "told", "blocks": [block]})).text == "in a block"
    assert (
        Reader(drawn("slack", {"text": "told", "attachments": [{"blocks": [block]}]})).text
        == "toldin a block"
    )


def test_an_attachment_has_its_colour_and_a_colour_that_is_none_is_left_out():
    assert Reader(drawn("slack", {"attachments": [{"color": "#D13438", "text": "x"}]})).of("style") == [
        "--bar:#D13438"
    ]
    assert Reader(drawn("slack", {"attachments": [{"color": "red;x:y", "text": "x"}]})).of("style") == []


def test_a_block_nobody_knows_is_named():
    assert Reader(drawn("slack", {"blocks": [{"type": "hologram"}]})).text == "hologram"


def test_every_block_that_slack_shows_is_drawn():
    def text(said):
        return {"type": "mrkdwn", "text": said}

    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": ":bell: *Go*"},
        "url": "https://a.example",
    }
    select = {"type": "static_select", "placeholder": {"type": "plain_text", "text": "Quiet for"}}
    rich = [
        {"type": "text", "text": "firm", "style": {"bold": True}},
        {"type": "link", "url": "https://b.example"},
        {"type": "emoji", "name": "eyes"},
        {"type": "user"},
    ]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Head"}},
        {
            "type": "section",
            "text": text("body"),
            "fields": [text("left"), text("right")],
            "accessory": button,
        },
        {"type": "context", "elements": [text("small"), {"type": "image", "alt_text": "logo"}]},
        {"type": "actions", "elements": [{**button, "style": "danger"}, {"type": "datepicker"}, select]},
        {"type": "markdown", "text": "- one\n\n`two` and *three*"},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": rich}, {"type": "rich_text_x"}],
        },
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_list", "elements": [{"type": "rich_text_section", "elements": rich[:1]}]}
            ],
        },
    ]

    html = drawn("slack", {"blocks": blocks})

    words = "Head body left right 🔔 small picture: logo datepicker Quiet one firm 👀 user rich_text_x"
    assert all(word in Reader(html).text for word in words.split())
    for part in (
        "*Go*</a>",
        "button-danger",
        "<code>two</code>",
        "<em>three</em>",
        "<strong>firm</strong>",
        "<li>",
    ):
        assert part in html


# --- Teams


def card(*body):
    return {"type": "message", "attachments": [{"content": {"type": "AdaptiveCard", "body": list(body)}}]}


def test_facts_stand_in_two_columns_under_a_headline_in_its_colour():
    headline = {
        "type": "Container",
        "style": "attention",
        "items": [{"type": "TextBlock", "text": "**Critical**"}],
    }
    html = drawn("teams", card(headline, {"type": "FactSet", "facts": [{"title": "Now", "value": "€ 12"}]}))
    assert "tone-attention" in html
    assert "<strong>Critical</strong>" in html
    assert "<dt><div>Now</div></dt><dd><div>€ 12</div></dd>" in html


def test_an_element_too_new_is_drawn_by_its_fallback_and_without_one_is_named():
    chart = {"type": "Chart.Line", "fallback": {"type": "TextBlock", "text": "rising"}}
    assert Reader(drawn("teams", card(chart))).text == "rising"
    assert Reader(drawn("teams", card({"type": "Chart.Line"}))).text == "Chart.Line"
    assert Reader(drawn("teams", card({"type": "Chart.Line", "fallback": "drop"}))).text == "empty card"


def test_markdown_in_data_that_is_broken_or_escaped_is_shown_letter_by_letter():
    assert inline_markdown("\u034f*a\u034f* \\[b\\]") == "*a* [b]"


def test_every_element_that_a_phone_shows_is_drawn():
    run = {"type": "TextRun", "text": "run", "italic": True, "selectAction": {"url": "https://a.example"}}
    widths = [
        {"width": width, "items": [{"type": "TextBlock", "text": f"w{width}"}]}
        for width in ("auto", 2, "50px")
    ]
    more = {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "folded"}]}
    actions = [
        {"type": "Action.OpenUrl", "title": "Open", "url": "https://b.example"},
        {"type": "Action.ShowCard", "title": "More", "card": more},
        {"type": "Action.ToggleVisibility", "title": "Toggle"},
        {"type": "Action.Submit", "title": "Send"},
    ]
    html = drawn(
        "teams",
        card(
            {"type": "RichTextBlock", "inlines": ["plain ", run, {"type": "TextMaze"}]},
            {"type": "ColumnSet", "columns": widths},
            {"type": "ImageSet", "images": [{"type": "Image", "altText": "curve"}]},
            {"type": "ActionSet", "actions": actions},
            {"type": "TextBlock", "text": "hidden", "isVisible": False},
        ),
    )
    read = Reader(html)

    words = "plain run TextMaze wauto w2 w50px picture: curve Open More folded Toggle Action.Submit"
    assert all(word in read.text for word in words.split())
    assert "hidden" not in read.text
    assert read.of("href") == ["https://a.example", "https://b.example"]
    assert read.of("style") == ["flex:2 1 0", "flex:0 0 50px"]


def test_what_is_no_card_is_named():
    assert Reader(drawn("teams", {"text": "hello"})).text == "hello"
    assert Reader(drawn("teams", {"attachments": [{"contentType": "a/b"}]})).text == "a/b"
    assert Reader(drawn("teams", {})).text == "message without a card"


# --- The page


def told(text, **more):
    return {
        "at": "2026-11-03T13:44:00+00:00",
        "kind": "slack",
        "destination": "#ai",
        "body": {"text": text},
        **more,
    }


INCIDENT = {
    "id": "7KQ2",
    "state": "triggered",
    "severity": "critical",
    "opened_at": "2026-11-03T13:44:00Z",
    "resolved_at": None,
    "what": "a loop in <support>",
    "notes": ["told in #ai"],
    "transitions": [{"at": "2026-11-03T13:44:00Z", "change": "opened", "why": "13 times the usual"}],
}
PLANTED = {
    "kind": "loop",
    "what": "support-bot",
    "start": "2026-11-03T13:40:00Z",
    "end": "2026-11-03T14:40:00Z",
}


def seen(html):
    return Reader(html.partition("<body>")[2]).text


def test_the_page_stands_alone():
    html = page("A <day>", ["13:44 <told>"], [INCIDENT], [told("hello")], [PLANTED])
    assert_harmless(html)
    assert "default-src &#x27;none&#x27;" in html
    assert "A <day>" in Reader(html).text
    assert "url(" not in html
    assert "@import" not in html


def test_replies_are_folded_under_their_parent_and_stand_alone_without_one():
    parent, reply, other = (
        told("parent", ts="1"),
        told("answer", ts="2", thread_ts="1"),
        told("orphan", thread_ts="9"),
    )
    text = seen(page("", [], [], [parent, reply, other], []))
    assert text.index("parent") < text.index("1 reply") < text.index("answer") < text.index("orphan")


def test_an_edited_message_shows_its_newest_version_and_keeps_the_earlier_ones():
    edits = [
        {"at": "2026-11-03T14:00:00Z", "body": {"text": "second"}},
        {"at": "", "body": {"text": "third"}},
    ]
    text = seen(page("", [], [], [told("first", versions=edits)], []))
    assert text.index("(edited)") < text.index("third") < text.index("2 earlier versions")
    assert text.index("2 earlier versions") < text.index("first") < text.index("second")


def test_versions_may_name_the_first_one_too():
    html = page("", [], [], [told("first", versions=[{"at": "", "body": {"text": "first"}}])], [])
    assert "(edited)" not in seen(html)


def test_a_message_that_was_accepted_and_never_shown_says_so():
    assert "accepted, but never shown" in page("", [], [], [told("big", lost=True)], [])
    assert "accepted, but never shown" not in page("", [], [], [told("small", lost=False)], [])


def test_a_planted_fault_says_when_it_was_told_or_that_it_was_not():
    fast = {**PLANTED, "told_at": "2026-11-03T13:44:00Z", "delay": "after 4 min"}
    read = seen(page("", [], [], [], [fast, PLANTED]))
    assert "1 of 2" in read
    assert "3 Nov 13:44after 4 min" in read
    assert "not told" in read


def test_an_incident_has_its_severity_in_words_and_its_history():
    read = seen(page("", [], [INCIDENT], [], []))
    for part in (
        "◆ Critical",
        "Open",
        "until now",
        "a loop in <support>",
        "told in #ai",
        "13 times the usual",
    ):
        assert part in read


@pytest.mark.parametrize(
    ("end", "text"),
    [
        ("2026-11-03T10:00:30Z", "under 1 min"),
        ("2026-11-03T11:05:00Z", "1 h 5 min"),
        ("2026-11-05T12:07:00Z", "2 d 2 h"),
        ("no time", ""),
    ],
)
def test_how_long_it_lasted_is_said_in_two_units(end, text):
    assert lasted("2026-11-03T10:00:00Z", end) == text
