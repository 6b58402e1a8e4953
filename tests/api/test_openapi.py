"""What the API tells of itself."""

import pytest

from runs.api.openapi import example_of


def test_the_document_tells_queries_errors_and_the_readers_own_workflows(api):
    document = api.get("/openapi.json").json()
    start = document["paths"]["/api/workflows/{workflow_id}/start-async"]["post"]
    assert {"200", "400", "401", "409", "429"} <= start["responses"].keys()
    assert "runId" in [parameter["name"] for parameter in start["parameters"]]
    examples = start["requestBody"]["content"]["application/json"]["examples"]
    assert examples["text-stream"]["value"].keys() == {"inputData"}
    assert "order-fulfilment" in examples
    stream = document["paths"]["/api/workflows/{workflow_id}/stream"]["post"]
    assert list(stream["responses"]["200"]["content"]) == ["text/plain"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_nobody_reads_it_without_being_known(api_as, path):
    assert api_as(None).get(path).status_code in (302, 401)


def test_the_page_lists_each_route_without_scripts(console):
    with console.client() as person:
        text = person.get("/api/docs").text
    assert "/api/workflows/{workflow_id}/resume-stream" in text


def test_the_example_of_a_schema_whose_kinds_name_each_other_is_of_bounded_size():
    kinds = [f"k{index}" for index in range(60)]
    properties = {kind: {"$ref": f"#/$defs/{kind}"} for kind in kinds}
    schema = {"$defs": {kind: {"type": "object", "properties": properties} for kind in kinds}, "$ref": "#/$defs/k0"}
    assert len(str(example_of(schema))) < 1_000_000
    assert example_of({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}) == {}
