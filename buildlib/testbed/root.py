# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""The guests' root: what is installed on this machine, or another release of Debian, made once into the cache.

Another root is for programs newer than this machine's, unmodified, from where they are published.  The project's tree
and what was built of it are seen in such a guest at their own places, and run on its libraries.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .kernel import KEYRING, KernelUnavailable, acquire_settings, cache_dir, command, debian_mirror, locked

HOST = "host"

# Beside what every Debian has.
COMMON = """
    python3 kmod procps util-linux busybox-static iproute2 iputils-ping netbase libcap2-bin
    libcap-ng0 libevent-core-2.1-7t64 libinih1 libjson-c5 libnl-3-200 libnl-genl-3-200 libnl-route-3-200
    libseccomp2 libsystemd0
    ibverbs-providers ibverbs-utils librdmacm1t64 rdmacm-utils rdma-core perftest
"""
STRONGSWAN = "strongswan-charon strongswan-swanctl libstrongswan-standard-plugins libstrongswan-extra-plugins"
LIBRESWAN = "libreswan"  # it cannot be installed beside the other

# Name -> suite and packages.
ROOTS = {
    "trixie": ("trixie", COMMON + STRONGSWAN),
    "trixie-libreswan": ("trixie", COMMON + LIBRESWAN),
    "sid": ("sid", COMMON + STRONGSWAN),
}

# Nobody reads in a guest.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


@dataclass(frozen=True)
class Root:
    """A tree that a guest has below its overlay."""

    name: str
    path: Path

    @property
    def is_host(self) -> bool:
        return self.name == HOST


def obtain(name: str = HOST) -> Root:
    """The root of this name: HOST or one of ROOTS, made first if the cache does not have it as it is to be.

    Safe to call from many runs at once.  KernelUnavailable: it cannot be made.
    """
    if name == HOST:
        return Root(HOST, Path("/"))
    suite, listed = ROOTS[name]
    packages = listed.split()
    cache = cache_dir()
    target = cache / f"root-{name}"
    made_of = cache / f"root-{name}.packages"
    with locked(cache / f"root-{name}.lock"):
        wanted = "\n".join(packages) + "\n"
        if not target.is_dir() or not made_of.is_file() or made_of.read_text() != wanted:
            shutil.rmtree(target, ignore_errors=True)
            make(suite, packages, target)
            made_of.write_text(wanted)
    return Root(name, target)


def make(suite: str, packages: list[str], target: Path) -> None:
    """Beside the final place, then rename: a half-made root is never taken for a whole one."""
    print(f"# making a root of {suite}", flush=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="root-") as scratch:
        settings = Path(scratch) / "apt.conf"
        settings.write_text(acquire_settings())
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        unpacked = Path(scratch) / "root"
        command(
            ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory", f"--aptopt={settings}"]
            + [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
            + [f"--include={','.join(packages)}", suite, str(unpacked), f"deb {signed}{debian_mirror()} {suite} main"]
        )
        unpacked.rename(target)


__all__ = ["HOST", "KernelUnavailable", "Root", "obtain"]
