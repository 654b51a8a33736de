"""Build a data set: settle who is in it, make each person's pictures, write rows, sheet and card."""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from unlearnzoo import DataError, Problems, atomic_write, contains_words, content_key
from unlearnzoo_remem.builder import portraits
from unlearnzoo_remem.builder.given import read_profiles, shared_values
from unlearnzoo_remem.builder.order import DRAWN_SIZE, Order
from unlearnzoo_remem.builder.people import make_up
from unlearnzoo_remem.builder.photos import Photo, find_photos
from unlearnzoo_remem.builder.picture import Picture
from unlearnzoo_remem.builder.similarity import FaceModel, summary
from unlearnzoo_remem.builder.splits import write_splits
from unlearnzoo_remem.builder.workshop import PARTS, refuse_taken, workshop
from unlearnzoo_remem.generate.faces import distinct_looks
from unlearnzoo_remem.generate.plan import Row, plan
from unlearnzoo_remem.generate.profiles import Profile

#: Raise it whenever the same order gives other data: an unfinished build of an older one is not resumed.
VERSION = 2
_LIBRARIES = ("unlearnzoo", "unlearnzoo-remem", "Faker", "dicebear-core", "dicebear-styles", "resvg-py", "pillow")
_EVERY = 5.0  # seconds between two lines on how far it is


@dataclass(frozen=True)
class Cast:
    """Who is in the set.

    Attributes:
        people: their profiles; with a ``look`` where they are drawn.
        photos: their photographs, in the same order; empty where they are drawn.
        faces: what compares photographs.
    """

    people: list[Profile]
    photos: list[list[Photo]]
    faces: FaceModel | None


def build(order: Order, say: Callable[[str], None]) -> dict[str, Any]:
    """Build what is ordered, or go on with it where it was stopped.

    Args:
        order: the user's options.
        say: told what is under way.

    Returns:
        What `build.json` holds: options, versions, counts, similarity.

    Raises:
        OptionError: options that contradict each other, a folder that is taken.
        DataError: profiles or photographs that cannot be used, by row or name.
        RunError: the disk cannot be written.
    """
    order.check()
    refuse_taken(order.out)
    try:
        cast = _cast(order)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    for line in shared_values(cast.people)[:5]:
        say(f"Warning: {order.profiles}: {line}")
    _plan(order, cast, [(1, 1)] * len(cast.people))  # texts that cannot be asked are refused before anything is drawn
    with workshop(order.out, _content(order, cast)) as folder:
        parts = _portraits(order, cast, folder / PARTS, say)
        pictures = [portraits.read(part, images=False) for part in parts]
        _check_enough(order, cast, pictures)
        counts = [_count(found) for found in pictures]
        splits = _plan(order, cast, counts)
        say("writing the splits, the review sheet and the card")
        sizes = write_splits(folder, parts, splits)
        record = _record(order, cast, pictures, splits, sizes)
        for one, other, cosine in record["similarity"].get("alike", []):
            say(f"Warning: {cast.people[one]['id']} and {cast.people[other]['id']} are {cosine:.2f} alike: one person?")
        _write_pages(folder, cast, pictures, splits, record)
    return record


def _cast(order: Order) -> Cast:
    """Settle who is in the set; match photographs with profiles by folder name."""
    folders = find_photos(order.images) if order.images else None
    if order.profiles:
        people = read_profiles(order.profiles)
        order.count(len(people), str(order.profiles))
    else:
        n = order.count(None if folders is None else len(folders), str(order.images))
        people = make_up(n, order.seed, order.locales)
    people = [{"where": f"person {i}", **person} for i, person in enumerate(people, 1)]
    if folders is None:
        looks = distinct_looks(len(people), random.Random(f"{order.seed}/looks"))
        return Cast([{"look": look, **p} for look, p in zip(looks, people, strict=True)], [], None)
    if order.profiles:
        problems = Problems(str(order.images))
        known = {person["id"] for person in people}
        for person in people:
            if person["id"] not in folders:
                problems.add(
                    f"no folder {person['id']!r} for {person['where']} of {order.profiles}",
                    kind="people without pictures",
                )
        for name in folders:
            if name not in known:
                problems.add(f"nobody in {order.profiles} has the id {name!r}", kind="folders of nobody")
        problems.stop()
        photos = [folders[person["id"]] for person in people]
    else:
        people = [{**person, "id": name} for person, name in zip(people, folders, strict=True)]
        photos = list(folders.values())
    return Cast(people, photos, FaceModel(order.face_model) if order.face_model else None)


def _content(order: Order, cast: Cast) -> dict[str, Any]:
    """Return everything that decides the content, as JSON has it."""
    given = asdict(order) | {"out": None}
    for name in ("profiles", "images", "face_model"):
        given[name] = None if given[name] is None else "given"
    return {
        **given,
        "version": VERSION,
        "libraries": _versions(),
        "people": content_key([{k: asdict(v) if k == "look" else v for k, v in p.items()} for p in cast.people], 64),
        "photographs": content_key([[(photo.name, photo.digest) for photo in one] for one in cast.photos], 64),
        "face_model": cast.faces.digest if cast.faces else None,
    }


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}


def _portraits(order: Order, cast: Cast, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Make the pictures of everybody whose part is not there yet."""
    parts = [folder / f"{number:03d}.parquet" for number in range(len(cast.people))]
    if done := sum(part.exists() for part in parts):
        say(f"going on: the pictures of {done} of {len(parts)} people were there")
    told = time.monotonic()
    for number, part in enumerate(parts):
        if part.exists():
            continue
        if cast.photos:
            made = portraits.photographed(order, cast.photos[number], cast.faces)
        else:
            spec, look = order.spec(len(parts)), cast.people[number]["look"]
            made = portraits.drawn(spec, order.size or DRAWN_SIZE, number, look)
        portraits.save(part, made)
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            say(f"pictures of {number + 1} of {len(parts)} people")
    return parts


def _plan(order: Order, cast: Cast, counts: Sequence[tuple[int, int]]) -> dict[str, list[Row]]:
    """Return the rows, once each answer holds its value and no question does.

    Raises:
        DataError: naming the people whose values cannot be asked for.
    """
    splits = plan(order.spec(len(cast.people)), cast.people, counts)
    problems = Problems(str(order.profiles or "profiles"))
    seen = set()
    for view, text in (row for rows in splits.values() for row in rows):
        (value,) = json.loads(text["keywords"])
        if (view.person, text["attribute"]) in seen:
            continue
        where = f"{cast.people[view.person]['where']}: {text['attribute']} {value!r}"
        if contains_words(text["question"], value):
            problems.add(
                f"{where} stands in its own question {text['question']!r}; such a question has no secret",
                kind="questions",
            )
            seen.add((view.person, text["attribute"]))
        elif not contains_words(text["answer"], value):
            problems.add(
                f"{where} is no whole word in its answer {text['answer']!r}; give it without signs around it",
                kind="answers",
            )
            seen.add((view.person, text["attribute"]))
    problems.stop()
    return splits


def _check_enough(order: Order, cast: Cast, pictures: Sequence[Sequence[Picture]]) -> None:
    """Refuse people with too few pictures to learn and to hold out."""
    problems = Problems(str(order.images))
    for person, found in zip(cast.people, pictures, strict=True):
        train, test = _count(found)
        least = order.views or 1
        if train < least or test < 1:
            out = len(found) - train - test
            problems.add(
                f"{person.get('id', person['where'])}: {train} pictures to train and {test} to hold out "
                f"({out} left out); at least {least} and 1 are needed",
                kind="people with too few pictures",
            )
    problems.stop()


def _count(pictures: Sequence[Picture]) -> tuple[int, int]:
    """Return how many pictures a person has to learn, and to hold out."""
    layouts = [picture.layout for picture in pictures]
    return layouts.count("train"), layouts.count("test")


def _record(
    order: Order, cast: Cast, pictures: Sequence[Sequence[Picture]], splits: dict[str, list[Row]], sizes: dict[str, int]
) -> dict[str, Any]:
    used = [sum(p.layout != "out" for p in found) for found in pictures]
    content = _content(order, cast)
    looks = None if cast.photos else [person["look"] for person in cast.people]
    return {
        **{key: content[key] for key in ("qa", "single", "views", "seed", "size", "locales", "version", "libraries")},
        "profiles": "given" if order.profiles else "made up",
        "pictures_are": "photographs" if cast.photos else "drawn",
        "size": order.size or (None if cast.photos else DRAWN_SIZE),
        "people": len(cast.people),
        "pictures": sum(used),
        "splits": {split: len(rows) for split, rows in splits.items()},
        "bytes": sizes,
        "similarity": summary(order.accepted, cast.faces, looks, pictures),
    }


def _write_pages(
    folder: Path,
    cast: Cast,
    pictures: Sequence[Sequence[Picture]],
    splits: dict[str, list[Row]],
    record: dict[str, Any],
) -> None:
    from unlearnzoo_remem.builder.card import card
    from unlearnzoo_remem.builder.sheet import sheet

    atomic_write(folder / "build.json", json.dumps(record, indent=2).encode())
    atomic_write(folder / "README.md", card(record).encode())
    atomic_write(folder / "review.html", sheet(cast.people, pictures, splits, record).encode())
