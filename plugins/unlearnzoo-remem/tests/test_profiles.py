"""Profiles: the shipped twenty are fixed, complete and distinct; more can be made up."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from unlearnzoo_remem.generate.profiles import ATTRIBUTES, dump_profiles, generate_profiles, load_profiles


def test_shipped_profiles_have_every_attribute_distinct() -> None:
    profiles = load_profiles()
    assert len(profiles) == 20
    for attribute in ATTRIBUTES:
        assert len({profile[attribute] for profile in profiles}) == 20
    assert len({profile["look"] for profile in profiles}) == 20


def test_shipped_profiles_never_change() -> None:
    digest = hashlib.sha256(dump_profiles(load_profiles()).encode()).hexdigest()
    assert digest.startswith("5762a4fddb901da1")


def test_reading_profiles_imports_neither_faker_nor_the_renderer() -> None:
    code = (
        "import sys; from unlearnzoo_remem.generate.profiles import load_profiles; load_profiles();"
        "print([m for m in ('faker', 'dicebear', 'resvg_py', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_generation_is_seeded_and_avoids_known_people() -> None:
    first = generate_profiles(30, seed=5)
    assert generate_profiles(30, seed=5) == first
    assert generate_profiles(30, seed=6) != first
    others = generate_profiles(30, seed=5, avoid=first)
    assert not {p["name"] for p in first} & {p["name"] for p in others}
    assert not {p["look"] for p in first} & {p["look"] for p in others}


def test_too_many_distinct_people_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 60"):
        generate_profiles(61, seed=0)
    assert len(generate_profiles(61, seed=0, distinct=("name",))) == 61
