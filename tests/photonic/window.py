# SPDX-License-Identifier: GPL-2.0
"""The window of a chip as a file: window.py make FILE, window.py check FILE.

Registers are those of photonic/registers.rs. Prints what is wrong, and fails then.
"""

import struct
import sys

SIZE = 0x2_0000
KICK = 0x4B49_434B
SENSOR_25 = (25 + 64) * 256

LEFT = {
    0x000: 0x4C50_4E31,  # identity
    0x004: 1 << 16,  # revision
    0x008: 0,  # silicon
    0x00C: 0x5566_7788,  # serial number
    0x010: 0x1122_3344,
    0x014: 0b11101,  # capabilities
    0x018: 4 | 1 << 8 | 5 << 16 | 6 << 20 | 64 << 24,  # geometry
    0x01C: 12 | 16 << 8 | 16 << 16 | 1 << 24,  # converters
    0x020: 10,  # microseconds to settle
    0x024: 1 << 16,  # full scale
    0x028: 2000,  # the longest watchdog period
    0x02C: 4095,  # code limit
    0x030: 1_550_000,  # wavelength
    0x034: 400,
    0x044: 1 << 5,  # status: the interlock is closed
    0x080: 3,  # laser: enabled, key turned
    0x084: 256,  # duty
    0x180: 0x3F,  # all rails
} | {0x100 + 4 * sensor: SENSOR_25 for sensor in range(5)}


def make(path):
    window = bytearray(SIZE)
    for offset, value in LEFT.items():
        struct.pack_into("<I", window, offset, value)
    with open(path, "wb") as file:
        file.write(window)


def check(path):
    with open(path, "rb") as file:
        window = file.read()
    wanted = {
        0x080: (0, "the laser is off and its key out"),
        0x0A0: (2000, "the watchdog has its period"),
        0x0A4: (KICK, "the watchdog was kicked"),
        0x140: ((98 + 64) * 256, "the comparator is set to 98 degrees"),
        0x180: (0, "the rails were withdrawn"),
        0x280: (0, "no phases were committed"),
    }
    wrong = 0
    for offset, (value, text) in wanted.items():
        (found,) = struct.unpack_from("<I", window, offset)
        print(f"# {text}: {found:#x}")
        wrong += found != value
    for offset, value in LEFT.items():
        if offset < 0x040 and struct.unpack_from("<I", window, offset)[0] != value:
            print(f"# {offset:#x} is constant, and was written")
            wrong += 1
    return wrong


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    sys.exit(check(sys.argv[2]) != 0)
