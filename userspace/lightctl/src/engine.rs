// SPDX-License-Identifier: GPL-2.0

//! The calls of v0.2.0 that the demonstration needs, and a clock.
//!
//! A trait, so that the tests run the same code against the arithmetic files of
//! the module on the host, with a clock of their own.

use std::time::Duration;

use lightos::{Config, Device, Error, Event, NeuronState, Stats};

/// A spiking engine with its clock.
pub(crate) trait Engine {
    /// CLOCK_MONOTONIC of the engine, in ns.
    fn now_ns(&self) -> u64;
    /// Returns when the clock shows at least `time_ns`.
    fn sleep_until(&mut self, time_ns: u64);
    /// CONFIG.
    fn configure(&mut self, config: Config) -> Result<Stats, Error>;
    /// START.
    fn start(&mut self) -> Result<(), Error>;
    /// STOP.
    fn stop(&mut self) -> Result<(), Error>;
    /// SUBMIT_EVENT.
    fn submit(&mut self, event: Event) -> Result<(), Error>;
    /// GET_STATS.
    fn stats(&mut self) -> Result<Stats, Error>;
    /// GET_NEURON_STATE.
    fn neuron_state(&mut self, id: u32) -> Result<NeuronState, Error>;
}

impl Engine for Device {
    fn now_ns(&self) -> u64 {
        lightos::monotonic_ns()
    }

    fn sleep_until(&mut self, time_ns: u64) {
        let left = time_ns.saturating_sub(self.now_ns());
        std::thread::sleep(Duration::from_nanos(left));
    }

    fn configure(&mut self, config: Config) -> Result<Stats, Error> {
        Device::configure(self, config)
    }

    fn start(&mut self) -> Result<(), Error> {
        Device::start(self)
    }

    fn stop(&mut self) -> Result<(), Error> {
        Device::stop(self)
    }

    fn submit(&mut self, event: Event) -> Result<(), Error> {
        Device::submit(self, event)
    }

    fn stats(&mut self) -> Result<Stats, Error> {
        Device::stats(self)
    }

    fn neuron_state(&mut self, id: u32) -> Result<NeuronState, Error> {
        Device::neuron_state(self, id)
    }
}
