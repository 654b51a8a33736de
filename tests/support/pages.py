"""The documentation as a test sees it: links, code blocks with their markers, and command lines."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
#: ``<!-- not run: why -->`` before a block keeps it from being run; ``<!-- file: NAME -->`` saves it first.
MARKER = re.compile(r"<!-- (not run|file): (.+?) -->")
_COMMAND = re.compile(r"(?:\.venv/bin/)?unlearnzoo\s+(?=[a-z-])")


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        marker: ``not run`` or ``file`` of the comment right before it, and what the comment says; empty without.
    """

    where: str
    language: str
    text: str
    marker: tuple[str, str]

    @property
    def commands(self):
        """Its lines that call unlearnzoo, as a user would paste them."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.strip().removeprefix("$ ") for line in lines if _COMMAND.match(line.strip().removeprefix("$ "))]


def blocks(page):
    """Return the code blocks of a page, in order."""
    found, marker = [], ("", "")
    for token in _parse(page):
        if token.type == "fence":
            where = f"{page.relative_to(ROOT)}:{token.map[0] + 1}"
            found.append(Block(where, token.info.strip(), token.content, marker))
        comment = MARKER.search(token.content) if token.type == "html_block" else None
        marker = (comment[1], comment[2]) if comment else ("", "")
    return found


def links(page):
    """Return the targets of all links and pictures of a page."""
    inner = [child for token in _parse(page) for child in token.children or ()]
    return [str(t.attrs.get("href") or t.attrs.get("src")) for t in inner if t.type in ("link_open", "image")]


def quoted(page):
    """Return every command line of a page: those in blocks, and those in the text between backticks."""
    inner = [child for token in _parse(page) for child in token.children or ()]
    codes = [" ".join(t.content.split()) for t in inner if t.type == "code_inline"]
    return [line for block in blocks(page) for line in block.commands] + [c for c in codes if _COMMAND.match(c)]


def words(line):
    """Cut a command line into its alternatives (``list | show NAME``), each a list of words after ``unlearnzoo``."""
    given = shlex.split(_COMMAND.sub("", line), comments=True)
    found = [[]]
    for word in given:
        if word == "|":
            found.append([])
        elif word not in ("…", "..."):  # and so on
            found[-1].append(word)
    return found


def _parse(page):
    return MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))
