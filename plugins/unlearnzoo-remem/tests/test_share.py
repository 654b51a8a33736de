"""A forget share stands for whole people."""

import pytest

from unlearnzoo import OptionError
from unlearnzoo_remem.share import whole_identities


@pytest.mark.parametrize(
    ("share", "people", "n"),
    [("5%", 20, 1), ("10%", 20, 2), ("15%", 20, 3), ("20 %", 20, 4), ("95%", 20, 19)]
    + [("33%", 3, 1), ("33.3%", 3, 1), ("67%", 3, 2), ("50%", 2, 1), ("12.5%", 8, 1)],
)
def test_whole_people(share: str, people: int, n: int) -> None:
    assert whole_identities(share, people) == n


@pytest.mark.parametrize("share", ["12%", "0%", "100%", "-5%", "20", "0.2", "many", "", "5.5%"])
def test_others_are_refused_with_what_is_possible(share: str) -> None:
    with pytest.raises(OptionError, match=r"possible are 5%, 10%, 15%, 20%"):
        whole_identities(share, 20)


def test_possible_values_are_accepted_back() -> None:
    for people in (2, 3, 7, 20, 60):
        with pytest.raises(OptionError) as error:
            whole_identities("?", people)
        for n, share in enumerate(str(error.value).split("possible are ")[1].split(", "), 1):
            assert whole_identities(share, people) == n
