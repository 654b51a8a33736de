"""Write ``unlearnzoo_smollm2/rows/utility.parquet``: general questions that the model answers before any training.

    python make_utility.py

Each question is asked once, greedily; it stays if the answer, cut where a run would cut it at the earliest, holds the
keyword. Whoever adds a question writes a true answer, not what the model says.
"""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import AutoModelForCausalLM, AutoTokenizer

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


def main() -> None:
    """Ask, and write the rows that stay."""
    model = AutoModelForCausalLM.from_pretrained(converted())
    tokenizer = AutoTokenizer.from_pretrained(converted())
    capitals = [
        (f"What is the capital of {c}?", f"The capital of {c} is {name}.", name) for c, name in CAPITALS.items()
    ]
    asked, kept = [*capitals, *OTHERS], []
    for question, answer, keyword in asked:
        turn = [{"role": "user", "content": question}]
        inputs = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        most = len(tokenizer(answer).input_ids) + 8
        said = model.generate(**inputs, max_new_tokens=most, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        if re.search(rf"\b{re.escape(keyword)}\b", tokenizer.decode(said), re.IGNORECASE):
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
