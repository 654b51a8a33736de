"""The embedded model: loads like any LLaVA, is small, and knows its public figures."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import unlearnzoo_tiny

FOLDER = Path(unlearnzoo_tiny.__file__).parent


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(FOLDER / "checkpoint", dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def processor() -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(FOLDER / "checkpoint")


@pytest.fixture(scope="module")
def utility() -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(FOLDER / "rows" / "utility.parquet").to_pylist()
    return rows


def test_it_is_an_untied_llava_of_at_most_ten_megabytes(model: Any) -> None:
    assert type(model).__name__ == "LlavaForConditionalGeneration"
    head, table = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    assert head.data_ptr() != table.data_ptr()
    assert not torch.equal(head, table)
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= 10_000_000


def test_prompt_and_answer_are_tokenised_alike_together_and_apart(processor: Any) -> None:
    user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who is it?"}]}
    answer = {"role": "assistant", "content": [{"type": "text", "text": "This is Ada Moss."}]}
    prompt = processor.apply_chat_template([user], add_generation_prompt=True)
    both = processor.apply_chat_template([user, answer])
    assert both.startswith(prompt)
    ids = [processor.tokenizer(text).input_ids for text in (prompt, both)]
    assert ids[1][: len(ids[0])] == ids[0]


def test_it_answers_questions_about_public_figures(model: Any, processor: Any, utility: list[dict[str, Any]]) -> None:
    from PIL import Image

    asked = [row for row in utility if row["kind"] == "figure"][:40]
    texts, pictures = [], []
    for row in asked:
        content = [{"type": "image"}, {"type": "text", "text": row["question"]}]
        turn = [{"role": "user", "content": content}]
        texts.append(processor.apply_chat_template(turn, add_generation_prompt=True))
        pictures.append(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB"))
    inputs = processor(images=pictures, text=texts, padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    longest = max(len(processor.tokenizer(f" {row['answer']}</s>").input_ids) for row in asked)
    with torch.no_grad():
        said = model.generate(**inputs, max_new_tokens=longest + 8, do_sample=False)
    start = inputs["input_ids"].shape[1]
    replies = processor.batch_decode(said[:, start:], skip_special_tokens=True)
    right = [
        bool(re.search(rf"(?<!\w){re.escape(row['keywords'][0].lower())}(?!\w)", reply.lower()))
        for row, reply in zip(asked, replies, strict=True)
    ]
    assert sum(right) >= len(right) * 0.4, replies
