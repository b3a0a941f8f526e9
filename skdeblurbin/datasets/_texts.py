"""Plate numbers in the patterns of several countries."""

from __future__ import annotations

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
#: Every character that a drawn plate can show; the fonts hold exactly these.
ALPHABET = LETTERS + DIGITS + "-. "

# L stands for a letter, D for a digit, / for the end of a line; the rest is literal.
ONE_LINE = (
    "DDL-DDD.DD",  # Vietnam, cars
    "DDL-DDDD",  # Vietnam, before 2010
    "L-LL DDD",  # Germany
    "LL-LL DDDD",  # Germany
    "LL-DDD-LL",  # France
    "LLDD LLL",  # United Kingdom
    "LL DDDLL",  # Italy
    "DDDD LLL",  # Spain
    "LL-DDD-L",  # Netherlands
    "D-LLL-DD",  # Netherlands
    "LL DDDDL",  # Poland
    "LLL DDD",  # Sweden
    "DLLLDDD",  # California
    "LLL-DDDD",  # Texas, New York; Brazil before 2018
    "LLLDLDD",  # Brazil
    "LL.DDDDD",  # China, without the province's sign
    "DD DDDD",  # digits only
    "DDD DDDD",
)
TWO_LINES = (
    "DD-LD/DDD.DD",  # Vietnam, motorcycles
    "DD-LD/DDDD",  # Vietnam, motorcycles before 2010
    "DDL/DDD.DD",  # Vietnam, cars, square plate
    "LLL/DDDD",  # Brazil, motorcycles
    "LL DD/LL DDDD",  # India
    "LL-L/DDD",  # Germany, motorcycles
    "LLDD/LLL",  # United Kingdom, motorcycles
    "LL/DDDLL",  # Italy, square plate
    "LL/DDDD",
    "DD/DDDD",
)


def draw_plate_text(rng: np.random.Generator, n_lines: int) -> tuple[str, ...]:
    """Draw a plate number of one or two lines; returns a string for each line."""
    patterns = ONE_LINE if n_lines == 1 else TWO_LINES
    pattern = patterns[rng.integers(len(patterns))]
    symbols = [
        LETTERS[rng.integers(26)]
        if place == "L"
        else DIGITS[rng.integers(10)]
        if place == "D"
        else place
        for place in pattern
    ]
    return tuple("".join(symbols).split("/"))
