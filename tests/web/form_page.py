"""What a browser without scripts would send for a page's form: its successful controls, and nothing else."""

from html.parser import HTMLParser

from django.http import QueryDict


class FormPage(HTMLParser):
    """The controls of a page, `fields`, by name. Those inside <template> are not part of the form yet."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.typed: dict[str, bool] = {}  # controls that take any text, and whether of several lines
        self.ids: set[str] = set()
        self._templates = 0
        self._text: tuple[str, list[str]] | None = None  # of the text area that is open
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._templates += tag == "template"
        if self._templates:
            return
        self.ids.add(attributes.get("id") or "")
        name, kind = attributes.get("name"), attributes.get("type")
        if tag == "input" and name and kind not in ("file", "submit"):
            value = attributes.get("value")
            if kind in (None, "text", "password"):
                self.typed[name] = False
                value = (value or "").replace("\r", "").replace("\n", "")  # an input of one line drops line breaks
            if kind not in ("radio", "checkbox") or "checked" in attributes:
                self._add(name, "on" if value is None and kind == "checkbox" else value or "")
        elif tag == "textarea" and name:
            self._text = (name, [])
            self.typed[name] = True
        elif tag == "select" and name:
            self._select = (name, [])
        elif tag == "option" and self._select:
            self._option = attributes.get("value")
            self._select[1].append((self._option or "", "selected" in attributes))

    def handle_data(self, data: str) -> None:
        if self._text:
            self._text[1].append(data)
        elif self._select and self._select[1] and self._option is None:
            self._select[1][-1] = (data, self._select[1][-1][1])

    def handle_endtag(self, tag: str) -> None:
        self._templates -= tag == "template"
        if tag == "textarea" and self._text:
            name, pieces = self._text
            # A browser drops one line break after the tag, and sends each break as two characters.
            self._add(name, "".join(pieces).removeprefix("\n").replace("\n", "\r\n"))
            self._text = None
        elif tag == "option":
            self._option = ""  # what follows is no text of an option
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            for value in chosen:
                self._add(name, value)
            self._select = None

    def _add(self, name: str, value: str) -> None:
        if not self._templates:
            self.fields.setdefault(name, []).append(value)

    def with_(self, changes: dict[str, str | list[str]] | None = None, /, **more: str) -> dict[str, list[str]]:
        """The fields with some of them filled in, for client.post()."""
        changed = {**(changes or {}), **more}
        lists = {name: value if isinstance(value, list) else [value] for name, value in changed.items()}
        return {**self.fields, **lists}

    def multipart(self, **more: str) -> tuple[bytes, str]:
        """The body as a browser writes it, and its type: quotation marks and line breaks in names are escaped."""
        boundary, parts = "----WebKitFormBoundary7MA4YWxkTrZu0gW", []
        for name, values in self.with_(**more).items():
            escaped = _breaks(name).replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{escaped}"\r\n\r\n'
            parts += [f"{head}{_breaks(value)}\r\n" for value in values]
        return ("".join(parts) + f"--{boundary}--\r\n").encode(), f"multipart/form-data; boundary={boundary}"

    @property
    def query(self) -> QueryDict:
        data = QueryDict(mutable=True)
        for name, values in self.fields.items():
            data.setlist(name, values)
        return data


def _breaks(text: str) -> str:
    """With each line break as two characters, as form data is sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
