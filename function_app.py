"""The functions of the app: each a signature and one call. See docs/operate.md for their schedules."""

import typing
from datetime import UTC, datetime

import azure.functions as func

from shared.answering import PATIENTLY, answered, response
from shared.flows import deliver as delivery
from shared.flows import doors, poll
from shared.flows import health as probes
from shared.flows import slack_action as pressing
from shared.flows import tend as tending
from shared.flows import visit as visiting
from shared.flows.tick import all_timers
from shared.formats import pages, principal
from shared.wiring import ports

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

STORAGE = "AzureWebJobsStorage"
JOBS = "meterwatch-jobs"
NUDGES = "meterwatch-nudges"


def now() -> datetime:
    return datetime.now(UTC)


@app.timer_trigger(arg_name="timer", schedule="%POLL_USAGE_SCHEDULE%")
@app.queue_output(arg_name="jobs", queue_name=JOBS, connection=STORAGE)
def poll_usage(timer: func.TimerRequest, jobs: func.Out[typing.List[str]]) -> None:
    """Every five minutes: a job for each subscription."""
    jobs.set(poll.plan(ports(), "usage", now()))


@app.timer_trigger(arg_name="timer", schedule="%POLL_SPEND_SCHEDULE%")
@app.queue_output(arg_name="jobs", queue_name=JOBS, connection=STORAGE)
def poll_spend(timer: func.TimerRequest, jobs: func.Out[typing.List[str]]) -> None:
    """Every hour: a job for each subscription."""
    jobs.set(poll.plan(ports(), "spend", now()))


@app.queue_trigger(arg_name="job", queue_name=JOBS, connection=STORAGE)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
def poll_scope(job: func.QueueMessage, nudges: func.Out[typing.List[str]]) -> None:
    """Runs one job."""
    nudges.set(poll.poll_scope(ports(), job.get_body().decode(), now()))


@app.timer_trigger(arg_name="timer", schedule="%TEND_SCHEDULE%")
@app.queue_output(arg_name="jobs", queue_name=JOBS, connection=STORAGE)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
def tend(
    timer: func.TimerRequest, jobs: func.Out[typing.List[str]], nudges: func.Out[typing.List[str]]
) -> None:
    """Every five minutes: closes what is over, wakes what waits."""
    jobs.set(poll.left_over(ports(), now()))
    nudges.set(tending.tend(ports(), now()))


@app.queue_trigger(arg_name="nudge", queue_name=NUDGES, connection=STORAGE)
def deliver(nudge: func.QueueMessage) -> None:
    """Sends what one incident has for one channel."""
    delivery.deliver(ports(), nudge.get_body().decode(), now())


@app.queue_trigger(arg_name="nudge", queue_name=f"{NUDGES}-poison", connection=STORAGE)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
def deliver_poison(nudge: func.QueueMessage, nudges: func.Out[typing.List[str]]) -> None:
    """A delivery that failed again and again is told through the other channels."""
    nudges.set(delivery.tell_of_poison(ports(), nudge.get_body().decode(errors="replace"), now()))


@app.route(route="azure-alert-secure", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
async def azure_alert_secure(
    req: func.HttpRequest, nudges: func.Out[typing.List[str]], context: func.Context
) -> func.HttpResponse:
    """Takes what an action group posts that Entra has signed in: see docs/security.md."""
    caller = req.headers.get(principal.HEADER, "")
    reply = await answered(lambda ports: doors.by_principal(ports, caller, req.get_body(), now()), context)
    nudges.set([*reply.nudges])
    return response(reply)


@app.route(route="azure-alert", methods=["POST"])
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
async def azure_alert(
    req: func.HttpRequest, nudges: func.Out[typing.List[str]], context: func.Context
) -> func.HttpResponse:
    """Takes what an action group posts that has the function's key."""
    reply = await answered(lambda ports: doors.by_key(ports, req.get_body(), now()), context)
    nudges.set([*reply.nudges])
    return response(reply)


# Slack sends no function key, only its signature over the body: that is the proof, and is looked at first.
@app.route(route="slack-action", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
async def slack_action(
    req: func.HttpRequest, nudges: func.Out[typing.List[str]], context: func.Context
) -> func.HttpResponse:
    """A button that somebody pressed in Slack."""
    headers = dict(req.headers)
    reply = await answered(lambda ports: pressing.take_press(ports, req.get_body(), headers, now()), context)
    nudges.set([*reply.nudges])
    return response(reply)


# A person's browser has no function key: the signed link is the proof, and the flow looks at it first.
@app.route(route="respond", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
async def respond(
    req: func.HttpRequest, nudges: func.Out[typing.List[str]], context: func.Context
) -> func.HttpResponse:
    """The page behind a link on a card: looking shows, posting its form acts."""
    visitor = req.headers.get("x-ms-client-principal-name", "")
    asked = visiting.Visit(req.method == "POST", req.params.get("t", ""), req.get_body(), visitor)
    reply = await answered(lambda ports: visiting.visit(ports, asked, now()), context)
    nudges.set([*reply.nudges])
    return response(reply, pages.HEADERS)


@app.route(route="tick", methods=["POST"])
@app.queue_output(arg_name="jobs", queue_name=JOBS, connection=STORAGE)
@app.queue_output(arg_name="nudges", queue_name=NUDGES, connection=STORAGE)
async def tick(
    req: func.HttpRequest,
    jobs: func.Out[typing.List[str]],
    nudges: func.Out[typing.List[str]],
    context: func.Context,
) -> func.HttpResponse:
    """The work of all timers at once, for an outside scheduler."""
    reply = await answered(lambda ports: all_timers(ports, now()), context, PATIENTLY)
    jobs.set([*reply.jobs])
    nudges.set([*reply.nudges])
    return response(reply)


@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Whether the app is alive and its store can be read; no detail."""
    return response(await answered(probes.liveness, context))


@app.route(route="ready", methods=["GET"])
async def ready(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """How old what is known is and how much waits, as JSON; needs the function's key."""
    return response(await answered(lambda ports: probes.readiness(ports, now()), context))
