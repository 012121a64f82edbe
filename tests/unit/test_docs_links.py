"""The documents lead where they say: links, the files and commands that they name, the list of decisions."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from click import Command, Group

from pbxd.cli import app

REPO = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "asterisk-conf/**/*.md", "dialplans/**/*.md", "deploy/**/*.md")
    for page in REPO.glob(pattern)
)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))


def links(page: Path) -> list[str]:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [link for link in found if "://" not in link]


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page: Path) -> Iterator[str]:
    """Everything that is written as code, without the comments of a shell."""
    text = page.read_text()
    for block in re.findall(r"```(?:sh|console)?\n(.*?)```", text, re.DOTALL):
        yield from (line.removeprefix("$ ").partition(" #")[0] for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@every_page
def test_files_that_are_named_exist(page: Path) -> None:
    ours = re.compile(r"(?<![\w./<-])(?:pbxd|asterisk-conf|dialplans|deploy|tests|docs)/[\w./-]*\w(?![*\w])")
    named = {name for text in code(page) for name in ours.findall(text)}
    missing = [name for name in named if not (REPO / name).exists() and not re.search(r"/[A-Z]+\b", name)]
    assert missing == []


@every_page
def test_commands_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    unknown = []
    for text in code(page):
        for words in re.findall(r"(?:^|&& |; |/bin/)pbxd ([a-z][a-z -]*)", text):
            if not command_exists(words.split()):
                unknown.append(f"pbxd {words}")
        unknown += [
            f"make {word}" for word in re.findall(r"(?:^|&& )make ([a-z-]+)", text) if word not in targets
        ]
    assert unknown == []


def command_exists(words: list[str]) -> bool:
    at: Command = typer.main.get_command(app)
    for word in words:
        if not isinstance(at, Group):
            return True  # an argument
        if word not in at.commands:
            return False
        at = at.commands[word]
    return True


def test_every_decision_is_listed_once() -> None:
    folder = REPO / "docs" / "decisions"
    pages = sorted(page.name for page in folder.glob("*.md") if page.name != "README.md")
    assert links(folder / "README.md") == pages
    numbers = [name[:4] for name in pages]
    assert numbers == [f"{number:04}" for number in range(1, len(pages) + 1)]
