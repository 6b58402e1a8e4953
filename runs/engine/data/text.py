"""Texts cut to the room that there is for them."""


def clipped(text: str, limit: int) -> str:
    """Return the text in at most `limit` characters; one that is cut ends with `…`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
