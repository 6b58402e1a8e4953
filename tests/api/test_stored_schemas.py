"""Schemas of definitions that programs store."""

import pytest

from tests.refused_schemas import NAMES, no_request, refused_schema


@pytest.mark.parametrize("name", NAMES)
def test_no_definition_is_stored_with_a_schema_that_cannot_be_used_and_none_is_fetched(api, name):
    with no_request() as address:
        schema, pointer = refused_schema(name, address)
        for key in ("inputSchema", "outputSchema", "stateSchema", "requestContextSchema"):
            graph = [{"type": "tool", "id": "fill", "toolId": "text_template"}]
            data = {"id": "refused", "inputSchema": {}, "outputSchema": {}, "graph": graph, key: schema}
            around = {"id": "around", "inputSchema": {}, "outputSchema": {}, "graph": graph, "dependencies": [data]}
            for body in (data, around):
                refused = api.post("/stored/workflows", json=body)
                assert refused.status_code == 400
                assert f"broken at {pointer}" in refused.json()["error"]
    assert api.get("/stored/workflows/refused").status_code == 404


def test_a_form_that_an_operator_sends_is_not_fetched(api):
    graph = [{"type": "tool", "id": "ask", "toolId": "approval"}]
    stored = {"id": "asking", "inputSchema": {}, "outputSchema": {}, "graph": graph}
    assert api.post("/stored/workflows", json=stored).status_code == 200
    with no_request() as address:
        for name in NAMES:
            form, pointer = refused_schema(name, address)
            data = {"inputData": {"message": "?", "form": form}}
            run = api.post(f"/workflows/asking/start-async?runId=asking-{name}", json=data).json()
            assert run["status"] == "failed"
            assert f"broken at {pointer}" in run["error"]["message"]
    assert api.delete("/stored/workflows/asking").status_code == 200
