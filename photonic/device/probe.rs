// SPDX-License-Identifier: GPL-2.0

//! `PHOTONIC_PROBE`: what calibration measures with.
//!
//! Process context. The mutex `optics` is held from the first code to the last measurement, and
//! no user memory is touched meanwhile.

use super::{
    calls::{demand_flags, read_words, write_words},
    context::Context,
    optics::Light,
    Processor,
};
use crate::{
    photonic::{mesh::image, registers::GAIN_MAX},
    rust::{
        charged::{self, ChargedVec},
        cred,
        uaccess::{self, UserArg},
    },
    uapi,
};
use kernel::{prelude::*, sync::Arc};

/// Inputs of a call at most.
const MAX_INPUTS: u32 = 64;
/// Measurements of an input at most.
const MAX_AVERAGES: u32 = 256;

/// What a call brought and what it takes.
struct Probe {
    settings: KVec<uapi::PhotonicSetting>,
    input: ChargedVec<i32>,
    output: ChargedVec<i32>,
    taps: ChargedVec<u32>,
}

/// The call. `EPERM` without the privilege, `EINVAL` for what is not there.
pub(super) fn call(context: &Arc<Context>, arg: UserArg) -> Result {
    let mut request: uapi::PhotonicProbe = arg.read_extensible()?;
    demand_flags(request.flags, uapi::PHOTONIC_PROBE_CLEAR)?;
    if request.reserved != 0 {
        return Err(EINVAL);
    }
    let processor = context.all().get(request.device as usize)?;
    if !cred::is_admin() {
        return Err(EPERM);
    }
    let mut probe = Probe::read(&processor, &request)?;
    request.temperature_mc = processor.probe(&request, &mut probe)?;
    write_words(request.output, &probe.output)?;
    write_words(request.taps, &probe.taps)?;
    arg.write_extensible(request)
}

impl Probe {
    fn read(processor: &Processor, request: &uapi::PhotonicProbe) -> Result<Self> {
        let identity = &processor.identity;
        let layout = identity.layout;
        let taps = u64::from(request.first_tap) + u64::from(request.tap_count);
        if !(1..=MAX_INPUTS).contains(&request.inputs)
            || !(1..=MAX_AVERAGES).contains(&request.averages)
            || request.wavelength >= identity.wavelengths
            || taps > layout.crossings() as u64
            || request.setting_count as usize > layout.channels()
        {
            return Err(EINVAL);
        }
        let inputs = request.inputs as usize;
        let width = image::words(layout);
        let mut probe = Self {
            settings: KVec::with_capacity(request.setting_count as usize, GFP_KERNEL_ACCOUNT)?,
            input: charged::table(0, inputs * width)?,
            output: charged::table(0, inputs * width)?,
            taps: charged::table(0, inputs * 2 * request.tap_count as usize)?,
        };
        read_words(request.input, &mut probe.input)?;
        let count = request.setting_count as usize;
        let memory = uaccess::memory::<uapi::PhotonicSetting>(request.settings, count)?;
        let mut reader = memory.reader();
        for _ in 0..count {
            let setting: uapi::PhotonicSetting = reader.read()?;
            let fits = (setting.channel as usize) < layout.channels()
                && setting.code <= identity.code_limit.into();
            if !fits {
                return Err(EINVAL);
            }
            probe.settings.push(setting, GFP_KERNEL)?;
        }
        Ok(probe)
    }
}

impl Processor {
    /// Sets the codes and measures all inputs; the temperature of the die.
    fn probe(&self, request: &uapi::PhotonicProbe, probe: &mut Probe) -> Result<i32> {
        let light = Light {
            direct: false,
            unthrottled: false,
        };
        let width = image::words(self.identity.layout);
        let taps = 2 * request.tap_count as usize;
        let mut sums = charged::table(0i64, width)?;
        let mut powers = charged::table(0u64, taps)?;
        let mut optics = self.optics.lock();
        self.may_run(light)?;
        let clear = request.flags & uapi::PHOTONIC_PROBE_CLEAR != 0;
        optics.set_codes(self, &probe.settings, clear)?;
        let averages = request.averages;
        let shift = GAIN_MAX;
        for (index, input) in probe.input.chunks_exact(width).enumerate() {
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            sums.fill(0);
            powers.fill(0);
            optics.measure(
                self,
                request.wavelength,
                request.first_tap as usize,
                input,
                averages,
                (&mut sums, &mut powers),
            )?;
            let output = probe.output.iter_mut().skip(index * width);
            for (to, &sum) in output.zip(sums.iter()) {
                *to = (sum / i64::from(averages) >> shift) as i32;
            }
            let to = probe.taps.iter_mut().skip(index * taps);
            for (to, &sum) in to.zip(powers.iter()) {
                *to = (sum / u64::from(averages)) as u32;
            }
        }
        Ok(self.snapshot().die_mc)
    }
}
