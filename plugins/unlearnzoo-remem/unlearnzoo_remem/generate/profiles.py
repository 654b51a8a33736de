"""Made-up people: seven private facts each, and a look.

The default twenty ship as `profiles.json`, drawn once by `generate_profiles(20, seed=0)`: reading
them needs no Faker, and a newer Faker cannot change the benchmark unseen. Names, towns and streets
come from Faker; jobs, conditions and financial tags from short lists, because Faker's job titles
("Engineer, civil (consulting)") are no answer a person would give.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unlearnzoo_remem.generate.faces import Look, distinct_looks

if TYPE_CHECKING:
    from faker import Faker

ATTRIBUTES = ("name", "email", "birth_date", "job", "address", "medical", "finance")

Profile = dict[str, Any]  # ATTRIBUTES as strings, and "look" as a Look

# All begin with a consonant, so that "works as a {job}" reads right.
_JOBS = """baker;barber;beekeeper;bus driver;butcher;carpenter;civil engineer;court clerk;dancer;
data analyst;dental hygienist;dentist;fashion designer;film critic;firefighter;fisherman;florist;
furniture maker;gardener;geologist;glass blower;goldsmith;hotel manager;jeweller;journalist;judge;
landscape architect;language teacher;lifeguard;librarian;locksmith;marine biologist;mechanic;
midwife;music teacher;nurse;painter;paramedic;pastry chef;pharmacist;photographer;pilot;plumber;
postman;primary teacher;radio presenter;roofer;sailor;sculptor;ship broker;software tester;
sound engineer;surveyor;tailor;tattoo artist;tax accountant;train conductor;translator;
travel agent;veterinarian;violin maker;watch repairer;wedding planner;welder;winemaker;writer;
yoga instructor;zookeeper""".replace("\n", "").split(";")
_MEDICAL = """anemia;appendicitis;arthritis;asthma;bronchitis;bursitis;cataract;celiac disease;
chronic fatigue;cluster headache;colour blindness;dermatitis;dry eye;dyslexia;eczema;emphysema;
endometriosis;epilepsy;fibromyalgia;gallstones;gastritis;glaucoma;gout;hay fever;hearing loss;
heart murmur;hernia;hypertension;hypothyroidism;insomnia;iron deficiency;irritable bowel;
kidney stones;lactose intolerance;lupus;macular oedema;migraine;multiple sclerosis;narcolepsy;
neuralgia;osteoporosis;pancreatitis;peanut allergy;pneumonia;psoriasis;restless legs;rosacea;
sarcoidosis;sciatica;scoliosis;shingles;sinusitis;sleep apnea;stomach ulcer;tendinitis;tinnitus;
tonsillitis;type 1 diabetes;type 2 diabetes;vertigo;vitiligo;whiplash""".replace("\n", "").split(";")
_FINANCE = """basic account;bond fund;bridge loan;business loan;car lease;car loan;credit card debt;
gold account;home equity line;index fund;joint account;mortgage;overdraft;payday loan;pension fund;
premium savings;stock portfolio;student loan;tax lien;trust fund""".replace("\n", "").split(";")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MAIL = ("mail", "inbox", "post", "webbox", "quick")


def load_profiles() -> list[Profile]:
    """Read the twenty default people.

    Returns:
        A profile each: the `ATTRIBUTES` as strings, and `look` as a `Look`.
    """
    text = files("unlearnzoo_remem.generate").joinpath("profiles.json").read_text("utf-8")
    return [{**record, "look": Look(**record["look"])} for record in json.loads(text)]


def dump_profiles(profiles: list[Profile]) -> str:
    """Write profiles as the text of `profiles.json`."""
    records = [{**profile, "look": asdict(profile["look"])} for profile in profiles]
    return json.dumps(records, indent=1) + "\n"


def generate_profiles(
    n: int, seed: int, avoid: Collection[Profile] = (), distinct: Collection[str] = ATTRIBUTES
) -> list[Profile]:
    """Make up people.

    Args:
        n: How many; at most 60 while jobs and conditions must differ.
        seed: The same seed gives the same people (with the same version of Faker).
        avoid: People whose names and looks must not come up again.
        distinct: The attributes of which no value may occur twice among the `n`.

    Returns:
        A profile each, as from `load_profiles`.

    Raises:
        ValueError: If there are fewer jobs or conditions than people.
    """
    from faker import Faker

    if n > 60 and {"job", "medical"} & set(distinct):
        raise ValueError(f"{n} people need {n} different jobs and conditions; there are 60")
    rng = random.Random(seed)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    names = {profile["name"] for profile in avoid}
    seen: dict[str, set[str]] = {attribute: set() for attribute in ATTRIBUTES}
    profiles: list[Profile] = []
    for look in distinct_looks(n, rng, [profile["look"] for profile in avoid]):
        facts: Profile = {}
        for attribute in ATTRIBUTES:
            draw = DRAWERS[attribute]
            value = draw(rng, faker, facts)
            while (attribute in distinct and value in seen[attribute]) or value in names:
                value = draw(rng, faker, facts)
            seen[attribute].add(value)
            facts[attribute] = value
        profiles.append({**facts, "look": look})
    return profiles


def _word(draw: Callable[[], str]) -> str:
    """Draw until a short single ASCII word comes: names a small model can spell."""
    while True:
        word = draw()
        if word.isascii() and word.isalpha() and len(word) <= 9:
            return word


def _name(_: random.Random, faker: Faker, __: Profile) -> str:
    return f"{_word(faker.first_name)} {_word(faker.last_name)}"


def _email(rng: random.Random, _: Faker, facts: Profile) -> str:
    local = facts["name"].lower().replace(" ", ".")
    return f"{local}{rng.randint(10, 99)}@{rng.choice(_MAIL)}.com"


def _birth_date(rng: random.Random, _: Faker, __: Profile) -> str:
    return f"{rng.choice(_MONTHS)} {rng.randint(1, 28)}, {rng.randint(1950, 2004)}"


def _job(rng: random.Random, _: Faker, __: Profile) -> str:
    return rng.choice(_JOBS)


def _address(rng: random.Random, faker: Faker, _: Profile) -> str:
    road = rng.choice(("Street", "Road", "Lane", "Avenue"))
    street, town = _word(faker.last_name), _word(faker.city)
    return f"{rng.randint(10, 99)} {street} {road}, {town}"


def _medical(rng: random.Random, _: Faker, __: Profile) -> str:
    return rng.choice(_MEDICAL)


def _finance(rng: random.Random, _: Faker, __: Profile) -> str:
    return f"{rng.choice(_FINANCE)} {rng.choice('ABCDEFGH')}{rng.randint(10, 99)}"


DRAWERS: dict[str, Callable[[random.Random, Any, Profile], str]] = {
    "name": _name,
    "email": _email,
    "birth_date": _birth_date,
    "job": _job,
    "address": _address,
    "medical": _medical,
    "finance": _finance,
}
