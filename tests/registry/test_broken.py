"""Each way for a plugin to be broken, and that none of them stops another."""

import pytest

from tests.support.distributions import HEAD, algorithm, install
from tests.support.zoos import load, row_of
from unlearnzoo.errors import PluginError

MARK = "@hookimpl\ndef unlearnzoo_unlearners():\n    return "

WAYS = {
    "import error": ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_"),
    "syntax error": ("def broken(:\n", "SyntaxError: "),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "any error": ("1 / 0", "ZeroDivisionError: division by zero"),
    "an error without a text": ("raise RuntimeError", "RuntimeError"),
    "hook fails": (HEAD + MARK + "[1 / 0]", "ZeroDivisionError"),
    "hook exits": (HEAD + MARK + "exit()", "SystemExit"),
    "misspelt hook": (
        HEAD + "@hookimpl\ndef unlearnzoo_unlearner():\n    return []",
        "unknown hook 'unlearnzoo_unlearner'; did you mean 'unlearnzoo_unlearners'?",
    ),
    "hook with an argument": (
        HEAD + "@hookimpl\ndef unlearnzoo_unlearners(config):\n    return []",
        "PluginValidationError",
    ),
    "no mark": ("def unlearnzoo_unlearners():\n    return []", "write @hookimpl above it"),
    "no hook": ("x = 1", "it implements no hook"),
    "returns None": (HEAD + "@hookimpl\ndef unlearnzoo_unlearners():\n    pass", "returned None; return a list"),
    "returns a number": (HEAD + MARK + "7", "returned 7; return a list of classes"),
    "returns a text": (HEAD + MARK + "'npo'", "returned 'npo'; return a list of classes"),
    "returns a class": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, forget):\n        pass\n" + MARK + "A",
        "return a list of classes",
    ),
    "list of texts": (HEAD + MARK + "['npo']", "returned 'npo', which is no subclass of Unlearner"),
    "wrong kind": (
        HEAD + "class M(Metric):\n    name = 'm'\n    def score(self, answer):\n        return 1\n" + MARK + "[M]",
        "which is no subclass of Unlearner",
    ),
    "no loss": (HEAD + "class A(Unlearner):\n    name = 'a'\n" + MARK + "[A]", "A lacks loss"),
    "no name": (
        HEAD + "class A(Unlearner):\n    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "A.name is None",
    ),
    "odd name": (
        HEAD + "class A(Unlearner):\n    name = 'My Algo'\n    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "A.name is 'My Algo'; use lower-case letters",
    ),
    "unknown loss input": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, forgett):\n        pass\n" + MARK + "[A]",
        "A.loss asks for 'forgett'; there is forget, forget_ref, retain",
    ),
    "unnamed loss inputs": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, **inputs):\n        pass\n" + MARK + "[A]",
        r"A.loss takes \*\*inputs; name its inputs",
    ),
    "unknown need": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    needs = frozenset({'holdout'})\n"
        "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "A.needs names 'holdout'",
    ),
    "odd reference": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    reference = {'retain': 'logits'}\n"
        "    def loss(self, retain):\n        pass\n" + MARK + "[A]",
        "A.reference has 'retain'",
    ),
    "default out of bounds": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    beta: float = option(0, 'x', gt=0)\n"
        "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "cannot be built with its defaults: a.beta: must be > 0",
    ),
    "no default": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    beta: float\n"
        "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        r"A has no default for 'beta'; write beta: \.\.\. = option",
    ),
    "two of one name": (
        HEAD + "def make():\n    class A(Unlearner):\n        name = 'a'\n"
        "        def loss(self, forget):\n            pass\n    return A\n" + MARK + "[make(), make()]",
        "provides two algorithms 'a'",
    ),
    "unknown metric input": (
        HEAD + "class M(Metric):\n    name = 'm'\n    def score(self, guess):\n        return 1\n"
        "@hookimpl\ndef unlearnzoo_metrics():\n    return [M]",
        "M.score asks for 'guess'",
    ),
    "bare metric name": (
        HEAD + "class B(Benchmark):\n    name = 'b'\n    forget: str = option('20%', 'x')\n"
        "    curve = ('E', 'E')\n"
        "    evals = (Column('E', 'test', 'em', 'all', 'high'),)\n"
        "    prepare = fingerprint = examples = forget_identities = learn_pool = lambda self: None\n"
        "@hookimpl\ndef unlearnzoo_benchmarks():\n    return [B]",
        "write distribution/name",
    ),
    "lost column": (
        HEAD + "class B(Benchmark):\n    name = 'b'\n"
        "    evals = (Column('E', 'test', 'x/em', 'all', 'high'),)\n"
        "    prepare = fingerprint = examples = forget_identities = learn_pool = lambda self: None\n"
        "@hookimpl\ndef unlearnzoo_benchmarks():\n    return [B]",
        "B.curve names the column 'EMf'",
    ),
    "neither loss nor unlearn": (HEAD + "class A(Unlearner):\n    name = 'a'\n" + MARK + "[A]", "A lacks loss"),
    "a phase of an unknown input": (
        HEAD + "from unlearnzoo import Phase\nclass A(Unlearner):\n    name = 'a'\n"
        "    phases = property(lambda self: (Phase('one', lambda forgett: 0),))\n" + MARK + "[A]",
        "A: phase 'one' asks for 'forgett'; there is forget, forget_ref, retain",
    ),
    "own input on _ref": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    inputs = {'own_ref': 'forget'}\n"
        "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "A.inputs has 'own_ref'",
    ),
    "own input of no pool": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    inputs = {'own': 'test'}\n"
        "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
        "A.inputs has 'own': 'test'",
    ),
    "own input without a method": (
        HEAD + "class A(Unlearner):\n    name = 'a'\n    inputs = {'own': 'forget'}\n"
        "    def loss(self, own):\n        pass\n" + MARK + "[A]",
        r"A lacks the method own\(self, example\)",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_plugin_is_one_warning_one_row_and_stops_no_other(site, way):
    source, reason = WAYS[way]
    install(site, "unlearnzoo-bad", source, entry="bad")
    install(site, "a-first", algorithm("first"), entry="first")
    install(site, "z-last", algorithm("last"), entry="last")
    zoo, told = load()
    assert zoo.names("algorithm") == ["first", "last"]
    assert len(told) == 1
    assert told[0].startswith("plugin 'bad' of unlearnzoo-bad 1.0 is not used: ")
    assert "\n" not in told[0]
    row = row_of(zoo, "unlearnzoo-bad")
    assert (row.status, row.provides) == ("broken", [])
    with pytest.raises(PluginError, match=rf"^'bad': unlearnzoo-bad 1.0 is broken: .*{reason}.*; .*unlearnzoo-bad"):
        zoo.get("algorithm", "bad")
    with pytest.raises(PluginError, match="broken"):
        zoo.get("algorithm", "unlearnzoo-bad/anything")
