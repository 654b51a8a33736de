"""The documentation names only what exists: files, commands, flags."""

import re
import textwrap

import click
import pytest

from tests.support.pages import PAGES, ROOT, blocks, links, quoted, words
from unlearnzoo.cli.app import app


def named(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def problem(words):
    """Return what is wrong with the words after ``unlearnzoo``, without running anything."""
    if words[:1] and words[0].startswith("-"):
        known = {flag for parameter in app.params for flag in parameter.opts} | {"-h", "--help"}
        return None if words[0] in known and not words[1:] else f"no flag {words[0]}"
    command = app.get_command(click.Context(app), words[0])
    if command is None:
        return f"no command {words[0]}"
    try:
        command.make_context(words[0], words[1:])
    except click.exceptions.Exit:  # --help
        return None
    except (click.MissingParameter, click.BadOptionUsage):
        return None  # only named: `unlearnzoo show`, `unlearnzoo run --algo`
    except click.BadParameter as error:
        # A word in capitals stands for what the reader puts there.
        return None if any(re.fullmatch("[A-Z]{3,}", word) for word in words) else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", named(PAGES))
def test_every_relative_link_points_at_something(page):
    for link in links(page):
        if not re.match(r"[a-z]+:", link) and (path := link.partition("#")[0]):
            assert (page.parent / path).exists(), f"{link} is nowhere"


@pytest.mark.parametrize("page", named(PAGES))
def test_every_command_line_parses(page):
    for line in quoted(page):
        for one in words(line):
            assert (wrong := problem(one)) is None, f"{line}: {wrong}"


@pytest.mark.parametrize(
    "line",
    [
        "unlearnzoo runn --algo npo",
        "unlearnzoo run --alog npo",
        "unlearnzoo list --all",
        "unlearnzoo --verbose",
        "unlearnzoo show npo --kind algo",
        "unlearnzoo list NAME",
        "unlearnzoo list | lists",
    ],
)
def test_what_does_not_exist_is_found(line):
    assert any(problem(one) for one in words(line))


def test_the_pages_do_quote_commands():
    """Or the two tests above would pass for want of anything to check."""
    found = [line for page in PAGES for line in quoted(page)]
    assert len(found) > 30
    assert {"run", "list", "show", "plugins", "runs", "report"} <= {one[0] for line in found for one in words(line)}


def test_few_blocks_are_kept_from_running_and_each_says_why():
    every = [block for page in PAGES for block in blocks(page) if block.commands or block.language == "python"]
    kept = [block for block in every if block.marker[0] == "not run"]
    assert all(len(block.marker[1]) > 8 for block in kept)
    assert len(kept) <= max(3, len(every) // 4), [block.where for block in kept]


def test_python_blocks_are_python():
    for page in PAGES:
        for block in blocks(page):
            if block.language == "python":
                compile(textwrap.dedent(block.text), block.where, "exec")  # a method alone is indented


def test_every_algorithm_of_the_repository_has_a_section():
    text = (ROOT / "docs/algorithms.md").read_text("utf-8")
    modules = [path.read_text("utf-8") for path in ROOT.glob("plugins/unlearnzoo-*/unlearnzoo_*.py")]
    names = [
        name
        for code in modules
        if "def unlearnzoo_unlearners" in code
        for name in re.findall(r'^    name = "([\w-]+)"', code, re.MULTILINE)
    ]
    assert {"dpo", "ga", "gd", "kl", "npo"} <= set(names)
    assert [name for name in names if f"<!-- from code: algorithm {name} -->" not in text] == []


def test_the_page_on_the_layout_shows_the_floors_that_the_import_test_states():
    from tests.test_imports import FLOORS

    page = (ROOT / "docs/explanation/layout.md").read_text("utf-8")
    svg = (ROOT / "docs/explanation/floors.svg").read_text("utf-8")
    heights = []
    for rooms in FLOORS:
        assert all(f"| `{room}/` |" in page for room in rooms)
        heights.append({y for room in rooms for y in re.findall(rf'y="(\d+)"(?:(?!</text>).)*>{room}<', svg)})
    assert all(len(ys) == 1 for ys in heights), heights
    numbers = [int(next(iter(ys))) for ys in heights]
    assert numbers == sorted(numbers, reverse=True), "the lowest floor stands lowest"
