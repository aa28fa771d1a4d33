"""Random inputs of the tests, all from one seed."""

from __future__ import annotations

import random
import string

SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "da",
    "de",
    "do",
    "fa",
    "fi",
    "go",
    "ha",
    "ka",
    "ki",
    "la",
    "le",
    "lo",
    "ma",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "pa",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "ta",
    "ti",
    "to",
    "va",
    "vi",
    "za",
]
SPECIAL = ["é", "ü", "ø", "ñ", "ł", "'"]


class Rng(random.Random):
    """random.Random with the inputs that tests of backends need."""

    def word(self, low: int = 2, high: int = 4) -> str:
        """A pronounceable lower-case ASCII word of `low` to `high` syllables."""
        return "".join(self.choice(SYLLABLES) for _ in range(self.randint(low, high)))

    def name(self) -> str:
        """Two capitalised words; about half hold a non-ASCII letter or an apostrophe."""
        first, last = self.word().capitalize(), self.word().capitalize()
        if self.random() < 0.5:
            at = self.randint(1, len(last) - 1)
            last = last[:at] + self.choice(SPECIAL) + last[at:]
        return f"{first} {last}"

    def email(self) -> str:
        """A fresh address in a reserved domain."""
        return f"{self.word()}.{self.token(6)}@example.com".lower()

    def token(self, length: int = 12) -> str:
        """Letters and digits, starting with a letter."""
        rest = "".join(self.choice(string.ascii_lowercase + string.digits) for _ in range(length - 1))
        return self.choice(string.ascii_lowercase) + rest
