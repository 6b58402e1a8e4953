"""Values with large parts anywhere in them, for property tests."""

from hypothesis import strategies as st

# A few parts that values share: the same one is then met in other places, steps and runs.
TEXT = "x" * 70_000
LARGE = [
    TEXT,
    'é"\\\n' * 20_000,
    list(range(20_000)),
    [{"k": f"key {n}", "v": "é" * 50} for n in range(800)],
    {f"key {n}": {"n": n, "": None} for n in range(6_000)},
    {"inner": {"csv": TEXT, "rows": 3}},
    [1, [TEXT], {"a": TEXT, "b": TEXT}],
]
small = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text())
keys = st.text(max_size=5)


def _around(inner: st.SearchStrategy) -> st.SearchStrategy:
    """Something that has the value in it."""
    return st.one_of(
        st.builds(lambda value, key, more: more | {key: value}, inner, keys, st.dictionaries(keys, small, max_size=3)),
        st.builds(lambda value, key, more: {key: value} | more, inner, keys, st.dictionaries(keys, small, max_size=3)),
        st.builds(lambda value, before, after: [*before, value, *after], inner, *2 * [st.lists(small, max_size=3)]),
        inner.map(lambda value: {"a": value, "b": value}),
        st.tuples(inner, inner).map(list),
    )


values = st.recursive(st.sampled_from(LARGE), _around, max_leaves=4)
