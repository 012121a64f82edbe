"""One Asterisk .conf file as the lines that count: comments gone, escapes read, line numbers kept.

A semicolon begins a comment unless a backslash stands before it. ``;--`` begins a block that may span lines
and hold other blocks, unless a third dash follows; ``--;`` ends it, and what stands behind it counts again.
"""

from __future__ import annotations

from collections.abc import Iterator

LONGEST_LINE = 8190
"""Asterisk skips longer ones."""


class CommentReader:
    """Strips comments line by line; ``depth`` is above 0 inside of a block."""

    def __init__(self) -> None:
        self.depth = 0
        self.opened_at = 0

    def strip(self, line: str, number: int) -> str:
        """What Asterisk takes of ``line``."""
        kept: list[str] = []
        position = 0
        while True:
            at = line.find(";", position)
            if at < 0:
                break
            if at > position and line[at - 1] == "\\":
                self._keep(kept, line[position : at - 1] + ";")
                position = at + 1
            elif line.startswith("--", at + 1) and line[at + 3 : at + 4] != "-":
                self._keep(kept, line[position:at])
                if self.depth == 0:
                    self.opened_at = number
                self.depth += 1
                position = at + 3
            elif self.depth and at >= position + 2 and line[at - 2 : at] == "--":
                self.depth -= 1
                position = at + 1
            elif self.depth:
                position = at + 1
            else:
                self._keep(kept, line[position:at])
                return "".join(kept).strip()
        self._keep(kept, line[position:])
        return "".join(kept).strip()

    def _keep(self, kept: list[str], text: str) -> None:
        if self.depth == 0:
            kept.append(text)


def significant_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, text and, where something is wrong with it, what, of every line that is not empty."""
    comments = CommentReader()
    for number, raw in enumerate(text.split("\n"), start=1):
        if len(raw.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
            yield number, "", f"longer than {LONGEST_LINE} bytes: Asterisk skips this line"
            continue
        line = comments.strip(raw.rstrip("\r"), number)
        if line:
            yield number, line, ""
    if comments.depth:
        yield comments.opened_at, "", "this block comment is never closed: everything below is ignored"
