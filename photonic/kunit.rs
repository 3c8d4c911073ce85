// SPDX-License-Identifier: GPL-2.0

//! KUnit suite of photonic processors.
//!
//! Arithmetic, guard and model are tested in depth on the host, over millions of ticks. This
//! suite shows that the kernel's compiler, flags and memory give the same results, and that the
//! window of a model is what `kernel::io` makes of any other.
//!
//! Process context, when the module has been loaded; no lock but those of the model.

use super::{
    backend::model,
    guard::{cause, Guard, Limits, Refusal, Request, State},
    layout::Layout,
    mesh::{
        crc::crc32,
        heater::{Dac, Law},
        identity::{Identity, Unfit},
        solver,
        vector::{self, Detection, Detector},
    },
    model::plant::{
        fault::{Fault, SensorFault},
        Plant, PlantConfig,
    },
    registers::{self as regs, Registers},
};
use core::cell::{Cell, RefCell};
use kernel::prelude::*;

/// From tick to tick.
const MS: u64 = 1_000_000;
/// The most that a sensor in order is wrong, in millionths of a degree.
const SENSOR_ERROR_UC: i64 = 2_000_000;

/// A plant whose time is set by hand.
struct Bench {
    plant: RefCell<Plant>,
    now: Cell<u64>,
}

impl Registers for Bench {
    fn read(&self, offset: u32) -> u32 {
        let plant = self.plant.try_borrow();
        plant.map_or(regs::GONE, |plant| plant.read(offset))
    }

    fn write(&self, offset: u32, value: u32) {
        if let Ok(mut plant) = self.plant.try_borrow_mut() {
            plant.write(offset, value);
        }
    }
}

/// A guard and what it guards.
struct Watch {
    bench: Bench,
    guard: Guard,
}

impl Watch {
    /// Without power.
    fn new() -> Result<KBox<Self>> {
        let watch = Self {
            bench: Bench {
                plant: RefCell::new(Plant::new(&PlantConfig::TYPICAL, 1)),
                now: Cell::new(0),
            },
            guard: Guard::new(Limits::DEFAULT),
        };
        Ok(KBox::new(watch, GFP_KERNEL)?)
    }

    /// One with light.
    fn lit() -> Result<KBox<Self>> {
        let mut watch = Self::new()?;
        watch.tick();
        watch.request(Request::PowerUp)?;
        let powered = watch.ticks(200, |watch| watch.guard.state() == State::Ready);
        powered.ok_or(EIO)?;
        watch.request(Request::Arm)?;
        let lit = watch.ticks(10, |watch| watch.light());
        lit.ok_or(EIO)?;
        Ok(watch)
    }

    fn request(&mut self, request: Request) -> Result {
        self.guard.request(request).map_err(|_| EBUSY)
    }

    /// A millisecond passes.
    fn tick(&mut self) {
        let now = self.bench.now.get() + MS;
        self.bench.now.set(now);
        self.bench.plant.borrow_mut().advance(now);
        self.guard.tick(&self.bench, now, &|| now);
    }

    /// Up to `most` ticks until `done`; how many it were.
    fn ticks(&mut self, most: u32, done: impl Fn(&Self) -> bool) -> Option<u32> {
        (1..=most).find(|_| {
            self.tick();
            done(self)
        })
    }

    fn inject(&self, fault: Fault) {
        self.bench.plant.borrow_mut().inject(fault);
    }

    /// Whether there truly is light.
    fn light(&self) -> bool {
        self.bench.plant.borrow().emission()
    }

    fn hottest_uc(&self) -> i64 {
        self.bench.plant.borrow().hottest_uc()
    }
}

/// A model of 4 modes.
const REQUEST: model::Request = model::Request {
    count: 1,
    modes: 4,
    ideal: true,
    bits: 0,
    seed: 7,
};

#[kunit_tests(lightos_photonic)]
mod tests {
    use super::*;

    #[test]
    fn window_of_a_model_is_the_map() -> Result {
        let window = model::window(&REQUEST)?;
        let identity = Identity::read(&*window).map_err(|_| EIO)?;
        assert_eq!(identity.kind, regs::MODEL);
        assert_eq!(identity.serial, 7);
        assert_eq!(identity.layout.modes(), 4);
        assert_eq!(identity.layout.channels(), 36);
        assert_eq!(identity.dac.bits(), 12);
        assert_eq!(window.read(regs::STATUS) & regs::STATUS_EMISSION, 0);
        assert_eq!(window.read(regs::RAIL_GOOD), 0);
        window.write(regs::SHADOW + 4 * 35, 99);
        assert_eq!(window.read(regs::SHADOW + 4 * 35), 99);
        window.write(regs::IDENTITY, 0);
        assert_eq!(window.read(regs::IDENTITY), regs::MAGIC);
        Ok(())
    }

    #[test]
    fn window_ends_where_it_ends() -> Result {
        let window = model::window(&REQUEST)?;
        assert_eq!(window.read(regs::SIZE), regs::GONE);
        assert_eq!(window.read(regs::SIZE - 2), regs::GONE);
        assert_eq!(window.read(u32::MAX - 3), regs::GONE);
        window.write(regs::SIZE, 1);
        window.write(u32::MAX - 3, 1);
        assert_ne!(window.read(regs::STATUS), regs::GONE);
        Ok(())
    }

    #[test]
    fn senseless_models_are_refused() {
        let refused = |request| model::window(&request).is_err();
        assert!(refused(model::Request {
            modes: 1,
            ..REQUEST
        }));
        assert!(refused(model::Request {
            modes: 33,
            ..REQUEST
        }));
        assert!(refused(model::Request { bits: 7, ..REQUEST }));
    }

    #[test]
    fn a_device_that_is_none_is_found_out() -> Result {
        let watch = Watch::new()?;
        // A plant has no identity of its own.
        assert_eq!(Identity::read(&watch.bench), Err(Unfit::Foreign));
        watch.inject(Fault::Gone(true));
        assert_eq!(Identity::read(&watch.bench), Err(Unfit::Gone));
        Ok(())
    }

    #[test]
    fn heat_ends_the_light_in_time() -> Result {
        let mut watch = Watch::lit()?;
        watch.inject(Fault::HeaterRunaway(100_000));
        let hot = i64::from(Limits::DEFAULT.emergency_mc) * 1000 + SENSOR_ERROR_UC;
        let reached = watch.ticks(5_000, |watch| !watch.light() || watch.hottest_uc() >= hot);
        assert!(reached.is_some());
        // 2 ms after the truth has passed the threshold and the sensor's error.
        watch.tick();
        watch.tick();
        assert!(!watch.light());
        assert_eq!(watch.guard.causes() & cause::OVERTEMP, cause::OVERTEMP);
        assert!(!watch.guard.armed());
        assert_eq!(watch.guard.request(Request::Arm), Err(Refusal::Latched));
        watch.inject(Fault::HeaterRunaway(0));
        // It cools and stays dark.
        assert_eq!(watch.ticks(2_000, |watch| watch.light()), None);
        Ok(())
    }

    #[test]
    fn one_sensor_is_enough_and_none_is_not() -> Result {
        let mut watch = Watch::lit()?;
        watch.inject(Fault::Sensor(0, SensorFault::Open));
        watch.inject(Fault::Sensor(1, SensorFault::Stale));
        assert_eq!(watch.ticks(1_000, |watch| !watch.light()), None);
        watch.inject(Fault::Sensor(2, SensorFault::Short));
        assert_eq!(watch.ticks(2, |watch| !watch.light()), Some(1));
        assert_eq!(watch.guard.causes() & cause::SENSORS, cause::SENSORS);
        Ok(())
    }

    #[test]
    fn a_guard_that_is_late_finds_the_light_out() -> Result {
        let mut watch = Watch::lit()?;
        // The device's own watchdog: the guard does nothing for 3 ms.
        let now = watch.bench.now.get() + 3 * MS;
        watch.bench.now.set(now);
        watch.bench.plant.borrow_mut().advance(now);
        assert!(!watch.light());
        watch.tick();
        assert_eq!(watch.guard.causes() & cause::WATCHDOG, cause::WATCHDOG);
        assert_eq!(watch.guard.request(Request::Arm), Err(Refusal::Latched));
        Ok(())
    }

    #[test]
    fn thresholds_are_bounded() -> Result {
        let mut watch = Watch::new()?;
        let hot = Limits {
            emergency_mc: 95_001,
            ..Limits::DEFAULT
        };
        assert_eq!(watch.guard.set_limits(hot), Err(Refusal::Limits));
        assert_eq!(watch.guard.limits(), Limits::DEFAULT);
        Ok(())
    }

    #[test]
    fn checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn phases_and_codes() {
        assert_eq!(solver::turns(0), 0);
        assert_eq!(solver::turns(90_000), 1 << 30);
        assert_eq!(solver::millidegrees(3 << 30), 270_000);
        let dac = Dac::new(12, Law::Square);
        assert!(dac.is_some());
        let Some(dac) = dac else { return };
        let efficiency = 1 << 28;
        // A quarter of the power at half the voltage.
        assert_eq!(dac.code(efficiency, dac.heat(efficiency, 2048), 4095), 2048);
        assert_eq!(
            dac.heat(efficiency, 2048),
            dac.heat(efficiency / 4, 4095 + 1)
        );
    }

    #[test]
    fn crossings_are_numbered_along_the_light() {
        let layout = Layout::new(4);
        assert!(layout.is_some());
        let Some(layout) = layout else { return };
        assert_eq!(layout.place(0), Some((0, 0)));
        assert_eq!(layout.place(2), Some((1, 1)));
        assert_eq!(layout.place(6), Some((4, 0)));
        assert_eq!(layout.place(16), None);
        assert_eq!(layout.screen(3), 35);
    }

    #[test]
    fn numbers_come_back() {
        let numbers = [1 << 20, -(1 << 19), 0, 3];
        let (mut words, mut back) = ([0; 4], [0; 4]);
        let shift = vector::modulate(&numbers, 32, &mut words);
        // Full scale is 2^3 at gain 0, 1 at gain 3.
        let detector = Detector::new(Detection::Coherent, 1 << 31);
        let exponent = detector.numbers(&words, 3, shift, 0, &mut back);
        let down = exponent.unsigned_abs();
        assert_eq!(exponent, -(shift as i32));
        assert_eq!(back.map(|number| number >> down), numbers);
    }
}
