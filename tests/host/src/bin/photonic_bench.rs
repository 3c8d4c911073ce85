// SPDX-License-Identifier: GPL-2.0

//! `photonic-bench`: nanoseconds of a tick of the photonic guard, and of the model apart, on one core,
//! as one JSON object.
//!
//! A run of the guard on the model is recorded, armed and regulating: what every register reads in
//! every tick. Then, run by run in turn, so that a change in the machine's speed meets all alike:
//!
//! - `guard_tick`: the guard over the recorded registers, without the model;
//! - `bound_registers`: as many reads and writes of the recorded registers as it makes, and nothing
//!   else;
//! - `model_millisecond`: the plant alone, the four steps of a millisecond and a kick;
//! - `together`: guard and plant, as the kernel runs them on request.
//!
//! On a chip every access costs what its bus takes; `reads` and `writes` say how many there are.
//!
//! Build with `RUSTFLAGS="-C no-vectorize-loops -C no-vectorize-slp"`, as the kernel does.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::time::Instant;

use lightos_host::photonic::guard::{Guard, Limits, Request};
use lightos_host::photonic::model::plant::{Plant, PlantConfig};
use lightos_host::photonic::registers::{
    Registers, KICK, LASER_DUTY, OPTICS, TIME_US, WATCHDOG_KICK,
};
use lightos_host::support::cpu_model;

/// Ticks that are recorded; 512 bytes each.
const RECORDED: usize = 512;
/// Ticks in a run.
const TICKS: usize = 200 * RECORDED;
/// Runs that count; one more comes before them.
const RUNS: usize = 15;
const MS: u64 = 1_000_000;
/// Registers of the fast part.
const WORDS: usize = OPTICS as usize / 4;

/// A plant that counts its accesses.
struct Live {
    plant: RefCell<Plant>,
    reads: Cell<u64>,
    writes: Cell<u64>,
}

impl Registers for Live {
    fn read(&self, offset: u32) -> u32 {
        self.reads.set(self.reads.get() + 1);
        self.plant.borrow().read(offset)
    }

    fn write(&self, offset: u32, value: u32) {
        self.writes.set(self.writes.get() + 1);
        self.plant.borrow_mut().write(offset, value);
    }
}

/// What the registers read in a recorded tick; writes go nowhere.
struct Recorded<'a> {
    words: Cell<&'a [u32; WORDS]>,
    last: Cell<u32>,
}

impl Registers for Recorded<'_> {
    fn read(&self, offset: u32) -> u32 {
        self.words.get()[offset as usize / 4 % WORDS]
    }

    fn write(&self, _offset: u32, value: u32) {
        self.last.set(value);
    }
}

impl Live {
    fn new(plant: Plant) -> Self {
        Self {
            plant: RefCell::new(plant),
            reads: Cell::new(0),
            writes: Cell::new(0),
        }
    }
}

/// A guard that is armed and has regulated for some seconds, its device, and the time.
fn settled() -> (Guard, Plant, u64) {
    let live = Live::new(Plant::new(&PlantConfig::TYPICAL, 1));
    let mut guard = Guard::new(Limits::DEFAULT);
    let mut now = MS;
    live.plant.borrow_mut().advance(now);
    for tick in 0..10_000 {
        now += MS;
        live.plant.borrow_mut().advance(now);
        live.plant.borrow_mut().load(10_000, true);
        match tick {
            10 => assert!(guard.request(Request::PowerUp).is_ok()),
            200 => assert!(guard.request(Request::Arm).is_ok()),
            _ => (),
        }
        guard.tick(&live, now, &|| now);
    }
    assert!(guard.armed());
    (guard, live.plant.into_inner(), now)
}

/// Records the ticks that follow `start`; with them reads and writes a tick.
fn record(mut guard: Guard, plant: Plant, start: u64) -> (Vec<[u32; WORDS]>, f64, f64) {
    let live = Live::new(plant);
    let rows = (1..=RECORDED as u64).map(|tick| {
        let now = start + tick * MS;
        live.plant.borrow_mut().advance(now);
        let mut row = [0; WORDS];
        for (index, word) in row.iter_mut().enumerate() {
            *word = live.plant.borrow().read(index as u32 * 4);
        }
        guard.tick(&live, now, &|| now);
        row
    });
    let rows = rows.collect();
    let reads = live.reads.get() as f64 / RECORDED as f64;
    let writes = live.writes.get() as f64 / RECORDED as f64;
    (rows, reads, writes)
}

fn time(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1e9 / TICKS as f64
}

/// Median, least and greatest of nanoseconds a tick.
fn figures(ns: &mut [f64]) -> String {
    ns.sort_by(f64::total_cmp);
    format!(
        "{{\"ns\": {:.1}, \"min\": {:.1}, \"max\": {:.1}, \"runs\": {}}}",
        ns[ns.len() / 2],
        ns[0],
        ns[ns.len() - 1],
        ns.len()
    )
}

fn main() {
    let (settled_guard, settled_plant, start) = settled();
    let (rows, reads, writes) = record(settled_guard, settled_plant, start);
    let recorded = Recorded {
        words: Cell::new(&rows[0]),
        last: Cell::new(0),
    };
    let guard_tick = || {
        // The counters of the sensors would jump where the record begins again.
        for _ in 0..TICKS / RECORDED {
            let mut guard = settled_guard;
            let mut now = start;
            for row in &rows {
                now += MS;
                recorded.words.set(row);
                black_box(guard.tick(&recorded, now, &|| now));
            }
            assert!(guard.armed());
        }
    };
    let bound = || {
        for row in rows.iter().cycle().take(TICKS) {
            recorded.words.set(row);
            for index in 0..reads.round() as u32 {
                black_box(recorded.read(black_box(TIME_US + 4 * index)));
            }
            for _ in 0..writes.round() as u32 {
                recorded.write(LASER_DUTY, black_box(256));
            }
        }
    };
    let model = || {
        let (mut plant, mut now) = (settled_plant, start);
        for _ in 0..TICKS {
            now += MS;
            plant.advance(now);
            plant.write(WATCHDOG_KICK, KICK);
        }
        assert!(plant.emission());
    };
    let together = || {
        let (mut guard, mut now) = (settled_guard, start);
        let live = Live::new(settled_plant);
        for _ in 0..TICKS {
            now += MS;
            live.plant.borrow_mut().advance(now);
            black_box(guard.tick(&live, now, &|| now));
        }
        assert!(guard.armed());
    };
    let programs: [(&str, &dyn Fn()); 4] = [
        ("guard_tick", &guard_tick),
        ("bound_registers", &bound),
        ("model_millisecond", &model),
        ("together", &together),
    ];
    let mut times = vec![Vec::new(); programs.len()];
    for run in 0..=RUNS {
        for ((_, program), times) in programs.iter().zip(&mut times) {
            let ns = time(program);
            if run > 0 {
                times.push(ns);
            }
        }
    }
    println!("{{");
    println!("  \"bench\": \"photonic\",");
    println!("  \"cpu\": \"{}\",", cpu_model());
    println!("  \"ticks_per_run\": {TICKS},");
    println!("  \"reads\": {reads:.1},");
    println!("  \"writes\": {writes:.1},");
    let parts: Vec<String> = programs
        .iter()
        .zip(&mut times)
        .map(|((name, _), times)| format!("  \"{name}\": {}", figures(times)))
        .collect();
    println!("{}\n}}", parts.join(",\n"));
}
