"""The browser that looks at pages: where its program is, and when it has drawn one."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NO_BROWSER = f"no Chromium on this machine (looked for {', '.join(BROWSERS)})"
# In a page: whether Streamlit is done with it.
DRAWN = "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'running'"


def browser_program() -> str | None:
    """Find the browser's program, for Playwright's `executable_path`; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
