from shared.core.incidents import advance, expire
from shared.core.model import Account, Deployment, Kind, Scope, Severity
from shared.core.newcomers import TOLD_FOR, judge_newcomers, names_in
from tests.builders import ACCOUNT, CHAT, HOUR, NOW

OTHER = ACCOUNT.replace("aoai-search", "aoai-chat")


def an_account(*deployments: tuple[str, str], account: str = ACCOUNT) -> Account:
    models = tuple(Deployment(name, model, "2026-01-01", "GlobalStandard") for name, model in deployments)
    return Account(account, "westeurope", "OpenAI", deployments=models)


KNOWN = dict.fromkeys(["account: aoai-search", "model: gpt-5", "deployment: chat-prod in aoai-search"], NOW)


def test_the_first_round_tells_nothing_however_much_there_is():
    seen = names_in([an_account(("chat-prod", "gpt-5"), ("embeddings", "text-embedding-3-large"))])

    assert judge_newcomers(None, seen, NOW) == []


def test_what_is_known_is_quiet():
    assert judge_newcomers(KNOWN, names_in([an_account(("chat-prod", "gpt-5"))]), NOW) == []
    assert judge_newcomers(KNOWN, {}, NOW) == []


def test_a_second_round_after_an_empty_first_one_tells_of_all():
    alerts = judge_newcomers({}, names_in([an_account(("chat-prod", "gpt-5"))]), NOW)

    assert [alert.what for alert in alerts] == [
        "New account: aoai-search",
        "New model: gpt-5 on chat-prod in aoai-search",
    ]


def test_a_new_deployment_of_a_known_model_is_an_information():
    seen = names_in([an_account(("chat-prod", "gpt-5"), ("chat-test", "gpt-5"))])
    (alert,) = judge_newcomers(KNOWN, seen, NOW)

    assert alert.what == "New deployment: chat-test in aoai-search"
    assert alert.kind is Kind.NEWCOMER
    assert alert.severity is Severity.INFO
    assert alert.scope == Scope(ACCOUNT, "chat-test")
    assert alert.ends == NOW + TOLD_FOR


def test_a_new_model_is_a_warning_told_together_with_its_deployment():
    seen = names_in([an_account(("chat-prod", "gpt-5"), ("trial", "o9-pro"))])
    (alert,) = judge_newcomers(KNOWN, seen, NOW)

    assert alert.what == "New model: o9-pro on trial in aoai-search"
    assert alert.severity is Severity.WARNING


def test_a_second_deployment_of_a_new_model_is_told_too():
    seen = names_in([an_account(("trial", "o9-pro")), an_account(("trial", "o9-pro"), account=OTHER)])
    known = {**KNOWN, "account: aoai-chat": NOW}

    assert [alert.what for alert in judge_newcomers(known, seen, NOW)] == [
        "New deployment: trial in aoai-chat",
        "New model: o9-pro on trial in aoai-search",
    ]


def test_a_new_account_is_told_with_its_deployments_but_not_with_a_new_model():
    seen = names_in([an_account(("chat", "gpt-5"), ("trial", "o9-pro"), account=OTHER)])

    assert [alert.what for alert in judge_newcomers(KNOWN, seen, NOW)] == [
        "New account: aoai-chat",
        "New model: o9-pro on trial in aoai-chat",
    ]


def test_a_new_billing_meter_is_told_with_the_resource_it_is_on():
    seen = {"billing meter: o9 pro: output": Scope(ACCOUNT)}
    (alert,) = judge_newcomers({"billing meter: gpt 5 input": NOW}, seen, NOW)

    assert alert.what == "New billing meter: o9 pro: output on aoai-search"
    assert alert.why.endswith("check that a budget and a price cover this billing meter")


def test_newcomers_have_one_identity_each_that_does_not_change_with_time():
    seen = names_in([an_account(("chat-test", "gpt-5"), ("chat-beta", "gpt-5"))])
    keys = [[alert.key for alert in judge_newcomers(KNOWN, seen, now)] for now in (NOW, NOW + HOUR)]

    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


def test_a_newcomer_is_told_once_and_ends_by_itself():
    seen = names_in([an_account(("chat-prod", "gpt-5"), ("chat-test", "gpt-5"))])
    (alert,) = judge_newcomers(KNOWN, seen, NOW)
    opened = advance(None, alert, NOW, "MW-1")
    assert opened is not None
    # The round was killed before it could remember the name: the next one finds it again.
    (again,) = judge_newcomers(KNOWN, seen, NOW + HOUR)
    repeated = advance(opened.incident, again, NOW + HOUR, "MW-2")
    assert repeated is not None
    assert repeated.transitions == ()

    assert expire(repeated.incident, NOW + TOLD_FOR) is None
    over = expire(repeated.incident, NOW + HOUR + TOLD_FOR)
    assert over is not None
    assert not over.incident.open


def test_an_estate_names_its_models_once_and_every_deployment():
    names = names_in([an_account(("chat-prod", "gpt-5"), ("chat-test", "gpt-5")), an_account(account=OTHER)])

    assert names == {
        "account: aoai-chat": Scope(OTHER),
        "account: aoai-search": Scope(ACCOUNT),
        "model: gpt-5": CHAT,
        "deployment: chat-prod in aoai-search": CHAT,
        "deployment: chat-test in aoai-search": Scope(ACCOUNT, "chat-test"),
    }
