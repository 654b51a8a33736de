"""Imports run one way, core imports no plugin, and nothing heavy is imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "unlearnzoo"
PLUGINS = sorted(p.name for p in (ROOT / "plugins").glob("*/unlearnzoo_*") if p.suffix in ("", ".py"))
#: The floors, lowest first; a room imports from floors below its own, and never from another room of its floor.
#: What is in no room is a contract, or plumbing that any room may use.
FLOORS = (
    ("storage",),
    ("data",),
    ("encoding",),
    ("models",),
    ("training",),
    ("evaluation",),
    ("registry", "launch"),
    ("testing", "records"),
    ("planning", "reports"),
    ("runs", "sweeps"),
    ("tuning",),
    ("cli",),
)
#: Exceptions from below: a room that must not know one of a lower floor.
FORBIDDEN = {("reports", "training"), ("reports", "models"), ("sweeps", "runs"), ("evaluation", "training")}
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
#: What docs/explanation/stability.md promises besides the names in ``__all__``.
PROMISED = {"unlearnzoo", "unlearnzoo.errors", "unlearnzoo.testing"}
#: It reads hidden states and runs stage 1, for which there is no public door yet.
INSIDERS = {"unlearnzoo_diagnose"}
HEAVY = (
    "PIL",
    "accelerate",
    "datasets",
    "matplotlib",
    "numpy",
    "pandas",
    "peft",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "torch",
    "transformers",
)


def imports(path, root=ROOT, hints=False):
    """Yield (top-level?, absolute module) of every import of a file, those for type hints where asked for."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(root).with_suffix("").parts
    hidden = inside(tree, lambda n: isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test))
    in_functions = inside(tree, lambda n: isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in ast.walk(tree):
        if id(node) in hidden and not hints:
            continue
        early = id(node) not in in_functions
        if isinstance(node, ast.Import):
            yield from ((early, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield early, module
            yield from ((early, f"{module}.{alias.name}") for alias in node.names)


def inside(tree, holds):
    """Return the ids of all nodes inside those that a test holds for."""
    return {id(inner) for node in ast.walk(tree) if holds(node) for inner in ast.walk(node)}


def room_of(module):
    parts = module.replace("unlearnzoo.__main__", "unlearnzoo.cli").split(".")
    return parts[1] if parts[0] == "unlearnzoo" and len(parts) > 1 and parts[1] in FLOOR_OF else None


def files():
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(CORE.rglob("*.py"))]


@pytest.mark.parametrize("path", files())
def test_core_never_imports_a_plugin(path):
    found = {module.split(".")[0] for _, module in imports(path)}
    assert not [name for name in found if name.startswith("unlearnzoo_")]


def may_import(own, used):
    return own == used or (FLOOR_OF[used] < FLOOR_OF[own] and (own, used) not in FORBIDDEN)


@pytest.mark.parametrize("path", files())
def test_imports_run_one_way(path):
    own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    used = {room for early, module in imports(path) if (room := room_of(module)) and (own or early)}
    wrong = sorted(room for room in used if own is None or not may_import(own, room))
    assert not wrong, f"{own or 'a contract'} imports {wrong}"


def test_every_folder_of_the_core_is_a_room():
    assert {p.parent.name for p in CORE.glob("*/__init__.py")} == set(FLOOR_OF)


def test_planning_loads_no_model():
    """Whatever holds weights is imported after a plan is made, or everything that can be refused would not be first."""
    script = (
        "import sys, unlearnzoo.planning.make, unlearnzoo.planning.summary\n"
        "print(*sorted(m for m in sys.modules if m.startswith(('unlearnzoo.training', 'unlearnzoo.runs'))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {module.removeprefix("unlearnzoo.training.").partition(".")[0] for module in done.stdout.split()}
    assert loaded == {"unlearnzoo", "recipe", "schedule", "checkpointing"}


def graph(root):
    """Return module → the project's modules that it imports at its top, type hints left out."""
    found = {}
    for path in root.rglob("*.py"):
        name = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path
    found.pop(root.name)  # what it re-exports is everybody's
    return {
        name: {m for early, m in imports(path, root.parent, hints=True) if m in found and m != name}
        for name, path in found.items()
    }


@pytest.mark.parametrize(
    "root", [CORE, *sorted(p for p in (ROOT / "plugins").glob("*/unlearnzoo_*") if p.is_dir())], ids=lambda p: p.name
)
def test_no_circles(root):
    """Neither at run time nor for a type checker: two modules that need each other are one."""
    edges, state = graph(root), {}

    def walk(name, way):
        state[name] = "open"
        for other in sorted(edges[name]):
            assert state.get(other) != "open", " -> ".join([*way, name, other])
            if other not in state:
                walk(other, [*way, name])
        state[name] = "done"

    for name in sorted(edges):
        if name not in state:
            walk(name, [])


@pytest.mark.parametrize(
    "path",
    [p for p in files() if room_of(".".join(p.values[0].relative_to(ROOT).with_suffix("").parts)) in (None, "cli")],
)
def test_contracts_and_the_command_line_import_nothing_heavy_early(path):
    early = {module.split(".")[0] for at_top, module in imports(path) if at_top}
    assert not early & set(HEAVY)


def loaded_after(code):
    """Run code in a fresh interpreter; return which heavy modules it imported."""
    script = f"{code}\nimport sys; print(*sorted(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()[-1].split()


def test_import_unlearnzoo_is_light():
    assert loaded_after("import unlearnzoo") == []


def test_finding_every_plugin_is_light():
    assert loaded_after("from unlearnzoo.registry.zoo import Zoo; Zoo.installed()") == []


def test_every_plugin_of_this_repository_is_light_on_its_own():
    """Also those that are not installed here."""
    for name in PLUGINS:
        folder = next((ROOT / "plugins").glob(f"*/{name}")).parent
        module = name.removesuffix(".py")
        assert loaded_after(f"import sys; sys.path.insert(0, {str(folder)!r}); import {module}") == [], module


def modules_of(name):
    """Return the files of a plugin: a package's, or the one module."""
    place = next((ROOT / "plugins").glob(f"*/{name}"))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


@pytest.mark.parametrize("name", [n for n in PLUGINS if n.removesuffix(".py") not in INSIDERS])
def test_a_plugin_imports_only_what_is_promised(name):
    """An author who starts from one of ours must not learn to reach inside."""
    import unlearnzoo

    wrong = []
    for path in modules_of(name):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and not node.level
                and (node.module or "").split(".")[0] == "unlearnzoo"
            ):
                unknown = (
                    {a.name for a in node.names} - set(unlearnzoo.__all__) if node.module == "unlearnzoo" else set()
                )
                wrong += [f"{path.name}: {node.module}"] * (node.module not in PROMISED) + sorted(unknown)
    assert not wrong


def test_the_insiders_are_insiders():
    """One that has become an ordinary plugin leaves the list."""
    for name in INSIDERS:
        inside = [
            m for path in modules_of(name) for _, m in imports(path, path.parents[1]) if m.startswith("unlearnzoo.")
        ]
        assert set(inside) - PROMISED, name
