# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""OCI containers in a guest: an unmodified runtime runs a bundle of the guest's own programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from .api import Test
from .guest import Guest, Process, Result
from .pair import TOP

PROFILE = TOP / "contrib" / "oci" / "seccomp.json"
FOLDER = "/run/bundles"
# The image has the distribution's files below these, and an /etc of its own.
BOUND = ("/usr", "/etc/libibverbs.d")
LINKS = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class Container:
    """A bundle. runtime is runc or crun.

    folder    the folder of the bundles
    before    words that precede the command of the runtime
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
        """Writes the bundle: that of `RUNTIME spec`, with this command, the guest's RDMA devices and network namespace.

        profile           the seccomp profile of contrib/oci, or none
        allow_device      the device cgroup of the container lets it open the uverbs devices
        network           the container has a network namespace of its own
        devices           linux.devices has the uverbs devices of the guest
        capabilities      in addition to those of `spec`
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
        """Returns the guest's uverbs devices in the form of linux.devices."""
        # from 7.2 on, rxe does not load ib_uverbs, and libibverbs does
        list_them = "cd /sys/class/infiniband_verbs && for d in uverbs*; do echo $d $(cat $d/dev); done"
        found = self.guest.run(f"modprobe ib_uverbs; {list_them}", check=True)
        devices: list[dict[str, object]] = []
        for line in found.out.splitlines():
            name, numbers = line.split()
            major, minor = map(int, numbers.split(":"))
            node: dict[str, object] = {"path": f"/dev/infiniband/{name}", "type": "c", "fileMode": 0o666}
            devices.append({**node, "major": major, "minor": minor})
        return devices

    @property
    def command(self) -> str:
        return f"{self.words} run --bundle {self.bundle} {self.name}"

    @property
    def words(self) -> str:
        return f"{self.before} {self.runtime} --root /run/{self.runtime}".strip()

    def start(self) -> Process:
        return self.guest.start(f"exec {self.command}")

    def run(self) -> Result:
        return self.guest.run(self.command)

    def execute(self, command: str) -> Result:
        """Runs a command in the running container."""
        return self.guest.run(f"{self.words} exec {self.name} /bin/sh -c {quote(command)}")

    def delete(self) -> None:
        self.guest.run(f"{self.words} delete --force {self.name}")


__all__ = ["Container"]
