"""The browser, and what a page of it may not do unseen: raise, break the policy, miss a file."""

import os
import shutil

PATIENCE_MS = 30_000  # what a page may take on a machine that does ten other things
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
]

# The first is Chromium without its windows: of the same source, at half of the processor's time for a page.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def chromium() -> str | None:
    """The browser's program: the one that the variable CHROMIUM names, or Debian's; None when there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


# Told by an event, since the console's own text differs between versions of the browser.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  const place = `${event.sourceFile}:${event.lineNumber}`
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI} at ${place}`)
})
"""


class PageProblems:
    """Collects what goes wrong on the pages of one browser context."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._expected: list[str] = []

    def watch(self, context) -> None:
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))
        context.on("console", self._on_console)

    def expect(self, part: str) -> None:
        """Let problems pass whose text contains this, before or after."""
        self._expected.append(part)

    def refuse(self) -> None:
        """Fail when something was found that nobody expected."""
        left = [problem for problem in self.found if not any(part in problem for part in self._expected)]
        assert not left, "Problems on the page:\n" + "\n".join(left)

    def _on_console(self, message) -> None:
        if message.type == "error":
            place = message.location.get("url", "") if message.location else ""
            self.found.append(f"console: {message.text} {place}".rstrip())
