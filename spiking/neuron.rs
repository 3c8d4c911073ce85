// SPDX-License-Identifier: GPL-2.0

//! Leaky integrate-and-fire neurons, advanced from event to event.
//!
//! Between inputs `tau dv/dt = -(v - rest)`; an input adds its amplitude at once; a membrane at
//! or above the threshold fires: it goes to the reset potential and stays there, deaf, for the
//! refractory period. [`Neuron::update`] does all of it for one input, at a cost that depends
//! neither on the gap since the last one nor on any other neuron.
//!
//! A neuron is one cache line. Process context; the lock of the engine that owns the table.

use core::num::NonZeroU64;

use super::fixed::{input_units, nearest_mv, Leak, RANGE_NV, UNITS_PER_NV};

/// Width of one bucket of the spike rate, in nanoseconds.
const RATE_BUCKET_NS: u64 = 100_000_000;

/// Buckets of the spike rate: one second, the present bucket included.
const RATE_BUCKETS: usize = 10;

/// A stamp that says that the neuron never received an event.
const NEVER_USED: u64 = 0;

/// A stamp that says that the neuron received events, none of which was computed.
const NEVER_COMPUTED: u64 = 1;

/// What a set of neurons has in common, in the units of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lif {
    /// The membrane fires at or above this potential. Nanovolts, within +-10 V.
    pub threshold_nv: i64,
    /// The membrane leaks towards this potential. Nanovolts, within +-10 V.
    pub rest_nv: i64,
    /// The membrane is put here when it fires. Nanovolts, within +-10 V.
    pub reset_nv: i64,
    /// Time constant of the leak. Nanoseconds, at least 1.
    pub tau_ns: u64,
    /// How long a neuron is deaf after it fired. Nanoseconds, any value.
    pub refractory_ns: u64,
}

impl Lif {
    /// The neurons of the v0.2.0 contract.
    pub const DEFAULT: Self = Self {
        threshold_nv: 500_000_000,
        rest_nv: -70_000_000,
        reset_nv: -80_000_000,
        tau_ns: 10_000_000,
        refractory_ns: 2_000_000,
    };
}

/// A [`Lif`] made ready for computing: potentials in units relative to rest, the reciprocal of
/// the time constant. May differ from neuron to neuron, and for one neuron from update to update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifParams {
    leak: Leak,
    threshold: i64,
    reset: i64,
    rest: i64,
    lowest: i64,
    highest: i64,
    refractory_ns: u64,
}

impl LifParams {
    /// [`Lif::DEFAULT`], made ready at compile time.
    pub const DEFAULT: Self = match Self::new(&Lif::DEFAULT) {
        Some(params) => params,
        None => panic!("the default neuron is out of range"),
    };

    /// Checks `lif` and makes it ready. `None` if a potential lies outside +-10 V or the time
    /// constant is 0.
    pub const fn new(lif: &Lif) -> Option<Self> {
        let Some(tau_ns) = NonZeroU64::new(lif.tau_ns) else {
            return None;
        };
        if !in_range(lif.threshold_nv) || !in_range(lif.rest_nv) || !in_range(lif.reset_nv) {
            return None;
        }
        let rest = units(lif.rest_nv);
        Some(Self {
            leak: Leak::new(tau_ns),
            threshold: units(lif.threshold_nv).wrapping_sub(rest),
            reset: units(lif.reset_nv).wrapping_sub(rest),
            rest,
            lowest: units(-RANGE_NV).wrapping_sub(rest),
            highest: units(RANGE_NV).wrapping_sub(rest),
            refractory_ns: lif.refractory_ns,
        })
    }
}

/// Whether `nv` nanovolts lie in the range of a membrane.
const fn in_range(nv: i64) -> bool {
    -RANGE_NV <= nv && nv <= RANGE_NV
}

/// `nv` nanovolts in units of a potential; `nv` lies in range, the product below 2^58.
const fn units(nv: i64) -> i64 {
    nv.wrapping_mul(UNITS_PER_NV)
}

/// What [`Neuron::update`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The neuron was refractory. The input was discarded and nothing changed.
    Refractory,
    /// The input was added to the membrane.
    Computed {
        /// The membrane reached the threshold.
        spiked: bool,
        /// Leak and input together led out of +-10 V, and the sum was cut before it was compared
        /// with the threshold.
        saturated: bool,
    },
}

/// One neuron.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Neuron {
    /// The time of the last input that was computed; creation before the first.
    last_update: u64,
    /// The membrane right after that input, relative to rest.
    membrane: i64,
    /// The time of the last spike; means something from the first spike on.
    last_spike: u64,
    /// Spikes since creation.
    total_spikes: u64,
    /// [`NEVER_USED`], [`NEVER_COMPUTED`], or 2 + the cycle in which it was last computed.
    stamp: u64,
    /// Spikes in bucket `b` of 100 ms since time 0, at `b % RATE_BUCKETS`, for the ten buckets
    /// that end with that of `last_spike`.
    rate: [u16; RATE_BUCKETS],
    /// Delta encoding: changes received and not yet applied, in millivolts.
    residue: i32,
}

const _: () = assert!(size_of::<Neuron>() == 64);

impl Neuron {
    /// A neuron at rest that never received an event and counts as last updated at `now`.
    pub const fn at_rest(now: u64) -> Self {
        Self {
            last_update: now,
            membrane: 0,
            last_spike: 0,
            total_spikes: 0,
            stamp: NEVER_USED,
            rate: [0; RATE_BUCKETS],
            residue: 0,
        }
    }

    /// The time of the last input that was computed (creation before the first), in ns.
    #[inline]
    pub fn last_update(&self) -> u64 {
        self.last_update
    }

    /// The time of the last spike in ns, `None` before the first.
    #[inline]
    pub fn last_spike(&self) -> Option<u64> {
        (self.total_spikes != 0).then_some(self.last_spike)
    }

    /// Spikes since creation.
    #[inline]
    pub fn total_spikes(&self) -> u64 {
        self.total_spikes
    }

    /// When the refractory period of the last spike ends: the first time at which input counts.
    /// 0 before the first spike. A period that would end after `u64::MAX` ends there.
    #[inline]
    fn refractory_end(&self, params: &LifParams) -> u64 {
        match self.last_spike() {
            Some(time) => time.saturating_add(params.refractory_ns),
            None => 0,
        }
    }

    /// Whether the neuron is held at reset at time `now` (ns).
    #[inline]
    pub fn is_refractory(&self, now: u64, params: &LifParams) -> bool {
        now < self.refractory_end(params)
    }

    /// Takes an input of `amplitude_mv` millivolts at time `at` (ns); a time before the last
    /// update counts as the time of the last update.
    #[inline]
    pub fn update(&mut self, at: u64, amplitude_mv: i32, params: &LifParams) -> Update {
        let at = at.max(self.last_update);
        let leak_start = self.refractory_end(params).max(self.last_update);
        if at < leak_start {
            return Update::Refractory;
        }
        let leaked = params
            .leak
            .decay(self.membrane, at.wrapping_sub(leak_start));
        // 2^58.3 + 2^59.3: no overflow.
        let sum = leaked.wrapping_add(input_units(amplitude_mv));
        let cut = sum.min(params.highest).max(params.lowest);
        let spiked = cut >= params.threshold;
        self.last_update = at;
        if spiked {
            self.membrane = params.reset;
            self.record_spike(at);
        } else {
            self.membrane = cut;
        }
        Update::Computed {
            spiked,
            saturated: cut != sum,
        }
    }

    /// The membrane at time `now` (ns) in units of a potential, relative to rest. A time before
    /// the last update counts as the time of the last update.
    #[inline]
    pub fn membrane_units(&self, now: u64, params: &LifParams) -> i64 {
        let leak_start = self.refractory_end(params).max(self.last_update);
        params
            .leak
            .decay(self.membrane, now.saturating_sub(leak_start))
    }

    /// The membrane at time `now` (ns), to the nearest millivolt.
    pub fn membrane_mv(&self, now: u64, params: &LifParams) -> i32 {
        nearest_mv(self.membrane_units(now, params).wrapping_add(params.rest))
    }

    /// Counts a spike at `at`, which is no earlier than the last one.
    fn record_spike(&mut self, at: u64) {
        let bucket = at / RATE_BUCKET_NS;
        let newest = self.last_spike / RATE_BUCKET_NS;
        if bucket.wrapping_sub(newest) >= RATE_BUCKETS as u64 {
            self.rate = [0; RATE_BUCKETS];
        } else {
            let mut b = newest;
            while b < bucket {
                b = b.wrapping_add(1);
                self.rate[(b % RATE_BUCKETS as u64) as usize] = 0;
            }
        }
        let count = &mut self.rate[(bucket % RATE_BUCKETS as u64) as usize];
        *count = count.saturating_add(1);
        self.last_spike = at;
        self.total_spikes = self.total_spikes.saturating_add(1);
    }

    /// Spikes a second over the last second before `now` (ns), nearest hertz.
    ///
    /// Counts the spikes of the nine whole buckets of 100 ms before `now` and of the present one,
    /// and divides by the time that these buckets cover up to `now`: 0.9 to 1.0 s. A bucket holds
    /// at most 65,535 spikes.
    pub fn rate_hz(&self, now: u64) -> u32 {
        const WHOLE_NS: u64 = (RATE_BUCKETS as u64 - 1) * RATE_BUCKET_NS;

        let now = now.max(self.last_spike);
        let newest = self.last_spike / RATE_BUCKET_NS;
        // How many of the ten buckets that end with `newest` are over a second old by now.
        let expired = (now / RATE_BUCKET_NS).wrapping_sub(newest);
        let mut spikes: u64 = 0;
        let mut age = 0;
        while age < RATE_BUCKETS as u64 {
            if age.saturating_add(expired) < RATE_BUCKETS as u64 {
                // Ten ages, ten places: a bucket before time 0 falls on one never written.
                spikes = spikes.wrapping_add(u64::from(self.rate[slot(newest, age)]));
            }
            age = age.wrapping_add(1);
        }
        let covered = WHOLE_NS.wrapping_add(now % RATE_BUCKET_NS);
        // At most 655,350 * 10^9.
        let rounded = spikes.wrapping_mul(1_000_000_000).wrapping_add(covered / 2) / covered;
        rounded as u32
    }

    /// Notes that the neuron received an event. True the first time.
    #[inline]
    pub fn mark_used(&mut self) -> bool {
        let first = self.stamp == NEVER_USED;
        if first {
            self.stamp = NEVER_COMPUTED;
        }
        first
    }

    /// Notes that the neuron was computed in `cycle`. True unless it was so noted already.
    #[inline]
    pub fn mark_computed(&mut self, cycle: u64) -> bool {
        let stamp = cycle.saturating_add(2);
        let first = self.stamp != stamp;
        self.stamp = stamp;
        first
    }

    /// Delta encoding: adds `change_mv` (saturating) to the residue. When its magnitude has
    /// reached `threshold_mv` the residue is handed out and starts again from 0.
    #[inline]
    pub fn take_delta(&mut self, change_mv: i32, threshold_mv: u32) -> Option<i32> {
        let sum = self.residue.saturating_add(change_mv);
        if sum.unsigned_abs() >= threshold_mv {
            self.residue = 0;
            Some(sum)
        } else {
            self.residue = sum;
            None
        }
    }
}

/// Where the bucket `age` buckets before `newest` is kept; `age` is less than [`RATE_BUCKETS`].
#[inline]
fn slot(newest: u64, age: u64) -> usize {
    let newest = newest % RATE_BUCKETS as u64;
    (newest.wrapping_add(RATE_BUCKETS as u64).wrapping_sub(age) % RATE_BUCKETS as u64) as usize
}
