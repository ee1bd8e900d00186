# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests of the limit of a wait, with a clock and guests that the test advances."""

from __future__ import annotations

import unittest

from . import patience
from .patience import CAP, Patience, eventually


class Limit(unittest.TestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.work = [0.0, 0.0]
        self.output = ""

    def start(self, limit: float) -> Patience:
        work = [lambda: self.work[0], lambda: self.work[1]]
        return Patience(limit, work, [lambda: self.output], clock=lambda: self.now)

    def advance(self, seconds: float, *given: float) -> None:
        self.now += seconds
        for guest, share in enumerate(given):
            self.work[guest] += share * seconds

    def seconds_until_over(self, wait: Patience, *given: float) -> float:
        """Returns the clock's seconds until the wait is over, of guests with these shares of a processor."""
        while not wait.is_over():
            self.advance(1, *given)
        return self.now

    def test_idle_guests_have_the_limit_by_the_clock(self) -> None:
        self.assertEqual(self.seconds_until_over(self.start(60), 0.01, 0.02), 60)

    def test_guests_without_work_to_measure_have_the_limit_by_the_clock(self) -> None:
        wait = Patience(60, clock=lambda: self.now)
        self.assertEqual(self.seconds_until_over(wait), 60)

    def test_guests_with_a_sixth_of_a_processor_have_six_times_the_limit(self) -> None:
        self.assertAlmostEqual(self.seconds_until_over(self.start(60), 1 / 6, 0.01), 360, delta=1)

    def test_the_busiest_guest_counts(self) -> None:
        self.assertEqual(self.seconds_until_over(self.start(60), 0.25, 1.0), 60)

    def test_several_processors_of_a_guest_do_not_shorten_the_limit(self) -> None:
        self.assertEqual(self.seconds_until_over(self.start(60), 3.5, 0.0), 60)

    def test_progress_starts_the_limit_again(self) -> None:
        wait = self.start(60)
        for _ in range(10):
            self.advance(59)
            self.assertFalse(wait.is_over())
            self.output += "."
            self.assertFalse(wait.is_over())
        self.advance(60)
        self.assertTrue(wait.is_over())

    def test_a_limit_below_a_second_holds(self) -> None:
        wait = self.start(0.5)
        self.advance(0.4)
        self.assertFalse(wait.is_over())
        self.advance(0.2)
        self.assertTrue(wait.is_over())

    def test_progress_for_ever_ends_at_the_cap(self) -> None:
        wait = self.start(60)
        while not wait.is_over():
            self.advance(10)
            self.output += "."
        self.assertEqual(self.now, CAP)


class Eventually(unittest.TestCase):
    def test_returns_the_first_true_value(self) -> None:
        values = iter((0, "", "found"))
        self.assertEqual(eventually(Patience(60), lambda: next(values), pause=0), "found")

    def test_returns_the_last_value_when_the_limit_is_over(self) -> None:
        self.assertEqual(eventually(Patience(0), lambda: [], pause=0), [])

    def test_looks_once_even_without_a_limit(self) -> None:
        self.assertTrue(eventually(Patience(0), lambda: True, pause=patience.PAUSE))


if __name__ == "__main__":
    unittest.main()
