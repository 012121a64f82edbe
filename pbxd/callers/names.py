"""Text that somebody else chose (a caller's name, keyed digits, a label) made safe to keep and to send.

What is taken out is what acts on a terminal, a log line, a header or the order of the letters on a page.
Letters, quotes, brackets, dollar signs and markup stay: they are text, and each outlet quotes for itself.
"""

from __future__ import annotations

import unicodedata

NAME_LENGTH = 80
TEXT_LENGTH = 200

#: presented instead of a name or number when the caller's is withheld or unknown
NOBODY = frozenset(
    {
        "",
        "-",
        "<unknown>",
        "anonymous",
        "asterisk",
        "blocked",
        "n/a",
        "no number",
        "none",
        "not available",
        "private",
        "restricted",
        "s",
        "unavailable",
        "unknown",
        "withheld",
    }
)

# Cc: control characters. Cf: invisible formatting, among them the marks that turn the reading direction.
# Cs: halves of UTF-16 pairs, which is how bytes that were no UTF-8 arrive. Zl, Zp: line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe_text(text: str, limit: int = TEXT_LENGTH) -> str:
    """``text`` on one line, without control characters or broken Unicode, at most ``limit`` letters."""
    if len(text) <= limit and text.isprintable() and "  " not in text and text == text.strip(" "):
        return text  # nearly every text there is
    # The cut comes first: ten kilobytes of name must not cost ten kilobytes of work for each pop.
    head = text[: limit * 4]
    if not head.isprintable():
        head = "".join(_plain(letter) for letter in head)
    line = " ".join(head.split())
    if len(line) > limit or len(text) > limit * 4:
        return line[: limit - 1] + "…"
    return line


def caller_name(presented: str, number: str = "") -> str:
    """The name a switch presents, or '' when it says nothing beyond the number or that it knows none."""
    name = safe_text(presented, NAME_LENGTH)
    if name.casefold() in NOBODY:
        return ""
    digits = "".join(letter for letter in name if letter.isdigit())
    if digits and not any(letter.isalpha() for letter in name) and _same_digits(digits, number):
        return ""
    return name


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if category in _UNSAFE else letter


def _same_digits(digits: str, number: str) -> bool:
    kept = "".join(letter for letter in number if letter.isdigit())
    if digits == kept:
        return True
    # The same number with and without its country code or the 0 in front of the area code.
    short, long = sorted((digits.lstrip("0"), kept.lstrip("0")), key=len)
    return len(short) > 5 and long.endswith(short)
