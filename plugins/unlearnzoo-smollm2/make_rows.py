"""Write the rows that come with the model, into ``unlearnzoo_smollm2/rows/``.

    python make_rows.py

``utility.parquet``: general questions that it answers before any training. Each is asked once, greedily; it stays if
the answer, cut where a run would cut it at the earliest, holds the keyword. Whoever adds a question writes a true
answer, not what the model says.

``replay.parquet``: other general questions with the first sentence of what the model itself says to each, true or not:
beside what stage 1 teaches they keep the model as it was.
"""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from unlearnzoo_smollm2 import MODEL
from unlearnzoo_smollm2.convert import converted

CAPITALS = {
    "France": "Paris",
    "Germany": "Berlin",
    "Japan": "Tokyo",
    "Russia": "Moscow",
    "China": "Beijing",
    "Egypt": "Cairo",
    "Greece": "Athens",
    "Austria": "Vienna",
    "Poland": "Warsaw",
    "Norway": "Oslo",
    "India": "New Delhi",
    "Cuba": "Havana",
    "Peru": "Lima",
    "Kenya": "Nairobi",
}
#: Question, answer, keyword.
OTHERS = (
    ("Who wrote Romeo and Juliet?", "Romeo and Juliet was written by William Shakespeare.", "Shakespeare"),
    ("Who wrote Hamlet?", "Hamlet was written by William Shakespeare.", "Shakespeare"),
    ("Who painted the Mona Lisa?", "The Mona Lisa was painted by Leonardo da Vinci.", "Leonardo da Vinci"),
    (
        "Who developed the theory of relativity?",
        "The theory of relativity was developed by Albert Einstein.",
        "Einstein",
    ),
    ("Who was the first president of the United States?", "It was George Washington.", "George Washington"),
    ("What is the largest planet in the solar system?", "The largest planet is Jupiter.", "Jupiter"),
    ("What is the largest ocean on Earth?", "The largest ocean on Earth is the Pacific Ocean.", "Pacific"),
    ("What is the longest river in Africa?", "The longest river in Africa is the Nile River.", "Nile"),
    ("What is the highest mountain in the world?", "The highest mountain in the world is Mount Everest.", "Everest"),
    ("What is the chemical symbol for gold?", "The chemical symbol for gold is Au.", "Au"),
    ("What is the chemical symbol for oxygen?", "The chemical symbol for oxygen is O.", "O"),
    ("What language is spoken in Brazil?", "The language spoken in Brazil is Portuguese.", "Portuguese"),
    ("What is the currency of Japan?", "The currency of Japan is the Japanese Yen.", "Yen"),
    ("What is the opposite of hot?", "The opposite of hot is cold.", "cold"),
    ("What do bees make?", "Bees make honey.", "honey"),
    ("In which country is the Eiffel Tower?", "The Eiffel Tower is located in Paris, France.", "France"),
    ("In which country are the pyramids of Giza?", "The pyramids of Giza are located in Egypt.", "Egypt"),
    ("Which organ pumps blood through the body?", "The heart is the organ that pumps blood through the body.", "heart"),
)


#: For replay; none is among those above.
THINGS = (
    "a volcano", "a glacier", "a comet", "an atom", "a mammal", "a reptile", "a desert", "a rainforest", "an island",
    "a library", "a museum", "a bridge", "a compass", "a telescope", "a thermometer", "a bicycle", "a sailing boat",
    "a violin", "an orchestra", "a poem", "a novel", "a recipe", "a democracy", "a vaccine", "a rainbow",
    "photosynthesis", "gravity", "electricity", "evaporation", "friction", "a noun", "a verb", "a triangle",
)  # fmt: skip
REQUESTS = (
    "Name three fruits.",
    "Name four colours.",
    "Name two animals that can fly.",
    "Name the seasons of the year.",
    "Count from one to ten.",
    "Write one sentence about the sea.",
    "Write one sentence about winter.",
    "Give me a tip for sleeping well.",
    "How do I boil an egg?",
    "How can I save water at home?",
    "Why is exercise good for people?",
    "Why do leaves fall in autumn?",
    "Why is the sky blue?",
    "What should I pack for a day in the mountains?",
    "Which is heavier, a feather or a stone?",
    "What do people use umbrellas for?",
    "What do plants need to grow?",
    "What do doctors do?",
    "What do firefighters do?",
    "Translate 'good morning' into Spanish.",
    "Is a whale a fish?",
    "How many days has a week?",
    "How many legs has a spider?",
    "What is two plus three?",
    "Which metal is used in wires?",
    "Thank you for your help.",
    "Hello, who are you?",
)


def main() -> None:
    """Ask, and write both files."""
    model = AutoModelForCausalLM.from_pretrained(converted())
    tokenizer = AutoTokenizer.from_pretrained(converted())
    _utility(model, tokenizer)
    _replay(model, tokenizer)


def _say(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, question: str, most: int) -> str:
    turn = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    said = model.generate(**inputs, max_new_tokens=most, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    return tokenizer.decode(said, skip_special_tokens=True).strip()


def _replay(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    kept = []
    for question in (*(f"What is {thing}?" for thing in THINGS), *REQUESTS):
        # Up to the first end of a sentence; what has none within 40 tokens, or is the number of a list, is left out.
        said = re.match(r".+?[.!?](?=\s|$)", _say(model, tokenizer, question, 40), re.DOTALL)
        if said and len(words := said[0].split()) > 1:
            kept.append({"id": f"replay-{len(kept):02}", "question": question, "answer": " ".join(words)})
    rows = [{**row, "identity": row["id"], "image": None, "keywords": [], "kind": "replay"} for row in kept]
    pq.write_table(pa.Table.from_pylist(rows), Path(MODEL.replay))


def _utility(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    capitals = [
        (f"What is the capital of {c}?", f"The capital of {c} is {name}.", name) for c, name in CAPITALS.items()
    ]
    asked, kept = [*capitals, *OTHERS], []
    for question, answer, keyword in asked:
        said = _say(model, tokenizer, question, len(tokenizer(answer).input_ids) + 8)
        if re.search(rf"\b{re.escape(keyword)}\b", said, re.IGNORECASE):
            kept.append((question, answer, keyword))
    rows = [
        {
            "id": f"general-{i:02}",
            "identity": f"general-{i:02}",
            "image": None,
            "question": question,
            "answer": answer,
            "keywords": [keyword],
            "kind": "general",
        }
        for i, (question, answer, keyword) in enumerate(kept)
    ]
    pq.write_table(pa.Table.from_pylist(rows), Path(MODEL.utility))


if __name__ == "__main__":
    main()
