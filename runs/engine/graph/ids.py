"""What an id may be: the one rule for workflows, runs, steps and tags, in code, JSON, the API, commands and forms.

* Every id is a text of 1 to 200 characters, all of them printable: no line breaks, no control characters, no invisible
  characters, none that change the direction of writing. It does not begin or end with a space.
* The id of a workflow or a run is part of addresses: it holds no slash and no backslash, and is not `.` or `..`.
* The id of a step names the step in paths such as `inner.review` and `items[3]`. It may hold dots and brackets, but
  among the steps of one workflow none may be the id of another one followed by a dot or a bracket: `a` and `a.b`,
  `items` and `items[0]`. So a path is always that of one step. Two different steps do not share an id, nor do two
  members of one block.
* A tag is printable, and not blank.

Source: the reference takes any text; this engine has to find a step by its path, and a run by its address.
"""

LONGEST = 200  # characters
MARK = "~"  # in addresses, before an id in hex

_TEXT = f"1 to {LONGEST} characters, without %sa line break or another invisible character"
WORKFLOW_RULE = (
    f"A workflow id has {_TEXT % 'a slash, a backslash, '}; it is no dot alone, and no space is at its ends."
)
RUN_RULE = f"A run id has {_TEXT % 'a slash, a backslash, '}; it is no dot alone, and no space is at its ends."
STEP_RULE = f"A step id has {_TEXT % ''}; no space is at its ends."
RESOURCE_RULE = f"A resource id has at most {LONGEST} characters, all of them printable."


def is_id(text: object) -> bool:
    """Whether the text may be an id at all: that of a step."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable() and text == text.strip()


def is_address_id(text: object) -> bool:
    """Whether the text may be the id of a workflow or a run."""
    return is_id(text) and not {"/", "\\"} & set(str(text)) and text not in (".", "..")


def to_address(text: str) -> str:
    """The id as a part of an address. One that an earlier release has stored against the rule is written in hex."""
    is_plain = not {"/", "\\"} & set(text) and text.isprintable() and text not in ("", ".", "..")
    return text if is_plain and not text.startswith(MARK) else MARK + text.encode("utf-8", "surrogatepass").hex()


def from_address(part: str) -> str:
    """The id that a part of an address names."""
    if not part.startswith(MARK):
        return part
    try:
        return bytes.fromhex(part.removeprefix(MARK)).decode("utf-8", "surrogatepass")
    except ValueError:
        return part


def is_tag(text: str, longest: int) -> bool:
    """Whether the text may be a tag of at most so many characters."""
    return bool(text.strip()) and len(text) <= longest and text.isprintable()


def is_resource_id(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()
