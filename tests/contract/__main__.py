"""`python -m tests.contract FOLDER [TEXT]`: the official client against a console of our own, session by session.

A line for each session, then `N passed, M failed`; exit code 1 when M > 0. Needs Node 20 and npm, once the network.
"""

import argparse
import sys
from pathlib import Path

from .replaying import NodeMissing, open_contract_console, replay


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description="Replay a folder of sessions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("text", nargs="?", default="", help="only sessions whose name contains this text")
    return parser.parse_args()


def main() -> int:
    options = _arguments()
    if not options.folder.is_dir():
        print(f"There is no folder {options.folder}.", file=sys.stderr)
        return 2
    try:
        with open_contract_console() as (url, token):
            outcomes = replay(options.folder, url, token, options.text)
    except NodeMissing as error:
        print(error, file=sys.stderr)
        return 2
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in outcomes:
        print(outcome.line)
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
