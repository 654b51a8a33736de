"""What each kind of class must have to be taken in, beside what every kind must."""

import inspect
from collections.abc import Callable, Iterable

from ..benchmark import Benchmark
from ..errors import PluginError
from ..metric import METRIC_INPUTS, Metric
from ..terminal import shorten
from ..unlearner import INPUTS, Phase, Unlearner, has_loss, inputs_of, offered, undeclared


def check_algorithm(cls: type[Unlearner]) -> None:
    """Check that an algorithm has a loss or an ``unlearn`` of its own and asks only for what exists.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    if not has_loss(cls) and cls.unlearn is Unlearner.unlearn and cls.phases is Unlearner.phases:
        raise PluginError(f"{cls.__name__} lacks loss (or phases, or unlearn, where there is more to it than a loss)")
    for name, pool in cls.inputs.items():
        if name in INPUTS or name.endswith("_ref") or pool not in ("forget", "retain"):
            raise PluginError(
                f"{cls.__name__}.inputs has {name!r}: {pool!r}; write a name of its own, not on _ref, "
                'and "forget" or "retain"'
            )
        if not inspect.isfunction(getattr(cls, name, None)):
            raise PluginError(f"{cls.__name__} lacks the method {name}(self, example) of its input {name!r}")
    known = offered(cls)
    if has_loss(cls):
        _check_inputs(cls.__name__, cls.loss, known)
    for name, kept in cls.reference.items():
        if name not in known or not name.endswith("_ref") or kept != "logits":
            raise PluginError(
                f"{cls.__name__}.reference has {name!r}: {kept!r}; "
                'write {"retain_ref": "logits"} for an input that ends in _ref'
            )
    _check_needs(cls, known)
    check_phases(cls.configure({}))


def check_phases(one: Unlearner) -> None:
    """Check that the phases of a configuration can be carried out as they are declared.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    cls, known = type(one), offered(type(one))
    phases: object = one.phases
    if not isinstance(phases, tuple) or not all(isinstance(phase, Phase) for phase in phases):
        raise PluginError(f"{cls.__name__}.phases is {shorten(repr(phases))}; give a tuple of Phase, a property")
    for phase in one.phases:
        where = f"{cls.__name__}: phase {phase.name!r}"
        if not isinstance(phase.name, str) or not phase.name.strip():
            raise PluginError(f"{where} has no name; write a word")
        steps = phase.steps
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise PluginError(
                f"{where} has steps {steps!r}; give a whole number of at least 1, or None for the recipe's"
            )
        if phase.loss is None:
            if cls.unlearn is Unlearner.unlearn:
                raise PluginError(f"{where} has no loss; give it one, or write unlearn")
            continue
        if unknown := sorted(inputs_of(one, phase.loss) - set(known)):
            raise PluginError(f"{where} asks for {unknown[0]!r}; there is {', '.join(known)}")
        if not inputs_of(one, phase.loss) and not undeclared(one):
            raise PluginError(f"{where} asks for no input; there is {', '.join(known)}")


def check_metric(cls: type[Metric]) -> None:
    """Check that a metric scores only what exists.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    _check_inputs(cls.__name__, cls.score, METRIC_INPUTS)


def check_benchmark(cls: type[Benchmark]) -> None:
    """Check that a benchmark's columns have names of their own and name metrics in full.

    Raises:
        PluginError: what is wrong and what would be right.
    """
    columns = (*cls.evals, *cls.baselines)
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise PluginError(f"{cls.__name__} has two columns {name!r}")
    for column in columns:
        if column.metric.count("/") != 1:
            raise PluginError(
                f"{cls.__name__}: column {column.name!r} names the metric {column.metric!r}; write distribution/name"
            )
    if lost := sorted(set(cls.curve) - {column.name for column in cls.evals}):
        raise PluginError(f"{cls.__name__}.curve names the column {lost[0]!r}, which evals lacks")


def _check_inputs(owner: str, method: Callable[..., object], known: Iterable[str]) -> None:
    """Check that every argument is one that can be handed over by name."""
    listed = ", ".join(known)
    where = f"{owner}.{method.__name__}"
    for name, parameter in inspect.signature(method).parameters.items():
        if name == "self":
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise PluginError(f"{where} takes {parameter}; name its inputs: {listed}")
        if name not in known or parameter.kind is parameter.POSITIONAL_ONLY:
            raise PluginError(f"{where} asks for {name!r}; there is {listed}")


def _check_needs(cls: type[Unlearner], known: Iterable[str]) -> None:
    """Check that with its default options an algorithm needs only what exists."""
    if unknown := sorted(cls.configure({}).needs - set(known)):
        raise PluginError(f"{cls.__name__}.needs names {unknown[0]!r}; there is {', '.join(known)}")
