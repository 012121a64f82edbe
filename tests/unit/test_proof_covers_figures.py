"""No figure without proof: each has a place in what tests/e2e/proof compares, or a reason why it has none."""

from pbxd.figures.catalogue import CHAPTERS
from pbxd.reports.columns import COLUMNS
from tests.e2e.proof import covered


def test_every_figure_is_compared_or_has_a_reason() -> None:
    for chapter, figures in CHAPTERS:
        if chapter in covered.OTHER_CHAPTERS:
            continue
        for figure in figures:
            assert (figure.name in covered.COMPARED) is not (figure.name in covered.NOT_COMPARED), figure.name


def test_nothing_is_compared_that_does_not_exist() -> None:
    names = {figure.name for _, figures in CHAPTERS for figure in figures}
    assert names >= covered.COMPARED | set(covered.NOT_COMPARED)
    assert {chapter for chapter, _ in CHAPTERS} >= set(covered.OTHER_CHAPTERS)


def test_every_column_of_a_report_is_compared() -> None:
    known = (*covered.COUNTS, *covered.SECONDS, *covered.MEANS, *covered.SHARES, *covered.TIMES)
    assert sorted(known) == sorted(column.name for column in COLUMNS)
