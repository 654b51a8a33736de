"""Fill ``<!-- from code: WHAT -->`` in a page with what the code says of itself, when the site is built.

Nothing generated is kept, so nothing can be stale.
"""

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from unlearnzoo.cli.show import facts_of
from unlearnzoo.errors import PluginWarning
from unlearnzoo.metric import METRIC_INPUTS
from unlearnzoo.records.schema import FIELDS, SAME_ROWS, STEP_FIELDS
from unlearnzoo.registry import entry_points
from unlearnzoo.registry.kinds import KINDS
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.unlearner import INPUTS

MARKER = re.compile(r"^<!-- from code: ([a-z-]+)(?: ([\w.-]+))? -->$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((\.\.?/[^)#\s]*)(?:#[^)\s]*)?\)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def described(rows: dict[str, tuple[str, str]], what: str) -> str:
    """Return a table of keys with type and meaning."""
    return table([what, "type", "meaning"], [(f"`{key}`", kind, text) for key, (kind, text) in rows.items()])


def record() -> str:
    """Return the keys of ``run.json``."""
    same = [f"`{name}[]` has the keys of `{other}[]`." for name, other in SAME_ROWS.items()]
    return "\n\n".join([described(FIELDS, "key"), *same])


def inputs(names: dict[str, str]) -> str:
    """Return a table of what can be asked for by argument name."""
    return table(["argument", "what it holds"], [(f"`{name}`", text) for name, text in names.items()])


def groups() -> str:
    """Return the entry-point groups."""
    meaning = {
        entry_points.HOOKS: "a module with hooks",
        entry_points.MODELS: "a `ModelCard`",
        entry_points.COMMANDS: "a click command, added to `unlearnzoo`; imported when it is called",
    }
    return table(["group", "an entry point names"], [(f"`{name}`", text) for name, text in meaning.items()])


def public(module: str) -> str:
    """Return everything in a module's ``__all__``, documented where it is defined."""
    lines = ["```{eval-rst}"]
    for name in sorted(import_module(module).__all__):
        thing = getattr(import_module(module), name)
        directive = "autoclass" if inspect.isclass(thing) else "autofunction"
        lines += [f".. {directive}:: {thing.__module__}.{name}", "   :members:" * inspect.isclass(thing), ""]
    return "\n".join([*lines, "```"])


def all_of(kind: str) -> str:
    """Return a section for everything of a kind that is installed."""
    zoo = _zoo()
    return "\n\n".join(f"### `{name}`\n\n{one(kind, name, doc=True)}" for name in sorted(zoo.names(kind)))


def one(word: str, name: str, doc: bool = False) -> str:
    """Return what ``unlearnzoo show`` says of something, without where it is installed."""
    facts = facts_of(_zoo(), name, None if word == "stage" else word)
    parts = [facts["doc"], f"Provided by `{facts['distribution']}`."] if doc else []
    if "inputs" in facts:
        rows = [(f"`{i['name']}`", i["help"] + "; only with some options" * i["optional"]) for i in facts["inputs"]]
        parts.append(table(["asks for", ""], rows))
    if facts.get("columns"):
        rows = [(c["name"], f"`{c['metric']}`", f"`{c['split']}`", c["who"], c["want"]) for c in facts["columns"]]
        parts.append(table(["column", "metric", "split", "whose rows", "good is"], rows))
    if facts.get("gate"):
        parts.append("Gate: " + ", ".join(f"`{split}` {100 * least:.0f} %" for split, least in facts["gate"].items()))
    for stage, values in facts.get("recipe", {}).items():
        parts.append(f"Recipe for `{stage}`: " + ", ".join(f"`{k}` {v}" for k, v in values.items()))
    if facts.get("options"):
        parts.append(options(facts["name"], facts["options"]))
    elif "options" in facts:
        parts.append("No options.")
    return "\n\n".join(parts)


def options(owner: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of options, named as ``--set`` takes them."""
    signs = {"gt": ">", "ge": "≥", "le": "≤"}

    def bounds(row: dict[str, Any]) -> str:
        found = [f"{sign} {row[key]}" for key, sign in signs.items() if key in row]
        return ", ".join(found + [f"`{choice}`" for choice in row.get("choices", ())])

    cells = [(f"`{owner}.{r['name']}`", r["type"], f"`{r['default']}`", bounds(r), r["help"]) for r in rows]
    return table(["option", "type", "default", "allowed", "meaning"], cells)


#: Marker → what fills it; a name behind the words is handed over.
FILL: dict[str, Callable[..., str]] = {
    "record": record,
    "steps": lambda: described(STEP_FIELDS, "key"),
    "groups": groups,
    "loss-inputs": lambda: inputs(INPUTS),
    "metric-inputs": lambda: inputs(METRIC_INPUTS),
    "all": all_of,
    "public": public,
    **{word: lambda name, word=word: one(word, name) for word in (*KINDS, "stage")},
}


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the markers of a page; of links to what is no part of the site, keep the text."""
    page = Path(app.env.doc2path(docname))

    def within(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        inside = target.is_relative_to(app.srcdir)
        # Folders and pages elsewhere in the repository; other files are offered as they are.
        return link[1] if target.is_dir() or (target.is_file() and target.suffix == ".md" and not inside) else link[0]

    source[0] = LINK.sub(within, MARKER.sub(lambda m: FILL[m[1]](*filter(None, [m[2]])), source[0]))


def parse(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write the default that a dataclass makes anew as a value: Sphinx reads signatures as Python."""
    return signature and signature.replace("<factory>", "{}"), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-signature", parse)
    return {"parallel_read_safe": True}


def _zoo() -> Zoo:
    with warnings.catch_warnings():
        # A reference without the plugin that is broken would look complete.
        warnings.simplefilter("error", PluginWarning)
        return Zoo.installed()
