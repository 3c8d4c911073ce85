// SPDX-License-Identifier: GPL-2.0

//! CRC-32 as Ethernet and zlib have it: polynomial 0x04c11db7, reflected, all ones before and
//! after.
//!
//! Four bits at a time: the table has 16 entries, and a blob of 64 wavelengths takes a
//! millisecond once, when it is loaded.
//!
//! Process context; no lock.

/// The polynomial, lowest power first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What four bits that leave do to those that stay.
static TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let mut rest = index as u32;
        let mut bit = 0;
        while bit < 4 {
            rest = (rest >> 1) ^ (POLYNOMIAL * (rest & 1));
            bit += 1;
        }
        table[index] = rest;
        index += 1;
    }
    table
}

/// The checksum of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    let nibble = |rest: u32| (rest >> 4) ^ TABLE[(rest & 15) as usize];
    !bytes
        .iter()
        .fold(!0, |rest, &byte| nibble(nibble(rest ^ u32::from(byte))))
}
