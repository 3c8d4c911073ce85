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
type Mirror = BTreeMap<String, u64>;

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

fn legacy_layouts(table: &mut Mirror) {
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

fn extended_layouts(table: &mut Mirror) {
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

fn network_layouts(table: &mut Mirror) {
    layout!(
        table,
        "lightos_population",
        Population {
            first,
            count,
            kind,
            params,
            params_count,
            reserved
        }
    );
    layout!(
        table,
        "lightos_loihi_params",
        LoihiParams {
            current_decay,
            voltage_decay,
            threshold,
            bias,
            refractory_steps,
            reserved
        }
    );
    layout!(
        table,
        "lightos_exact_params",
        ExactParams {
            flags,
            refractory_steps,
            membrane,
            current,
            coupling,
            drive,
            gain,
            threshold,
            reset
        }
    );
    layout!(
        table,
        "lightos_block",
        Block {
            source_first,
            source_count,
            target_first,
            target_count,
            delay,
            width,
            offset
        }
    );
    layout!(
        table,
        "lightos_network_fault",
        NetworkFault {
            table,
            problem,
            entry,
            field
        }
    );
    layout!(
        table,
        "lightos_network_begin",
        NetworkBegin {
            size,
            flags,
            inputs,
            reserved,
            step_ns,
            populations,
            loihi_params,
            exact_params,
            delays,
            starts,
            synapses,
            blocks,
            weights,
            probes
        }
    );
    layout!(
        table,
        "lightos_network_write",
        NetworkWrite {
            size,
            flags,
            table,
            reserved,
            first,
            count,
            data,
            fault
        }
    );
    layout!(
        table,
        "lightos_network_commit",
        NetworkCommit {
            size,
            flags,
            bytes,
            fault
        }
    );
    layout!(
        table,
        "lightos_ring",
        Ring {
            head,
            pad0,
            tail,
            pad1,
            entries,
            record_bytes,
            dropped
        }
    );
    layout!(
        table,
        "lightos_network_event",
        NetworkEvent {
            step,
            index,
            weight
        }
    );
    layout!(
        table,
        "lightos_network_spike",
        NetworkSpike {
            step,
            neuron,
            reserved
        }
    );
    layout!(
        table,
        "lightos_network_voltage",
        NetworkVoltage {
            step,
            probe,
            reserved,
            value
        }
    );
    layout!(
        table,
        "lightos_network_rings",
        NetworkRings {
            size,
            flags,
            input_entries,
            spike_entries,
            voltage_entries,
            reserved
        }
    );
    layout!(
        table,
        "lightos_network_run",
        NetworkRun {
            size,
            flags,
            target,
            interval_ns,
            eventfd,
            reserved,
            run
        }
    );
    layout!(
        table,
        "lightos_network_completion",
        NetworkCompletion {
            run,
            step,
            steps,
            busy_ns,
            reason,
            missed
        }
    );
    layout!(table, "lightos_network_stop", NetworkStop { size, flags });
    layout!(
        table,
        "lightos_network_transfer",
        NetworkTransfer {
            size,
            flags,
            ring,
            reserved,
            count,
            data,
            done
        }
    );
    layout!(
        table,
        "lightos_neuron_variables",
        NeuronVariables {
            membrane,
            current,
            refractory,
            reserved
        }
    );
    layout!(
        table,
        "lightos_network_state",
        NetworkState {
            size,
            flags,
            first,
            count,
            data
        }
    );
    layout!(table, "lightos_network_reset", NetworkReset { size, flags });
    layout!(
        table,
        "lightos_network_stats",
        NetworkStats {
            size,
            flags,
            step,
            steps,
            events,
            late,
            rejected,
            input_spikes,
            merged,
            synaptic_events,
            spikes,
            updates,
            skipped,
            wraps,
            saturations,
            dropped_spikes,
            dropped_voltages,
            missed,
            busy_ns,
            bytes,
            synapses,
            runs,
            neurons,
            inputs,
            running,
            arithmetic
        }
    );
    layout!(
        table,
        "lightos_network_encoder",
        NetworkEncoder {
            size,
            flags,
            slot,
            kind,
            first_input,
            channels,
            seed,
            gain,
            offset,
            threshold,
            epsilon,
            tau,
            steps,
            first_step,
            reserved
        }
    );
    layout!(
        table,
        "lightos_network_samples",
        NetworkSamples {
            size,
            flags,
            slot,
            count,
            data
        }
    );
    layout!(
        table,
        "lightos_network_decoder",
        NetworkDecoder {
            size,
            flags,
            slot,
            kind,
            first_neuron,
            channels,
            threshold,
            reserved,
            tau_ns
        }
    );
    layout!(
        table,
        "lightos_network_decoded",
        NetworkDecoded {
            size,
            flags,
            slot,
            count,
            data,
            winner,
            reserved
        }
    );
    layout!(
        table,
        "lightos_spiking_profile",
        SpikingProfile {
            size,
            flags,
            profile,
            encoding,
            max_events_per_cycle,
            processing_interval_us,
            target_sparsity_percent,
            reserved
        }
    );
}

fn moe_layouts(table: &mut Mirror) {
    layout!(
        table,
        "lightos_moe_layer",
        MoeLayer {
            experts,
            top_k,
            min_k,
            groups,
            groups_kept,
            group_score,
            score,
            strategy,
            flags,
            scale,
            threshold,
            token_threshold,
            bias_step,
            drop,
            capacity_factor,
            capacity_minimum,
            capacity_alignment,
            reserved,
            seed,
            reserved2
        }
    );
    layout!(
        table,
        "lightos_moe_fault",
        MoeFault {
            layer,
            problem,
            entry,
            field
        }
    );
    layout!(
        table,
        "lightos_moe_open",
        MoeOpen {
            size,
            flags,
            mode,
            reserved,
            name,
            gate
        }
    );
    layout!(
        table,
        "lightos_moe_configure",
        MoeConfigure {
            size,
            flags,
            layers,
            reserved,
            data,
            bytes,
            fault
        }
    );
    layout!(
        table,
        "lightos_moe_get_layer",
        MoeGetLayer {
            size,
            flags,
            layer,
            layers,
            skipped,
            features,
            hash_rows,
            config
        }
    );
    layout!(
        table,
        "lightos_moe_biases",
        MoeBiases {
            size,
            flags,
            layer,
            count,
            data,
            fault
        }
    );
    layout!(
        table,
        "lightos_moe_hash",
        MoeHash {
            size,
            flags,
            layer,
            reserved,
            count,
            data,
            fault
        }
    );
    layout!(
        table,
        "lightos_moe_projection",
        MoeProjection {
            size,
            flags,
            layer,
            features,
            weights,
            scales,
            fault,
            experts,
            reserved
        }
    );
    layout!(
        table,
        "lightos_moe_buffers",
        MoeBuffers {
            input,
            token_ids,
            ids,
            weights,
            fixed,
            slots
        }
    );
    layout!(
        table,
        "lightos_moe_register",
        MoeRegister {
            size,
            flags,
            format,
            tokens,
            buffers
        }
    );
    layout!(
        table,
        "lightos_moe_route",
        MoeRoute {
            size,
            flags,
            layer,
            format,
            tokens,
            shape,
            buffers,
            activations,
            dropped,
            tokens_dropped,
            missing,
            capacity,
            wrong,
            wrong_token,
            wrong_expert
        }
    );
    layout!(
        table,
        "lightos_moe_update_biases",
        MoeUpdateBiases {
            size,
            flags,
            layer,
            reserved
        }
    );
    layout!(
        table,
        "lightos_moe_expert",
        MoeExpert {
            load,
            dropped,
            recent,
            last,
            state
        }
    );
    layout!(
        table,
        "lightos_moe_experts",
        MoeExperts {
            size,
            flags,
            layer,
            count,
            data
        }
    );
    layout!(
        table,
        "lightos_moe_stats",
        MoeStats {
            size,
            flags,
            layer,
            experts,
            batches,
            tokens,
            skipped,
            activations,
            dropped,
            tokens_dropped,
            missing,
            slots,
            updates,
            busy_ns,
            gate_ns,
            balancedness,
            max_violation,
            cv_squared,
            entropy,
            used,
            drop_rate,
            capacity_factor,
            sparsity
        }
    );
    layout!(
        table,
        "lightos_moe_place",
        MoePlace {
            size,
            flags,
            layer,
            experts,
            replicas,
            groups,
            nodes,
            devices,
            loads,
            place_experts,
            place_numbers,
            counts,
            fault
        }
    );
    layout!(
        table,
        "lightos_moe_mask",
        MoeMask {
            size,
            flags,
            layers
        }
    );
    layout!(
        table,
        "lightos_moe_reset",
        MoeReset {
            size,
            flags,
            layer,
            reserved
        }
    );
    layout!(
        table,
        "lightos_moe_profile",
        MoeProfile {
            size,
            flags,
            profile,
            layers,
            experts,
            reserved,
            bytes,
            fault
        }
    );
}

fn moe_values(table: &mut Mirror) {
    use lightos::moe::{
        Drop, Format, GroupScore, LogitProblem, Problem, Profile, Score, State, Strategy,
    };
    constants!(
        table,
        "LIGHTOS_MOE_MAX_LAYERS" = sys::MOE_MAX_LAYERS,
        "LIGHTOS_MOE_MAX_EXPERTS" = sys::MOE_MAX_EXPERTS,
        "LIGHTOS_MOE_MAX_TOP_K" = sys::MOE_MAX_TOP_K,
        "LIGHTOS_MOE_MAX_GROUPS" = sys::MOE_MAX_GROUPS,
        "LIGHTOS_MOE_MAX_TOKENS" = sys::MOE_MAX_TOKENS,
        "LIGHTOS_MOE_MAX_FEATURES" = sys::MOE_MAX_FEATURES,
        "LIGHTOS_MOE_MAX_REPLICAS" = sys::MOE_MAX_REPLICAS,
        "LIGHTOS_MOE_MAX_BYTES" = sys::MOE_MAX_BYTES,
        "LIGHTOS_MOE_MAX_NAMED" = sys::MOE_MAX_NAMED,
        "LIGHTOS_MOE_NAME_SIZE" = sys::MOE_NAME_SIZE as u64,
        "LIGHTOS_MOE_NO_EXPERT" = sys::MOE_NO_EXPERT,
        "LIGHTOS_MOE_NO_SLOT" = sys::MOE_NO_SLOT,
        "LIGHTOS_MOE_ALL_LAYERS" = sys::MOE_ALL_LAYERS,
        "LIGHTOS_MOE_SCALE_ONE" = sys::MOE_SCALE_ONE,
        "LIGHTOS_MOE_BIAS_ONE" = sys::MOE_BIAS_ONE as u64,
        "LIGHTOS_MOE_BIAS_LIMIT" = sys::MOE_BIAS_LIMIT as u64,
        "LIGHTOS_MOE_MICRO" = sys::MOE_MICRO,
        "LIGHTOS_MOE_BIASED" = sys::MOE_BIASED,
        "LIGHTOS_MOE_RENORMALIZE" = sys::MOE_RENORMALIZE,
        "LIGHTOS_MOE_OPEN_CREATE" = sys::MOE_OPEN_CREATE,
        "LIGHTOS_MOE_OPEN_EXCLUSIVE" = sys::MOE_OPEN_EXCLUSIVE,
        "LIGHTOS_MOE_ROUTE_REGISTERED" = sys::MOE_ROUTE_REGISTERED,
        "LIGHTOS_MOE_ROUTE_ADAPT" = sys::MOE_ROUTE_ADAPT,
        "LIGHTOS_MOE_STATS_LAST" = sys::MOE_STATS_LAST,
        "LIGHTOS_MOE_RESET_LOADS" = sys::MOE_RESET_LOADS,
        "LIGHTOS_MOE_RESET_BIASES" = sys::MOE_RESET_BIASES,
        "LIGHTOS_MOE_TOP_K" = Strategy::TopK.as_u32(),
        "LIGHTOS_MOE_THRESHOLD" = Strategy::Threshold.as_u32(),
        "LIGHTOS_MOE_LEARNED" = Strategy::Learned.as_u32(),
        "LIGHTOS_MOE_HASH" = Strategy::Hash.as_u32(),
        "LIGHTOS_MOE_SOFTMAX" = Score::Softmax.as_u32(),
        "LIGHTOS_MOE_SIGMOID" = Score::Sigmoid.as_u32(),
        "LIGHTOS_MOE_SQRT_SOFTPLUS" = Score::SqrtSoftplus.as_u32(),
        "LIGHTOS_MOE_GROUP_MAX" = GroupScore::Max.as_u32(),
        "LIGHTOS_MOE_GROUP_TOP_TWO" = GroupScore::TopTwo.as_u32(),
        "LIGHTOS_MOE_DROP_NEVER" = Drop::Never.as_u32(),
        "LIGHTOS_MOE_DROP_BY_POSITION" = Drop::ByPosition.as_u32(),
        "LIGHTOS_MOE_DROP_BY_PROBABILITY" = Drop::ByProbability.as_u32(),
        "LIGHTOS_MOE_PROBLEM_RANGE" = Problem::Range.as_u32(),
        "LIGHTOS_MOE_PROBLEM_DIVISOR" = Problem::Divisor.as_u32(),
        "LIGHTOS_MOE_PROBLEM_MIXTURE" = Problem::Mixture.as_u32(),
        "LIGHTOS_MOE_PROBLEM_LENGTH" = Problem::Length.as_u32(),
        "LIGHTOS_MOE_PROBLEM_TWICE" = Problem::Twice.as_u32(),
        "LIGHTOS_MOE_PROBLEM_UNKNOWN" = Problem::Unknown.as_u32(),
        "LIGHTOS_MOE_F32" = Format::F32.as_u32(),
        "LIGHTOS_MOE_F16" = Format::F16.as_u32(),
        "LIGHTOS_MOE_BF16" = Format::Bf16.as_u32(),
        "LIGHTOS_MOE_Q16" = Format::Q16.as_u32(),
        "LIGHTOS_MOE_INT8" = Format::Int8.as_u32(),
        "LIGHTOS_MOE_NO_INPUT" = Format::Absent.as_u32(),
        "LIGHTOS_MOE_NAN" = LogitProblem::NotANumber.as_u32(),
        "LIGHTOS_MOE_INFINITE" = LogitProblem::Infinite.as_u32(),
        "LIGHTOS_MOE_IDLE" = State::Idle.as_u32(),
        "LIGHTOS_MOE_ACTIVE" = State::Active.as_u32(),
        "LIGHTOS_MOE_BUSY" = State::Busy.as_u32(),
        "LIGHTOS_MOE_OVERLOADED" = State::Overloaded.as_u32(),
        "LIGHTOS_MOE_LOW_LATENCY" = Profile::LowLatency.as_u32(),
        "LIGHTOS_MOE_MAX_EFFICIENCY" = Profile::MaxEfficiency.as_u32(),
    );
}

fn photonic_layouts(table: &mut Mirror) {
    layout!(
        table,
        "lightos_photonic_info",
        PhotonicInfo {
            size,
            flags,
            device,
            devices,
            backend,
            revision,
            serial,
            capabilities,
            modes,
            crossings,
            channels,
            wavelengths,
            phase_bits,
            input_bits,
            output_bits,
            square_law,
            settle_us,
            full_scale,
            code_limit,
            rails,
            sensors,
            device_id,
            wavelength_pm,
            wavelength_step_pm,
            reserved
        }
    );
    layout!(
        table,
        "lightos_photonic_status",
        PhotonicStatus {
            size,
            flags,
            device,
            state,
            causes,
            first_cause,
            armed,
            emission,
            laser_uw,
            throttle_permille,
            temperature_mc,
            sensor_faults,
            die_mc,
            setpoint_mc,
            tec_ma,
            fan_rpm,
            fan_pwm,
            rail_state,
            rail_mv,
            rail_ma,
            power_mw,
            calibrated,
            calibration_id,
            reserved,
            reserved2,
            ticks,
            ticks_missed,
            trips,
            latches,
            rearms,
            throttled_ns,
            tick_ns,
            tick_max_ns,
            trip_max_ns,
            late_max_ns,
            jobs,
            jobs_failed,
            vectors,
            busy_ns,
            resets,
            commits
        }
    );
    layout!(
        table,
        "lightos_photonic_control",
        PhotonicControl {
            size,
            flags,
            device,
            action
        }
    );
    layout!(
        table,
        "lightos_photonic_limits",
        PhotonicLimits {
            size,
            flags,
            device,
            reserved,
            throttle_mc,
            full_mc,
            emergency_mc,
            hysteresis_mc,
            setpoint_mc,
            reserved2
        }
    );
    layout!(
        table,
        "lightos_photonic_phases",
        PhotonicPhases {
            size,
            flags,
            device,
            first,
            count,
            reserved,
            requested,
            applied,
            codes,
            bad_channel,
            reserved2
        }
    );
    layout!(
        table,
        "lightos_photonic_submit",
        PhotonicSubmit {
            size,
            flags,
            device,
            vectors,
            wavelengths,
            timeout_ns,
            input,
            input_exponents,
            job,
            result,
            saturated,
            output,
            output_exponents
        }
    );
    layout!(
        table,
        "lightos_photonic_wait",
        PhotonicWait {
            size,
            flags,
            device,
            reserved,
            job,
            timeout_ns,
            output,
            output_exponents,
            result,
            saturated
        }
    );
    layout!(
        table,
        "lightos_photonic_setting",
        PhotonicSetting { channel, code }
    );
    layout!(
        table,
        "lightos_photonic_probe",
        PhotonicProbe {
            size,
            flags,
            device,
            wavelength,
            settings,
            setting_count,
            inputs,
            input,
            output,
            first_tap,
            tap_count,
            taps,
            averages,
            temperature_mc,
            reserved
        }
    );
    layout!(
        table,
        "lightos_photonic_calibration",
        PhotonicCalibration {
            size,
            flags,
            device,
            op,
            data,
            bytes
        }
    );
    layout!(
        table,
        "lightos_photonic_event",
        PhotonicEvent {
            time_ns,
            device,
            kind,
            value
        }
    );
    layout!(
        table,
        "lightos_photonic_events",
        PhotonicEvents {
            size,
            flags,
            devices,
            kinds,
            event
        }
    );
}

fn codes(table: &mut Mirror) {
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
        "LIGHTOS_IOC_SPIKING_PROFILE" = sys::SPIKING_PROFILE,
        "LIGHTOS_IOC_NETWORK_BEGIN" = sys::NETWORK_BEGIN,
        "LIGHTOS_IOC_NETWORK_WRITE" = sys::NETWORK_WRITE,
        "LIGHTOS_IOC_NETWORK_COMMIT" = sys::NETWORK_COMMIT,
        "LIGHTOS_IOC_NETWORK_RINGS" = sys::NETWORK_RINGS,
        "LIGHTOS_IOC_NETWORK_RUN" = sys::NETWORK_RUN,
        "LIGHTOS_IOC_NETWORK_STOP" = sys::NETWORK_STOP,
        "LIGHTOS_IOC_NETWORK_INPUT" = sys::NETWORK_INPUT,
        "LIGHTOS_IOC_NETWORK_OUTPUT" = sys::NETWORK_OUTPUT,
        "LIGHTOS_IOC_NETWORK_STATE" = sys::NETWORK_STATE,
        "LIGHTOS_IOC_NETWORK_RESET" = sys::NETWORK_RESET,
        "LIGHTOS_IOC_NETWORK_STATS" = sys::NETWORK_STATS,
        "LIGHTOS_IOC_NETWORK_ENCODER" = sys::NETWORK_ENCODER,
        "LIGHTOS_IOC_NETWORK_SAMPLES" = sys::NETWORK_SAMPLES,
        "LIGHTOS_IOC_NETWORK_DECODER" = sys::NETWORK_DECODER,
        "LIGHTOS_IOC_NETWORK_DECODED" = sys::NETWORK_DECODED,
        "LIGHTOS_IOC_MOE_OPEN" = sys::MOE_OPEN,
        "LIGHTOS_IOC_MOE_CONFIGURE" = sys::MOE_CONFIGURE,
        "LIGHTOS_IOC_MOE_GET_LAYER" = sys::MOE_GET_LAYER,
        "LIGHTOS_IOC_MOE_SET_BIASES" = sys::MOE_SET_BIASES,
        "LIGHTOS_IOC_MOE_GET_BIASES" = sys::MOE_GET_BIASES,
        "LIGHTOS_IOC_MOE_SET_HASH" = sys::MOE_SET_HASH,
        "LIGHTOS_IOC_MOE_SET_PROJECTION" = sys::MOE_SET_PROJECTION,
        "LIGHTOS_IOC_MOE_REGISTER" = sys::MOE_REGISTER,
        "LIGHTOS_IOC_MOE_ROUTE" = sys::MOE_ROUTE,
        "LIGHTOS_IOC_MOE_UPDATE_BIASES" = sys::MOE_UPDATE_BIASES,
        "LIGHTOS_IOC_MOE_EXPERTS" = sys::MOE_EXPERTS,
        "LIGHTOS_IOC_MOE_STATS" = sys::MOE_STATS,
        "LIGHTOS_IOC_MOE_PLACE" = sys::MOE_PLACE,
        "LIGHTOS_IOC_MOE_MASK" = sys::MOE_MASK,
        "LIGHTOS_IOC_MOE_RESET" = sys::MOE_RESET,
        "LIGHTOS_IOC_MOE_PROFILE" = sys::MOE_PROFILE,
        "LIGHTOS_IOC_PHOTONIC_INFO" = sys::PHOTONIC_INFO,
        "LIGHTOS_IOC_PHOTONIC_STATUS" = sys::PHOTONIC_STATUS,
        "LIGHTOS_IOC_PHOTONIC_CONTROL" = sys::PHOTONIC_CONTROL,
        "LIGHTOS_IOC_PHOTONIC_LIMITS" = sys::PHOTONIC_LIMITS,
        "LIGHTOS_IOC_PHOTONIC_SET_PHASES" = sys::PHOTONIC_SET_PHASES,
        "LIGHTOS_IOC_PHOTONIC_GET_PHASES" = sys::PHOTONIC_GET_PHASES,
        "LIGHTOS_IOC_PHOTONIC_SUBMIT" = sys::PHOTONIC_SUBMIT,
        "LIGHTOS_IOC_PHOTONIC_WAIT" = sys::PHOTONIC_WAIT,
        "LIGHTOS_IOC_PHOTONIC_PROBE" = sys::PHOTONIC_PROBE,
        "LIGHTOS_IOC_PHOTONIC_CALIBRATION" = sys::PHOTONIC_CALIBRATION,
        "LIGHTOS_IOC_PHOTONIC_EVENTS" = sys::PHOTONIC_EVENTS,
    );
}

fn values(table: &mut Mirror) {
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
        "LIGHTOS_FEATURE_NETWORKS" = sys::FEATURE_NETWORKS,
        "LIGHTOS_RESET_NEURONS" = sys::RESET_NEURONS,
        "LIGHTOS_RESET_PENDING" = sys::RESET_PENDING,
        "LIGHTOS_RESET_COUNTERS" = sys::RESET_COUNTERS,
    );
}

fn network_values(table: &mut Mirror) {
    use lightos::network::{DecoderKind, EncoderKind, Kind, Problem, RunEnd, Table};
    use lightos::Profile;
    constants!(
        table,
        "LIGHTOS_MAX_INPUTS" = sys::MAX_INPUTS,
        "LIGHTOS_MAX_DELAY" = sys::MAX_DELAY,
        "LIGHTOS_MAX_SYNAPSES" = sys::MAX_SYNAPSES,
        "LIGHTOS_PARAMS_TIME_CONSTANTS" = sys::PARAMS_TIME_CONSTANTS,
        "LIGHTOS_THRESHOLD_NEVER" = sys::THRESHOLD_NEVER as u64,
        "LIGHTOS_POTENTIAL_LIMIT" = sys::POTENTIAL_LIMIT as u64,
        "LIGHTOS_PROPAGATOR_ONE" = sys::PROPAGATOR_ONE as u64,
        "LIGHTOS_RING_INPUT" = sys::RING_INPUT,
        "LIGHTOS_RING_SPIKES" = sys::RING_SPIKES,
        "LIGHTOS_RING_VOLTAGES" = sys::RING_VOLTAGES,
        "LIGHTOS_MAX_RING_ENTRIES" = sys::MAX_RING_ENTRIES,
        "LIGHTOS_DEFAULT_RING_ENTRIES" = sys::DEFAULT_RING_ENTRIES,
        "LIGHTOS_RING_RECORDS" = sys::RING_RECORDS,
        "LIGHTOS_NEXT_STEP" = sys::NEXT_STEP,
        "LIGHTOS_RUN_UNTIL_STEP" = sys::RUN_UNTIL_STEP,
        "LIGHTOS_RUN_UNTIL_TIME" = sys::RUN_UNTIL_TIME,
        "LIGHTOS_RUN_REAL_TIME" = sys::RUN_REAL_TIME,
        "LIGHTOS_RUN_KEEP_OUTPUT" = sys::RUN_KEEP_OUTPUT,
        "LIGHTOS_RUN_WAIT" = sys::RUN_WAIT,
        "LIGHTOS_RUN_EVENTFD" = sys::RUN_EVENTFD,
        "LIGHTOS_STATE_WRITE" = sys::STATE_WRITE,
        "LIGHTOS_NETWORK_RESET_STATE" = sys::NETWORK_RESET_STATE,
        "LIGHTOS_NETWORK_RESET_COUNTERS" = sys::NETWORK_RESET_COUNTERS,
        "LIGHTOS_NETWORK_RESET_RINGS" = sys::NETWORK_RESET_RINGS,
        "LIGHTOS_MAX_CODERS" = sys::MAX_CODERS,
        "LIGHTOS_ENCODER_LOGARITHMIC" = sys::ENCODER_LOGARITHMIC,
        "LIGHTOS_ENCODER_NORMALIZE" = sys::ENCODER_NORMALIZE,
        "LIGHTOS_ENCODER_CLIP" = sys::ENCODER_CLIP,
        "LIGHTOS_ENCODER_OFF_SPIKE" = sys::ENCODER_OFF_SPIKE,
        "LIGHTOS_ENCODER_PADDING" = sys::ENCODER_PADDING,
        "LIGHTOS_NO_CHANNEL" = sys::NO_CHANNEL,
        "LIGHTOS_RING_OFFSET(2)" = sys::ring_offset(2),
        "LIGHTOS_TABLE_NETWORK" = Table::Network.as_u32(),
        "LIGHTOS_TABLE_POPULATIONS" = Table::Populations.as_u32(),
        "LIGHTOS_TABLE_LOIHI_PARAMS" = Table::LoihiParams.as_u32(),
        "LIGHTOS_TABLE_EXACT_PARAMS" = Table::ExactParams.as_u32(),
        "LIGHTOS_TABLE_DELAYS" = Table::Delays.as_u32(),
        "LIGHTOS_TABLE_STARTS" = Table::Starts.as_u32(),
        "LIGHTOS_TABLE_SYNAPSES" = Table::Synapses.as_u32(),
        "LIGHTOS_TABLE_BLOCKS" = Table::Blocks.as_u32(),
        "LIGHTOS_TABLE_WEIGHTS" = Table::Weights.as_u32(),
        "LIGHTOS_TABLE_PROBES" = Table::Probes.as_u32(),
        "LIGHTOS_PROBLEM_RANGE" = Problem::Range.as_u32(),
        "LIGHTOS_PROBLEM_ORDER" = Problem::Order.as_u32(),
        "LIGHTOS_PROBLEM_BOUNDS" = Problem::Bounds.as_u32(),
        "LIGHTOS_PROBLEM_LENGTH" = Problem::Length.as_u32(),
        "LIGHTOS_PROBLEM_MIXTURE" = Problem::Mixture.as_u32(),
        "LIGHTOS_PROBLEM_UNKNOWN" = Problem::Unknown.as_u32(),
        "LIGHTOS_KIND_LOIHI" = Kind::Loihi.as_u32(),
        "LIGHTOS_KIND_JUMP" = Kind::Jump.as_u32(),
        "LIGHTOS_KIND_EXPONENTIAL" = Kind::Exponential.as_u32(),
        "LIGHTOS_RUN_DONE" = RunEnd::Done.as_u32(),
        "LIGHTOS_RUN_STOPPED" = RunEnd::Stopped.as_u32(),
        "LIGHTOS_RUN_OUTPUT_FULL" = RunEnd::OutputFull.as_u32(),
        "LIGHTOS_RUN_INTERRUPTED" = RunEnd::Interrupted.as_u32(),
        "LIGHTOS_ENCODER_NONE" = EncoderKind::None.as_u32(),
        "LIGHTOS_ENCODER_RATE" = EncoderKind::Rate.as_u32(),
        "LIGHTOS_ENCODER_LATENCY" = EncoderKind::Latency.as_u32(),
        "LIGHTOS_ENCODER_SEND_ON_DELTA" = EncoderKind::SendOnDelta.as_u32(),
        "LIGHTOS_ENCODER_DIFFERENCE" = EncoderKind::Difference.as_u32(),
        "LIGHTOS_DECODER_NONE" = DecoderKind::None.as_u32(),
        "LIGHTOS_DECODER_COUNT" = DecoderKind::Count.as_u32(),
        "LIGHTOS_DECODER_FIRST" = DecoderKind::First.as_u32(),
        "LIGHTOS_DECODER_SUM" = DecoderKind::Sum.as_u32(),
        "LIGHTOS_DECODER_RATE" = DecoderKind::Rate.as_u32(),
        "LIGHTOS_PROFILE_DEFAULT" = Profile::Default.as_u32(),
        "LIGHTOS_PROFILE_LOW_LATENCY" = Profile::LowLatency.as_u32(),
        "LIGHTOS_PROFILE_MAX_EFFICIENCY" = Profile::MaxEfficiency.as_u32(),
    );
}

fn photonic_values(table: &mut Mirror) {
    use lightos::photonic::{Action, RailState, State};
    constants!(
        table,
        "LIGHTOS_PHOTONIC_MAX_DEVICES" = sys::PHOTONIC_MAX_DEVICES,
        "LIGHTOS_PHOTONIC_MAX_MODES" = sys::PHOTONIC_MAX_MODES,
        "LIGHTOS_PHOTONIC_MAX_CHANNELS" = sys::PHOTONIC_MAX_CHANNELS,
        "LIGHTOS_PHOTONIC_MAX_WAVELENGTHS" = sys::PHOTONIC_MAX_WAVELENGTHS,
        "LIGHTOS_PHOTONIC_MAX_RAILS" = sys::PHOTONIC_MAX_RAILS,
        "LIGHTOS_PHOTONIC_MAX_SENSORS" = sys::PHOTONIC_MAX_SENSORS,
        "LIGHTOS_PHOTONIC_MAX_VECTORS" = sys::PHOTONIC_MAX_VECTORS,
        "LIGHTOS_PHOTONIC_MAX_JOBS" = sys::PHOTONIC_MAX_JOBS,
        "LIGHTOS_PHOTONIC_MAX_BLOB" = sys::PHOTONIC_MAX_BLOB,
        "LIGHTOS_PHOTONIC_TURN" = sys::PHOTONIC_TURN,
        "LIGHTOS_PHOTONIC_NO_CHANNEL" = sys::PHOTONIC_NO_CHANNEL,
        "LIGHTOS_PHOTONIC_CAP_MZI" = sys::PHOTONIC_CAP_MZI,
        "LIGHTOS_PHOTONIC_CAP_MICRORING" = sys::PHOTONIC_CAP_MICRORING,
        "LIGHTOS_PHOTONIC_CAP_COHERENT" = sys::PHOTONIC_CAP_COHERENT,
        "LIGHTOS_PHOTONIC_CAP_WDM" = sys::PHOTONIC_CAP_WDM,
        "LIGHTOS_PHOTONIC_CAP_THERMAL_CTRL" = sys::PHOTONIC_CAP_THERMAL_CTRL,
        "LIGHTOS_PHOTONIC_CAUSE_OVERTEMP" = sys::PHOTONIC_CAUSE_OVERTEMP,
        "LIGHTOS_PHOTONIC_CAUSE_SENSORS" = sys::PHOTONIC_CAUSE_SENSORS,
        "LIGHTOS_PHOTONIC_CAUSE_RAIL_TIMEOUT" = sys::PHOTONIC_CAUSE_RAIL_TIMEOUT,
        "LIGHTOS_PHOTONIC_CAUSE_OVERCURRENT" = sys::PHOTONIC_CAUSE_OVERCURRENT,
        "LIGHTOS_PHOTONIC_CAUSE_UNDERVOLTAGE" = sys::PHOTONIC_CAUSE_UNDERVOLTAGE,
        "LIGHTOS_PHOTONIC_CAUSE_RAIL_STUCK" = sys::PHOTONIC_CAUSE_RAIL_STUCK,
        "LIGHTOS_PHOTONIC_CAUSE_INTERLOCK" = sys::PHOTONIC_CAUSE_INTERLOCK,
        "LIGHTOS_PHOTONIC_CAUSE_WATCHDOG" = sys::PHOTONIC_CAUSE_WATCHDOG,
        "LIGHTOS_PHOTONIC_CAUSE_COMPARATOR" = sys::PHOTONIC_CAUSE_COMPARATOR,
        "LIGHTOS_PHOTONIC_CAUSE_MISSED_TICKS" = sys::PHOTONIC_CAUSE_MISSED_TICKS,
        "LIGHTOS_PHOTONIC_CAUSE_FAN" = sys::PHOTONIC_CAUSE_FAN,
        "LIGHTOS_PHOTONIC_CAUSE_TEC" = sys::PHOTONIC_CAUSE_TEC,
        "LIGHTOS_PHOTONIC_CAUSE_GONE" = sys::PHOTONIC_CAUSE_GONE,
        "LIGHTOS_PHOTONIC_CAUSE_EMISSION" = sys::PHOTONIC_CAUSE_EMISSION,
        "LIGHTOS_PHOTONIC_LIMITS_SET" = sys::PHOTONIC_LIMITS_SET,
        "LIGHTOS_PHOTONIC_COMMIT" = sys::PHOTONIC_COMMIT,
        "LIGHTOS_PHOTONIC_DIRECT" = sys::PHOTONIC_DIRECT,
        "LIGHTOS_PHOTONIC_UNTHROTTLED" = sys::PHOTONIC_UNTHROTTLED,
        "LIGHTOS_PHOTONIC_NOW" = sys::PHOTONIC_NOW,
        "LIGHTOS_PHOTONIC_PROBE_CLEAR" = sys::PHOTONIC_PROBE_CLEAR,
        "LIGHTOS_PHOTONIC_EVENTS_SUBSCRIBE" = sys::PHOTONIC_EVENTS_SUBSCRIBE,
        "LIGHTOS_PHOTONIC_EVENT_LATCHED" = sys::PHOTONIC_EVENT_LATCHED,
        "LIGHTOS_PHOTONIC_EVENT_CLEARED" = sys::PHOTONIC_EVENT_CLEARED,
        "LIGHTOS_PHOTONIC_EVENT_THROTTLE" = sys::PHOTONIC_EVENT_THROTTLE,
        "LIGHTOS_PHOTONIC_EVENT_POWER" = sys::PHOTONIC_EVENT_POWER,
        "LIGHTOS_PHOTONIC_EVENT_LASER" = sys::PHOTONIC_EVENT_LASER,
        "LIGHTOS_PHOTONIC_EVENT_SENSOR" = sys::PHOTONIC_EVENT_SENSOR,
        "LIGHTOS_PHOTONIC_EVENT_RESET" = sys::PHOTONIC_EVENT_RESET,
        "LIGHTOS_PHOTONIC_EVENT_JOB" = sys::PHOTONIC_EVENT_JOB,
        "LIGHTOS_PHOTONIC_EVENT_CALIBRATION" = sys::PHOTONIC_EVENT_CALIBRATION,
        "LIGHTOS_PHOTONIC_EVENT_LOST" = sys::PHOTONIC_EVENT_LOST,
        "LIGHTOS_PHOTONIC_UNINITIALISED" = State::Uninitialised.as_u32(),
        "LIGHTOS_PHOTONIC_INITIALISING" = State::Initialising.as_u32(),
        "LIGHTOS_PHOTONIC_READY" = State::Ready.as_u32(),
        "LIGHTOS_PHOTONIC_BUSY" = State::Busy.as_u32(),
        "LIGHTOS_PHOTONIC_THERMAL_LIMIT" = State::ThermalLimit.as_u32(),
        "LIGHTOS_PHOTONIC_ERROR" = State::Error.as_u32(),
        "LIGHTOS_PHOTONIC_SHUTDOWN" = State::Shutdown.as_u32(),
        "LIGHTOS_PHOTONIC_RAIL_OFF" = RailState::Off.as_u32(),
        "LIGHTOS_PHOTONIC_RAIL_RAMPING_UP" = RailState::RampingUp.as_u32(),
        "LIGHTOS_PHOTONIC_RAIL_ON" = RailState::On.as_u32(),
        "LIGHTOS_PHOTONIC_RAIL_RAMPING_DOWN" = RailState::RampingDown.as_u32(),
        "LIGHTOS_PHOTONIC_RAIL_FAULT" = RailState::Fault.as_u32(),
        "LIGHTOS_PHOTONIC_POWER_UP" = Action::PowerUp.as_u32(),
        "LIGHTOS_PHOTONIC_POWER_DOWN" = Action::PowerDown.as_u32(),
        "LIGHTOS_PHOTONIC_ARM" = Action::Arm.as_u32(),
        "LIGHTOS_PHOTONIC_DISARM" = Action::Disarm.as_u32(),
        "LIGHTOS_PHOTONIC_CLEAR" = Action::Clear.as_u32(),
        "LIGHTOS_PHOTONIC_RESET_SOFT" = Action::ResetSoft.as_u32(),
        "LIGHTOS_PHOTONIC_RESET_FUNCTION" = Action::ResetFunction.as_u32(),
        "LIGHTOS_PHOTONIC_RESET_POWER" = Action::ResetPower.as_u32(),
        "LIGHTOS_PHOTONIC_CALIBRATION_READ" = sys::PHOTONIC_CALIBRATION_READ,
        "LIGHTOS_PHOTONIC_CALIBRATION_LOAD" = sys::PHOTONIC_CALIBRATION_LOAD,
        "LIGHTOS_PHOTONIC_CALIBRATION_FIRMWARE" = sys::PHOTONIC_CALIBRATION_FIRMWARE,
        "LIGHTOS_PHOTONIC_CALIBRATION_DROP" = sys::PHOTONIC_CALIBRATION_DROP,
    );
}

fn header_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../uapi")
}

/// Compiles and runs a C program that prints `name<TAB>value` of each name.
fn what_the_header_says<'a>(names: impl Iterator<Item = &'a String>) -> Mirror {
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
    let mut mirror = Mirror::new();
    legacy_layouts(&mut mirror);
    extended_layouts(&mut mirror);
    network_layouts(&mut mirror);
    moe_layouts(&mut mirror);
    photonic_layouts(&mut mirror);
    codes(&mut mirror);
    values(&mut mirror);
    network_values(&mut mirror);
    moe_values(&mut mirror);
    photonic_values(&mut mirror);
    assert_eq!(what_the_header_says(mirror.keys()), mirror);
}

#[test]
fn the_mirror_knows_every_code_of_the_header() {
    let header = std::fs::read_to_string(header_dir().join("lightos.h")).unwrap();
    let mut mirror = Mirror::new();
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
