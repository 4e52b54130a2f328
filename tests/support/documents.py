"""What documents say of the code, written by the code: `make docs` writes it, a test holds it.

README.md has the table of variables between two markers; docs/metrics.md is written wholly.
"""

import re
from pathlib import Path

from healthsvc import settings, telemetry

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- variables: written by `make docs` -->", "<!-- end of variables -->"
METRICS = """\
# Metrics

At `/metrics`, for Prometheus: the API's on its own port (with any API key), of `process` and `deliver` on
`HEALTHSVC_METRICS_PORT`. No customer is ever named in them. This page is written by `make docs`.

"""


def written() -> dict[Path, str]:
    """Each document with what it should be, as it would be written now."""
    readme = ROOT / "README.md"
    return {
        readme: with_variables(readme.read_text(encoding="utf-8")),
        ROOT / "docs" / "metrics.md": METRICS + telemetry.metrics_reference(),
    }


def with_variables(text: str) -> str:
    """The text with the table between its markers brought up to date; a text without markers gets them at its end."""
    section = f"{BEGIN}\n{settings.reference()}{END}"
    if BEGIN not in text:
        return f"{text.rstrip()}\n\n## Configuration\n\n{section}\n".lstrip()
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: section, text, flags=re.DOTALL)


if __name__ == "__main__":
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
