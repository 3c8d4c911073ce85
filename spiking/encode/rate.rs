// SPDX-License-Identifier: GPL-2.0

//! The rate code: at each step a channel fires with the probability that its sample gives.
//!
//! ```text
//! p     = clip(gain x + offset, 0, 1)
//! fires = word(seed, step, channel) < p 2^32
//! ```
//!
//! The published form is `snntorch.spikegen.rate` of snnTorch 1.0.0 (Eshraghian et al.,
//! "Training spiking neural networks using lessons from deep learning", Proceedings of the IEEE
//! 111, 2023): `bernoulli(clamp(gain data + offset, 0, 1))`, silent before `first_spike_time`.
//! Norse's Poisson form, `rand < dt f_max x`, is `gain = dt f_max`.
//!
//! # The words
//!
//! `word` is a function of seed, step and channel alone, so that neither the order of the calls
//! nor the thread that makes them can matter. It is the counter-based generator Philox4x64 with
//! 10 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC'11), as in Random123, NumPy and Julia. With the key `(seed, 0)` and the counter
//! `(step, channel / 8, 0, 0)` it yields four words of 64 bits, hence eight of 32, the lower
//! half of each first; the channel takes number `channel mod 8`.
//!
//! # Error
//!
//! None in the decision: `gain x + offset` is exact in 64 bits and so is `p 2^32`, a whole number
//! from 0 (never fires) to 2^32 (always fires). The probability of a spike is exactly `p` for
//! uniform words.
//!
//! Pure functions: any context, no lock.

use super::{Sample, SAMPLE_BITS};

/// How many channels share one call of the generator.
const BLOCK: usize = 8;

/// A probability of one, in Q0.32.
pub const CERTAIN: u64 = 1 << 32;

/// Philox4x64-10: four words from a counter and a key.
pub fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    const MULTIPLIERS: [u64; 2] = [0xd2e7_470e_e14c_6c93, 0xca5a_8263_9512_1157];
    // The golden ratio and the square root of 3 less 1.
    const WEYL: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];

    for _ in 0..10 {
        let [c0, c1, c2, c3] = counter;
        let p0 = u128::from(c0).wrapping_mul(u128::from(MULTIPLIERS[0]));
        let p1 = u128::from(c2).wrapping_mul(u128::from(MULTIPLIERS[1]));
        counter = [
            (p1 >> 64) as u64 ^ c1 ^ key[0],
            p1 as u64,
            (p0 >> 64) as u64 ^ c3 ^ key[1],
            p0 as u64,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// The words of the channels from `8 block` to `8 block + 7` at `step`.
fn words(seed: u64, step: u64, block: u32) -> [u32; BLOCK] {
    let [a, b, c, d] = philox([step, u64::from(block), 0, 0], [seed, 0]);
    [
        a as u32,
        (a >> 32) as u32,
        b as u32,
        (b >> 32) as u32,
        c as u32,
        (c >> 32) as u32,
        d as u32,
        (d >> 32) as u32,
    ]
}

/// A rate encoder. It has no state: the step is the caller's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateEncoder {
    /// The seed; any value.
    pub seed: u64,
    /// The gain, in Q16.16.
    pub gain: i32,
    /// The offset, in Q16.16.
    pub offset: i32,
    /// No channel fires at a step before this one.
    pub first_spike_time: u64,
}

impl RateEncoder {
    /// An encoder for samples from 0 to 1 that are probabilities themselves.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            gain: 1 << SAMPLE_BITS,
            offset: 0,
            first_spike_time: 0,
        }
    }

    /// The probability of a spike in Q0.32, from 0 to [`CERTAIN`]; exact.
    #[inline]
    pub fn probability(&self, sample: Sample) -> u64 {
        // At most 2^62 and 2^47 in magnitude, both in Q32.32.
        let scaled = i64::from(self.gain).wrapping_mul(i64::from(sample));
        let offset = i64::from(self.offset) << SAMPLE_BITS;
        scaled.wrapping_add(offset).clamp(0, CERTAIN as i64) as u64
    }

    /// Whether `channel` fires at `step`. Constant work.
    pub fn fires(&self, step: u64, channel: u32, sample: Sample) -> bool {
        if step < self.first_spike_time {
            return false;
        }
        let words = words(self.seed, step, channel / BLOCK as u32);
        u64::from(words[channel as usize % BLOCK]) < self.probability(sample)
    }

    /// The channels that fire at `step`, in rising order, where `samples[i]` is the sample of
    /// channel `i`: the same decisions as [`RateEncoder::fires`] at an eighth of the cost.
    /// Channels that a `u32` cannot name do not exist: samples after them are not looked at.
    pub fn encode(&self, step: u64, samples: &[Sample], mut sink: impl FnMut(u32)) {
        if step < self.first_spike_time {
            return;
        }
        let last_block = u32::MAX / BLOCK as u32;
        for (block, samples) in (0..=last_block).zip(samples.chunks(BLOCK)) {
            let words = words(self.seed, step, block);
            let first = block.wrapping_mul(BLOCK as u32);
            for ((channel, word), &sample) in (first..=u32::MAX).zip(words).zip(samples) {
                if u64::from(word) < self.probability(sample) {
                    sink(channel);
                }
            }
        }
    }
}
