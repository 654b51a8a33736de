"""Imports run one way, core imports no plugin, and nothing heavy is imported early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "unlearnzoo"
PLUGINS = sorted(p.name for p in (ROOT / "plugins").glob("*/unlearnzoo_*") if p.suffix in ("", ".py"))
#: Room → the rooms it may import. What is in no room is a contract: everybody may import it.
ROOMS = {
    "data": set(),
    "models": {"data"},
    "engine": {"models", "data"},
    "evaluation": {"models", "data"},
    "launch": set(),
    "runs": {"launch", "engine", "evaluation", "models", "data"},
    "testing": {"runs", "engine", "evaluation", "models", "data"},
    "cli": {"testing", "runs", "launch", "engine", "evaluation", "models", "data"},
}
HEAVY = ("PIL", "accelerate", "datasets", "numpy", "pandas", "peft", "pyarrow", "rich", "torch", "transformers")


def imports(path):
    """Yield (top-level?, absolute module) of every import of a file; type hints' are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(ROOT).with_suffix("").parts
    hidden = inside(tree, lambda n: isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test))
    in_functions = inside(tree, lambda n: isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in ast.walk(tree):
        if id(node) in hidden:
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
    return parts[1] if parts[0] == "unlearnzoo" and len(parts) > 1 and parts[1] in ROOMS else None


def files():
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(CORE.rglob("*.py"))]


@pytest.mark.parametrize("path", files())
def test_core_never_imports_a_plugin(path):
    found = {module.split(".")[0] for _, module in imports(path)}
    assert not [name for name in found if name.startswith("unlearnzoo_")]


@pytest.mark.parametrize("path", files())
def test_imports_run_one_way(path):
    own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    used = {room for early, module in imports(path) if (room := room_of(module)) and (own or early)}
    allowed = ROOMS[own] | {own} if own else set()
    assert used <= allowed, f"{own or 'a contract'} imports {sorted(used - allowed)}"


@pytest.mark.parametrize("path", [p for p in files() if room_of(
    ".".join(p.values[0].relative_to(ROOT).with_suffix("").parts)) in (None, "cli")])
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
