"""Sentences of plain Python: English by themselves, in another language where one is asked for."""

from __future__ import annotations

import copy
import json
import pickle

from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from tracker.language import count, decimal, translated
from tracker.sentences import Sentence, counted, in_a_row, said, said_of

words = st.text(min_size=1, max_size=20)


@given(words, st.integers(min_value=0, max_value=10**12))
def test_a_sentence_is_its_english_text_wherever_text_is_wanted(word: str, number: int) -> None:
    sentence = said("%(word)s comes %(number)s times", word=word, number=number)
    text = f"{word} comes {number:,} times"
    assert sentence == text
    assert json.loads(json.dumps(sentence)) == text
    assert f"{sentence}." == f"{text}."


@given(words)
def test_a_copy_knows_how_it_was_made(word: str) -> None:
    inner = said("fewer than %(least)s", least=5)
    sentence = in_a_row(said("“%(word)s”", word=word), inner)
    for other in (copy.deepcopy(sentence), pickle.loads(pickle.dumps(sentence))):
        assert isinstance(other, Sentence)
        assert (other, other.pattern, other.values) == (sentence, sentence.pattern, sentence.values)


def test_commands_count_one_and_several_apart() -> None:
    assert [counted(number, "pixel") for number in (0, 1, 2_000)] == [
        "0 pixels",
        "1 pixel",
        "2,000 pixels",
    ]
    assert [counted(number, "file waits", "files wait") for number in (1, 2)] == [
        "1 file waits",
        "2 files wait",
    ]


def test_one_and_several_have_patterns_of_their_own() -> None:
    several = [
        said_of(
            "One thing to mend before you send", "%(number)s things to mend before you send", number
        )
        for number in (1, 2, 1200)
    ]
    assert [text.split(" things")[0] for text in several[1:]] == ["2", "1,200"]
    with translation.override("de"):
        assert translated(several[0]).startswith("Eine Sache ist")
        assert translated(several[2]).startswith("1.200 Sachen sind")


def test_sentences_within_sentences_are_translated_too() -> None:
    sentence = said(
        "The address %(ip)s lies in %(range)s of %(owner)s.",
        ip="192.0.2.1",
        range="192.0.2.0/24",
        owner=said("%(one)s and %(other)s", one="Google", other=said("Microsoft's mail filter")),
    )
    with translation.override("de"):
        assert translated(sentence).endswith("Google und Microsofts Mailfilter.")


@given(st.text(max_size=20))
def test_any_other_text_stays_as_it_is(text: str) -> None:
    with translation.override("de"):
        assert translated(text) == text


@given(words)
def test_a_value_is_replaced_wherever_it_stands(word: str) -> None:
    sentence = in_a_row(said("It says “%(agent)s”.", agent="x"), said("No more."))
    assert sentence.replacing("agent", lambda _: word) == f"It says “{word}”. No more."


@given(st.floats(min_value=0, max_value=1e9), st.integers(min_value=0, max_value=10**15))
def test_figures_are_the_same_in_both_languages_but_for_their_signs(
    number: float, whole: int
) -> None:
    swapped = str.maketrans(".,", ",.")
    with translation.override("en"):
        english = decimal(number), count(whole)
    with translation.override("de"):
        german = decimal(number), count(whole)
    assert english == (f"{number:,.1f}", f"{whole:,}")
    assert german == (english[0].translate(swapped), english[1].translate(swapped))
