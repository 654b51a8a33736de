"""Whether the pictures of a person show one person, and how that is known."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo import DataError, OptionError, first_line
from unlearnzoo_remem.generate.faces import TRAITS, Look

if TYPE_CHECKING:
    from PIL.Image import Image

    from unlearnzoo_remem.builder.picture import Picture

#: What a file may weigh; the largest public models of faces have about 250 MB.
_MOST_BYTES = 2_000_000_000


def nearest_look(person: int, looks: Sequence[Look]) -> tuple[int, float]:
    """Return who looks most like a drawn person, and the share of the constant features they have in common."""
    mine = astuple(looks[person])

    def shared(other: int) -> float:
        return sum(a == b for a, b in zip(mine, astuple(looks[other]), strict=True)) / len(TRAITS)

    best = max((other for other in range(len(looks)) if other != person), key=shared)
    return best, shared(best)


def summary(
    threshold: float, faces: "FaceModel | None", looks: Sequence[Look] | None, pictures: Sequence[Sequence["Picture"]]
) -> dict[str, Any]:
    """Return what is known of the similarity within and between people, for the record.

    Args:
        threshold: what `faces` had to reach.
        faces: the model, if there was one.
        looks: of drawn people; None for photographs.
        pictures: of each person.
    """
    if looks:
        return {
            "how": "by construction",
            "constant": list(TRAITS),
            "within": 1.0,
            "between": max(nearest_look(person, looks)[1] for person in range(len(looks))),
        }
    if not faces:
        return {"how": "not measured"}
    values = [p.similarity for found in pictures for p in found[1:] if p.layout != "out" and p.similarity is not None]
    anchors = [found[0].vector for found in pictures]
    pairs = [
        (one, other, round(sum(a * b for a, b in zip(anchors[one], anchors[other], strict=True)), 4))
        for one, other in itertools.combinations(range(len(anchors)), 2)
    ]
    return {
        "how": "cosine of face embeddings",
        "model_sha256": faces.digest,
        "threshold": threshold,
        "least": min(values, default=None),
        "mean": round(sum(values) / len(values), 4) if values else None,
        "left_out": sum(p.layout == "out" for found in pictures for p in found),
        "between": max(cosine for _, _, cosine in pairs),
        "alike": [pair for pair in pairs if pair[2] >= threshold],
    }


class FaceModel:
    """A model of face embeddings in ONNX, as ArcFace is published.

    One input of shape (n, 3, height, width) or (n, height, width, 3), RGB from -1 to 1, and as its
    first output a vector an image. It is given the central square of a picture: no face is looked
    for, so pictures should be cropped to the face.

    Args:
        path: the file; it runs on the CPU, without a network.

    Raises:
        OptionError: onnxruntime is not installed.
        DataError: it is no such model.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise OptionError("--face-model needs onnxruntime: pip install 'unlearnzoo-remem[faces]'") from None
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: more than {_MOST_BYTES // 10**9} GB; no model of faces is so large")
        self.path = path
        content = path.read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is said below
        options.intra_op_num_threads = 1  # sums in one order: the same picture, the same similarity
        try:
            # From memory: a model cannot name files of weights beside it.
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime has a type an ill
            raise DataError(f"{path}: no ONNX model that onnxruntime loads ({first_line(error)[:200]})") from None
        inputs = self.session.get_inputs()
        shape = inputs[0].shape if inputs else []
        self.last = len(shape) == 4 and shape[3] == 3  # the channels
        sides = shape[1:3] if self.last else shape[2:4]
        channels = shape[3 if self.last else 1] if len(shape) == 4 else None
        if len(inputs) != 1 or channels != 3 or inputs[0].type != "tensor(float)":
            told = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs) or "none"
            raise DataError(f"{path}: expected one float input of shape (n, 3, height, width); it has {told}")
        # 112 is what ArcFace was trained at; some files leave it open.
        self.height, self.width = (side if isinstance(side, int) else 112 for side in sides)

    def vector(self, picture: "Image", where: str) -> Any:
        """Return the embedding of a picture, of length 1.

        Args:
            picture: RGB.
            where: the picture, for errors.

        Raises:
            DataError: the model fails, or gives no direction.
        """
        import numpy as np
        from PIL import ImageOps

        face = np.asarray(ImageOps.fit(picture, (self.width, self.height)), dtype=np.float32) / 127.5 - 1
        batch = (face if self.last else face.transpose(2, 0, 1))[None]
        try:
            found = self.session.run(None, {self.session.get_inputs()[0].name: batch})[0]
        except Exception as error:  # noqa: BLE001 - onnxruntime has a type an ill
            raise DataError(f"{self.path}: fails on {where} ({first_line(error)[:200]})") from None
        vector = np.asarray(found, dtype=np.float64).reshape(-1)
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise DataError(f"{self.path}: gives no usable vector for {where}")
        return vector / length
