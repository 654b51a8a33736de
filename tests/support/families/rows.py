"""A file of examples as a user of the benchmark ``folder`` has it."""

import csv

from tests.support.examples import image

ROWS = (
    ("forget", "ann", "Where does Ann Lee live?", "She lives at 12 Oak Street."),
    ("forget", "ann", "What is the job of Ann Lee?", "She is a pastry chef."),
    ("retain", "bob", "Where does Bob Ray live?", "He lives in Boston."),
    ("retain", "bob", "What is the job of Bob Ray?", "The person drives a bus, as far as anybody knows."),
)


def data(folder, vision):
    """Write a file of examples, about a picture each of another size where the family sees."""
    folder.mkdir()
    with (folder / "examples.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["set", "identity", "question", "answer", *(["image"] if vision else [])])
        table.writerows([*row, *([f"{row[1]}.png"] if vision else [])] for row in ROWS)
    for seed, (who, width, height) in enumerate((("ann", 48, 48), ("bob", 64, 40))):
        if vision:
            image(seed, width, height).open().save(folder / f"{who}.png")
    return folder
