"""Figures in words: durations, grouped numbers, sizes, and how wide a text will be."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000  # milliseconds


def duration(ms: float) -> str:
    """Milliseconds in at most two units: `42 ms`, `0.21 s`, `12.4 s`, `1 min 31 s`, `12 h 58 min`, `3 d 5 h`."""
    ms = round(ms)
    if ms < 100:
        # Two clocks may differ by a little; a time never shows as negative.
        return "< 1 ms" if ms <= 0 else f"{ms} ms"
    # Each bound is where rounding would give the next unit's first value.
    if ms < 9_995:
        return f"{ms / SECOND:.2f} s"
    if ms < 59_950:
        return f"{ms / SECOND:.1f} s"
    seconds = round(ms / SECOND)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    minutes = round(ms / MINUTE)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(ms / HOUR)
    return f"{hours // 24} d {hours % 24} h"


def grouped(number: int) -> str:
    """A whole number in groups of three: `8 412`."""
    return f"{number:,}".replace(",", " ")


def byte_size(size: float) -> str:
    """A count of bytes: `612 B`, `3.4 kB`, `3.1 MB`; units of 1000."""
    if size < 1000:
        return f"{int(size)} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 step`, `8 412 chunks`."""
    return f"{grouped(number)} {noun if number == 1 else plural or noun + 's'}"


NARROW, WIDE = frozenset("iljtfr.,:;'|!()[]{} /"), frozenset("mwMW@%")


def text_width(text: str, size: float) -> float:
    """About how wide a text is in the page's sans serif at this size; SVG does not cut a text by itself."""
    width = 0.0
    for char in text:
        if char in NARROW:
            width += 0.32
        elif char in WIDE:
            width += 0.86
        elif char.isupper() or ord(char) > 0x2E80:
            width += 0.68 if char.isupper() else 1.0
        else:
            width += 0.56
    return width * size


def fit(text: str, width: float, size: float) -> str:
    """The text, cut with an ellipsis where it would be wider than `width`."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"
