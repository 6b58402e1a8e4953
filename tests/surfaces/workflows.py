"""A workflow whose code says its secrets wherever code can say something."""

import base64
import json
import logging
from typing import Any
from urllib.parse import quote

import structlog
from opentelemetry import trace
from pydantic import BaseModel, Field, SecretStr

from runs.engine import UNSET, RunEnd, StepContext, Workflow, step

logger = logging.getLogger(__name__)
structured = structlog.get_logger("vault")
tracer = trace.get_tracer("vault")


class Account(BaseModel):
    apiKey: str = ""


class Key(BaseModel):
    password: SecretStr
    colour: str = Field(default="", json_schema_extra={"x-secret": True})
    accounts: list[Account] = []
    how: str = "ok"


def told(ctx: StepContext[Any]) -> list[str]:
    """Every secret that the run knows by now."""
    given = ctx.init_data
    known = [given["password"], given["colour"], *(account["apiKey"] for account in given["accounts"])]
    known += [ctx.request_context.get("X-Auth-Token"), (ctx.request_context.get("login") or {}).get("pwd")]
    known += [ctx.state.get("session_token")]
    return [secret for secret in known if secret]


@step
async def open_vault(ctx: StepContext[Any]) -> Any:
    await ctx.set_state({"session_token": "s3cr3t-in-the-state"})
    for secret in told(ctx):
        logger.warning("opened with %s at postgres://app:%s@db/x", secret, secret)
        structured.warning("opened", by=secret, quoted=quote(secret))
        await ctx.writer.write(f"trying {secret} …")
        await ctx.writer.custom({"type": "try", "with": [secret], secret: 1, "json": json.dumps({"a": secret})})
        span = trace.get_current_span()
        span.set_attribute("vault.opened", f"with {secret}")
        span.add_event("tried", {"vault.word": secret})
        with tracer.start_as_current_span(f"ask {secret}") as own:
            own.set_attribute("http.url", f"https://vault/?page=1&access_token={secret}")
            own.set_attribute("url.query", f"pass={secret}")
            own.set_attributes({"vault.list": [secret], "authorization": secret})
            own.record_exception(ValueError(secret))
            own.set_status(trace.StatusCode.ERROR, f"no {secret}")
    return {"echo": told(ctx), "basic": base64.b64encode(f"me:{told(ctx)[0]}".encode()).decode()}


@step
async def ask(ctx: StepContext[Any]) -> Any:
    if ctx.resume_data is UNSET:
        words = " ".join(told(ctx))
        return await ctx.suspend(
            {"message": f"The code for {words}?", "title": words[:60], "jwt": told(ctx)[0], "why": words}
        )
    return {"answered": ctx.resume_data["passcode"]}


class Refused(Exception):
    pass


@step(retries=1)
def spend(ctx: StepContext[Any]) -> Any:
    secrets = [*told(ctx), ctx.get_step_result("ask")["answered"]]
    logger.error("spending %s", secrets)
    if ctx.init_data["how"] == "fail":
        try:
            raise KeyError(secrets[0])
        except KeyError as error:
            refused = Refused(f"{'|'.join(secrets)} refused")
            refused.sent = {"with": secrets}
            raise refused from error
    return {"spent": secrets, "n": {secrets[0]: 1}}


async def say(end: RunEnd) -> None:
    logger.warning("ended with %s", end.result)
    raise RuntimeError(f"cannot tell of {end.error}")


vault = Workflow(id="vault", input=Key, on_finish=say).then(open_vault).then(ask).then(spend).commit()
WORKFLOWS = [vault]
