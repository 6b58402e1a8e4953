"""Daphne, without what Twisted does for others on the loop that serves everybody."""

from functools import partial
from typing import Any

import daphne.server
from daphne.http_protocol import HTTPFactory, WebRequest


class Factory(HTTPFactory):
    """Makes the protocol of each connection."""

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        # Django reads bodies, in a thread. Twisted would parse each form before, and read the type of any other body
        # by a parser of e-mails, for a tenth of the time of a start.
        protocol.requestFactory = partial(WebRequest, parsePOSTFormSubmission=False)
        return protocol

    def log(self, request: Any) -> None:
        """Writes no line: Daphne leads Twisted's log to nowhere, where each would be put together all the same."""


class Server(daphne.server.Server):
    """The server of `manage.py serve`; its parameters are Daphne's."""

    def run(self) -> None:
        daphne.server.HTTPFactory = Factory  # Daphne makes its factory by that name, and takes none
        super().run()
