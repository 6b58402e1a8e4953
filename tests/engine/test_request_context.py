from runs.engine.data.request_context import RequestContext


def test_dotted_keys_are_extracted_and_nested_again_under_the_same_path():
    values = {"user": {"id": 5, "name": "x"}, "rows": [{"v": 1}, {"v": 2}], "none": None, "zero": 0, "a.b": 1}
    context = RequestContext(values)
    keys = ["user.id", "rows.1.v", "none", "zero", "missing", "none.x", "a.b", "zero.x"]
    assert context.extract(keys) == {"user": {"id": 5}, "rows": {"1": {"v": 2}}, "none": None, "zero": 0}


def test_two_keys_of_one_object_are_put_side_by_side_and_the_context_stays_as_it_is():
    context = RequestContext({"user": {"id": 5, "name": "x", "age": 3}})
    assert context.extract(["user.id", "user.name"]) == {"user": {"id": 5, "name": "x"}}
    assert context.extract(["user", "user.id"]) == {"user": {"id": 5, "name": "x", "age": 3}}
    assert context["user"] == {"id": 5, "name": "x", "age": 3}


def test_it_behaves_like_a_dictionary_and_shows_no_values():
    context = RequestContext([("tenant", "t1")])
    context.set("n", None)
    assert context.has("n")
    assert context.delete("n")
    assert not context.delete("n")
    assert context.to_dict() == {"tenant": "t1"}
    assert "t1" not in repr(context)
