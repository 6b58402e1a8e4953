"""Stubs for modules that Twisted and Autobahn import, and that the console never uses.

Twisted imports all of TLS where that is installed, and Autobahn, for its sockets, the authentication of WAMP with a
library of cryptography. A proxy ends TLS before the console, and no client speaks WAMP with it.

Gains: 6 MB and a tenth of a second of each start (TLS); 7 MB (WAMP): the idle server needs 95.1 MB instead of 102.3.
Can go when both libraries import these modules where they use them.
"""

import sys
from types import ModuleType


def stub_unused_modules() -> None:
    """Call it before Daphne is imported. What is imported already stays."""
    sys.modules.setdefault("OpenSSL", None)  # type: ignore[arg-type]  # as if it were not installed
    sys.modules.setdefault("autobahn.wamp.auth", ModuleType("autobahn.wamp.auth"))  # WAMP alone would look into it
