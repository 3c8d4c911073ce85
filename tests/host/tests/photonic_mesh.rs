// SPDX-License-Identifier: GPL-2.0

//! The driver's arithmetic of a mesh against double precision and exhaustive search.

mod mesh;

use lightos_host::photonic::layout::{Layout, CLASSES};
use lightos_host::photonic::mesh::calibration::{
    blob_bytes, class_size, Calibration, Conditions, Refusal, ONE,
};
use lightos_host::photonic::mesh::compensation::{step_mc, Compensation};
use lightos_host::photonic::mesh::crc::crc32;
use lightos_host::photonic::mesh::gain::{safe, Search, Verdict, MAX_RUNS};
use lightos_host::photonic::mesh::heater::{Dac, Law, TURN};
use lightos_host::photonic::mesh::identity::{Identity, Unfit};
use lightos_host::photonic::mesh::image::{self, Command, Image, Progress, Work};
use lightos_host::photonic::mesh::solver::{
    cells, millidegrees, turns, Heater, Outcome, Solver, MAX_SWEEPS,
};
use lightos_host::photonic::mesh::vector::{modulate, power, Detection, Detector};
use lightos_host::photonic::registers as map;
use lightos_host::support::cases;
use mesh::{signed_turns, Blob, Random, Table};
use proptest::prelude::*;

type HostSolver = Solver<Vec<Heater>, Vec<u32>>;

fn config(usual: u32, long: u32) -> ProptestConfig {
    ProptestConfig::with_cases(cases(usual, long))
}

fn solver(layout: Layout) -> HostSolver {
    let heaters = vec![Heater::default(); layout.channels()];
    Solver::new(layout, heaters, vec![u32::MAX; cells(layout)]).unwrap()
}

fn identity(modes: u32, bits: u32, law: Law) -> Identity {
    Identity::read(&Table::new(modes, bits, law)).unwrap()
}

fn laws() -> impl Strategy<Value = Law> {
    prop_oneof![Just(Law::Linear), Just(Law::Square)]
}

// Codes.

/// Heat of a code in units, as a double.
fn heat(law: Law, bits: u32, efficiency: u32, code: u32) -> f64 {
    let u = f64::from(code) / f64::from(1u32 << bits);
    f64::from(efficiency)
        * match law {
            Law::Linear => u,
            Law::Square => u * u,
        }
}

proptest! {
    #![proptest_config(config(400, 20_000))]

    #[test]
    fn codes_are_the_nearest_in_phase(
        law in laws(),
        bits in 8u32..=16,
        efficiency in prop_oneof![1u32.., TURN / 2..TURN * 3, Just(0), Just(u32::MAX)],
        wanted in any::<u32>(),
        near in any::<bool>(),
        limit in any::<u16>(),
    ) {
        let dac = Dac::new(bits, law).unwrap();
        let limit = limit & dac.greatest();
        let wanted = match near {
            true => ((u64::from(wanted) * u64::from(efficiency)) >> 32) as u32,
            false => wanted,
        };
        let code = dac.code(efficiency, wanted, limit);
        prop_assert!(code <= limit);
        let miss = |code: u32| (heat(law, bits, efficiency, code) - f64::from(wanted)).abs();
        let best = (0..=u32::from(limit)).map(miss).fold(f64::INFINITY, f64::min);
        prop_assert!(miss(code.into()) <= best, "{} > {best}", miss(code.into()));
        let got = f64::from(dac.heat(efficiency, code));
        prop_assert!((got - heat(law, bits, efficiency, code.into())).abs() <= 0.5);
    }
}

#[test]
fn every_code_is_its_own_nearest() {
    for law in [Law::Linear, Law::Square] {
        for bits in 8..=12 {
            let dac = Dac::new(bits, law).unwrap();
            let efficiency = TURN + TURN / 8;
            for code in 0..=dac.greatest() {
                let heat = dac.heat(efficiency, code);
                assert_eq!(dac.code(efficiency, heat, u16::MAX), code);
            }
        }
    }
}

#[test]
fn half_way_in_phase_is_not_half_way_in_code() {
    // Codes 1 and 2 of 8 bits give 1/65536 and 4/65536: half-way is 2.5, code 1.58.
    let dac = Dac::new(8, Law::Square).unwrap();
    let unit = TURN / 65536;
    assert_eq!(dac.code(TURN, unit * 5 / 2, 255), 1);
    assert_eq!(dac.code(TURN, unit * 5 / 2 + 1, 255), 2);
}

#[test]
fn there_are_dacs_of_two_to_sixteen_bits() {
    assert!(Dac::new(1, Law::Linear).is_none());
    assert!(Dac::new(17, Law::Linear).is_none());
    assert_eq!(Dac::new(16, Law::Square).unwrap().greatest(), u16::MAX);
    assert_eq!(Dac::new(2, Law::Square).unwrap().greatest(), 3);
}

#[test]
fn millidegrees_go_there_and_back() {
    for angle in 0..360_000 {
        assert_eq!(millidegrees(turns(angle)), angle);
    }
    assert_eq!(turns(90_000), 1 << 30);
    assert_eq!(turns(360_000), 0);
    assert_eq!(turns(u32::MAX), turns(u32::MAX % 360_000));
    assert_eq!(millidegrees(u32::MAX), 0);
}

// Crosstalk.

/// The field that `codes` make, in turns, by `layout.neighbours` and doubles.
fn phases_of(identity: &Identity, blob: &Blob, at: Conditions, heat: &[f64]) -> Vec<f64> {
    let layout = identity.layout;
    (0..layout.channels())
        .map(|channel| {
            let around: f64 = layout
                .neighbours(channel)
                .map(|(other, class)| blob.crosstalk(class) * heat[other])
                .sum();
            blob.rest(channel, at) + blob.scale(at) * (heat[channel] + around)
        })
        .collect()
}

/// Solves `m x = y` by Gauss's elimination with pivots.
fn dense(mut m: Vec<Vec<f64>>, mut y: Vec<f64>) -> Vec<f64> {
    let n = y.len();
    for k in 0..n {
        let pivot = (k..n)
            .max_by(|&a, &b| m[a][k].abs().total_cmp(&m[b][k].abs()))
            .unwrap();
        m.swap(k, pivot);
        y.swap(k, pivot);
        let (above, below) = m.split_at_mut(k + 1);
        let row = &above[k];
        for (i, other) in below.iter_mut().enumerate() {
            let factor = other[k] / row[k];
            if factor != 0.0 {
                for (a, b) in other.iter_mut().zip(row).skip(k) {
                    *a -= factor * b;
                }
                y[k + 1 + i] -= factor * y[k];
            }
        }
    }
    for k in (0..n).rev() {
        let rest: f64 = (k + 1..n).map(|j| m[k][j] * y[j]).sum();
        y[k] = (y[k] - rest) / m[k][k];
    }
    y
}

/// A chip with everything in its calibration, and phases for it.
struct Case {
    identity: Identity,
    blob: Blob,
    calibration: Calibration<Vec<u8>>,
    conditions: Conditions,
    phases: Vec<u32>,
}

impl Case {
    fn new(modes: u32, bits: u32, law: Law, strength: f64, seed: u64) -> Self {
        let mut random = Random(seed);
        let identity = identity(modes, bits, law);
        let blob = Blob::random(&identity, strength, &mut random);
        let calibration = Calibration::read(blob.bytes.clone(), &identity).unwrap();
        let conditions = Conditions {
            wavelength: random.below(identity.wavelengths),
            temperature_mc: 30_000 + random.below(40_000) as i32,
        };
        let phases = (0..identity.layout.channels()).map(|_| random.word());
        Self {
            phases: phases.collect(),
            identity,
            blob,
            calibration,
            conditions,
        }
    }

    fn solve(&self) -> (Outcome, Vec<u16>) {
        let mut codes = vec![0; self.phases.len()];
        let outcome = solver(self.identity.layout)
            .solve(&self.calibration, self.conditions, &self.phases, &mut codes)
            .unwrap();
        (outcome, codes)
    }

    /// Half of the step around a code, in turns of heat.
    fn half_step(&self, channel: usize, code: u16) -> f64 {
        let efficiency = self.blob.efficiency(channel);
        let (law, bits) = (self.identity.dac.law(), self.identity.dac.bits());
        let here = heat(law, bits, efficiency, code.into());
        let next = heat(law, bits, efficiency, u32::from(code) + 1);
        (next - here) / 2.0 / f64::from(TURN)
    }

    fn heat(&self, codes: &[u16]) -> Vec<f64> {
        let (law, bits) = (self.identity.dac.law(), self.identity.dac.bits());
        let all = codes.iter().enumerate();
        all.map(|(channel, &code)| {
            let efficiency = self.blob.efficiency(channel);
            heat(law, bits, efficiency, code.into()) / f64::from(TURN)
        })
        .collect()
    }

    /// The heat that a dense solver finds, with the turns that `codes` have. A heater that would
    /// have to cool by a hair stays cold, and the others know it: its miss in turns.
    fn dense(&self, codes: &[u16]) -> (Vec<f64>, Vec<f64>) {
        let layout = self.identity.layout;
        let heat = self.heat(codes);
        let got = phases_of(&self.identity, &self.blob, self.conditions, &heat);
        let channels = layout.channels();
        let mut m = vec![vec![0.0; channels]; channels];
        let mut y = vec![0.0; channels];
        for channel in 0..channels {
            m[channel][channel] = 1.0;
            for (other, class) in layout.neighbours(channel) {
                m[channel][other] = self.blob.crosstalk(class);
            }
            let wanted = f64::from(self.phases[channel]) / 2f64.powi(32);
            let whole = (got[channel] - wanted).round();
            y[channel] = (wanted + whole - self.blob.rest(channel, self.conditions))
                / self.blob.scale(self.conditions);
        }
        let mut cold = vec![false; channels];
        loop {
            let (mut rows, mut right) = (m.clone(), y.clone());
            for channel in (0..channels).filter(|&channel| cold[channel]) {
                rows[channel] = vec![0.0; channels];
                rows[channel][channel] = 1.0;
                right[channel] = 0.0;
            }
            let heat = dense(rows, right);
            let colder = |channel: &usize| !cold[*channel] && heat[*channel] < 0.0;
            let Some(channel) = (0..channels).find(colder) else {
                let miss = |channel: usize| {
                    let row = m[channel].iter().zip(&heat);
                    row.map(|(m, heat)| m * heat).sum::<f64>() - y[channel]
                };
                let misses = (0..channels).map(miss).collect();
                return (heat, misses);
            };
            cold[channel] = true;
        }
    }
}

proptest! {
    #![proptest_config(config(48, 2000))]

    #[test]
    fn crosstalk_is_inverted_as_by_a_dense_solver(
        modes in 2u32..=8,
        bits in 8u32..=16,
        law in laws(),
        strength in prop_oneof![Just(0.0), 0.0..0.2f64, Just(0.49)],
        seed in any::<u64>(),
    ) {
        let case = Case::new(modes, bits, law, strength, seed);
        let (outcome, codes) = case.solve();
        prop_assert!(outcome.converged, "{outcome:?}");
        prop_assert_eq!(outcome.unreached, 0, "{:?}", outcome);
        let (exact, misses) = case.dense(&codes);
        let (law, bits) = (case.identity.dac.law(), case.identity.dac.bits());
        for (channel, (&code, exact)) in codes.iter().zip(exact).enumerate() {
            let efficiency = case.blob.efficiency(channel);
            // Up a turn no code would have been nearer.
            let coarse = f64::from(case.identity.dac.half_step(efficiency)) / f64::from(TURN);
            prop_assert!(misses[channel].abs() <= coarse + 1e-9, "{channel}: {}", misses[channel]);
            let got = heat(law, bits, efficiency, code.into()) / f64::from(TURN);
            // The tolerance of the solver beside half a step.
            let bound = case.half_step(channel, code) + 20.0 / f64::from(TURN);
            prop_assert!((got - exact).abs() <= bound, "{channel}: {got} {exact} {bound}");
        }
    }

    #[test]
    fn codes_stand_for_the_phases_that_come_back(
        modes in 2u32..=8,
        bits in 8u32..=16,
        law in laws(),
        strength in 0.0..0.49f64,
        seed in any::<u64>(),
    ) {
        let case = Case::new(modes, bits, law, strength, seed);
        let (_, codes) = case.solve();
        let mut back = vec![0; codes.len()];
        let mut solver = solver(case.identity.layout);
        solver.phases(&case.calibration, case.conditions, &codes, &mut back).unwrap();
        let exact = phases_of(&case.identity, &case.blob, case.conditions, &case.heat(&codes));
        let widest = f64::from(case.identity.dac.half_step(TURN * 2)) / f64::from(TURN);
        for (channel, (&back, exact)) in back.iter().zip(exact).enumerate() {
            let error = signed_turns(f64::from(back) / 2f64.powi(32) - exact);
            prop_assert!(error.abs() < 4.0 / f64::from(TURN), "{channel}: {error}");
            let miss = signed_turns(exact - f64::from(case.phases[channel]) / 2f64.powi(32));
            prop_assert!(miss.abs() < 2.0 * widest + 1e-6, "{channel}: {miss}");
        }
    }
}

#[test]
fn the_largest_mesh_is_solved() {
    for law in [Law::Linear, Law::Square] {
        let case = Case::new(32, 16, law, 0.15, 5);
        let (outcome, codes) = case.solve();
        assert!(outcome.converged && outcome.unreached == 0, "{outcome:?}");
        let got = phases_of(
            &case.identity,
            &case.blob,
            case.conditions,
            &case.heat(&codes),
        );
        for (channel, (got, &phase)) in got.iter().zip(&case.phases).enumerate() {
            let miss = signed_turns(got - f64::from(phase) / 2f64.powi(32));
            // Its own rounding, and that of those around it.
            let bound = 1.2 * case.half_step(channel, u16::MAX) * case.blob.scale(case.conditions);
            assert!(miss.abs() < bound + 1e-7, "{channel}: {miss} {bound}");
        }
    }
}

#[test]
fn a_heater_that_cannot_reach_comes_as_close_as_it_can() {
    let identity = identity(4, 12, Law::Linear);
    let channels = identity.layout.channels();
    let mut blob = Blob::plain(&identity);
    // At most half a turn: code 2048 of what is 1.25 turns at 4096.
    blob.set_limit(3, 1638);
    blob.set_efficiency(5, 0);
    let calibration = Calibration::read(blob.sealed(), &identity).unwrap();
    let conditions = Conditions {
        wavelength: 0,
        temperature_mc: 45_000,
    };
    let mut codes = vec![0; channels];
    for (angle, code) in [
        (170_000, 1547),
        (200_000, 1638),
        (260_000, 1638),
        (280_000, 0),
    ] {
        let mut phases = vec![turns(90_000); channels];
        phases[3] = turns(angle);
        let outcome = solver(identity.layout)
            .solve(&calibration, conditions, &phases, &mut codes)
            .unwrap();
        assert_eq!(codes[3], code, "{angle}");
        assert_eq!(codes[5], 0);
        assert_eq!(outcome.unreached, 1 + u32::from(angle > 180_000));
        assert_eq!(outcome.worst, Some(5));
        assert_eq!(millidegrees(outcome.worst_by), 90_000);
    }
}

#[test]
fn no_code_within_a_turn_is_nearer() {
    for (law, bits) in [(Law::Linear, 10), (Law::Square, 10), (Law::Square, 8)] {
        let identity = identity(8, bits, law);
        let none = Calibration::<&[u8]>::none(&identity);
        let conditions = Conditions {
            wavelength: 0,
            temperature_mc: 20_000,
        };
        let step = 1.25 / f64::from(1 << bits);
        let mut random = Random(3);
        let phases: Vec<u32> = (0..identity.layout.channels())
            .map(|channel| match channel % 2 {
                0 => random.word(),
                // Just below a turn, where code 0 may be the nearest.
                _ => (-random.unit() * 3.0 * step * 2f64.powi(32)) as i32 as u32,
            })
            .collect();
        let mut codes = vec![0; phases.len()];
        let outcome = solver(identity.layout)
            .solve(&none, conditions, &phases, &mut codes)
            .unwrap();
        assert!(outcome.converged && outcome.unreached == 0);
        let turns_of = |code: u32| heat(law, bits, identity.efficiency(), code) / f64::from(TURN);
        let within = (0..1 << bits).filter(|&code| turns_of(code) <= 1.0);
        for (&code, &phase) in codes.iter().zip(&phases) {
            let miss =
                |code: u32| signed_turns(turns_of(code) - f64::from(phase) / 2f64.powi(32)).abs();
            let best = within.clone().map(miss).fold(f64::INFINITY, f64::min);
            assert!(
                miss(code.into()) <= best + 1.0 / f64::from(TURN),
                "{phase:#x}: {code}"
            );
            assert!(turns_of(code.into()) <= 1.0 + step, "{phase:#x}: {code}");
        }
        assert!(codes.contains(&0), "{law:?}");
    }
}

#[test]
fn heaters_that_hang_between_two_turns_come_to_rest() {
    // All phases asked for are at the edge, and neighbours change their minds.
    let identity = identity(16, 12, Law::Square);
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut blob = Blob::plain(&identity);
        blob.set_crosstalk([0.08, 0.05, 0.02, 0.01, 0.005, 0.002, 0.002]);
        let calibration = Calibration::read(blob.sealed(), &identity).unwrap();
        let conditions = Conditions {
            wavelength: 0,
            temperature_mc: 45_000,
        };
        let phases: Vec<u32> = (0..identity.layout.channels())
            .map(|_| random.word() >> 10)
            .collect();
        let mut codes = vec![0; phases.len()];
        let outcome = solver(identity.layout)
            .solve(&calibration, conditions, &phases, &mut codes)
            .unwrap();
        assert!(
            outcome.converged && outcome.sweeps < MAX_SWEEPS,
            "{outcome:?}"
        );
        assert_eq!(outcome.unreached, 0, "{outcome:?}");
    }
}

#[test]
fn tables_of_a_wrong_size_are_refused() {
    let layout = Layout::new(4).unwrap();
    let heaters = || vec![Heater::default(); layout.channels()];
    assert!(Solver::new(layout, heaters(), vec![0; cells(layout) - 1]).is_none());
    let few = vec![Heater::default(); layout.channels() - 1];
    assert!(Solver::new(layout, few, vec![0; cells(layout)]).is_none());
    let identity = identity(4, 12, Law::Linear);
    let none = Calibration::<&[u8]>::none(&identity);
    let conditions = Conditions {
        wavelength: 0,
        temperature_mc: 0,
    };
    let mut solver = Solver::new(layout, heaters(), vec![0; cells(layout)]).unwrap();
    assert_eq!(
        solver.solve(&none, conditions, &[0; 36], &mut [0; 35]),
        None
    );
    assert_eq!(
        solver.solve(&none, conditions, &[0; 35], &mut [0; 36]),
        None
    );
    assert_eq!(
        solver.phases(&none, conditions, &[0; 36], &mut [0; 35]),
        None
    );
    let other = Calibration::<&[u8]>::none(&self::identity(5, 12, Law::Linear));
    assert_eq!(
        solver.solve(&other, conditions, &[0; 55], &mut [0; 55]),
        None
    );
}

// The blob.

#[test]
fn the_checksum_is_that_of_zlib() {
    assert_eq!(crc32(b""), 0);
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(
        crc32(b"The quick brown fox jumps over the lazy dog"),
        0x414f_a339
    );
    assert_eq!(crc32(&[0; 32]), 0x190a_55ad);
    assert_eq!(crc32(&[0xff; 32]), 0xff6c_ab0b);
}

#[test]
fn the_blob_is_read_as_it_was_written() {
    let case = Case::new(5, 13, Law::Square, 0.2, 77);
    let (layout, calibration) = (case.identity.layout, &case.calibration);
    assert_eq!(case.blob.bytes.len(), blob_bytes(layout, 3));
    assert_eq!(calibration.blob(), Some(&case.blob.bytes[..]));
    assert_eq!(calibration.id(), case.blob.checksum());
    for channel in 0..layout.channels() {
        let read = calibration.channel(channel);
        assert_eq!(read.efficiency, case.blob.efficiency(channel));
    }
    for crossing in 0..layout.crossings() {
        assert_eq!(
            calibration.splitters(crossing),
            Some(case.blob.splitters(crossing))
        );
    }
    assert_eq!(calibration.splitters(layout.crossings()), None);
    assert_eq!(calibration.channel(layout.channels()).limit, 0);
}

#[test]
fn every_damaged_byte_is_noticed() {
    let case = Case::new(3, 12, Law::Linear, 0.1, 1);
    let mut bytes = case.blob.bytes.clone();
    for index in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            bytes[index] ^= flip;
            let refusal = Calibration::read(&bytes[..], &case.identity).unwrap_err();
            let expected = match index {
                0..4 => Refusal::Senseless,
                4..6 => Refusal::Version,
                _ => Refusal::Checksum,
            };
            assert_eq!(refusal, expected, "byte {index}");
            bytes[index] ^= flip;
        }
    }
    assert!(Calibration::read(&bytes[..], &case.identity).is_ok());
    for length in 0..bytes.len() {
        let refusal = Calibration::read(&bytes[..length], &case.identity).unwrap_err();
        assert_eq!(refusal, Refusal::Checksum, "{length} bytes");
    }
    bytes.push(0);
    assert!(Calibration::read(&bytes[..], &case.identity).is_err());
}

#[test]
fn senseless_values_are_refused_though_the_checksum_is_right() {
    let case = Case::new(3, 12, Law::Linear, 0.1, 1);
    let channel = 96 + 16 * 4;
    let crossing = 96 + 16 * 21 + 8 * 2;
    let record = 96 + 16 * 21 + 8 * 9;
    let last = record + 2 * 52;
    let senseless: &[(usize, &[u8])] = &[
        (6, &[95, 0]),
        (16, &[0, 0, 0, 0, 0, 0, 0, 0x80]),
        (24, &(-40_001i32).to_le_bytes()),
        (24, &125_001i32.to_le_bytes()),
        (34, &[4, 0]),
        (34, &[2, 0]),
        (38, &[2, 0]),
        (40, &0u32.to_le_bytes()),
        (40, &0x8000_0001u32.to_le_bytes()),
        (48, &(ONE / 4 + 1).to_le_bytes()),
        (48, &i32::MIN.to_le_bytes()),
        (76, &u32::MAX.to_le_bytes()),
        (80, &((1 << 20) + 1i32).to_le_bytes()),
        (80, &i32::MIN.to_le_bytes()),
        (95, &[1]),
        (channel + 4, &u32::MAX.to_le_bytes()),
        (channel + 8, &i32::MIN.to_le_bytes()),
        (channel + 12, &4096u16.to_le_bytes()),
        (channel + 14, &[1, 0]),
        (crossing, &i32::MIN.to_le_bytes()),
        (crossing + 4, &((1 << 29) + 1i32).to_le_bytes()),
        (record + 52, &0u32.to_le_bytes()),
        (last, &8u32.to_le_bytes()),
        (last + 4, &0u32.to_le_bytes()),
        (last + 4, &(-1i32).to_le_bytes()),
        (last + 50, &[1, 0]),
    ];
    for &(at, value) in senseless {
        let mut blob = case.blob.clone();
        blob.bytes[at..at + value.len()].copy_from_slice(value);
        let refusal = Calibration::read(blob.sealed(), &case.identity).unwrap_err();
        assert_eq!(refusal, Refusal::Senseless, "{value:?} at {at}");
    }
    for at in [8, 15, 32, 36, 44] {
        let mut blob = case.blob.clone();
        blob.bytes[at] ^= 1;
        let refusal = Calibration::read(blob.sealed(), &case.identity).unwrap_err();
        assert_eq!(refusal, Refusal::OtherDevice, "{at}");
    }
    let mut blob = case.blob.clone();
    blob.bytes[4] = 2;
    let refusal = Calibration::read(blob.sealed(), &case.identity).unwrap_err();
    assert_eq!(refusal, Refusal::Version);
}

proptest! {
    #![proptest_config(config(500, 50_000))]

    #[test]
    fn whatever_lies_in_a_blob_is_survived(
        seed in any::<u64>(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut case = Case::new(3, 12, Law::Square, 0.3, seed);
        let end = case.blob.bytes.len() - 4;
        for (place, value) in places {
            case.blob.bytes[place.index(end)] = value;
        }
        // The length is what it says, or the reader would stop there.
        let length = case.blob.bytes.len() as u32;
        case.blob.bytes[28..32].copy_from_slice(&length.to_le_bytes());
        let Ok(calibration) = Calibration::read(case.blob.sealed(), &case.identity) else {
            return Ok(());
        };
        case.calibration = calibration;
        let (_, codes) = case.solve();
        for (channel, code) in codes.into_iter().enumerate() {
            prop_assert!(code <= case.calibration.channel(channel).limit);
        }
    }
}

#[test]
fn crosstalk_is_bounded_by_what_can_be_around_a_heater() {
    for modes in 2..=32 {
        let layout = Layout::new(modes).unwrap();
        let mut most = [0; CLASSES];
        for channel in 0..layout.channels() {
            let mut count = [0; CLASSES];
            layout
                .neighbours(channel)
                .for_each(|(_, class)| count[class] += 1);
            most.iter_mut()
                .zip(count)
                .for_each(|(most, count)| *most = count.max(*most));
        }
        for (class, most) in most.into_iter().enumerate() {
            assert!(
                most <= class_size(class),
                "{modes} modes, class {class}: {most}"
            );
        }
    }
}

#[test]
fn nothing_is_known_without_a_blob() {
    let identity = identity(4, 12, Law::Square);
    let none = Calibration::<&[u8]>::none(&identity);
    assert!(none.blob().is_none() && none.id() == 0 && none.splitters(0).is_none());
    assert_eq!(none.channel(7).offset, 0);
    assert_eq!(none.channel(7).efficiency, identity.efficiency());
    let state = |wavelength| {
        none.at(Conditions {
            wavelength,
            temperature_mc: 90_000,
        })
        .scale()
    };
    assert_eq!(state(0), ONE);
    let scale = 1_550_000.0 / (1_550_000.0 + 2.0 * 800.0);
    assert!((f64::from(state(2)) / f64::from(ONE) - scale).abs() < 1e-9);
}

#[test]
fn a_device_that_makes_no_sense_is_unfit() {
    let unfit = |offset: u32, value: u32| {
        let table = Table::new(4, 12, Law::Linear);
        table.set(offset, value);
        Identity::read(&table).err()
    };
    assert_eq!(unfit(map::CONTROL, 0), None);
    assert_eq!(unfit(map::IDENTITY, map::GONE), Some(Unfit::Gone));
    assert_eq!(unfit(map::IDENTITY, 0), Some(Unfit::Foreign));
    assert_eq!(unfit(map::REVISION, 2 << 16), Some(Unfit::Version));
    assert_eq!(unfit(map::REVISION, 1 << 16 | 7), None);
    for (offset, value) in [
        (map::KIND, 2),
        (map::GEOMETRY, 0x4005_0401 | 1),
        (map::GEOMETRY, 0x4005_0421),
        (map::GEOMETRY, 0x4005_0004),
        (map::GEOMETRY, 0x0005_0404),
        (map::GEOMETRY, 0x4105_0404),
        (map::CONVERTERS, 0x0018_1801),
        (map::CONVERTERS, 0x0018_1811),
        (map::CONVERTERS, 0x0018_010c),
        (map::CONVERTERS, 0x0001_180c),
        (map::FULL_SCALE, 0),
        (map::FULL_SCALE, 16 << 16),
        (map::WAVELENGTH_PM, 0),
        (map::WAVELENGTH_STEP_PM, u32::MAX),
    ] {
        let expected = Some(Unfit::Senseless);
        assert_eq!(unfit(offset, value), expected, "{offset:#x} {value:#x}");
    }
}

// Compensation.

#[test]
fn codes_are_due_a_step_away_and_not_before() {
    let mut compensation = Compensation::new(100);
    assert!(!compensation.due());
    compensation.read(45_000);
    assert!(compensation.due());
    compensation.solved(45_000);
    // Noise of less than a step, and a swing of nearly one.
    let mut random = Random(2);
    for reading in 0..10_000 {
        let swing = (f64::from(reading) / 500.0).sin() * 80.0;
        compensation.read(45_000 + (swing + 15.0 * random.normal()) as i32);
        assert!(!compensation.due(), "reading {reading}");
    }
    // A drift of ten degrees: once each step.
    let mut solved = 0;
    for reading in 0..100_000 {
        compensation.read(45_000 + reading / 10);
        if compensation.due() {
            let now = compensation.temperature_mc().unwrap();
            assert!((now - 45_000 - reading / 10).abs() < 30);
            compensation.solved(now);
            solved += 1;
        }
    }
    assert!((98..=101).contains(&solved), "{solved}");
}

#[test]
fn few_readings_do_not_lag() {
    let mut compensation = Compensation::new(100);
    for reading in [45_000, 45_090, 47_000, 46_905] {
        compensation.read(reading);
        let now = compensation.temperature_mc().unwrap();
        assert!(now.abs_diff(reading) < 100, "{now} {reading}");
    }
    compensation.solved(i32::MAX);
    compensation.read(i32::MIN);
    assert!(compensation.due());
    assert_eq!(compensation.temperature_mc(), Some(i32::MIN));
}

#[test]
fn the_step_is_that_of_the_converter() {
    let dac = Dac::new(12, Law::Linear).unwrap();
    // 0.001 turns a degree: a quarter of 1/4096 turns is 61 millidegrees.
    assert_eq!(step_mc(u32::MAX / 1000, dac), 61);
    assert_eq!(step_mc(0, dac), 1000);
    assert_eq!(step_mc(u32::MAX, dac), 50);
}

// Vectors.

fn vector() -> impl Strategy<Value = Vec<i32>> {
    let part = prop_oneof![
        any::<i32>(),
        -1000..1000i32,
        Just(i32::MIN),
        Just(i32::MAX),
        Just(0)
    ];
    let vector = proptest::collection::vec(part, 2..=64);
    (vector, 0u32..32).prop_map(|(vector, shift)| vector.iter().map(|x| x >> shift).collect())
}

proptest! {
    #![proptest_config(config(2000, 100_000))]

    #[test]
    fn words_are_the_numbers_within_half_a_step(numbers in vector(), bits in 2u32..=32) {
        let mut words = vec![0; numbers.len()];
        let shift = modulate(&numbers, bits, &mut words);
        let step = 2f64.powi(32 - bits as i32);
        let end = 2f64.powi(31) - step;
        let mut largest = 0.0f64;
        for (&number, &word) in numbers.iter().zip(&words) {
            let exact = f64::from(number) * 2f64.powi(shift as i32);
            let bound = if exact > end { step } else { step / 2.0 };
            prop_assert!((f64::from(word) - exact).abs() <= bound, "{word} {exact}");
            prop_assert_eq!(f64::from(word) % step, 0.0);
            largest = largest.max(exact.abs());
        }
        prop_assert!(largest == 0.0 || (2f64.powi(30)..=2f64.powi(31)).contains(&largest));
        let exact: f64 = words.iter().map(|&word| (f64::from(word) / 2f64.powi(31)).powi(2)).sum();
        prop_assert!(power(&words) as f64 / 2f64.powi(30) >= exact);
    }

    #[test]
    fn numbers_are_the_words_within_half_a_place(
        words in vector(),
        gain in 0u32..=15,
        shift in 0u32..32,
        exponent in -64..=64i32,
        transmission in prop_oneof![1u32 << 21..=1 << 31, Just(1 << 31), Just(1 << 21)],
        detection in prop_oneof![Just(Detection::Coherent), Just(Detection::Direct)],
    ) {
        let mut numbers = vec![0; words.len()];
        let detector = Detector::new(detection, transmission);
        let result = detector.numbers(&words, gain, shift, exponent, &mut numbers);
        let amplitude = 2f64.powi(3 - gain as i32 + exponent - shift as i32 + 31)
            / f64::from(transmission);
        let scale = match detection {
            Detection::Coherent => amplitude,
            Detection::Direct => amplitude * amplitude,
        };
        let place = 2f64.powi(result - 31);
        for (&word, &number) in words.iter().zip(&numbers) {
            let exact = f64::from(word) / 2f64.powi(31) * scale;
            let error = (f64::from(number) * place - exact).abs();
            // At the very end of the range there is no number for 1.
            let end = if number == i32::MAX { 1.0 } else { 0.5 };
            prop_assert!(error <= place * (end + 1e-6) + exact.abs() * 2f64.powi(-32), "{number} {exact}");
        }
        let largest = numbers.iter().map(|number| number.unsigned_abs()).max().unwrap();
        prop_assert!(words.iter().all(|&word| word == 0) || largest >= (1 << 30) - 1);
    }

    #[test]
    fn a_safe_gain_never_saturates(words in vector(), transmission in 0u32..=1 << 31) {
        let gain = safe(power(&words), transmission);
        let energy: f64 = words.iter().map(|&word| (f64::from(word) / 2f64.powi(31)).powi(2)).sum();
        let arriving = energy.sqrt() * f64::from(transmission) / 2f64.powi(31);
        prop_assert!(arriving <= 2f64.powi(3 - gain as i32) || gain == 0);
        // And it is not timid, where there is light to speak of.
        let most = 2f64.powi(3 - gain as i32);
        prop_assert!(gain == 15 || arriving >= most / 2.02 - 1e-3, "{arriving} {most}");
    }

    #[test]
    fn the_search_for_a_gain_ends_well(
        amplitude in prop_oneof![0.0..8.0f64, (0.0..20.0f64).prop_map(|x| 8.0 * 2f64.powf(-x))],
        learned in proptest::option::of(0u32..=20),
        direct in any::<bool>(),
    ) {
        let detection = if direct { Detection::Direct } else { Detection::Coherent };
        let base: f64 = if direct { 4.0 } else { 2.0 };
        let signal = if direct { amplitude * amplitude } else { amplitude };
        let mut search = Search::new(detection, 0, learned);
        for run in 1.. {
            let word = signal / base.powi(3 - search.gain() as i32) * 2f64.powi(31);
            let saturated = word > 2f64.powi(31) - 1.0;
            let peak = word.min(2f64.powi(31)) as u32;
            if search.judge(saturated, peak) == Verdict::Keep {
                prop_assert!(!saturated);
                let unused = peak > 0 && search.gain() < 15 && word * base * base < 2f64.powi(31);
                prop_assert!(!unused, "{word}");
                break;
            }
            prop_assert!(run < MAX_RUNS);
        }
    }
}

#[test]
fn nothing_stays_nothing() {
    let mut words = [1; 8];
    assert_eq!(modulate(&[0; 8], 12, &mut words), 0);
    assert_eq!(words, [0; 8]);
    let detector = Detector::new(Detection::Coherent, 1 << 31);
    let mut numbers = [1; 8];
    assert_eq!(detector.numbers(&words, 3, 0, 17, &mut numbers), 0);
    assert_eq!(numbers, [0; 8]);
}

#[test]
fn one_goes_through_as_one() {
    // Half of full scale at gain 2 (full scale 2) of numbers that were doubled: 1/2, times 2^5.
    let detector = Detector::new(Detection::Coherent, 1 << 31);
    let mut numbers = [0; 2];
    let exponent = detector.numbers(&[1 << 30, -(1 << 29)], 2, 1, 5, &mut numbers);
    assert_eq!((numbers, exponent), ([1 << 30, -(1 << 29)], 5));
    // Half the amplitude was lost: all is doubled.
    let detector = Detector::new(Detection::Coherent, 1 << 30);
    let exponent = detector.numbers(&[1 << 30, -(1 << 29)], 2, 1, 5, &mut numbers);
    assert_eq!((numbers, exponent), ([1 << 30, -(1 << 29)], 6));
}

// Registers.

#[test]
fn only_codes_that_changed_are_written() {
    let device = Table::new(4, 12, Law::Linear);
    let mut image = Image::new(vec![0u16; 36]);
    assert!(image.codes().is_none() && !image.set(&device, 0, 1));
    assert!(!image.commit(&device));
    let mut codes: Vec<u16> = (0..36).collect();
    assert_eq!(image.write(&device, &codes), Some(36));
    assert!(image.commit(&device) && !image.commit(&device));
    assert_eq!(image.write(&device, &codes), Some(0));
    assert!(!image.commit(&device));
    codes[7] = 99;
    device.clear_log();
    assert_eq!(image.write(&device, &codes), Some(1));
    assert!(image.commit(&device));
    assert_eq!(device.log(), [(map::SHADOW + 28, 99), (map::COMMIT, 1)]);
    assert!(image.set(&device, 8, 3) && image.commit(&device));
    assert!(!image.set(&device, 36, 3));
    assert_eq!(image.codes().unwrap()[8], 3);
    assert_eq!(image.write(&device, &codes[1..]), None);
    image.forget();
    assert_eq!(image.write(&device, &codes), Some(36));
}

#[test]
fn applied_codes_are_read_and_a_gone_device_noticed() {
    let device = Table::new(4, 12, Law::Linear);
    device.set(map::APPLIED + 4 * 9, 1234);
    let mut codes = [0; 2];
    assert_eq!(image::read_applied(&device, 8, &mut codes), Some(()));
    assert_eq!(codes, [0, 1234]);
    device.set(map::APPLIED + 4 * 8, map::GONE);
    assert_eq!(image::read_applied(&device, 8, &mut codes), None);
}

#[test]
fn vectors_lie_where_the_map_says() {
    let device = Table::new(4, 12, Law::Linear);
    let identity = Identity::read(&device).unwrap();
    let input: Vec<i32> = (0..8).map(|x| -x).collect();
    assert!(image::write_input(&device, &identity, 3, &input));
    // Vector 3, mode 2, quadrature 1.
    assert_eq!(
        device.get(map::INPUT + ((3 * 4 + 2) * 2 + 1) * 4) as i32,
        -5
    );
    assert!(!image::write_input(
        &device,
        &identity,
        identity.vectors,
        &input
    ));
    assert!(!image::write_input(&device, &identity, 0, &input[1..]));
    device.set(map::OUTPUT + ((63 * 4 + 3) * 2) * 4, 17);
    let mut output = vec![0; 8];
    assert!(image::read_output(&device, &identity, 63, &mut output));
    assert_eq!(output[6], 17);
    assert!(!image::read_output(&device, &identity, 64, &mut output));
    device.set(map::TAP + (15 * 2 + 1) * 4, 5);
    let mut taps = [0; 4];
    assert!(image::read_taps(&device, identity.layout, 14, &mut taps));
    assert_eq!(taps, [0, 0, 0, 5]);
    assert!(!image::read_taps(&device, identity.layout, 15, &mut taps));
    assert!(!image::read_taps(
        &device,
        identity.layout,
        usize::MAX,
        &mut taps
    ));
}

#[test]
fn commands_are_checked_and_followed() {
    let device = Table::new(4, 12, Law::Linear);
    let identity = Identity::read(&device).unwrap();
    let command = Command {
        work: Work::Product(64),
        wavelength: 2,
        detection: Detection::Direct,
        gain: 5,
        tag: 42,
    };
    device.clear_log();
    assert!(image::start(&device, &identity, &command));
    let expected = [
        (map::COMMAND_VECTORS, 64),
        (map::COMMAND_MODE, 1 | 2 << 8 | 5 << 16),
        (map::COMMAND_TAG, 42),
        (map::COMMAND_START, map::START_PRODUCT),
    ];
    assert_eq!(device.log(), expected);
    device.clear_log();
    for wrong in [
        Command {
            work: Work::Product(0),
            ..command
        },
        Command {
            work: Work::Product(65),
            ..command
        },
        Command {
            wavelength: 4,
            ..command
        },
        Command {
            gain: 16,
            ..command
        },
    ] {
        assert!(!image::start(&device, &identity, &wrong));
    }
    assert!(device.log().is_empty());
    let after = |status, tag, completion| {
        device.set(map::STATUS, status);
        device.set(map::COMPLETION_TAG, tag);
        device.set(map::COMPLETION, completion);
        image::progress(&device, 42)
    };
    assert_eq!(after(map::STATUS_BUSY, 42, 1), Progress::Running);
    assert_eq!(after(0, 41, 1), Progress::Aborted);
    assert_eq!(after(0, 42, 1), Progress::Done { saturated: false });
    assert_eq!(after(0, 42, 0x101), Progress::Done { saturated: true });
    assert_eq!(after(0, 42, map::DONE_DARK), Progress::Dark);
    assert_eq!(after(0, 42, map::DONE_INVALID), Progress::Refused);
    assert_eq!(after(0, 42, map::DONE_ABORTED), Progress::Aborted);
    assert_eq!(after(0, 42, 0), Progress::Refused);
    assert_eq!(after(map::GONE, map::GONE, map::GONE), Progress::Gone);
}
