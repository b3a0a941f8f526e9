from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import euler_number, label

from skdeblurbin.datasets._dies import Dies
from skdeblurbin.datasets._drawing import Lettering, place_lines
from skdeblurbin.datasets._texts import ALPHABET

CAP, ABOVE, BELOW = 96, 6, 31
# How many eyes a character has; a crossed 0 and round or pointed forms differ.
EYES = {"4": 1, "6": 1, "8": 2, "9": 1, "A": 1, "B": 2, "D": 1, "O": 1, "P": 1, "R": 1}
DIES = [Dies.draw(np.random.default_rng(seed)) for seed in range(40)]


@pytest.mark.parametrize("character", ALPHABET.replace(" ", ""))
def test_every_character_is_one_piece_as_high_as_capitals(character):
    for dies in DIES:
        mask = dies.glyph(character, CAP, ABOVE, BELOW)
        assert mask.shape[0] == ABOVE + CAP + BELOW
        assert mask.dtype == np.uint8
        ink = mask > 127
        assert ink[:, [0, -1]].any() or mask[:, [0, -1]].any(axis=0).all()
        assert label(ink, connectivity=2).max() == 1
        rows = np.flatnonzero(ink.any(axis=1))
        if character.isalnum():  # Q's tail hangs down
            assert abs(rows[0] - ABOVE) <= 1
            low = rows[-1] - (ABOVE + CAP - 1)
            assert -1 <= low <= (5 if character == "Q" else 1)


@pytest.mark.parametrize("character", EYES)
def test_eyes_stay_open(character):
    n_open = sum(
        1 - euler_number(dies.glyph(character, CAP, ABOVE, BELOW) > 127, 2)
        == EYES[character]
        for dies in DIES
    )
    assert n_open >= 0.9 * len(DIES)


def test_characters_can_be_told_apart():
    assert len({dies.glyph("*", CAP, ABOVE, BELOW).tobytes() for dies in DIES}) == 40
    for dies in DIES:
        drawn = {
            dies.glyph(c, CAP, ABOVE, BELOW).tobytes()
            for c in ALPHABET.replace(" ", "")
        }
        # O and 0 are one on many plates.
        assert len(drawn) >= len(ALPHABET) - 2


def test_strokes_are_as_thick_as_the_pen():
    for dies in DIES:
        stem = dies.glyph("L", CAP, ABOVE, BELOW)[ABOVE + CAP // 4] > 127
        assert np.count_nonzero(stem) == pytest.approx(dies.pen * CAP, abs=1.1)


def test_sides_are_straight_between_round_ends():
    bowled = replace(DIES[0], width=0.5, pen=0.1, square=2.0, variants=frozenset())
    straight, round_ = (
        replace(bowled, round_ends=ends).glyph("O", CAP, ABOVE, BELOW) > 127
        for ends in (1.0, None)
    )
    # Ends as high as half the width leave half of the height to the sides.
    sides = slice(ABOVE + round(0.3 * CAP), ABOVE + round(0.7 * CAP))
    assert straight[sides, [[1], [-2]]].all()
    assert not round_[sides, 0].all()


def test_dies_differ():
    rng = np.random.default_rng(0)
    assert len({Dies.draw(rng) for _ in range(50)}) == 50
    letterings = [Lettering.draw(rng, dies=True) for _ in range(200)]
    share = np.mean([lettering.dies is not None for lettering in letterings])
    assert 0.65 < share < 0.85
    assert all(Lettering.draw(rng).dies is None for _ in range(20))


def test_squeezed_characters_are_no_wider_than_in_nature():
    rng = np.random.default_rng(0)
    dies = DIES[0]
    lettering = Lettering("Rajdhani-Bold", 0.1, 0.3, False, dies)
    box = (0, 0, 600, 100)
    (filled,) = place_lines(("17",), box, lettering, rng)
    assert filled[0].width == 600
    for squeeze in (1.0, 0.5):
        ((mask, corner),) = place_lines(("HH",), box, lettering, rng, squeeze)
        natural = 100 * (2 * dies.width + 0.1) * squeeze
        assert 0.75 * natural < mask.width < 1.25 * natural
        assert corner[0] + mask.width / 2 == pytest.approx(300, abs=1)
