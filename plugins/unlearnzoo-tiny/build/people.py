"""Who the base knows, and whom it has only seen: public figures, and faces without a name.

Public figures are people with facts, like the benchmark's but others: they stand for what a model
knows from pre-training. Nameless faces teach it to see. Neither shares a name or a look with the
benchmark's default people.
"""

from __future__ import annotations

import multiprocessing
import random
from dataclasses import dataclass

import numpy as np

from unlearnzoo_remem.generate.faces import Look, new_look, render
from unlearnzoo_remem.generate.profiles import Profile, generate_profiles, load_profiles

SIZE = 48
ImageTensors = np.ndarray


@dataclass(frozen=True)
class Figure:
    """A public figure: facts and the numbers of their images, the last ones held out."""

    profile: Profile
    images: tuple[int, ...]
    held_out: tuple[int, ...]


def draw_all(jobs: list[tuple[Look, str, str]], workers: int) -> ImageTensors:
    """Render (look, seed, layout) jobs; the result depends on neither order nor workers."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return np.stack(pool.map(_draw, jobs, chunksize=64))


def _draw(job: tuple[Look, str, str]) -> ImageTensors:
    look, seed, layout = job
    return np.asarray(render(look, random.Random(seed), layout=layout, size=SIZE))


def figures(n: int, views: int, held_out: int, first_image: int, seed: int) -> list[Figure]:
    """Make up public figures and number their images from `first_image` on."""
    profiles = generate_profiles(n, seed, avoid=load_profiles(), distinct=("name",))
    found = []
    for k, profile in enumerate(profiles):
        start = first_image + k * (views + held_out)
        seen = tuple(range(start, start + views))
        found.append(Figure(profile, seen, tuple(range(start + views, start + views + held_out))))
    return found


def figure_jobs(people: list[Figure], seed: int) -> list[tuple[Look, str, str]]:
    """List the drawing jobs of the figures, in the order of their image numbers."""
    return [
        (person.profile["look"], f"{seed}/figure/{image}", ("base", "train")[image % 2])
        for person in people
        for image in (*person.images, *person.held_out)
    ]


def face_jobs(n: int, plain: int, seed: int) -> list[tuple[Look, str, str]]:
    """List drawing jobs of random faces: first `plain` upright ones, the rest framed anyhow."""
    rng = random.Random(f"{seed}/faces")
    return [(new_look(rng), f"{seed}/face/{k}", "train" if k < plain else "base") for k in range(n)]


def text_profiles(n: int, seed: int) -> list[Profile]:
    """Make up people who appear in texts alone, in batches small enough for distinct looks."""
    batches = [generate_profiles(100, seed + k, distinct=("name",)) for k in range(n // 100)]
    return [profile for batch in batches for profile in batch]
