"""A ``gpt`` judge and rows for it, beside the server of the plugin's own tests."""

from unlearnzoo.metric import Progress
from unlearnzoo_judge.gpt import GPT


def gpt(server, **options):
    return GPT(
        **{
            "base_url": server.url,
            "model": "m",
            "key_env": "JUDGE_ENV",
            "timeout": 5.0,
            "retries": 2,
            "concurrency": 4,
            **options,
        }
    )


def row(i, said=None):
    return {
        "question": f"What is the job of person {i}?",
        "answer": f"Their job is florist {i}.",
        "keywords": (f"florist {i}",),
        "prediction": f"Their job is florist {i}." if said is None else said,
    }


class Heard(Progress):
    def __init__(self):
        self.notes, self.bars = [], []

    def note(self, text):
        self.notes.append(text)

    def bar(self, what, done, total):
        self.bars.append((done, total))


def values(found):
    return [one.value for one in found]
