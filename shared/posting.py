"""Where each channel posts, and how it proves who we are: from its entry in watch.yaml and its secrets."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from shared.flows.ports import Post
from shared.formats.addresses import is_this_machine, webhook_fault
from shared.formats.channel import Answer, Call
from shared.formats.watch_file import ChannelEntry, Watch
from shared.formats.webhook import signed
from shared.secret import Secret
from shared.settings import Settings, SettingsError

LEAST_KEY = 16  # characters of a key that signs
Secrets = Mapping[str, Secret]  # by the name of the setting


def secrets_of(settings: Settings, watch: Watch) -> Secrets:
    """The channels' secrets; raises SettingsError naming every one that cannot be one."""
    found = settings.secrets(_names(watch))
    if wrong := _unusable_ones(settings, watch, found):
        raise SettingsError(wrong)
    return found


def secret_problems(settings: Settings, watch: Watch) -> list[str]:
    """What is wrong with those of the channels' secrets that are set; names them and shows none."""
    return _unusable_ones(settings, watch, settings.known_secrets(_names(watch)))


def _names(watch: Watch) -> set[str]:
    return {name for _, entry in watch.channels for name in (entry.secret, entry.key) if name}


def post_to(settings: Settings, watch: Watch, secrets: Secrets) -> Post:
    """Posts to the channels; an answer that quotes a channel's secret comes without it."""
    from shared.edges.apprise import ApprisePost
    from shared.edges.chat import Address, ChatPost

    addresses = {
        name: Address(*_address(entry, secrets[entry.secret], settings)) for name, entry in watch.channels
    }
    entries = dict(watch.channels)
    by_http, by_apprise = ChatPost(addresses), ApprisePost(addresses)

    def post(channel: str, call: Call) -> Answer:
        entry = entries[channel]
        if entry.key:
            call = signed(call, secrets[entry.key].reveal().encode())
        answer = (by_apprise if entry.kind == "apprise" else by_http)(channel, call)
        for name in filter(None, (entry.secret, entry.key)):
            answer = replace(answer, body=secrets[name].hidden(answer.body))
        return answer

    return post


def _unusable_ones(settings: Settings, watch: Watch, found: Secrets) -> list[str]:
    wrong = set()
    for _, entry in watch.channels:
        if secret := found.get(entry.secret):
            wrong.add(_unfit(entry.kind, secret, settings))
        if (key := found.get(entry.key)) and len(key.reveal()) < LEAST_KEY:
            wrong.add(f"{key.name} is too short to sign with; expected at least {LEAST_KEY} characters")
    return sorted(wrong - {""})


def _unfit(kind: str, secret: Secret, settings: Settings) -> str:
    """Why it is no secret for that kind of channel; "" when it may be one."""
    value = secret.reveal()
    sound = value.isascii() and value.isprintable() and " " not in value
    if kind == "slack":
        return "" if sound else f"{secret.name} is not a bot token; expected xoxb-..."
    if kind == "apprise":
        right = sound and "://" in value
        return "" if right else f"{secret.name} is not a URL of Apprise; expected service://..."
    fault = webhook_fault(value, kind, settings.chat_hosts)
    return fault and f"{secret.name} {fault}"


def _address(entry: ChannelEntry, secret: Secret, settings: Settings) -> tuple[str, dict[str, str], bool]:
    is_bot = entry.kind == "slack"
    url = settings.slack_endpoint if is_bot else secret.reveal()
    headers = {"Authorization": f"Bearer {secret.reveal()}"} if is_bot else {}
    if entry.kind == "apprise":  # a URL of its own sort, which its library leads to
        return url, headers, True
    return url, headers, is_this_machine(url) or urlsplit(url).hostname in settings.chat_hosts
