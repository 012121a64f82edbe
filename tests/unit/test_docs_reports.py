"""The documents of reports and of the comparison with Asterisk's books say what the program says."""

from pathlib import Path

from pbxd.reconcile.findings import REASONS, Mismatch
from pbxd.reports.columns import COLUMNS
from pbxd.reports.shares import By

DOCS = Path(__file__).parents[2] / "docs"


def test_every_figure_of_a_report_is_defined() -> None:
    text = (DOCS / "reports.md").read_text()
    for column in COLUMNS:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{column.name}` |")]
        assert line.endswith(f"| {column.means} |")
    for by in By:
        assert f"`{by.value}`" in text


def test_every_difference_is_explained() -> None:
    text = (DOCS / "reconcile.md").read_text()
    for kind, reason in REASONS.items():
        assert f"| `{kind.value}` | {reason} |" in text
    for mismatch in Mismatch:
        assert f"`{mismatch.value}`" in text
