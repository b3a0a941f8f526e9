"""Plate numbers in the patterns of several countries."""

from __future__ import annotations

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
#: Every character that a drawn plate can show; the fonts hold exactly these.
ALPHABET = LETTERS + DIGITS + "-. "

#: Stands for a sign that is neither letter nor digit, as on plates in East Asia.
SIGN = "*"

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
# On one line, on plates with names and slogans; most of them of the USA.
WITH_NAMES = (
    "LLL DDDD",
    "LLL-DDDD",
    "DDDD LLL",
    "DDD LLL",
    "DDD-LLL",
    "LLL DDD",
    "LLL DDL",
    "DDDLLL",
    "LLLDDDD",
    "LLDDDDD",
    "DLLLDDD",
    "DDLDDDL",
    "LL DDDDD",
    "LL DDDD",
    "LDDDDDD",
    "L DDDDDD",
    "DDDDDD",
    "DDD DDD",
    "DDDDD",
    "DDLLDD",
    "LLLLLLL",
    "LLLLLL",
    "LLLLL",
    "LLLL",
    "LLLLDD",
    "LL LLLL",
)
WITH_SIGNS = (
    "DD*DDDD",  # South Korea
    "DDD*DDDD",  # South Korea, since 2019
    "*L.DDDDD",  # China
    "*LDDDDDD",  # China, electric cars
)
TWO_LINES_WITH_SIGNS = (
    "*DD*/DDDD",  # South Korea, before 2004
    "* DDD/*DD-DD",  # Japan
    "** DDD/* DDDD",  # Thailand
)


def draw_plate_text(
    rng: np.random.Generator, n_lines: int, *, named: bool = False
) -> tuple[str, ...]:
    """Draw a plate number of one or two lines; returns a string for each line.

    With `named`, half of those of one line are of kinds that have names beside them,
    and one in ten has a sign of another script.
    """
    patterns: tuple[str, ...] = ONE_LINE if n_lines == 1 else TWO_LINES
    kind = rng.random() if named else 1.0
    if kind < 0.1:
        patterns = WITH_SIGNS if n_lines == 1 else TWO_LINES_WITH_SIGNS
    elif kind < 0.55 and n_lines == 1:
        patterns = WITH_NAMES
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
