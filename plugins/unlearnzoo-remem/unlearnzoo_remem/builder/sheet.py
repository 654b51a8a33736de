"""The review sheet: one page that shows everybody, to be looked at before the data are used."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from unlearnzoo_remem.builder.picture import Picture
from unlearnzoo_remem.builder.similarity import nearest_look
from unlearnzoo_remem.generate.faces import describe
from unlearnzoo_remem.generate.plan import Row
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile


def sheet(
    people: Sequence[Profile],
    pictures: Sequence[Sequence[Picture]],
    splits: Mapping[str, Sequence[Row]],
    record: Mapping[str, Any],
) -> str:
    """Return the page as HTML: all of it in one file, all text escaped, nothing loaded from elsewhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("unlearnzoo_remem.builder", "")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    asked = {split: _by_person(splits[split]) for split in ("finetune", "test")}
    looks = [] if record["pictures_are"] == "photographs" else [person["look"] for person in people]
    shown = [
        {
            "label": f"id_{number:02d}",
            "given": "" if person.get("id") in (None, person["name"]) else person["id"],
            "profile": [(attribute.replace("_", " "), person[attribute]) for attribute in ATTRIBUTES],
            "look": ", ".join(_words(looks[number])) if looks else "",
            "nearest": nearest_look(number, looks) if looks else None,
            "views": {layout: [_shown(p) for p in found if p.layout == layout] for layout in ("train", "test", "out")},
            "rows": [(split, row) for split, rows in asked.items() for row in rows.get(number, [])],
        }
        for number, (person, found) in enumerate(zip(people, pictures, strict=True))
    ]
    return page.get_template("sheet.html.j2").render(people=shown, record=record)


def _words(look: Any) -> list[str]:
    words = describe(look)
    return [words["hair"], f"{words['hair_colour']} hair", f"{words['skin']} skin", words["glasses"], words["beard"]]


def _by_person(rows: Sequence[Row]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for view, text in rows:
        found.setdefault(view.person, []).append({**text, "view": view.number})
    return found


def _shown(picture: Picture) -> dict[str, Any]:
    kind = "png" if picture.thumb.startswith(b"\x89PNG") else "jpeg"
    return {
        "source": picture.source,
        "similarity": picture.similarity,
        "why": picture.why,
        "data": f"data:image/{kind};base64,{base64.b64encode(picture.thumb).decode('ascii')}",
    }
