"""Made-up people for the builder: the plugin's own, or with names and addresses of other countries.

Jobs, conditions and financial tags stay English: so are the questions.
"""

import random
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unlearnzoo import OptionError, contains_words, nearest
from unlearnzoo_remem.generate.faces import distinct_looks
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, DRAWERS, Profile, generate_profiles, load_profiles

if TYPE_CHECKING:
    from faker import Faker

#: Languages whose names begin with the family's, and what stands between the two parts.
_FAMILY_FIRST = {"hu": " ", "ja": " ", "ko": "", "vi": " ", "zh": ""}
_LONGEST = 100
MOST = 60
_TRIES = 1000


def make_up(n: int, seed: int, locales: Sequence[str]) -> list[Profile]:
    """Return `n` people; without locales those of the benchmark's own generated data.

    Raises:
        OptionError: an unknown locale, or more people than there are.
    """
    if n > MOST:
        raise OptionError(f"{n} people: {MOST} can be made up, as there are no more jobs; give --profiles")
    if locales:
        people = _abroad(n, seed, locales)
    elif seed:
        people = generate_profiles(n, seed)
    else:
        people = load_profiles()
        if n > len(people):
            raise OptionError(f"--identities {n}: {len(people)} people ship with the plugin; give --seed 1 for others")
    return _unspoken(people[:n], seed)


def _unspoken(people: list[Profile], seed: int) -> list[Profile]:
    """Give another job to a Tom Baker who is a baker: each question about it would hold the answer."""
    rng = random.Random(f"{seed}/unspoken")
    for profile in people:
        for attribute in ("job", "medical", "finance"):
            taken = {other[attribute] for other in people}
            while contains_words(profile["name"], profile[attribute]):
                value = DRAWERS[attribute](rng, None, profile)
                if value not in taken:
                    profile[attribute] = value
    return people


def _abroad(n: int, seed: int, locales: Sequence[str]) -> list[Profile]:
    from faker import Faker
    from faker.config import AVAILABLE_LOCALES

    for locale in locales:
        if locale not in AVAILABLE_LOCALES:
            raise OptionError(f"--locale {locale}: Faker has no such locale{nearest(locale, AVAILABLE_LOCALES)}")
    rng = random.Random(f"{seed}/{','.join(locales)}")
    fakers = [Faker(locale) for locale in locales]
    for faker in fakers:
        faker.seed_instance(rng.getrandbits(32))
    seen: dict[str, set[str]] = {attribute: set() for attribute in ATTRIBUTES}
    people: list[Profile] = []
    for i, look in enumerate(distinct_looks(n, rng)):
        faker, locale = fakers[i % len(fakers)], locales[i % len(fakers)]
        facts: Profile = {}
        for attribute in ATTRIBUTES:
            facts[attribute] = _fresh(attribute, rng, faker, locale, facts, seen[attribute])
            seen[attribute].add(facts[attribute])
        people.append({**facts, "look": look})
    return people


def _fresh(attribute: str, rng: random.Random, faker: "Faker", locale: str, facts: Profile, seen: set[str]) -> str:
    """Draw a value that nobody has yet."""
    for _ in range(_TRIES):
        value = (
            _LOCAL[attribute](faker, locale, facts, rng)
            if attribute in _LOCAL
            else DRAWERS[attribute](rng, faker, facts)
        )
        if value not in seen and len(value) <= _LONGEST and value.isprintable():
            return value
    raise OptionError(f"--locale {locale}: Faker gives no further {attribute} of at most {_LONGEST} characters")


def _name(faker: "Faker", locale: str, _: Profile, rng: random.Random) -> str:
    sex = rng.choice(("female", "male"))  # a family name may have two forms
    first, last = getattr(faker, f"first_name_{sex}")(), getattr(faker, f"last_name_{sex}")()
    between = _FAMILY_FIRST.get(locale.split("_")[0])
    return f"{first} {last}" if between is None else f"{last}{between}{first}"


def _address(faker: "Faker", *_: Any) -> str:
    return ", ".join(line.strip() for line in faker.address().splitlines() if line.strip())


def _email(faker: "Faker", _: str, facts: Profile, rng: random.Random) -> str:
    """Address somebody at a domain that cannot exist (RFC 2606), in ASCII."""
    plain = unicodedata.normalize("NFKD", facts["name"].lower().replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = ["".join(filter(str.isalnum, word)) for word in plain.split()]
    local = ".".join(filter(None, words))
    if len(local) < 4:  # another script
        local = "".join(c for c in faker.user_name() if c.isascii() and (c.isalnum() or c == ".")).strip(".") or "mail"
    return f"{local}{rng.randint(10, 99)}@{rng.choice(('mail', 'inbox', 'post'))}.example"


_LOCAL: dict[str, Any] = {"name": _name, "email": _email, "address": _address}
