"""What the engine needs before its first run: a program that uses it should start at once."""

import subprocess
import sys

SLOW = ("django", "jsonschema_rs", "pydantic")  # to import each of them takes about as long as the whole engine


def test_a_workflow_without_schemas_runs_without_what_schemas_need():
    code = f"""
import asyncio, sys
from runs.engine import RequestContext, Workflow, step

@step
async def greet(ctx):
    await ctx.writer.write("Hello")
    return {{"greeting": "Hello"}}

run = Workflow(id="first").then(greet).commit().create_run()
result = asyncio.run(run.start(
    input_data={{"name": "Ada"}}, request_context=RequestContext({{"user": "7"}}), tracing_options={{"tags": ["a"]}}
))
assert result.status == "success", result
print([name for name in {SLOW!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
