"""Where a message may be posted to, and where not, without the address being shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.addresses import is_host, is_public, webhook_fault

SECRET = "sig-nobody-may-see"
FLOW = f"https://0f1e.12.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SECRET}"
OLD_FLOW = f"https://prod-12.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2F&sv=1.0&sig={SECRET}"
HOOK = f"https://hooks.slack.com/services/T0/B0/{SECRET}"
LOCAL = f"http://127.0.0.1:8707/teams/x/workflows/1?sig={SECRET}"


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("teams", FLOW),
        ("teams", OLD_FLOW),
        ("teams", FLOW.replace(":443", "")),
        ("teams", FLOW.replace("powerplatform", "PowerPlatform")),
        ("teams", LOCAL),
        ("teams", LOCAL.replace("127.0.0.1", "[::1]")),
        ("slack webhook", HOOK),
        ("slack webhook", HOOK.replace("slack.com", "slack-gov.com")),
        ("slack webhook", LOCAL),
    ],
)
def test_the_addresses_that_teams_and_slack_give_are_taken(kind, url):
    assert webhook_fault(url, kind) == ""


HOSTS = [
    "evil.example",
    "api.powerplatform.com.evil.example",
    "evilapi.powerplatform.com",
    "api.powerplatform.com",
    "x.environment.api.powerplatform.com.",
    "-.api.powerplatform.com",
    "hooks.slack.com",
    "10.0.0.4",
    "169.254.169.254",
    "2130706433",
    "0x7f.1",
    "127.1",
    "127.0.0.2",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[fd00::1]",
    "[::]",
    "localhost.evil.example",
    "user@x.environment.api.powerplatform.com",
    "x.environment.api.powerplatform.com@evil.example",
    "evil.example#.api.powerplatform.com",
    "evil.example\\.api.powerplatform.com",
    "evil.example/.api.powerplatform.com",
    "x.environment.api.powerplatform.com:8443",
    "x.environment.api.powerplatform.com:nonsense",
    "x y.api.powerplatform.com",
    "ｘ.api.powerplatform.com",
    "[broken",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_other_host_gets_a_message_for_teams_whatever_it_is_called(host):
    fault = webhook_fault(f"https://{host}/powerautomate/workflows/1?sig={SECRET}", "teams")

    assert fault
    assert SECRET not in fault


@pytest.mark.parametrize(
    "url",
    [
        HOOK.replace("hooks.slack.com", "slack.com"),
        HOOK.replace("hooks.slack.com", "hooks.slack.com.evil.example"),
        HOOK.replace("/services/", "/triggers/"),
        HOOK.replace("https", "http"),
        FLOW,
        "xoxb-1-token",
    ],
)
def test_no_other_address_gets_a_message_for_slack(url):
    fault = webhook_fault(url, "slack webhook")

    assert fault
    assert SECRET not in fault


@pytest.mark.parametrize("lacking", ["sig=", "/workflows/", "https"])
def test_a_flows_address_must_be_whole(lacking):
    assert webhook_fault(FLOW.replace(lacking, "http" if lacking == "https" else "/x"), "teams")


@pytest.mark.parametrize(
    "url",
    [
        f"https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/{SECRET}/3",
        f"https://outlook.office.com/webhook/1@2/IncomingWebhook/{SECRET}/3",
    ],
)
@pytest.mark.parametrize("kind", ["teams", "slack webhook"])
def test_an_old_connector_is_refused_with_the_way_forward(url, kind):
    fault = webhook_fault(url, kind)

    assert "Workflows" in fault
    assert SECRET not in fault


def test_a_host_that_the_configuration_names_is_taken_over_https_only():
    url = f"https://relay.contoso.example:8443/{SECRET}"

    assert webhook_fault(url, "teams", {"relay.contoso.example"}) == ""
    assert webhook_fault(url, "teams", {"other.contoso.example"})
    assert webhook_fault(url.replace("https", "http"), "teams", {"relay.contoso.example"})
    assert webhook_fault(url.replace("relay", "more.relay"), "teams", {"relay.contoso.example"})


@pytest.mark.parametrize("name", ["relay.contoso.com", "a-b.c1.example", "xn--e1afmkfd.example"])
def test_a_hosts_name_is_one(name):
    assert is_host(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "relay",
        "10.0.0.4",
        "1.2",
        "0x7f.1",
        "a..b",
        ".a.b",
        "*.a.b",
        "a.b.",
        "a.b:443",
        "https://a.b",
        "-a.b",
    ],
)
def test_what_is_no_hosts_name_is_none(name):
    assert not is_host(name)


@pytest.mark.parametrize("address", ["52.112.0.1", "2603:1020::1", "8.8.8.8"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "2002:a00:1::",
        "",
        "nonsense",
    ],
)
def test_all_others_are_not(address):
    assert not is_public(address)


@given(st.text(max_size=80), st.sampled_from(["teams", "slack webhook"]))
def test_no_text_at_all_is_an_address_by_chance(text, kind):
    assert webhook_fault(text, kind)
    assert webhook_fault("https://" + text, kind)
