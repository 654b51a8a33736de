"""The pictures of one person, drawn or taken from photographs: the part that a killed build keeps."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo import atomic_write
from unlearnzoo_remem.builder.order import Order
from unlearnzoo_remem.builder.photos import Photo, open_photo
from unlearnzoo_remem.builder.picture import Picture
from unlearnzoo_remem.builder.similarity import FaceModel
from unlearnzoo_remem.generate.faces import Look
from unlearnzoo_remem.generate.plan import EVALUATED, Spec, View, testing_views

if TYPE_CHECKING:
    from PIL.Image import Image

_THUMB = 96
_LEFT_OUT = "out"


def drawn(spec: Spec, size: int, person: int, look: Look) -> list[Picture]:
    """Draw a person's views; they are alike by construction."""
    from PIL import Image

    from unlearnzoo_remem.generate.write import draw

    views = [View(person, "train", number) for number in range(spec.views)]
    views += [View(person, "test", number) for number in range(testing_views(spec))]
    found = []
    for view in views:
        png = draw(spec.seed, view, look, size)
        thumb = png if size <= _THUMB else _thumb(Image.open(io.BytesIO(png)))
        found.append(Picture(view.layout, "", 1.0, "", png, thumb, []))
    return found


def photographed(order: Order, photos: Sequence[Photo], faces: FaceModel | None) -> list[Picture]:
    """Read a person's photographs, and leave out those that are unlike the first.

    Without a folder ``test``, the last quarter of what is left is held out.

    Raises:
        DataError: a photograph cannot be decoded, or the model fails on it.
    """
    from PIL import Image

    anchor: Any = None
    found: list[Picture] = []
    for photo in photos:
        picture = open_photo(photo)
        vector: Any = faces.vector(picture, str(photo.path)) if faces else None
        first = not found
        anchor = vector if first else anchor
        similarity = None if vector is None else round(float(vector @ anchor), 4)
        fits = similarity is None or similarity >= order.accepted
        if order.size:
            picture.thumbnail((order.size, order.size), Image.Resampling.LANCZOS)
        found.append(
            Picture(
                layout=("test" if photo.test else "train") if fits else _LEFT_OUT,
                source=photo.name,
                similarity=similarity,
                why="" if fits else f"less alike than {order.accepted:g}",
                image=_png(picture),
                thumb=_thumb(picture),
                vector=list(vector) if first and vector is not None else [],
            )
        )
    return _share_out(order, found)


def _share_out(order: Order, pictures: list[Picture]) -> list[Picture]:
    """Hold pictures out where the user did not, and use no more than there are questions for."""
    kept = [i for i, picture in enumerate(pictures) if picture.layout != _LEFT_OUT]
    if all(pictures[i].layout == "train" for i in kept):
        for i in kept[len(kept) - max(1, len(kept) // 4) :]:
            pictures[i] = dataclasses.replace(pictures[i], layout="test")
    room = {"train": order.views or order.qa, "test": 2 * EVALUATED}
    for i in kept:
        layout = pictures[i].layout
        room[layout] -= 1
        if room[layout] < 0:
            pictures[i] = dataclasses.replace(pictures[i], layout=_LEFT_OUT, why=f"more than are used to {layout}")
    return pictures


def save(path: Path, pictures: Sequence[Picture]) -> None:
    """Write a person's pictures, whole or not at all.

    Raises:
        RunError: they cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([vars(p) for p in pictures], schema=_schema()), buffer, compression="none")
    atomic_write(path, buffer.getvalue())


def read(path: Path, images: bool = True) -> list[Picture]:
    """Read what `save` wrote; without ``images`` the large ones stay on the disk.

    Raises:
        OSError, pyarrow.ArrowException: it is not there, or damaged.
    """
    import pyarrow.parquet as pq

    columns = [name for name in _schema().names if images or name != "image"]
    with path.open("rb") as file:
        rows = pq.read_table(file, columns=columns).to_pylist()
    return [Picture(**{"image": b"", **row}) for row in rows]


def _schema() -> Any:
    import pyarrow as pa

    kinds = {"similarity": pa.float64(), "image": pa.binary(), "thumb": pa.binary(), "vector": pa.list_(pa.float64())}
    return pa.schema([(f.name, kinds.get(f.name, pa.string())) for f in dataclasses.fields(Picture)])


def _png(picture: "Image") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _thumb(picture: "Image") -> bytes:
    small = picture.copy()
    small.thumbnail((_THUMB, _THUMB))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
