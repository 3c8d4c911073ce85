// SPDX-License-Identifier: GPL-2.0

//! `lightos::sys` says what `uapi/lightos.h` says.
//!
//! A C program that includes the header prints every size, offset, limit and
//! ioctl code; each line is compared with the mirror. Needs `cc`.

#![allow(clippy::unwrap_used)] // a test

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use lightos::sys;

/// Names of C expressions with the values that the mirror gives them.
type Table = BTreeMap<String, u64>;

/// Adds size and member offsets of one structure.
macro_rules! layout {
    ($table:ident, $c:literal, $rust:ident { $($member:ident),+ $(,)? }) => {
        // Names every member, so that a new one cannot be forgotten here.
        let sys::$rust { $($member: _),+ } = sys::$rust::default();
        $table.insert(
            format!("sizeof(struct {})", $c),
            size_of::<sys::$rust>() as u64,
        );
        $($table.insert(
            format!("offsetof(struct {}, {})", $c, stringify!($member)),
            offset_of!(sys::$rust, $member) as u64,
        );)+
    };
}

/// Adds constants, given as C name and mirror.
macro_rules! constants {
    ($table:ident, $($c:literal = $value:expr),+ $(,)?) => {
        $($table.insert($c.to_string(), u64::from($value));)+
    };
}

fn legacy_layouts(table: &mut Table) {
    layout!(
        table,
        "lightos_device_state",
        DeviceState {
            device_id,
            device_type,
            utilization_percent,
            power_watts,
            memory_used_bytes,
            memory_total_bytes,
        }
    );
    layout!(
        table,
        "lightos_spiking_config",
        SpikingConfig {
            encoding,
            enabled,
            max_events_per_cycle,
            processing_interval_us,
            target_sparsity_percent,
            current_sparsity_percent,
            total_events_processed,
            events_dropped,
        }
    );
    layout!(
        table,
        "lightos_spike_event",
        SpikeEvent {
            neuron_id,
            timestamp_ns,
            amplitude_mv,
            synapse_count,
        }
    );
    layout!(
        table,
        "lightos_neuron_state",
        NeuronState {
            neuron_id,
            state,
            membrane_potential_mv,
            total_spikes,
            current_rate_hz,
        }
    );
}

fn extended_layouts(table: &mut Table) {
    layout!(
        table,
        "lightos_query",
        Query {
            size,
            flags,
            features,
            module_version,
            legacy_version,
            spiking_backend,
            photonic_backend,
            max_neurons,
            max_pending_events,
            min_interval_us,
            max_interval_us,
            max_devices,
            max_links,
        }
    );
    layout!(
        table,
        "lightos_nop",
        Nop {
            size,
            flags,
            cookie,
            reserved
        }
    );
    layout!(
        table,
        "lightos_spiking_counters",
        SpikingCounters {
            size,
            flags,
            events_submitted,
            events_processed,
            events_dropped,
            events_late,
            events_refractory,
            events_suppressed,
            synaptic_ops,
            spikes,
            saturations,
            neuron_updates,
            cycles,
            timer_fires,
            busy_ns,
            neurons_used,
            events_pending,
            delta_threshold_mv,
            running,
        }
    );
    layout!(table, "lightos_spiking_reset", SpikingReset { size, flags });
}

fn codes(table: &mut Table) {
    constants!(
        table,
        "LIGHTOS_IOC_GET_DEVICE_STATE" = sys::GET_DEVICE_STATE,
        "LIGHTOS_IOC_SPIKING_CONFIG" = sys::SPIKING_CONFIG,
        "LIGHTOS_IOC_SPIKING_START" = sys::SPIKING_START,
        "LIGHTOS_IOC_SPIKING_STOP" = sys::SPIKING_STOP,
        "LIGHTOS_IOC_SPIKING_SUBMIT_EVENT" = sys::SPIKING_SUBMIT_EVENT,
        "LIGHTOS_IOC_SPIKING_GET_STATS" = sys::SPIKING_GET_STATS,
        "LIGHTOS_IOC_GET_NEURON_STATE" = sys::GET_NEURON_STATE,
        "LIGHTOS_IOC_QUERY" = sys::QUERY,
        "LIGHTOS_IOC_NOP" = sys::NOP,
        "LIGHTOS_IOC_SPIKING_COUNTERS" = sys::SPIKING_COUNTERS,
        "LIGHTOS_IOC_SPIKING_RESET" = sys::SPIKING_RESET,
    );
}

fn values(table: &mut Table) {
    use lightos::{Activity, Backend, DeviceType, Encoding};
    constants!(
        table,
        "LIGHTOS_IOC_MAGIC" = sys::IOC_MAGIC,
        "LIGHTOS_MAX_DEVICES" = sys::MAX_DEVICES,
        "LIGHTOS_MAX_LINKS" = sys::MAX_LINKS,
        "LIGHTOS_MAX_NEURONS" = sys::MAX_NEURONS,
        "LIGHTOS_MAX_PENDING_EVENTS" = sys::MAX_PENDING_EVENTS,
        "LIGHTOS_DEFAULT_EVENTS_PER_CYCLE" = sys::DEFAULT_EVENTS_PER_CYCLE,
        "LIGHTOS_DEFAULT_INTERVAL_US" = sys::DEFAULT_INTERVAL_US,
        "LIGHTOS_DEFAULT_SPARSITY_PERCENT" = sys::DEFAULT_SPARSITY_PERCENT,
        "LIGHTOS_MIN_INTERVAL_US" = sys::MIN_INTERVAL_US,
        "LIGHTOS_MAX_INTERVAL_US" = sys::MAX_INTERVAL_US,
        "LIGHTOS_MAX_AHEAD_NS" = sys::MAX_AHEAD_NS,
        "LIGHTOS_DEVICE_GPU" = DeviceType::Gpu.as_u32(),
        "LIGHTOS_DEVICE_TPU" = DeviceType::Tpu.as_u32(),
        "LIGHTOS_DEVICE_NPU" = DeviceType::Npu.as_u32(),
        "LIGHTOS_DEVICE_PHOTONIC" = DeviceType::Photonic.as_u32(),
        "LIGHTOS_ENCODING_RATE" = Encoding::Rate.as_u32(),
        "LIGHTOS_ENCODING_TEMPORAL" = Encoding::Temporal.as_u32(),
        "LIGHTOS_ENCODING_DELTA" = Encoding::Delta.as_u32(),
        "LIGHTOS_NEURON_RESTING" = Activity::Resting.as_u32(),
        "LIGHTOS_NEURON_INTEGRATING" = Activity::Integrating.as_u32(),
        "LIGHTOS_NEURON_SPIKING" = Activity::Spiking.as_u32(),
        "LIGHTOS_NEURON_REFRACTORY" = Activity::Refractory.as_u32(),
        "LIGHTOS_BACKEND_NONE" = Backend::None.as_u32(),
        "LIGHTOS_BACKEND_CPU" = Backend::Cpu.as_u32(),
        "LIGHTOS_BACKEND_MODEL" = Backend::Model.as_u32(),
        "LIGHTOS_BACKEND_SILICON" = Backend::Silicon.as_u32(),
        "LIGHTOS_FEATURE_SPIKING" = sys::FEATURE_SPIKING,
        "LIGHTOS_FEATURE_MOE" = sys::FEATURE_MOE,
        "LIGHTOS_FEATURE_PHOTONIC" = sys::FEATURE_PHOTONIC,
        "LIGHTOS_FEATURE_REGISTRY" = sys::FEATURE_REGISTRY,
        "LIGHTOS_RESET_NEURONS" = sys::RESET_NEURONS,
        "LIGHTOS_RESET_PENDING" = sys::RESET_PENDING,
        "LIGHTOS_RESET_COUNTERS" = sys::RESET_COUNTERS,
    );
}

fn header_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../uapi")
}

/// Compiles and runs a C program that prints `name<TAB>value` of each name.
fn what_the_header_says<'a>(names: impl Iterator<Item = &'a String>) -> Table {
    let mut source =
        String::from("#include <stddef.h>\n#include <stdio.h>\n#include \"lightos.h\"\n");
    source += "int main(void)\n{\n";
    for name in names {
        source +=
            &format!("\tprintf(\"%s\\t%llu\\n\", \"{name}\", (unsigned long long)({name}));\n");
    }
    source += "\treturn 0;\n}\n";

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (folder.join("header.c"), folder.join("header"));
    std::fs::write(&file, source).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(header_dir())
        .arg(&file)
        .arg("-o")
        .arg(&program)
        .status()
        .expect("this test needs the C compiler `cc`");
    assert!(compiled.success(), "uapi/lightos.h does not compile");

    let output = Command::new(&program).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let (name, value) = line.split_once('\t').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn the_mirror_agrees_with_the_header() {
    let mut mirror = Table::new();
    legacy_layouts(&mut mirror);
    extended_layouts(&mut mirror);
    codes(&mut mirror);
    values(&mut mirror);
    assert_eq!(what_the_header_says(mirror.keys()), mirror);
}

#[test]
fn the_mirror_knows_every_code_of_the_header() {
    let header = std::fs::read_to_string(header_dir().join("lightos.h")).unwrap();
    let mut mirror = Table::new();
    codes(&mut mirror);
    let codes_of_header: Vec<&str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| name.starts_with("LIGHTOS_IOC_") && *name != "LIGHTOS_IOC_MAGIC")
        .collect();
    assert_eq!(codes_of_header.len(), mirror.len());
    for name in codes_of_header {
        assert!(
            mirror.contains_key(name),
            "{name} is missing in lightos::sys"
        );
    }
}
