# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""OCI containers in a guest: a bundle of the guest's own programs, run by an unmodified runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .api import Test
from .guest import Guest, Process, Result
from .pair import TOP

PROFILE = TOP / "contrib" / "oci" / "seccomp.json"
FOLDER = "/run/bundles"
# The image has what the distribution installs below these, and an /etc of its own.
BOUND = ("/usr", "/etc/libibverbs.d")
LINKS = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class Container:
    """A bundle.  runtime is runc or crun.

    folder    where bundles are
    before    words that go before the runtime's command
    """

    t: Test
    guest: Guest
    runtime: str
    name: str
    folder: str = FOLDER
    before: str = ""

    @property
    def bundle(self) -> str:
        return f"{self.folder}/{self.name}"

    def configure(
        self,
        command: str,
        *,
        profile: bool,
        allow_device: bool = False,
        no_new_privileges: bool = True,
        network: bool = False,
        user: int = 0,
        devices: bool = True,
        capabilities: Sequence[str] = (),
    ) -> None:
        """What `RUNTIME spec` makes, with this command, the guest's RDMA devices and the host's network namespace.

        profile           with ours, else without any
        allow_device      the container's device cgroup lets it open the uverbs devices by itself
        network           with a network namespace of its own instead
        devices           linux.devices has the guest's uverbs devices
        capabilities      more than `spec` gives
        """
        root = f"{self.bundle}/rootfs"
        links = " && ".join(f"ln -sfn usr/{name} {root}/{name}" for name in LINKS)
        folders = " ".join(f"{root}{path}" for path in (*BOUND, "/proc", "/dev", "/sys", "/tmp"))
        make = f"mkdir -p {folders} && {links} && cd {self.bundle} && rm -f config.json && {self.runtime} spec"
        self.guest.run(make, check=True)
        path = f"{self.bundle}/config.json"
        config = json.loads(self.guest.read_file(path))
        process, linux = config["process"], config["linux"]
        process.update(terminal=False, args=["/bin/sh", "-c", command], noNewPrivileges=no_new_privileges)
        process["user"] = {"uid": user, "gid": user}
        options = ["rbind", "ro", "nosuid", "nodev"]
        config["mounts"] += [{"destination": p, "type": "bind", "source": p, "options": options} for p in BOUND]
        if not network:
            linux["namespaces"] = [space for space in linux["namespaces"] if space["type"] != "network"]
        for held in process["capabilities"].values():
            held += capabilities
        ours = self.devices()
        linux["devices"] = ours if devices else []
        if allow_device:
            for device in ours:
                numbers = {key: device[key] for key in ("type", "major", "minor")}
                linux["resources"]["devices"].append({"allow": True, "access": "rw", **numbers})
        linux.pop("seccomp", None)
        if profile:
            linux["seccomp"] = json.loads(PROFILE.read_text())
        self.guest.write_file(path, json.dumps(config, indent=2))

    def devices(self) -> list[dict[str, object]]:
        """The guest's uverbs devices, as linux.devices has them."""
        # from 7.2 on, rxe does not bring ib_uverbs with it, and libibverbs has it loaded
        found = self.guest.run("modprobe ib_uverbs; cd /sys/class/infiniband_verbs && for d in uverbs*; do echo $d $(cat $d/dev); done", check=True)
        devices = []
        for line in found.out.splitlines():
            name, numbers = line.split()
            major, minor = map(int, numbers.split(":"))
            devices.append({"path": f"/dev/infiniband/{name}", "type": "c", "major": major, "minor": minor, "fileMode": 0o666})
        return devices

    @property
    def command(self) -> str:
        return f"{self.words} run --bundle {self.bundle} {self.name}"

    @property
    def words(self) -> str:
        return f"{self.before} {self.runtime} --root /run/{self.runtime}".strip()

    def start(self, timeout: float | None = None) -> Process:
        return self.guest.start(f"exec {self.command}", timeout)

    def run(self, timeout: float = 60) -> Result:
        return self.guest.run(self.command, timeout)

    def execute(self, command: str, timeout: float = 60) -> Result:
        """Another process in the container, while it runs."""
        return self.guest.run(f"{self.words} exec {self.name} /bin/sh -c '{command}'", timeout)

    def delete(self) -> None:
        self.guest.run(f"{self.words} delete --force {self.name}")


__all__ = ["Container"]
