# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""What a pair of guests is made of."""

from __future__ import annotations

from dataclasses import dataclass

from . import kernel, root


@dataclass(frozen=True)
class Environment:
    """The name of a root, and the series of a kernel."""

    root: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.root}-{self.kernel}"

    @property
    def moves(self) -> bool:
        """It is of a suite that is not released: what it is named for here may be gone from there tomorrow."""
        suites = {kernel.SUITES[self.kernel], root.ROOTS[self.root][0] if self.root in root.ROOTS else ""}
        return "sid" in suites

    def instead(self, root_name: str | None, series: str | None) -> Environment:
        """The same with another root or kernel, where one is named."""
        return Environment(root_name or self.root, series or self.kernel)


USUAL = Environment(root.HOST, kernel.DEFAULT_SERIES)
