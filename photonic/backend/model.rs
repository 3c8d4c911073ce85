// SPDX-License-Identifier: GPL-2.0

//! Processors that are models: made on request, by the parameters of the module.
//!
//! A back end of `kernel::io` like memory of a device: the driver sees registers, and nothing
//! tells it what is behind them but the register that says so.
//!
//! # Contexts and locks
//!
//! The plant has a raw spinlock and is used in any context; a step of it takes well under a
//! microsecond, and the guard makes it four steps a tick. The optics have a mutex, for process
//! context, as the register map allows. The mutex is taken first. The model's time is
//! `CLOCK_MONOTONIC`; it steps when it is looked at, and a watchdog that ran out meanwhile has
//! run out at its own time.

use super::Space;
#[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
use crate::rust::debugfs_command::CommandFile;
use crate::{
    photonic::{
        device::{Attached, Processors},
        model::{
            chip::{Chip, Law},
            optics::{self, Channel, Crossing, Factor, Needs, Tables, Wave},
            plant::{Light, Plant, PlantConfig},
        },
        registers::{
            Registers, CONTROL, GONE, IRQ_COMPLETION, IRQ_SETTLED, OPTICS, RAIL_GOOD, SIZE, STATUS,
        },
    },
    rust::{
        clock,
        raw_lock::{new_raw_lock, RawLock},
    },
    uapi,
};
use core::ptr::null_mut;
use kernel::{
    faux,
    io::{IoBackend, IoBase, IoCapable, Region},
    new_mutex,
    prelude::*,
    ptr::KnownSize,
    str::CString,
    sync::{Arc, Mutex},
};

type Optics = optics::Optics<VVec<Channel>, VVec<Crossing>, VVec<i32>, VVec<Factor>, VVec<Wave>>;

/// Rails of the heaters: 2.5 and 3.3 V.
const RAILS_HEATERS: u32 = 0b00_1100;

/// One model.
#[pin_data]
pub(super) struct Device {
    chip: Chip,
    #[pin]
    plant: RawLock<Fast>,
    #[pin]
    optics: Mutex<Optics>,
}

/// What the fast registers show.
struct Fast {
    plant: Plant,
    /// What the optics have said of themselves.
    heater_mw: u32,
    busy_until: Option<u64>,
    settling_until: Option<u64>,
    /// The heaters were without power since the optics were looked at.
    lost_power: bool,
}

impl Fast {
    /// Brings the plant to the present.
    fn advance(&mut self, now: u64) {
        let busy = self.busy_until.is_some_and(|end| now < end);
        if self.busy_until.is_some() && !busy {
            self.busy_until = None;
            self.plant.raise(IRQ_COMPLETION);
        }
        if self.settling_until.is_some_and(|end| now >= end) {
            self.settling_until = None;
            self.plant.raise(IRQ_SETTLED);
        }
        self.plant.load(self.heater_mw, busy);
        self.plant.settle(self.settling_until.is_some());
        self.plant.advance(now);
        self.lost_power |= !self.heaters();
    }

    /// Whether the heaters have power.
    fn heaters(&self) -> bool {
        self.plant.read(RAIL_GOOD) & RAILS_HEATERS == RAILS_HEATERS
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.advance(clock::monotonic_ns());
        self.plant.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.advance(clock::monotonic_ns());
        self.plant.write(offset, value);
        if offset == CONTROL {
            // The optics are told when they are looked at next.
            self.busy_until = None;
        }
    }
}

impl Device {
    fn new(chip: Chip, seed: u64) -> Result<Arc<Self>> {
        let needs = Needs::of(&chip).map_err(|_| EINVAL)?;
        let tables = Tables {
            channels: table(needs.channels)?,
            crossings: table(needs.crossings)?,
            input: table(needs.buffer)?,
            output: table(needs.buffer)?,
            factors: table(needs.factors)?,
            waves: table(needs.waves)?,
        };
        let optics = Optics::new(chip, tables).map_err(|_| EINVAL)?;
        let fast = Fast {
            plant: Plant::new(&PlantConfig::TYPICAL, seed),
            heater_mw: 0,
            busy_until: None,
            settling_until: None,
            lost_power: false,
        };
        Arc::pin_init(
            pin_init!(Self {
                chip,
                plant <- new_raw_lock!(fast, "lightos_model_plant"),
                optics <- new_mutex!(optics, "lightos_model_optics"),
            }),
            GFP_KERNEL,
        )
    }

    fn read(&self, offset: u32) -> u32 {
        if let Some(value) = self.chip.identity(offset) {
            // A device that is gone shows no identity either.
            return match self.plant.lock().read(STATUS) {
                GONE => GONE,
                _ => value,
            };
        }
        if offset < OPTICS {
            return self.plant.lock().read(offset);
        }
        self.with_optics(|optics, light, now| optics.read(offset, light, now))
            .unwrap_or(GONE)
    }

    fn write(&self, offset: u32, value: u32) {
        if offset < OPTICS {
            self.plant.lock().write(offset, value);
            return;
        }
        // Nobody is told of a device that is gone.
        let _ = self.with_optics(|optics, light, now| optics.write(offset, value, light, now));
    }

    fn read_row(&self, offset: u32, values: &mut [u32]) {
        let read = self.with_optics(|optics, light, now| {
            for (offset, value) in (offset..).step_by(4).zip(values.iter_mut()) {
                *value = optics.read(offset, light, now);
            }
        });
        if read.is_none() {
            values.fill(GONE);
        }
    }

    fn write_row(&self, offset: u32, values: &[u32]) {
        // Nobody is told of a device that is gone.
        let _ = self.with_optics(|optics, light, now| {
            for (offset, &value) in (offset..).step_by(4).zip(values) {
                optics.write(offset, value, light, now);
            }
        });
    }

    /// Uses the optics under the light as it is, and hands over what they have for the plant.
    /// `None` if the device is gone. Process context.
    fn with_optics<R>(&self, use_optics: impl FnOnce(&mut Optics, &Light, u64) -> R) -> Option<R> {
        let mut optics = self.optics.lock();
        let (light, reset, lost, now) = {
            let mut fast = self.plant.lock();
            let now = clock::monotonic_ns();
            fast.advance(now);
            if fast.plant.read(STATUS) == GONE {
                return None;
            }
            let light = fast.plant.light();
            let lost = core::mem::take(&mut fast.lost_power);
            (light, fast.plant.take_reset(), (lost, fast.heaters()), now)
        };
        if lost.0 {
            optics.power(false, &light, now);
        }
        optics.power(lost.1, &light, now);
        optics.advance(&light, now);
        if reset != 0 {
            optics.reset(reset, &light, now);
        }
        let result = use_optics(&mut optics, &light, now);
        let (interrupts, latches) = (optics.take_sudden_interrupts(), optics.take_latches());
        let mut fast = self.plant.lock();
        fast.heater_mw = optics.heater_mw();
        fast.busy_until = optics.busy_until();
        fast.settling_until = optics.settling_until();
        fast.plant.raise(interrupts);
        if latches != 0 {
            fast.plant.latch(latches);
        }
        Some(result)
    }
}

/// A table of the model. What it holds does not matter.
fn table<T: Default + Clone>(len: usize) -> Result<VVec<T>> {
    Ok(VVec::from_elem(T::default(), len, GFP_KERNEL)?)
}

/// The back end.
pub(super) struct Backend;

/// A part of the window of a model.
pub(super) struct View<'a, T: ?Sized> {
    device: &'a Device,
    /// The offset in the window, as an address.
    ptr: *mut T,
}

impl<T: ?Sized> Copy for View<'_, T> {}
impl<T: ?Sized> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: ?Sized + KnownSize> IoBase<'a> for View<'a, T> {
    type Backend = Backend;
    type Target = T;

    fn as_view(self) -> View<'a, T> {
        self
    }
}

impl<'a> IoBase<'a> for &'a Device {
    type Backend = Backend;
    type Target = Space;

    fn as_view(self) -> View<'a, Space> {
        View {
            device: self,
            ptr: Region::ptr_from_raw_parts_mut(null_mut(), SIZE as usize),
        }
    }
}

impl IoBackend for Backend {
    type View<'a, T: ?Sized + KnownSize> = View<'a, T>;

    fn as_ptr<'a, T: ?Sized + KnownSize>(view: Self::View<'a, T>) -> *mut T {
        view.ptr
    }

    unsafe fn project_view<'a, T: ?Sized + KnownSize, U: ?Sized + KnownSize>(
        view: Self::View<'a, T>,
        ptr: *mut U,
    ) -> Self::View<'a, U> {
        View {
            device: view.device,
            ptr,
        }
    }
}

impl IoCapable<u32> for Backend {
    fn io_read<'a>(view: Self::View<'a, u32>) -> u32 {
        view.device.read(view.ptr.addr() as u32)
    }

    fn io_write<'a>(view: Self::View<'a, u32>, value: u32) {
        view.device.write(view.ptr.addr() as u32, value);
    }
}

/// The registers of a model.
struct Model(Arc<Device>);

impl Registers for Model {
    fn read(&self, offset: u32) -> u32 {
        super::read(&*self.0, offset)
    }

    fn write(&self, offset: u32, value: u32) {
        super::write(&*self.0, offset, value);
    }

    // Rows are of the optics: one lock for all of it.
    fn read_row(&self, offset: u32, values: &mut [u32]) {
        self.0.read_row(offset, values);
    }

    fn write_row(&self, offset: u32, values: &[u32]) {
        self.0.write_row(offset, values);
    }
}

/// Faults on command, in builds for tests alone.
#[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
mod inject {
    use super::Device;
    use crate::{
        photonic::model::plant::fault::{Fault, RailFault, SensorFault, TecFault},
        rust::debugfs_command::Command,
    };
    use core::str::SplitAsciiWhitespace;
    use kernel::prelude::*;

    impl Command for Device {
        /// `sensor N none|open|short|stuck|stale|jump MC|offset MC|drift MC`,
        /// `tec none|stuck|limited MA|reversed`, `rail N none|overcurrent|sag PERMILLE|never|stuck`,
        /// `fan 0|1`, `interlock 0|1`, `watchdog 0|1`, `comparator 0|1`, `gone 0|1`,
        /// `ambient MC`, `heat MW`. `EINVAL` for anything else.
        fn command(&self, line: &str) -> Result {
            let fault = parse(line).ok_or(EINVAL)?;
            let mut fast = self.plant.lock();
            fast.advance(crate::rust::clock::monotonic_ns());
            fast.plant.inject(fault);
            Ok(())
        }
    }

    fn number<T: core::str::FromStr>(words: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
        words.next()?.parse().ok()
    }

    fn parse(line: &str) -> Option<Fault> {
        let mut words = line.split_ascii_whitespace();
        let fault = match words.next()? {
            "sensor" => Fault::Sensor(number(&mut words)?, sensor(&mut words)?),
            "tec" => Fault::Tec(tec(&mut words)?),
            "rail" => Fault::Rail(number(&mut words)?, rail(&mut words)?),
            "fan" => Fault::FanStuck(number::<u8>(&mut words)? != 0),
            "interlock" => Fault::Interlock(number::<u8>(&mut words)? != 0),
            "watchdog" => Fault::WatchdogStuck(number::<u8>(&mut words)? != 0),
            "comparator" => Fault::ComparatorDead(number::<u8>(&mut words)? != 0),
            "gone" => Fault::Gone(number::<u8>(&mut words)? != 0),
            "ambient" => Fault::Ambient(number(&mut words)?),
            "heat" => Fault::HeaterRunaway(number(&mut words)?),
            _ => return None,
        };
        words.next().is_none().then_some(fault)
    }

    fn sensor(words: &mut SplitAsciiWhitespace<'_>) -> Option<SensorFault> {
        Some(match words.next()? {
            "none" => SensorFault::None,
            "open" => SensorFault::Open,
            "short" => SensorFault::Short,
            "stuck" => SensorFault::Stuck,
            "stale" => SensorFault::Stale,
            "jump" => SensorFault::Jump(number(words)?),
            "offset" => SensorFault::Offset(number(words)?),
            "drift" => SensorFault::Drift(number(words)?),
            _ => return None,
        })
    }

    fn tec(words: &mut SplitAsciiWhitespace<'_>) -> Option<TecFault> {
        Some(match words.next()? {
            "none" => TecFault::None,
            "stuck" => TecFault::Stuck,
            "limited" => TecFault::Limited(number(words)?),
            "reversed" => TecFault::Reversed,
            _ => return None,
        })
    }

    fn rail(words: &mut SplitAsciiWhitespace<'_>) -> Option<RailFault> {
        Some(match words.next()? {
            "none" => RailFault::None,
            "overcurrent" => RailFault::Overcurrent,
            "sag" => RailFault::Sag(number(words)?),
            "never" => RailFault::NeverGood,
            "stuck" => RailFault::StuckOn,
            _ => return None,
        })
    }
}

/// The window of a model that nothing drives.
#[cfg(CONFIG_LIGHTOS_KUNIT_TEST)]
pub(crate) fn window(request: &Request) -> Result<Arc<crate::photonic::device::Window>> {
    let device = Device::new(request.chip(request.seed), request.seed)?;
    Ok(Arc::new(Model(device), GFP_KERNEL)?)
}

/// What kind of models are wanted.
pub(crate) struct Request {
    /// How many, up to 16.
    pub(crate) count: usize,
    /// Modes of each, 2 to 32.
    pub(crate) modes: usize,
    /// Without flaws.
    pub(crate) ideal: bool,
    /// Bits of the phase DACs; 0 for the 12 of a typical chip.
    pub(crate) bits: u32,
    /// Of the first; the others follow.
    pub(crate) seed: u64,
}

impl Request {
    fn chip(&self, seed: u64) -> Chip {
        let bits = match self.bits {
            0 => 12,
            bits => bits,
        };
        match self.ideal {
            true => Chip {
                serial: seed,
                ..Chip::ideal(self.modes, bits, Law::Square)
            },
            false => Chip {
                phase_bits: bits,
                code_limit: u32::MAX >> 32u32.saturating_sub(bits),
                ..Chip::typical(self.modes, seed)
            },
        }
    }
}

/// A model that is attached. What drives it goes before it does.
struct Entry {
    _attached: Attached,
    #[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
    _inject: CommandFile<Device>,
    _parent: faux::Registration,
}

/// All models.
pub(crate) struct Models(KVec<Entry>);

impl Models {
    /// Makes the models. `EINVAL` for what no chip can be.
    pub(crate) fn new(processors: &Arc<Processors>, request: &Request) -> Result<Self> {
        if request.count > uapi::PHOTONIC_MAX_DEVICES {
            return Err(EINVAL);
        }
        let mut models = KVec::new();
        for index in 0..request.count {
            let seed = request.seed.wrapping_add(index as u64);
            let name = CString::try_from_fmt(fmt!("lightos-model.{}", index))?;
            let parent = faux::Registration::new(&name, None)?;
            let device = Device::new(request.chip(seed), seed)?;
            let registers = Arc::new(Model(device.clone()), GFP_KERNEL)?;
            let attached = processors.attach(registers, parent.as_ref().as_ref())?;
            let entry = Entry {
                #[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
                _inject: CommandFile::new(&attached.folder()?, c"inject", device),
                _attached: attached,
                _parent: parent,
            };
            models.push(entry, GFP_KERNEL)?;
        }
        Ok(Self(models))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
