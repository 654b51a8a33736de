"""A fresh environment with ten strangers' plugins, four of them broken: every command works, and says which."""

import json
import os
import subprocess
import sysconfig
import venv

import pytest

from tests.support.distributions import HEAD, algorithm, install
from tests.test_repository import ROOT

pytestmark = pytest.mark.slow

BROKEN = {
    "strangers-import": "import no_such_module_anywhere",
    "strangers-hook": HEAD + "@hookimpl\ndef unlearnzoo_unlearner():\n    return []",
    "strangers-scalar": HEAD + "@hookimpl\ndef unlearnzoo_unlearners():\n    return [3]",
    "strangers-exit": "raise SystemExit(1)",
}
#: Heavy packages that no listing may import.
HEAVY = ("torch", "transformers", "datasets", "peft", "accelerate", "pandas", "matplotlib")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment that reads this one's packages and has ten plugins of its own."""
    home = tmp_path_factory.mktemp("strangers")
    venv.create(home)
    own = next(home.glob("lib/python*/site-packages"))
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for number in range(6):
        install(own, f"strangers-{number}", algorithm(f"stranger{number}"), entry=f"stranger{number}")
    for name, source in BROKEN.items():
        install(own, name, source, entry=name)
    return home / "bin" / "python"


def run(python, *arguments, cwd, code=0):
    done = subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("line", [
    ("--help",), ("list",), ("list", "--json"), ("show", "stranger3"), ("show", "npo"), ("plugins",),
    ("plugins", "--json"), ("plugins", "--times"), ("runs",),
    ("run", "--algo", "stranger3,npo", "--bench", "remem", "--dry-run"),
    ("new", "algorithm", "mine"), ("check", "strangers-5"),
])
def test_every_command_works(python, line, tmp_path):
    assert run(python, "-m", "unlearnzoo", *line, cwd=tmp_path).stdout or line[0] == "run"


def test_the_broken_ones_are_listed_with_reason_and_advice(python, tmp_path):
    found = run(python, "-m", "unlearnzoo", "plugins", "--json", cwd=tmp_path)
    rows = {row["distribution"]: row for row in json.loads(found.stdout) if row["distribution"].startswith("strangers")}
    assert len(rows) == 10
    assert {name for name, row in rows.items() if row["status"] == "broken"} == set(BROKEN)
    assert all(rows[name]["reason"] and rows[name]["advice"] for name in BROKEN)
    assert all(row["status"] == "loaded" and row["provides"] for name, row in rows.items() if name not in BROKEN)
    assert all(row["distribution"] and row["version"] and row["where"] for row in rows.values())


def test_a_broken_one_is_an_error_for_who_asks_for_it(python, tmp_path):
    found = run(python, "-m", "unlearnzoo", "run", "--algo", "strangers-hook", "--bench", "remem", "--dry-run",
                cwd=tmp_path, code=2)
    assert "unknown hook 'unlearnzoo_unlearner'; did you mean 'unlearnzoo_unlearners'?" in found.stderr


@pytest.mark.parametrize("line", [["--help"], ["list"], ["plugins"], ["show", "npo"]])
def test_nothing_heavy_is_imported(python, tmp_path, line):
    code = (f"import sys; from unlearnzoo.cli import main; code = main({line}); "
            f"print([n for n in {HEAVY} if n in sys.modules], file=sys.stderr); sys.exit(code)")
    assert run(python, "-c", code, cwd=tmp_path).stderr.splitlines()[-1] == "[]"
