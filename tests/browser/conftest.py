"""What only the browser tests need."""

from collections.abc import Callable

import pytest

# WCAG 2.2 AA and axe's own best practices.
AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "preload": False,  # it would copy the admin's @import rules into inline styles, which the CSP refuses
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


@pytest.fixture
def assert_accessible() -> Callable[..., None]:
    """Fails with axe's own words when the page, as it stands now, has a finding."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page) -> None:
        results = axe.run(page, options=AXE_OPTIONS)
        found = [
            f"{violation['id']} ({violation['impact']}): {violation['help']}\n"
            + "\n".join(
                f"    {' '.join(map(str, node['target']))}  {node['html'][:160]}" for node in violation["nodes"]
            )
            for violation in results.response["violations"]
        ]
        assert not found, f"{page.url} has findings:\n" + "\n".join(found)

    return check
