"""Evaluates hostile expressions in a process of its own, with little memory; prints how each of them ended, as JSON."""

import json
import resource
import sys
import time

MEMORY_BYTES = 1 << 30
resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

from runs.steps.bounded_jmespath import ExpressionRefused, search  # noqa: E402

TEN = f"[{','.join('@' * 10)}]"
TEN_KEYS = "{" + ",".join(f"k{number}:@" for number in range(10)) + "}"
BOMB = "|".join([TEN] * 9)
CASES = {
    "lists of lists": ("|".join([TEN] * 8), 1),
    "objects of objects": ("|".join([TEN_KEYS] * 8), 1),
    "flattened": ("|".join([TEN] * 7) + "|[]" * 7, 1),
    "as text": (f"{BOMB}|to_string(@)", 1),
    "compared": (f"{BOMB}|@==@", 1),
    "searched": (f"{BOMB}|contains(@, @[0])", 1),
    "passed to the wrong function": (f"{BOMB}|abs(@)", 1),
    "a member of the wrong type": (f"{BOMB}|sum(@)", 1),
    "joined": ("|".join(["join(@, [@,@,@,@,@,@,@,@,@,@])"] * 8), "a" * 10),
    "quoted again and again": ("|".join([f"{TEN}|to_string(@)"] * 9), "abc"),
    "projected": ("[*]." + ".".join([f"{TEN}|[*]"] * 9), [1, 2]),
    "summed again and again": (f"{TEN}|{TEN}[]|[*].sum(@)", list(range(100_000))),
    "lists in a list": ("[@]|" * 4000 + "@", 1),
    "parentheses": ("(" * 5000 + "a" + ")" * 5000, 1),
    "negations": ("!" * 15_000 + "a", 1),
    "a literal of brackets": ("`" + "[" * 15_000 + "`", 1),
    "merged": ("|".join(["merge(@, {a: @})"] * 300), {"x": 1}),
    "a literal of eighty bits": ("`999999999999999999999999`", 1),
    "an index of many digits": (f"a[{'9' * 5000}]", [1]),
    "a text of many digits": ("to_number(@)", "9" * 400),
    "infinity": ("to_number('1e999')", 1),
    "an expression as the result": ("&a", 1),
    "an unclosed text": ("'" + "\\" * 15_000, 1),
    "quotation marks": ('"' * 15_000, 1),
}


def ending(expression: str, data: object) -> tuple[str, float]:
    before = time.process_time()
    try:
        search(expression, data)
        said = "evaluated"
    except ExpressionRefused as error:
        said = str(error)
    except BaseException as error:
        said = f"raised {type(error).__name__}"
    return said, time.process_time() - before


if __name__ == "__main__":
    json.dump({name: ending(*case) for name, case in CASES.items()}, sys.stdout)
