# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The root and the kernel of a pair of guests."""

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
    def is_unreleased(self) -> bool:
        """Whether its suite is not released: a package of this name may disappear from there."""
        suites = {kernel.SUITES[self.kernel], root.ROOTS[self.root][0] if self.root in root.ROOTS else ""}
        return "sid" in suites

    def instead(self, root_name: str | None, series: str | None) -> Environment:
        """Returns the same with another root or kernel, if one is given."""
        return Environment(root_name or self.root, series or self.kernel)


USUAL = Environment(root.HOST, kernel.DEFAULT_SERIES)
