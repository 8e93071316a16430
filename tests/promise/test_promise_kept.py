"""Kept: what was used last, while it is small and young."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retinue.promise.kept import ENTRY, Kept


def test_what_was_used_longest_ago_makes_room() -> None:
    kept = Kept[str, str](max_bytes=2 * (ENTRY + 5))
    kept.keep("a", "A", size=4)
    kept.keep("b", "B", size=4)
    assert kept.find("a") == "A"
    kept.keep("c", "C", size=4)
    assert [kept.find(key) for key in "abc"] == ["A", None, "C"]
    assert (len(kept), kept.size) == (2, 2 * (ENTRY + 4))


def test_one_that_is_too_large_is_not_kept_and_pushes_nothing_out() -> None:
    kept = Kept[str, str](max_bytes=ENTRY + 4)
    kept.keep("a", "A", size=4)
    kept.keep("b", "B", size=5)
    assert [kept.find(key) for key in "ab"] == ["A", None]
    kept.keep("a", "larger", size=5)
    assert kept.find("a") is None  # not what was there before either
    assert (len(kept), kept.size) == (0, 0)


def test_even_nothing_takes_room() -> None:
    kept = Kept[int, None](max_bytes=10 * ENTRY)
    for key in range(1000):
        kept.keep(key, None, size=0)
    assert len(kept) == 10


def test_what_is_too_old_is_forgotten_whether_it_is_looked_for_or_not() -> None:
    now = 0.0
    kept = Kept[str, int](max_age=10, clock=lambda: now)
    kept.keep("a", 1, size=1)
    now = 9.0
    assert kept.find("a") == 1  # being used makes it no younger
    kept.keep("b", 2, size=1)
    now = 10.0
    assert [kept.find(key) for key in "ab"] == [None, 2]
    now = 100.0
    kept.keep("c", 3, size=1)
    assert (len(kept), kept.size) == (1, ENTRY + 1)


def test_without_an_age_nothing_is_too_old() -> None:
    now = 0.0
    kept = Kept[str, int](max_age=None, clock=lambda: now)
    kept.keep("a", 1, size=1)
    now = 1e9
    assert kept.find("a") == 1


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 600), st.integers(0, 5)),
        max_size=60,
    )
)
def test_what_is_found_is_what_a_plain_list_would_find(steps: list[tuple[str, Any, int]]) -> None:
    now, most, age = 0.0, 3 * ENTRY, 12
    kept = Kept[str, tuple[int, int]](max_bytes=most, max_age=age, clock=lambda: now)
    plain: list[tuple[str, tuple[int, int], float]] = []  # used last comes last
    for at, (key, size, pause) in enumerate(steps):
        now += pause
        plain = [one for one in plain if now - one[2] < age]
        there = [one for one in plain if one[0] == key]
        if size is None:
            assert kept.find(key) == (there[0][1] if there else None)
            plain = [one for one in plain if one[0] != key] + there
        else:
            kept.keep(key, (at, size), size=size)
            plain = [one for one in plain if one[0] != key]
            if ENTRY + size <= most:
                plain.append((key, (at, size), now))
                while sum(ENTRY + value[1] for _, value, _ in plain) > most:
                    del plain[0]
        assert len(kept) == len(plain)
        assert kept.size == sum(ENTRY + value[1] for _, value, _ in plain)
