// SPDX-License-Identifier: GPL-2.0

//! Light through the mesh: phases in effect, one batch of vectors, one measurement.
//!
//! Process context, with the mutex `optics` held: the buffers and the heaters belong to whoever
//! has it. Waits for the device by sleeping; what it waits for ends by itself.

use super::{calibration::Calibration, control::is_powered, program::Phases, Processor};
use crate::{
    photonic::{
        mesh::{
            calibration::Conditions,
            compensation::{self, Compensation},
            gain::{self, Search, Verdict},
            identity::Identity,
            image::{self, Command, Image, Progress, Work},
            solver::{self, Heater, Solver},
            vector::{self, Detection, Detector},
        },
        registers as regs,
    },
    rust::{
        charged::{self, ChargedVec},
        clock, trace,
    },
    uapi,
};
use kernel::{
    prelude::*,
    sync::{atomic::Relaxed, Arc},
};

/// Between two looks at a command that runs.
const LOOK_NS: u64 = 20_000;
/// A command of a full buffer takes microseconds, throttled milliseconds: one that takes longer
/// hangs.
const COMMAND_NS: u64 = 1_000_000_000;
/// The phases settle within the time that the device states; twice that is a fault.
const SETTLE_LOOKS: u32 = 100;

/// How the light of a job is used.
#[derive(Clone, Copy)]
pub(crate) struct Light {
    pub(crate) direct: bool,
    /// Rather not at all than throttled.
    pub(crate) unthrottled: bool,
}

impl Light {
    fn detection(self) -> Detection {
        match self.direct {
            true => Detection::Direct,
            false => Detection::Coherent,
        }
    }
}

/// What the heaters are set for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Setting {
    phases: u64,
    wavelength: u32,
    calibration: u32,
}

/// The optics of a processor as the driver has them.
pub(crate) struct Optics {
    identity: Identity,
    /// For a chip that nothing is known of.
    nominal: Arc<Calibration>,
    solver: Solver<ChargedVec<Heater>, ChargedVec<u32>>,
    image: Image<ChargedVec<u16>>,
    codes: ChargedVec<u16>,
    turns: ChargedVec<u32>,
    words: ChargedVec<i32>,
    taps: ChargedVec<u32>,
    shifts: ChargedVec<u32>,
    drift: Compensation,
    set: Option<Setting>,
    /// Heaters whose phases the program in effect asks for in vain.
    unreached: u32,
    /// The device's count of commits after ours, and the processor's of beginnings: others tell
    /// that the heaters may have lost their codes since.
    commits: u32,
    beginnings: u64,
    tag: u32,
    /// The gain that the batch before found, for each kind of detection; that of the last probe.
    learned: [Option<u32>; 2],
    probed: Option<u32>,
}

/// Vectors on their way in or out: numbers and an exponent each.
pub(crate) struct Batch<'a> {
    pub(crate) input: &'a [i32],
    pub(crate) input_exponents: &'a [i32],
    pub(crate) output: &'a mut [i32],
    pub(crate) output_exponents: &'a mut [i32],
}

impl Optics {
    /// Tables for a processor. May sleep.
    pub(crate) fn new(identity: Identity) -> Result<Self> {
        let layout = identity.layout;
        let channels = layout.channels();
        let heaters = charged::table(Heater::default(), channels)?;
        let field = charged::table(0, solver::cells(layout))?;
        let depth = identity.vectors as usize;
        Ok(Self {
            identity,
            nominal: Arc::new(Calibration::none(&identity), GFP_KERNEL)?,
            solver: Solver::new(layout, heaters, field).ok_or(EINVAL)?,
            image: Image::new(charged::table(0, channels)?),
            codes: charged::table(0, channels)?,
            turns: charged::table(0, channels)?,
            words: charged::table(0, depth * image::words(layout))?,
            taps: charged::table(0, 2 * layout.crossings())?,
            shifts: charged::table(0, depth)?,
            drift: Compensation::new(compensation::MAX_STEP_MC),
            set: None,
            unreached: 0,
            commits: 0,
            beginnings: 0,
            tag: 0,
            learned: [None; 2],
            probed: None,
        })
    }

    /// Heaters that cannot reach the phase that the program in effect asks for.
    pub(super) fn unreached(&self) -> u32 {
        self.unreached
    }

    /// The device was reset: nothing is known of its heaters.
    pub(crate) fn forget(&mut self) {
        self.image.forget();
        self.set = None;
    }

    fn forget_what_was_lost(&mut self, processor: &Processor) {
        let beginnings = processor.beginnings.load(Relaxed);
        let commits = processor.registers.read(regs::COMMIT_COUNT);
        if beginnings != self.beginnings || commits != self.commits {
            self.beginnings = beginnings;
            self.commits = commits;
            self.forget();
        }
    }

    fn calibration(&self, processor: &Processor) -> Arc<Calibration> {
        processor.calibration().unwrap_or(self.nominal.clone())
    }

    /// Sees to it that `phases` are in effect at a wavelength and at the temperature as it is.
    pub(crate) fn prepare(
        &mut self,
        processor: &Processor,
        phases: &Phases,
        wavelength: u32,
    ) -> Result {
        let calibration = self.calibration(processor);
        let wanted = Setting {
            phases: phases.id,
            wavelength,
            calibration: calibration.id(),
        };
        self.forget_what_was_lost(processor);
        let known = self
            .set
            .is_some_and(|set| set.calibration == wanted.calibration);
        if !known {
            let step = compensation::step_mc(calibration.greatest_tempco(), self.identity.dac);
            self.drift.restart(step);
        }
        self.drift.read(processor.snapshot().die_mc);
        if self.set == Some(wanted) && !self.drift.due() {
            return Ok(());
        }
        let temperature_mc = self.drift.temperature_mc().unwrap_or(0);
        let requested = phases.requested.iter();
        for (turn, &millidegrees) in self.turns.iter_mut().zip(requested) {
            *turn = solver::turns(millidegrees);
        }
        let conditions = Conditions {
            wavelength,
            temperature_mc,
        };
        let solved = self
            .solver
            .solve(&calibration, conditions, &self.turns, &mut self.codes);
        self.unreached = solved.ok_or(EINVAL)?.unreached;
        self.drift.solved(temperature_mc);
        self.apply(processor, temperature_mc)?;
        self.set = Some(wanted);
        Ok(())
    }

    /// Hands the codes to the heaters and waits for the phases to settle.
    fn apply(&mut self, processor: &Processor, temperature_mc: i32) -> Result {
        let device = &*processor.registers;
        let written = self.image.write(device, &self.codes).ok_or(EINVAL)?;
        if !self.image.commit(device) {
            return Ok(());
        }
        self.commits = device.read(regs::COMMIT_COUNT);
        processor.counts.commits.fetch_add(1, Relaxed);
        trace::photonic_commit(processor.index as u32, written as u32, temperature_mc);
        let settle_ns = u64::from(self.identity.settle_us) * 1000;
        clock::sleep_ns(settle_ns);
        for _ in 0..SETTLE_LOOKS {
            if !image::settling(device) {
                return Ok(());
            }
            clock::sleep_ns(settle_ns / u64::from(SETTLE_LOOKS) + LOOK_NS);
        }
        // The next job must not take these for phases that are in effect.
        self.forget();
        Err(EIO)
    }

    /// Sends a batch through the mesh as it is; how many vectors were cut at full scale.
    pub(crate) fn multiply(
        &mut self,
        processor: &Processor,
        light: Light,
        wavelength: u32,
        deadline: u64,
        batch: &mut Batch<'_>,
    ) -> Result<u32> {
        let transmission = self.calibration(processor).transmission();
        let width = image::words(self.identity.layout);
        let count = batch.input_exponents.len();
        let power = self.load(processor, batch.input);
        let detection = light.detection();
        let learned = self.learned[usize::from(light.direct)];
        let mut search = Search::new(detection, gain::safe(power, transmission), learned);
        let (ran_at, saturated) = loop {
            let gain = search.gain();
            let command = Command {
                work: Work::Product(count as u32),
                wavelength,
                detection,
                gain,
                tag: 0,
            };
            let saturated = self.run(processor, command, deadline)?;
            for (vector, words) in self.words.chunks_exact_mut(width).take(count).enumerate() {
                image::read_output(&*processor.registers, &self.identity, vector as u32, words);
            }
            let peak = vector::peak(self.words.get(..count * width).unwrap_or(&[]));
            if search.judge(saturated, peak) == Verdict::Keep {
                break (gain, saturated);
            }
        };
        self.learned[usize::from(light.direct)] = Some(search.gain());
        let detector = Detector::new(detection, transmission);
        let mut cut = 0;
        for (vector, words) in self.words.chunks_exact(width).take(count).enumerate() {
            let at = vector * width;
            let numbers = batch.output.get_mut(at..at + width).ok_or(EINVAL)?;
            let (shift, exponent) = (self.shifts[vector], batch.input_exponents[vector]);
            batch.output_exponents[vector] =
                detector.numbers(words, ran_at, shift, exponent, numbers);
            cut += u32::from(saturated && is_cut(words, self.identity.output_bits));
        }
        Ok(cut)
    }

    /// Writes the inputs of a batch; the greatest power of a vector.
    fn load(&mut self, processor: &Processor, input: &[i32]) -> u64 {
        let width = image::words(self.identity.layout);
        let mut greatest = 0;
        for (vector, numbers) in input.chunks_exact(width).enumerate() {
            let words = &mut self.words[..width];
            self.shifts[vector] = vector::modulate(numbers, self.identity.input_bits, words);
            greatest = vector::power(words).max(greatest);
            image::write_input(&*processor.registers, &self.identity, vector as u32, words);
        }
        greatest
    }

    /// Runs a command to its end; whether an output was cut.
    fn run(&mut self, processor: &Processor, mut command: Command, deadline: u64) -> Result<bool> {
        let device = &*processor.registers;
        self.tag = self.tag.wrapping_add(1);
        command.tag = self.tag;
        if !image::start(device, &self.identity, &command) {
            return Err(EINVAL);
        }
        let hangs = clock::monotonic_ns().saturating_add(COMMAND_NS);
        loop {
            match image::progress(device, self.tag) {
                Progress::Running => {}
                Progress::Done { saturated } => return Ok(saturated),
                Progress::Dark => return Err(processor.why_dark()),
                // By a reset that somebody asked for, or by the guard's.
                Progress::Aborted if processor.snapshot().causes == 0 => return Err(ECANCELED),
                Progress::Aborted => return Err(EHOSTDOWN),
                Progress::Refused => return Err(EIO),
                Progress::Gone => return Err(ESHUTDOWN),
            }
            let now = clock::monotonic_ns();
            if now >= deadline || now >= hangs {
                device.write(regs::CONTROL, regs::CONTROL_RESET_SOFT);
                return Err(if now >= deadline { ETIME } else { EIO });
            }
            clock::sleep_ns(LOOK_NS);
        }
    }

    /// Sets heaters to raw codes; with `clear` those that are not named to 0.
    pub(super) fn set_codes(
        &mut self,
        processor: &Processor,
        settings: &[uapi::PhotonicSetting],
        clear: bool,
    ) -> Result {
        self.forget_what_was_lost(processor);
        match self.image.codes() {
            Some(codes) if !clear => self.codes.copy_from_slice(codes),
            _ => self.codes.fill(0),
        }
        for setting in settings {
            let code = self.codes.get_mut(setting.channel as usize).ok_or(EINVAL)?;
            *code = u16::try_from(setting.code).map_err(|_| EINVAL)?;
        }
        self.set = None;
        self.apply(processor, processor.snapshot().die_mc)
    }

    /// Measures one input with the phases as they are: adds amplitudes (2^28 is that of a full
    /// input) and powers of taps to what is in `output` and `taps`.
    pub(super) fn measure(
        &mut self,
        processor: &Processor,
        wavelength: u32,
        first_tap: usize,
        input: &[i32],
        averages: u32,
        (output, taps): (&mut [i64], &mut [u64]),
    ) -> Result {
        let device = &*processor.registers;
        let width = image::words(self.identity.layout);
        let words = &mut self.words[..width];
        // As they are: the measurement is to be comparable with others.
        words.copy_from_slice(input);
        image::write_input(device, &self.identity, 0, words);
        let power = vector::power(words);
        let mut search = Search::new(
            Detection::Coherent,
            gain::safe(power, u32::MAX),
            self.probed,
        );
        let mut left = averages;
        while left > 0 {
            if processor.has_ended() {
                return Err(ESHUTDOWN);
            }
            if kernel::current!().signal_pending() {
                return Err(EINTR);
            }
            let command = Command {
                work: Work::Probe,
                wavelength,
                detection: Detection::Coherent,
                gain: search.gain(),
                tag: 0,
            };
            let saturated = self.run(processor, command, u64::MAX)?;
            let words = &mut self.words[..width];
            image::read_output(device, &self.identity, 0, words);
            // The gain of the first measurement that is kept serves the others too.
            let gain = search.gain();
            if left == averages && search.judge(saturated, vector::peak(words)) == Verdict::Again {
                continue;
            }
            for (sum, &word) in output.iter_mut().zip(words.iter()) {
                *sum += i64::from(word) << (regs::GAIN_MAX - gain);
            }
            let read = self.taps.get_mut(..taps.len()).ok_or(EINVAL)?;
            image::read_taps(device, self.identity.layout, first_tap, read);
            for (sum, &tap) in taps.iter_mut().zip(read.iter()) {
                *sum += u64::from(tap);
            }
            left -= 1;
        }
        self.probed = Some(search.gain());
        Ok(())
    }
}

/// Whether a part of a vector is at the end of the range of its ADC.
fn is_cut(words: &[i32], bits: u32) -> bool {
    let greatest = i32::MAX >> 32u32.saturating_sub(bits) << 32u32.saturating_sub(bits);
    words
        .iter()
        .any(|&word| word >= greatest || word == i32::MIN)
}

impl Processor {
    /// Whether light can be used now, and why not: `EHOSTDOWN`, `ENETDOWN`, `EBUSY`.
    pub(super) fn may_run(&self, light: Light) -> Result {
        let now = self.snapshot();
        if now.causes != 0 {
            return Err(EHOSTDOWN);
        }
        if !is_powered(&now) || !now.emission {
            return Err(ENETDOWN);
        }
        if light.unthrottled && now.throttle_permille > 0 {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// The light went out during a command.
    fn why_dark(&self) -> Error {
        // The guard may see it a tick later than the command did.
        match self.snapshot().causes {
            0 if self.registers.read(regs::LATCHES) & regs::LATCHES_LASER == 0 => ENETDOWN,
            _ => EHOSTDOWN,
        }
    }

    /// Codes that the heaters have, from `first` on.
    pub(super) fn applied_codes(&self, first: usize, to: &mut [u32]) {
        let _optics = self.optics.lock();
        for (index, code) in to.iter_mut().enumerate() {
            *code = self
                .registers
                .read(regs::APPLIED + 4 * (first + index) as u32);
        }
    }

    /// The phases in millidegrees that these stand for by the calibration, at the first
    /// wavelength and the temperature as it is.
    pub(super) fn applied_phases(&self, first: usize, to: &mut [u32]) -> Result {
        let mut optics = self.optics.lock();
        let optics = &mut *optics;
        image::read_applied(&*self.registers, 0, &mut optics.codes).ok_or(ENODEV)?;
        let calibration = optics.calibration(self);
        let conditions = Conditions {
            wavelength: 0,
            temperature_mc: self.snapshot().die_mc,
        };
        optics
            .solver
            .phases(&calibration, conditions, &optics.codes, &mut optics.turns)
            .ok_or(EINVAL)?;
        let turns = optics.turns.get(first..).ok_or(EINVAL)?;
        for (phase, &turn) in to.iter_mut().zip(turns) {
            *phase = solver::millidegrees(turn);
        }
        Ok(())
    }
}
