# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
"""Unit tests of the classifier, on frames that are built here."""

from __future__ import annotations

import struct
import tempfile
import unittest
from pathlib import Path

from . import wire

BTH_DATA = bytes([0x04, 0x40, 0xFF, 0xFF, 0, 0x00, 0x00, 0x11, 0, 0, 0, 1])
BTH_CM = bytes([0x64, 0x40, 0xFF, 0xFF, 0, 0x00, 0x00, 0x01, 0, 0, 0, 1])


def ethernet(ethertype: int, payload: bytes, vlans: tuple[int, ...] = ()) -> bytes:
    tags = b"".join(struct.pack("!HH", tag, 7) for tag in vlans)
    return bytes(12) + tags + struct.pack("!H", ethertype) + payload


def ipv4(protocol: int, payload: bytes, fragment: int = 0, identification: int = 1, options: bytes = b"") -> bytes:
    header = (20 + len(options)) // 4
    total = header * 4 + len(payload)
    start = struct.pack("!BBHHHBBH", 0x40 | header, 0, total, identification, fragment, 64, protocol, 0)
    return start + bytes([10, 77, 0, 1, 10, 77, 0, 2]) + options + payload


def ipv6(next_header: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + bytes(range(32)) + payload


def udp(destination: int, payload: bytes, source: int = 50000) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


ROCE = udp(4791, BTH_DATA + bytes(20))


class Frames(unittest.TestCase):
    def category(self, frame: bytes) -> str:
        return wire.Classifier().add(frame)

    def expect(self, category: str, *frames: bytes) -> None:
        for frame in frames:
            with self.subTest(frame=frame.hex()):
                self.assertEqual(self.category(frame), category)

    def test_roce_v2_is_clear_data(self) -> None:
        self.expect("clear_data", ethernet(0x0800, ipv4(17, ROCE)), ethernet(0x86DD, ipv6(17, ROCE)))

    def test_queue_pair_1_is_connection_management(self) -> None:
        mad = udp(4791, BTH_CM + bytes(256))
        self.expect("clear_cm", ethernet(0x0800, ipv4(17, mad)), ethernet(0x86DD, ipv6(17, mad)))

    def test_roce_v1_is_clear(self) -> None:
        self.expect("clear_data", ethernet(0x8915, bytes(40) + BTH_DATA))
        self.expect("clear_cm", ethernet(0x8915, bytes(40) + BTH_CM))

    def test_finds_roce_behind_vlan_tags(self) -> None:
        self.expect(
            "clear_data",
            ethernet(0x0800, ipv4(17, ROCE), vlans=(0x8100,)),
            ethernet(0x86DD, ipv6(17, ROCE), vlans=(0x88A8, 0x8100)),
            ethernet(0x8915, bytes(40) + BTH_DATA, vlans=(0x8100,)),
        )
        self.expect("macsec", ethernet(0x88E5, b"\x2c" + bytes(30), vlans=(0x8100,)))

    def test_finds_roce_behind_ip_options_and_extension_headers(self) -> None:
        hop_by_hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
        self.expect(
            "clear_data",
            ethernet(0x0800, ipv4(17, ROCE, options=b"\x94\x04\x00\x00")),
            ethernet(0x86DD, ipv6(0, hop_by_hop + ROCE)),
        )

    def test_finds_roce_inside_vxlan(self) -> None:
        inner = ethernet(0x0800, ipv4(17, ROCE))
        self.expect("clear_data", ethernet(0x0800, ipv4(17, udp(4789, b"\x08" + bytes(7) + inner))))
        self.expect("malformed", ethernet(0x0800, ipv4(17, udp(4789, b"\x08" + bytes(7) + inner[:20]))))

    def test_finds_roce_behind_authentication_header(self) -> None:
        header = bytes([17, 4]) + bytes(22)
        self.expect("clear_data", ethernet(0x0800, ipv4(51, header + ROCE)), ethernet(0x86DD, ipv6(51, header + ROCE)))

    def test_finds_roce_in_tunnels_of_ip(self) -> None:
        for protocol, inner in ((4, ipv4(17, ROCE)), (41, ipv6(17, ROCE))):
            authenticated = bytes([protocol, 4]) + bytes(22) + inner
            self.expect("clear_data", ethernet(0x0800, ipv4(protocol, inner)), ethernet(0x86DD, ipv6(protocol, inner)))
            self.expect("clear_data", ethernet(0x0800, ipv4(51, authenticated)))
        self.expect("esp", ethernet(0x0800, ipv4(4, ipv4(50, bytes(40)))))
        self.expect("malformed", ethernet(0x0800, ipv4(4, b"")), ethernet(0x0800, ipv4(41, ipv4(17, ROCE))))

    def test_encryption_bit_of_macsec_decides(self) -> None:
        self.expect("macsec", ethernet(0x88E5, b"\x2c" + bytes(30)))
        self.expect("macsec_unencrypted", ethernet(0x88E5, b"\x20" + bytes(30)))

    def test_reads_macsec_that_only_authenticates(self) -> None:
        def tagged(control: int, inner: bytes) -> bytes:
            sci = bytes(8) if control & 0x20 else b""
            return ethernet(0x88E5, bytes([control]) + bytes(5) + sci + inner + bytes(16))

        greeting = struct.pack("!H", 0x86DD) + ipv6(58, bytes(8))
        data = struct.pack("!H", 0x0800) + ipv4(17, ROCE)
        self.expect("icmpv6", tagged(0x20, greeting), tagged(0x00, greeting))
        self.expect("tcp", tagged(0x20, struct.pack("!H", 0x0800) + ipv4(6, bytes(20))))
        self.expect("arp", tagged(0x20, struct.pack("!H", 0x0806) + bytes(28)))
        self.expect("macsec_unencrypted", tagged(0x20, data), tagged(0x00, data), tagged(0x24, greeting))
        self.expect("macsec_unencrypted", ethernet(0x88E5, b"\x20"), tagged(0x20, b"")[:20])
        self.expect("macsec", tagged(0x2C, greeting), tagged(0x0C, data))

    def test_esp_is_esp_also_in_udp(self) -> None:
        packet = b"\x00\x00\x10\x01" + bytes(40)
        self.expect("esp", ethernet(0x0800, ipv4(50, packet)), ethernet(0x86DD, ipv6(50, packet)))
        self.expect("esp", ethernet(0x0800, ipv4(17, udp(4500, packet))))

    def test_ike_is_told_from_esp_in_udp(self) -> None:
        self.expect("ike", ethernet(0x0800, ipv4(17, udp(500, bytes(28)))))
        self.expect("ike", ethernet(0x86DD, ipv6(17, udp(4500, bytes(4) + b"\x01" * 28))))
        self.expect("other", ethernet(0x0800, ipv4(17, udp(4500, b"\xff"))))

    def test_roce_with_source_port_of_ike_is_clear_data(self) -> None:
        self.expect("clear_data", ethernet(0x0800, ipv4(17, udp(4791, BTH_DATA, source=4500))))

    def test_other_frames_have_their_categories(self) -> None:
        self.expect("arp", ethernet(0x0806, bytes(28)))
        self.expect("icmpv6", ethernet(0x86DD, ipv6(58, bytes(8))))
        self.expect("tcp", ethernet(0x0800, ipv4(6, bytes(20))), ethernet(0x86DD, ipv6(6, bytes(20))))
        self.expect("other", ethernet(0x88CC, bytes(20)), ethernet(0x0800, ipv4(17, udp(53, b""))))

    def test_padding_is_not_part_of_the_packet(self) -> None:
        """A datagram too short for a BTH must not take one from the padding of the frame."""
        self.expect("malformed", ethernet(0x0800, ipv4(17, udp(4791, b"")) + BTH_CM))

    def test_truncated_frames_are_malformed(self) -> None:
        for whole in (ethernet(0x0800, ipv4(17, ROCE)), ethernet(0x86DD, ipv6(17, ROCE))):
            for size in range(len(whole)):
                with self.subTest(size=size):
                    self.assertEqual(self.category(whole[:size]), "malformed")
        self.expect("malformed", ethernet(0x8915, bytes(40)), ethernet(0x88E5, b""))

    def test_impossible_headers_are_malformed(self) -> None:
        self.expect(
            "malformed",
            ethernet(0x0800, b"\x65" + ipv4(17, ROCE)[1:]),
            ethernet(0x0800, b"\x44" + ipv4(17, ROCE)[1:]),
            ethernet(0x86DD, b"\x45" + ipv6(17, ROCE)[1:]),
        )

    def test_frame_longer_than_captured_is_malformed(self) -> None:
        frame = ethernet(0x0800, ipv4(50, bytes(40)))
        self.assertEqual(wire.Classifier().add(frame, len(frame) + 1), "malformed")


class Fragments(unittest.TestCase):
    def setUp(self) -> None:
        self.classifier = wire.Classifier()

    def test_later_fragments_have_category_of_first(self) -> None:
        first = ethernet(0x0800, ipv4(17, ROCE, fragment=0x2000, identification=9))
        later = ethernet(0x0800, ipv4(17, bytes(64), fragment=5, identification=9))
        self.assertEqual([self.classifier.add(frame) for frame in (first, later)], ["clear_data"] * 2)

    def test_later_fragments_of_ipv6_have_category_of_first(self) -> None:
        first = ethernet(0x86DD, ipv6(44, struct.pack("!BBHI", 17, 0, 1, 9) + ROCE))
        later = ethernet(0x86DD, ipv6(44, struct.pack("!BBHI", 17, 0, 40, 9) + bytes(64)))
        self.assertEqual([self.classifier.add(frame) for frame in (first, later)], ["clear_data"] * 2)

    def test_fragment_without_its_first_is_malformed(self) -> None:
        self.assertEqual(self.classifier.add(ethernet(0x0800, ipv4(17, bytes(64), fragment=5))), "malformed")

    def test_first_fragment_without_whole_header_is_malformed(self) -> None:
        first = ethernet(0x0800, ipv4(17, ROCE[:8], fragment=0x2000, identification=9))
        later = ethernet(0x0800, ipv4(17, ROCE[8:], fragment=1, identification=9))
        self.assertEqual([self.classifier.add(frame) for frame in (first, later)], ["malformed"] * 2)


class Captures(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "wire.pcap"
        self.frames = [
            ethernet(0x0800, ipv4(17, ROCE)),
            ethernet(0x88E5, b"\x2c" + bytes(60)),
            ethernet(0x0806, bytes(28)),
        ]

    def write(self, order: str = "<", cut: int = 0) -> None:
        data = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)
        for frame in self.frames:
            data += struct.pack(order + "IIII", 0, 0, len(frame), len(frame)) + frame
        self.path.write_bytes(data[: len(data) - cut])

    def test_counts_every_frame_once_in_either_byte_order(self) -> None:
        for order in "<>":
            self.write(order)
            counts = wire.count(self.path)
            self.assertEqual(sum(counts.values()), 3)
            self.assertEqual((counts["clear_data"], counts["macsec"], counts["arp"]), (1, 1, 1))
            self.assertEqual(set(counts), set(wire.CATEGORIES))

    def test_truncated_record_is_malformed(self) -> None:
        for cut in (1, len(self.frames[2]), len(self.frames[2]) + 3):
            self.write(cut=cut)
            counts = wire.count(self.path)
            self.assertEqual((sum(counts.values()), counts["malformed"], counts["arp"]), (3, 1, 0))

    def test_growing_capture_ends_at_its_last_whole_record(self) -> None:
        self.write(cut=1)
        end = wire.complete_end(self.path)
        self.assertEqual(sum(wire.count(self.path, end=end).values()), 2)
        self.write()
        self.assertEqual(wire.complete_end(self.path, end), self.path.stat().st_size)
        self.assertEqual(wire.count(self.path, end)["arp"], 1)

    def test_slice_is_a_capture(self) -> None:
        self.write()
        start = wire.PCAP_HEADER.size + wire.PCAP_RECORD_SIZE + len(self.frames[0])
        target = self.path.with_name("slice.pcap")
        wire.cut(self.path, start, wire.complete_end(self.path), target)
        self.assertEqual(wire.count(target), wire.count(self.path, start))

    def test_refuses_other_files(self) -> None:
        for content in (b"", b"not a capture at all, but long enough"):
            self.path.write_bytes(content)
            with self.assertRaises(ValueError):
                wire.count(self.path)


if __name__ == "__main__":
    unittest.main()
