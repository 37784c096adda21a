"""Where each channel posts, and how it proves who we are: from its entry in watch.yaml and its secrets."""

from collections.abc import Mapping
from dataclasses import replace

from shared.flows.ports import Post
from shared.formats.addresses import is_address
from shared.formats.channel import Answer, Call
from shared.formats.watch_file import ChannelEntry, Watch
from shared.formats.webhook import signed
from shared.settings import Secret, Settings, SettingsError

LEAST_KEY = 16  # characters of a key that signs
Secrets = Mapping[str, Secret]  # by the name of the setting


def secrets_of(settings: Settings, watch: Watch) -> Secrets:
    """The channels' secrets; raises SettingsError naming every one that cannot be one."""
    entries = [entry for _, entry in watch.channels]
    found = settings.secrets({name for entry in entries for name in (entry.secret, entry.key) if name})
    wrong = {why for entry in entries for why in _unusable(entry, found)} - {""}
    if wrong:
        raise SettingsError(sorted(wrong))
    return found


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


def _unusable(entry: ChannelEntry, secrets: Secrets) -> tuple[str, str]:
    """Why its secrets are none for that kind of channel; "" for one that may be."""
    secret = secrets[entry.secret]
    key = secrets[entry.key].reveal() if entry.key else ""
    short = f"{entry.key} is too short to sign with; expected at least {LEAST_KEY} characters"
    return _unfit(entry.kind, secret), short if entry.key and len(key) < LEAST_KEY else ""


def _unfit(kind: str, secret: Secret) -> str:
    value = secret.reveal()
    sound = value.isascii() and value.isprintable() and " " not in value
    if kind == "slack":
        return "" if sound else f"{secret.name} is not a bot token; expected xoxb-..."
    if kind == "apprise":
        return (
            ""
            if sound and "://" in value
            else f"{secret.name} is not a URL of Apprise; expected service://..."
        )
    return "" if is_address(value) else f"{secret.name} is not a webhook's URL; expected https://..."


def _address(entry: ChannelEntry, secret: Secret, settings: Settings) -> tuple[str, dict[str, str]]:
    if entry.kind == "slack":
        return settings.slack_endpoint, {"Authorization": f"Bearer {secret.reveal()}"}
    return secret.reveal(), {}
