"""Answers questions with dbt: a JSON object a line on standard input, a JSON object a line on standard output.

{"args": [...], "keep": NAME}   invokes dbt, and keeps the manifest that it has parsed under that name
{"args": [...], "with": NAME}   invokes dbt with a manifest that was kept, so that nothing is parsed again

Beside them "env" has environment variables for that invocation.
"""

import json
import os
import sys

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what dbt prints is no answer

manifests = {}
for line in sys.stdin:
    question = json.loads(line)
    environment = question.get("env") or {}
    os.environ.update(environment)
    events = []
    runner = dbtRunner(
        manifest=manifests.get(question.get("with")),
        callbacks=[lambda event: events.append([event.info.name, event.info.msg])],
    )
    result = runner.invoke(question["args"])
    if isinstance(result.result, Manifest) and "keep" in question:
        manifests[question["keep"]] = result.result
    answer = {"lines": result.result if isinstance(result.result, list) else [], "events": events}
    if not result.success:
        answer["error"] = type(result.exception).__name__ + ": " + str(result.exception)
    for name in environment:
        del os.environ[name]
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
