// SPDX-License-Identifier: GPL-2.0

//! Numbers that look random, from a seed.
//!
//! The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one word of state, any seed.
//!
//! Any context; no lock.

/// A stream of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream with the number `index` that belongs to the same seed.
    pub const fn stream(seed: u64, index: u64) -> Self {
        let mut stream = Self(seed ^ index.wrapping_mul(0xd1b5_4a32_d192_ed03));
        stream.bits();
        stream
    }

    /// 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, 0 if that is 0.
    pub const fn below(&mut self, limit: u32) -> u32 {
        (((self.bits() >> 32) * limit as u64) >> 32) as u32
    }

    /// A normal number of mean 0 and deviation `sigma`: the sum of twelve uniform ones, which
    /// ends at six deviations.
    pub const fn normal(&mut self, sigma: u32) -> i64 {
        // Three words hold twelve numbers of 16 bits; their variance is 2^32 / 12 each.
        let mut sum = 0;
        let mut word = 0;
        while word < 3 {
            let bits = self.bits();
            sum +=
                (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
            word += 1;
        }
        // Twelve times the mean 2^15 - 1/2.
        ((2 * sum as i64 - 12 * 0xffff) * sigma as i64) >> 17
    }
}
