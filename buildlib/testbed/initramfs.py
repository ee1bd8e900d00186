# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The initramfs of guests: busybox, the modules that mount the folders of the host, and an init that switches to them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .kernel import Kernel, KernelUnavailable, locked, tool

BUSYBOX = Path("/bin/busybox")
INIT = Path(__file__).with_name("init.sh")

# The modules that mount the root of the host, which has modprobe.
MODULES = ("virtio_pci", "virtio_net", "virtio_console", "9p", "9pnet_virtio", "overlay")


def build(kernel: Kernel, target: Path) -> Path:
    """Writes the initramfs of this kernel to target."""
    with locked(kernel.root.parent / "lock"), tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        for folder in ("bin", "dev", "proc", "modules"):
            (tree / folder).mkdir()
        shutil.copy2(BUSYBOX, tree / "bin" / "busybox")
        shutil.copy2(INIT, tree / "init")
        (tree / "init").chmod(0o755)
        names = []
        for path in load_order(kernel):
            shutil.copy2(path, tree / "modules" / path.name)
            names.append(path.name)
        (tree / "modules" / "order").write_text("".join(f"{name}\n" for name in names))
        pack(tree, target)
    return target


def load_order(kernel: Kernel) -> list[Path]:
    """Returns the modules with their dependencies, each before those that need it. Built-in modules have no file."""
    needs = {}
    for line in (kernel.module_dir / "modules.dep").read_text().splitlines():
        path, _, dependencies = line.partition(":")
        needs[path] = dependencies.split()
    by_name = {Path(path).name.split(".")[0].replace("-", "_"): path for path in needs}
    built_in_paths = (kernel.module_dir / "modules.builtin").read_text().split()
    built_in = {Path(path).stem.replace("-", "_") for path in built_in_paths}

    order: list[str] = []
    for name in MODULES:
        if name in built_in:
            continue
        if name not in by_name:
            raise KernelUnavailable(f"kernel {kernel.release} has no module {name}")
        # modules.dep lists what a module needs with the most basic last.
        for path in [*reversed(needs[by_name[name]]), by_name[name]]:
            if path not in order:
                order.append(path)
    return [kernel.module_dir / path for path in order]


def pack(tree: Path, target: Path) -> None:
    names = "".join(f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*")))
    with target.open("wb") as archive:
        subprocess.run(
            [tool("cpio"), "--quiet", "-o", "-H", "newc", "-R", "0:0"],
            cwd=tree, input=names.encode(), stdout=archive, check=True,
        )
