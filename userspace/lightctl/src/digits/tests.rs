// SPDX-License-Identifier: GPL-2.0

//! The demonstration, against the arithmetic files of the module on the host.
//!
//! [`Host`] is their engine with a clock of its own, which moves with every call
//! and overshoots every sleep, as a scheduler does.

use std::path::{Path, PathBuf};

use lightos::{Activity, Config, Encoding, Error, Event, NeuronState, Stats};
use lightos_host::spiking::engine::{self, Input, SubmitError};
use lightos_host::support::{self, HostEngine};

use super::files::{
    parse_digits, parse_expected, parse_network, read_digits, read_expected, read_network,
};
use super::network::{Digit, Network, CLASSES};
use super::report::Report;
use super::session::{Outcome, Session};
use crate::engine::Engine;
use crate::failure::Failure;

/// The host's build of the engine, with a clock.
struct Host {
    engine: HostEngine,
    now_ns: u64,
    /// State of the generator of delays.
    random: u64,
    submitted: u64,
    /// Another program submits an event of its own before this one.
    disturb_at: Option<u64>,
}

impl Host {
    /// A module that was loaded at 5 s and is used from 6 s on.
    fn new(seed: u64) -> Self {
        Self {
            engine: support::engine(65_536, 4_096, 5_000_000_000),
            now_ns: 6_000_000_000,
            random: seed,
            submitted: 0,
            disturb_at: None,
        }
    }

    /// Up to `most_ns` ns pass.
    fn pass(&mut self, most_ns: u64) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.now_ns += 1 + (self.random >> 33) % most_ns;
    }

    /// The timer wakes the engine, late, until `until_ns`.
    fn run_timer(&mut self, until_ns: u64) {
        while let Some(wakeup) = self.engine.next_wakeup(self.now_ns) {
            if wakeup > until_ns {
                break;
            }
            self.now_ns = self.now_ns.max(wakeup);
            self.pass(200_000);
            self.engine.cycle(self.now_ns);
        }
    }

    fn stats_now(&mut self) -> Stats {
        let config = self.engine.config();
        let counters = self.engine.counters(self.now_ns);
        Stats {
            config: Config {
                encoding: Encoding::try_from(config.encoding().as_u32()).unwrap(),
                enabled: config.enabled(),
                max_events_per_cycle: config.max_events_per_cycle(),
                interval_us: config.interval_us(),
                target_sparsity_percent: config.target_sparsity_percent(),
            },
            sparsity_percent: self.engine.sparsity_percent(self.now_ns),
            events_processed: counters.events_processed,
            events_dropped: counters.events_dropped,
        }
    }

    fn submit_as_is(&mut self, event: Event) -> Result<(), Error> {
        let input = Input {
            neuron_id: event.neuron_id,
            timestamp_ns: event.timestamp_ns,
            amplitude_mv: event.amplitude_mv,
            synapse_count: event.synapse_count,
        };
        self.engine
            .submit(input, self.now_ns)
            .map_err(|error| match error {
                SubmitError::QueueFull => Error::QueueFull,
                SubmitError::UnknownNeuron => Error::OutOfRange {
                    call: "SUBMIT_EVENT",
                },
            })
    }

    /// What another program did before: delta encoding, running, neurons all
    /// over the range away from rest, some of them having fired, and events
    /// that are still to come.
    fn use_by_another_program(&mut self) -> Config {
        let config = Config {
            encoding: Encoding::Delta,
            enabled: true,
            max_events_per_cycle: 77,
            interval_us: 300,
            target_sparsity_percent: 50,
        };
        self.configure(config).unwrap();
        self.start().unwrap();
        for step in 0..2_000u32 {
            let ahead_ns = u64::from(step % 7) * 10_000_000;
            self.submit_as_is(Event {
                neuron_id: 65_535 - step * 3,
                timestamp_ns: self.now_ns + ahead_ns,
                amplitude_mv: if step % 2 == 0 { 5_000 } else { -9_000 },
                synapse_count: 1,
            })
            .unwrap();
        }
        config
    }
}

impl Engine for Host {
    fn now_ns(&self) -> u64 {
        self.now_ns
    }

    fn sleep_until(&mut self, time_ns: u64) {
        self.run_timer(time_ns);
        self.now_ns = self.now_ns.max(time_ns);
        self.pass(3_000_000);
    }

    fn configure(&mut self, config: Config) -> Result<Stats, Error> {
        self.pass(2_000);
        let checked = engine::Config::new(
            config.encoding.as_u32(),
            config.enabled.into(),
            config.max_events_per_cycle,
            config.interval_us,
            config.target_sparsity_percent,
        )
        .map_err(|_| Error::OutOfRange { call: "CONFIG" })?;
        self.engine.configure(checked, self.now_ns);
        Ok(self.stats_now())
    }

    fn start(&mut self) -> Result<(), Error> {
        self.pass(2_000);
        self.engine.start(self.now_ns).map_err(|error| match error {
            engine::StartError::Disabled => Error::Disabled,
            engine::StartError::AlreadyRunning => Error::AlreadyRunning,
        })
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.pass(2_000);
        self.engine.stop(self.now_ns);
        Ok(())
    }

    fn submit(&mut self, event: Event) -> Result<(), Error> {
        self.pass(5_000);
        self.submitted += 1;
        if self.disturb_at == Some(self.submitted) {
            self.submit_as_is(Event::now(1, 1))?;
        }
        self.submit_as_is(event)
    }

    fn stats(&mut self) -> Result<Stats, Error> {
        self.pass(2_000);
        if self.engine.is_running() {
            self.engine.catch_up(self.now_ns);
        }
        Ok(self.stats_now())
    }

    fn neuron_state(&mut self, id: u32) -> Result<NeuronState, Error> {
        self.pass(2_000);
        if self.engine.is_running() {
            self.engine.catch_up(self.now_ns);
        }
        let call = "GET_NEURON_STATE";
        let report = self
            .engine
            .neuron_report(id, self.now_ns)
            .ok_or(Error::OutOfRange { call })?;
        Ok(NeuronState {
            id,
            activity: Activity::try_from(report.activity.as_u32())?,
            membrane_mv: report.membrane_mv,
            total_spikes: report.total_spikes,
            rate_hz: report.rate_hz,
        })
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data")
        .join(name)
}

fn network() -> Network {
    read_network(&data("digits-weights.csv")).unwrap()
}

fn classify(host: &mut Host, count: Option<usize>) -> Result<Outcome, Failure> {
    let network = network();
    let digits = read_digits(&data("digits.csv")).unwrap();
    let chosen = network.choose(&digits, count)?;
    let mut session = Session::open(host, &network)?;
    let result = session.present(&chosen, |_| ());
    session.close(result)
}

/// The report on an outcome, compared with the stored simulation.
fn report(outcome: &Outcome) -> Report {
    let expected = read_expected(&data("digits-expected.csv")).unwrap();
    Report::new(outcome, Some(&expected))
}

#[test]
fn a_thousand_unseen_digits_are_classified_as_simulated() {
    let mut host = Host::new(1);
    let outcome = classify(&mut host, None).unwrap();
    let report = report(&outcome);
    assert!(report.digits >= 1_000);
    assert_eq!(report.different, Some(0));
    report.judge(90.0).unwrap();
    assert!(report.judge(100.0).is_err());
    let counters = host.engine.counters(host.now_ns);
    assert_eq!(counters.events_processed, outcome.events);
    assert_eq!(counters.spikes, report.spikes);
    assert_eq!((counters.events_late, counters.saturations), (0, 0));
}

#[test]
fn a_used_engine_gives_the_same_answers_twice_and_is_given_back() {
    let mut host = Host::new(2);
    let config = host.use_by_another_program();
    for _ in 0..2 {
        let outcome = classify(&mut host, Some(300)).unwrap();
        assert_eq!(report(&outcome).different, Some(0));
    }
    assert!(host.engine.is_running());
    assert_eq!(host.stats_now().config, config);

    let mut idle = Host::new(3);
    classify(&mut idle, Some(1)).unwrap();
    assert!(!idle.engine.is_running());
    assert_eq!(idle.stats_now().config, Config::default());
}

#[test]
fn an_event_of_another_program_is_noticed() {
    let mut host = Host::new(4);
    host.disturb_at = Some(100);
    let failure = classify(&mut host, Some(20)).unwrap_err();
    assert!(matches!(failure, Failure::Busy(_)), "{failure}");
    assert_eq!(host.stats_now().config, Config::default());
    assert_eq!(host.engine.counters(host.now_ns).events_pending, 0);
}

#[test]
fn a_neuron_that_will_not_rest_is_noticed() {
    let mut host = Host::new(5);
    host.submit_as_is(Event {
        neuron_id: 65_535,
        timestamp_ns: host.now_ns + 299_000_000,
        amplitude_mv: -3_000,
        synapse_count: 1,
    })
    .unwrap();
    let failure = classify(&mut host, Some(1)).unwrap_err();
    assert!(failure.to_string().contains("neuron 65535"), "{failure}");
}

#[test]
fn more_digits_than_the_test_part_are_refused() {
    let error = classify(&mut Host::new(6), Some(1_001)).unwrap_err();
    assert!(matches!(error, Failure::Usage(_)), "{error}");
    assert!(classify(&mut Host::new(6), Some(0)).is_err());
}

#[test]
fn ties_go_to_the_greater_sum_then_to_the_lower_digit() {
    let network = network();
    let mut spikes = vec![0; network.neurons.len()];
    let first_of = |class| {
        let neurons = network.neurons.iter();
        neurons.take_while(|neuron| neuron.class < class).count()
    };
    assert_eq!(network.decide(&spikes), 0);
    spikes[first_of(7)] = 3;
    spikes[first_of(4)] = 3;
    assert_eq!(network.decide(&spikes), 4);
    spikes[first_of(7) + 1] = 1;
    assert_eq!(network.decide(&spikes), 7);
    spikes[first_of(2)] = 4;
    assert_eq!(network.decide(&spikes), 2);
}

#[test]
fn events_come_in_order_and_carry_intensity_as_time() {
    let network = network();
    let mut intensities = [0; 64];
    intensities[20] = 16;
    intensities[21] = 8;
    intensities[22] = 1;
    let inputs = network
        .encode(&Digit {
            intensities,
            label: 0,
        })
        .unwrap();
    assert!(inputs.is_sorted_by_key(|input| input.offset_ns));
    let connected = |pixel: usize| {
        let weights = network
            .neurons
            .iter()
            .map(|neuron| neuron.weights_mv[pixel]);
        weights.filter(|&weight| weight != 0).count()
    };
    let at = |p: usize| network.latency_ns[p].unwrap();
    let sent = |time: u64| {
        inputs
            .iter()
            .filter(|input| input.offset_ns == time)
            .count()
    };
    assert_eq!(sent(at(16)), connected(20));
    assert_eq!(sent(at(8)), connected(21));
    assert_eq!(network.latency_ns[1], None);
    // Half the intensity is ln 2 time constants earlier.
    let tau_ns = 10_000_000.0;
    let earlier = (at(16) - at(8)) as f64;
    assert!((earlier - tau_ns * f64::ln(2.0)).abs() <= 1.0);
    let pulses = 2 * network.pulses.len() - 1;
    let read_out = pulses * network.neurons.len();
    assert_eq!(inputs.len(), connected(20) + connected(21) + read_out);
}

#[test]
fn wrong_files_are_refused_with_the_line() {
    let pixels = "0,".repeat(64);
    assert_eq!(parse_digits(&format!("# c\n{pixels}9\n")).unwrap().len(), 1);
    for bad in ["10", "-1", "x", ""] {
        let (line, _) = parse_digits(&format!("# c\n{pixels}{bad}\n")).unwrap_err();
        assert_eq!(line, 2);
    }
    let bright = format!("17,{}3", "0,".repeat(63));
    assert!(parse_digits(&bright).unwrap_err().1.contains("17"));
    assert!(parse_digits("1,2,3").unwrap_err().1.contains("64"));
    assert!(parse_expected("800,1,1\n").is_err());
    assert!(parse_expected("800,1,1,5\n").is_ok());
    assert!(read_digits(Path::new("/dev/lightos-is-not-there")).is_err());
}

#[test]
fn a_network_must_fit_together() {
    let text = std::fs::read_to_string(data("digits-weights.csv")).unwrap();
    assert_eq!(parse_network(&text).unwrap().neurons.len() % CLASSES, 0);
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        parse_network(&text.replace(from, to))
    };
    let overlap = change("test,797,", "test,796,").unwrap_err().1;
    assert!(overlap.contains("fitted"), "{overlap}");
    assert!(change("neuron,9,", "neuron,8,").is_err());
    assert!(change("neuron,9,", "neuron,10,").is_err());
    assert!(change("duration,", "duration,1").is_ok());
    assert!(change("latency,", "delay,").is_err());
    let (line, _) = change("pulse,17500000,", "pulse,99000000,").unwrap_err();
    assert_eq!(line, text.lines().count());
}
