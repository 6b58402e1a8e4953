"""What can be run. A module named in WFCONSOLE_WORKFLOWS offers each workflow that it defines."""

from .csv_profile import csv_profile
from .order_fulfilment import order_fulfilment
from .site_check import site_check
from .text_stream import text_stream

__all__ = ["csv_profile", "order_fulfilment", "site_check", "text_stream"]
