"""The words and figures that every page shares."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from runs.templatetags import console


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "< 1 ms"),
        (42, "42 ms"),
        (210, "0.21 s"),
        (9_994, "9.99 s"),
        (9_996, "10.0 s"),
        (12_412, "12.4 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 00 s"),
        (91_000, "1 min 31 s"),
        (182_000, "3 min 02 s"),
        (46_680_000, "12 h 58 min"),
        (3_599_600, "1 h 00 min"),
        (277_200_000, "3 d 5 h"),
        (-5, "< 1 ms"),
        (None, "–"),
        (timedelta(seconds=12.4), "12.4 s"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(ms, text):
    assert console.duration(ms) == text


def test_groups_of_three_are_parted_by_a_space_and_no_digit_is_lost():
    assert console.grouped(8412) == "8 412"
    assert console.grouped(9007199254740993) == "9 007 199 254 740 993"
    assert console.grouped(-1200) == "-1 200"
    assert console.grouped("10 000+") == "10 000+"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (612, "612 B"), (3_400, "3.4 kB"), (999_960, "1.0 MB"), (3_100_000, "3.1 MB")]
)
def test_a_size_in_bytes_has_one_decimal_beyond_a_thousand(size, text):
    assert console.byte_size(size) == text


def test_a_relative_time_looks_back_and_ahead():
    now = timezone.now()
    assert console.ago(now - timedelta(seconds=12)) == "12 s ago"
    assert console.ago(now - timedelta(minutes=51)) == "51 min ago"
    assert console.ago(now + timedelta(minutes=4, seconds=5)) == "in 4 min"
    assert console.ago(now) == "now"
    assert console.ago(None) == "–"


def test_the_exact_time_carries_milliseconds_and_the_zone():
    at = datetime(2026, 11, 22, 12, 2, 11, 84_999, tzinfo=UTC)
    assert console.exact_time(at) == "2026-11-22 12:02:11.084 UTC"
    with timezone.override("Europe/Berlin"):
        assert console.exact_time(int(at.timestamp() * 1000)) == "2026-11-22 13:02:11.084 UTC+1"
    with timezone.override("America/St_Johns"):
        assert console.exact_time(at).endswith(" UTC-3:30")


def test_a_time_too_far_away_for_a_calendar_is_a_dash_and_no_error():
    assert console.exact_time(10**18) == "–"


def test_an_id_is_cut_in_the_middle_and_copied_whole():
    whole = "019ab1f4-7c2e-7b41-9d3a-5e0c8f21a6b7"
    html = console.id_chip(whole, "run id")
    assert "019ab1f4…8f21a6b7" in html
    assert f'data-copy="{whole}"' in html
    assert 'aria-label="Copy run id"' in html
    assert console.cut_id(whole, "end") == "…21a6b7"
    assert console.cut_id("short-id") == "short-id"


def test_a_hostile_id_cannot_leave_its_attribute():
    html = Template("{% load console %}{% id_chip value 'run id' %}{% icon 'copy' 12 %}").render(
        Context({"value": '"><script>alert(1)</script>' + "x" * 30})
    )
    assert "<script>" not in html
    assert "wf-i-12" in html
