"""`python -m tests.contract FOLDER [TEXT]`: the official client against a console of our own, session by session.

A line for each session, then `N passed, M failed`; exit code 1 when M > 0. Needs Node 20 and npm, once the network.
"""

import argparse
import sys
from pathlib import Path

from .client import ClientMissing, install_client
from .replaying import open_contract_console, replay, sessions_of


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
        names = [session["name"] for session in sessions_of(options.folder)]
        install_client()
    except (ClientMissing, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    passed = failed = 0
    if not any(options.text in name for name in names):
        print("no session ran\n0 passed, 0 failed")
        return 1
    with open_contract_console() as address:
        for outcome in replay(options.folder, *address, options.text):
            print(outcome.line, flush=True)
            passed, failed = passed + outcome.passed, failed + (not outcome.passed)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
