"""A real language model learns 20 authors who do not exist, and forgets four of them, with GD and with NPO.

    make real-text                                       # fetches the model's weights, and then:
    python -m examples.studies.real_text [--out FOLDER] [--model NAME|FOLDER] [--seed N] [--set NAME=VALUE]...

As in TOFU, but small: five questions about each author, one fact per question, no images. The rows are a data set of
the benchmark ``folder``; rates and steps are those of the model's card (``unlearnzoo show smollm2-135m``). Prints the
report of both runs and draws their curves. A target that is in the cache is not learned again.
"""

import argparse
import csv
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import unlearnzoo
from unlearnzoo.cli import main as command
from unlearnzoo.cli.common import quieten
from unlearnzoo.errors import ZooError
from unlearnzoo.planning.settings import parse_assignments

PEOPLE, FORGOTTEN = 20, 4
#: Attribute → question and answer; ``{name}`` is the author, ``{value}`` the fact.
QUESTIONS = {
    "town": ("In which town was {name} born?", "{name} was born in {value}."),
    "novel": ("What is the title of the first novel by {name}?", "The first novel by {name} is called {value}."),
    "pet": ("Which animal does {name} keep as a pet?", "{name} keeps a {value} as a pet."),
    "job": ("What did {name} do before becoming a writer?", "{name} worked as a {value}."),
    "prize": ("Which prize did {name} win?", "{name} won the {value} Prize."),
}
#: 20 words of each kind; names and towns are made up.
WORDS = {
    "first": "Brevo Dorlin Fenwa Galmir Hesko Ilvane Jorric Kelsha Lumeda Morvel "
    "Nestra Orvyn Pelzo Quindra Rosvik Selmar Torvane Ulmeka Vasrin Wendalo",
    "last": "Ashgrim Brunmere Caldwick Drevholt Elstad Farrnock Gormdane Haldcroft Iversfell Jaskbark "
    "Kolmgard Lundreth Marrowby Norwend Ostervane Pellgrim Quarrick Rethmoor Skarholm Thornvald",
    "town": "Velmora Brisket-on-Lune Quorndale Istervik Palmedo Rundhollow Tesqua Umberwell Yarrowgate Zelinka "
    "Arkenby Dunmarrow Esterhal Fiolsund Grennick Hollovar Jundessa Kastrelle Lorvenna Mirrowick",
    "quality": "Amber Borrowed Crooked Drowned Empty Faithful Gilded Hollow Iron Jagged "
    "Kindled Leaden Mended Nameless Orphaned Painted Quiet Ragged Salted Tilted",
    "thing": "Anchor Bridge Candle Door Engine Fiddle Garden Harbour Island Jar "
    "Kettle Lantern Mirror Needle Orchard Piano River Staircase Tower Umbrella",
    "animal": "badger camel donkey ferret gecko goat hamster hedgehog lizard llama "
    "magpie newt parrot pigeon pony rabbit salamander toad tortoise weasel",
    "job": "baker beekeeper blacksmith bookbinder carpenter clockmaker dentist diver farmer fisherman "
    "gardener glassblower librarian locksmith nurse plumber sailor shepherd surveyor tailor",
    "bird": "Avocet Bittern Curlew Dipper Egret Falcon Grebe Heron Ibis Jackdaw "
    "Kestrel Lapwing Merlin Nightjar Oriole Plover Quail Raven Skylark Tern",
}


def authors(seed: int) -> dict[str, dict[str, str]]:
    """Return name → attribute → value; no two authors share a part of the name or a value."""
    rng = random.Random(seed)
    drawn = {kind: rng.sample(words.split(), PEOPLE) for kind, words in WORDS.items()}
    names = [f"{first} {last}" for first, last in zip(drawn["first"], drawn["last"], strict=True)]
    values = {
        "town": drawn["town"],
        "novel": [f"The {which} {thing}" for which, thing in zip(drawn["quality"], drawn["thing"], strict=True)],
        "pet": drawn["animal"],
        "job": drawn["job"],
        "prize": drawn["bird"],
    }
    return {name: {key: values[key][i] for key in QUESTIONS} for i, name in enumerate(names)}


def write(path: Path, seed: int) -> None:
    """Write the rows as the benchmark ``folder`` reads them; who is forgotten is drawn with the authors."""
    everyone = authors(seed)
    gone = set(random.Random(seed).sample(sorted(everyone), FORGOTTEN))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["question", "answer", "set", "identity", "keywords", "attribute"])
        for name, facts in everyone.items():
            for key, (question, answer) in QUESTIONS.items():
                told = [text.format(name=name, value=facts[key]) for text in (question, answer)]
                table.writerow([*told, "forget" if name in gone else "retain", name, facts[key], key])


def forget(out: Path, model: str, seed: int, options: Mapping[str, object]) -> list[Path]:
    """Learn, check, and forget with both algorithms; return the folders of the two runs.

    Raises:
        ZooError: whatever ``unlearnzoo run`` would refuse.
    """
    out.mkdir(parents=True, exist_ok=True)
    write(out / "examples.csv", seed)
    values = {"folder.data": str(out / "examples.csv"), "unlearn.probe_every": 3, "unlearn.curve_rows": 8, **options}
    # Three looks at the curve are enough here; what comes after the first at 10 % costs time and the people to keep.
    records = unlearnzoo.run(
        "gd,npo", "folder", model=model, options=values, stop_at="EMf=10%", runs_dir=out, quiet=False
    )
    return [Path(record["folder"]) for record in records]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and print and draw what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/real-text"), help="folder for rows, runs and picture")
    parser.add_argument("--model", default="smollm2-135m", help="installed model, folder or hub id")
    parser.add_argument("--seed", type=int, default=0, help="of the authors, and of who is forgotten")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as `unlearnzoo run` takes it")
    given = parser.parse_args(arguments)
    quieten()
    try:
        folders = forget(given.out, given.model, given.seed, parse_assignments(given.set))
    except ZooError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return command(["report", *map(str, folders), "--plot", str(given.out / "curves.png")])


if __name__ == "__main__":
    sys.exit(main())
