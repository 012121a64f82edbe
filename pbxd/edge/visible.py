"""Text of strangers made harmless for a log or a terminal: it stays on its line and hides nothing."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """``text`` on one line: what would start a new line, hide or turn text around is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == " " else _escape(c) for c in text)


def _escape(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
