// SPDX-License-Identifier: GPL-2.0

//! A network that is being loaded: its tables, filled piece by piece.
//!
//! Entries are taken as they come; what they mean together is looked at by
//! [`Parts::check`] when the network is committed.
//!
//! Process context; the lock `loading` of the session.

use super::memory::{table, Vmalloc};
use crate::{
    rust::charged::ChargedVec,
    spiking::network::{
        description::{Fault, Kind, Parts, Population, Problem, Table, MAX_NEURONS, MAX_SYNAPSES},
        exact, loihi,
        simulation::Network,
        span::{Plan, Row},
        synapses::{Block, Synapse, Width, MAX_DELAY},
    },
    uapi,
};
use core::num::NonZeroU64;
use kernel::{
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice, UserSliceReader},
};

/// The longest step: 1,000 seconds.
const MAX_STEP_NS: u64 = 1_000_000_000_000;

// SAFETY: A synapse is a number; any bits will do.
unsafe impl FromBytes for Synapse {}
// SAFETY: A synapse is a number, without holes.
unsafe impl AsBytes for Synapse {}

/// Why entries could not be written.
pub(super) enum WriteError {
    /// The call as a whole failed.
    Call(Error),
    /// An entry cannot be.
    Entry(uapi::NetworkFault),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// What is wrong with a field: its name, and a problem of the ABI.
type Wrong = (&'static str, u32);

/// The tables of a network that is being loaded.
pub(super) struct Loading {
    parts: Parts<Vmalloc>,
    step_ns: u64,
}

impl Loading {
    /// Allocates the tables. `EINVAL` for impossible sizes, `ENOMEM`.
    pub(super) fn new(request: &uapi::NetworkBegin) -> Result<Self> {
        const MANY: u64 = MAX_NEURONS as u64;
        const DELAYS: u64 = MAX_DELAY as u64;

        let len = |entries: u64, least: u64, most: u64| {
            let fits = (least..=most).contains(&entries);
            fits.then_some(entries as usize).ok_or(EINVAL)
        };
        if request.inputs > uapi::MAX_INPUTS || !(1..=MAX_STEP_NS).contains(&request.step_ns) {
            return Err(EINVAL);
        }
        let delays = len(request.delays, 0, DELAYS)?;
        let starts = len(request.starts, 0, request.delays * 2 * MANY + 1)?;
        let no_params = exact::Params {
            propagators: exact::Propagators {
                p22: 0,
                p11: [0; 2],
                p21: [0; 2],
            },
            drive: 0,
            gain: [0; 2],
            threshold: 0,
            reset: 0,
            refractory_steps: 0,
            reserved: 0,
        };
        let no_block = Block {
            source_first: 0,
            source_count: 0,
            target_first: 0,
            target_count: 0,
            delay: 0,
            width: Width::Byte,
            offset: 0,
        };
        let no_population = Population {
            first: 0,
            count: 0,
            kind: Kind::Loihi,
            params: 0,
            params_count: 0,
        };
        let no_loihi = loihi::Params {
            current_decay: 0,
            voltage_decay: 0,
            threshold: 0,
            bias: 0,
            refractory_steps: 0,
        };
        Ok(Self {
            step_ns: request.step_ns,
            parts: Parts {
                inputs: request.inputs,
                populations: table(no_population, len(request.populations, 1, MANY)?)?,
                loihi_params: table(no_loihi, len(request.loihi_params, 0, MANY)?)?,
                exact_params: table(no_params, len(request.exact_params, 0, MANY)?)?,
                delays: table(0, delays)?,
                starts: table(0, starts)?,
                synapses: table(Synapse::new(0, 0), len(request.synapses, 0, MAX_SYNAPSES)?)?,
                blocks: table(no_block, len(request.blocks, 0, MANY)?)?,
                weights: table(0, len(request.weights, 0, 2 * MAX_SYNAPSES)?)?,
                probes: table(0, len(request.probes, 0, MANY)?)?,
                loihi_states: ChargedVec::new(),
                exact_states: ChargedVec::new(),
                wheel: ChargedVec::new(),
                sums: ChargedVec::new(),
                awake: ChargedVec::new(),
                touched: ChargedVec::new(),
                plans: ChargedVec::new(),
                rows: ChargedVec::new(),
                due: ChargedVec::new(),
                limits: ChargedVec::new(),
            },
        })
    }

    /// Nanoseconds of a step.
    pub(super) fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// Sparse synapses and pairs of dense blocks.
    pub(super) fn synapses(&self) -> u64 {
        let pairs = |b: &Block| u64::from(b.source_count) * u64::from(b.target_count);
        let dense: u64 = self.parts.blocks.iter().map(pairs).sum();
        dense + self.parts.synapses.len() as u64
    }

    /// The tables.
    pub(super) fn parts(&self) -> &Parts<Vmalloc> {
        &self.parts
    }

    /// Copies entries in from user space.
    pub(super) fn write(&mut self, request: &uapi::NetworkWrite) -> Result<(), WriteError> {
        let (parts, step_ns) = (&mut self.parts, self.step_ns);
        match request.table {
            uapi::TABLE_POPULATIONS => convert(request, &mut parts.populations, population),
            uapi::TABLE_LOIHI_PARAMS => convert(request, &mut parts.loihi_params, loihi_params),
            uapi::TABLE_EXACT_PARAMS => convert(request, &mut parts.exact_params, |p| {
                exact_params(p, step_ns)
            }),
            uapi::TABLE_BLOCKS => convert(request, &mut parts.blocks, block),
            uapi::TABLE_DELAYS => Ok(copy(request, &mut parts.delays)?),
            uapi::TABLE_STARTS => Ok(copy(request, &mut parts.starts)?),
            uapi::TABLE_SYNAPSES => Ok(copy(request, &mut parts.synapses)?),
            uapi::TABLE_WEIGHTS => Ok(copy(request, &mut parts.weights)?),
            uapi::TABLE_PROBES => Ok(copy(request, &mut parts.probes)?),
            _ => Err(EINVAL.into()),
        }
    }

    /// Allocates the working tables and checks everything.
    ///
    /// The outer error is of allocation, the inner one of the description.
    /// Either leaves the tables as they are.
    pub(super) fn check(&mut self) -> Result<Result<(), Fault>> {
        let parts = &mut self.parts;
        let needed = parts.working();
        parts.loihi_states = table(loihi::State::REST, needed.loihi_states)?;
        parts.exact_states = table(exact::State::REST, needed.exact_states)?;
        parts.wheel = table(0, needed.wheel)?;
        parts.sums = table(0, needed.sums)?;
        parts.awake = table(0, needed.awake)?;
        parts.touched = table(0, needed.touched)?;
        parts.plans = table(Plan::default(), needed.plans)?;
        parts.rows = table(Row::NONE, needed.rows)?;
        parts.due = table(0, needed.due)?;
        parts.limits = table(0, needed.limits)?;
        Ok(parts.check())
    }

    /// The network of tables that were checked.
    pub(super) fn finish(self) -> Network<Vmalloc> {
        Network::of_checked(self.parts, ChargedVec::new())
    }
}

/// The entries that `request` names, and a reader of user memory for them.
fn target<'a, T, U>(
    request: &uapi::NetworkWrite,
    table: &'a mut [T],
) -> Result<(&'a mut [T], UserSliceReader)> {
    let first = usize::try_from(request.first).map_err(|_| EINVAL)?;
    let count = usize::try_from(request.count).map_err(|_| EINVAL)?;
    let end = first.checked_add(count).ok_or(EINVAL)?;
    let entries = table.get_mut(first..end).ok_or(EINVAL)?;
    let data = usize::try_from(request.data).map_err(|_| EFAULT)?;
    let bytes = count.checked_mul(size_of::<U>()).ok_or(EINVAL)?;
    let slice = UserSlice::new(UserPtr::from_addr(data), bytes);
    Ok((entries, slice.reader()))
}

/// Copies entries of which any bits will do.
fn copy<T: FromBytes + AsBytes>(request: &uapi::NetworkWrite, table: &mut [T]) -> Result {
    let (entries, mut reader) = target::<_, T>(request, table)?;
    reader.read_slice(AsBytes::as_bytes_mut(entries))
}

/// Copies entries `U` of the ABI that become `T`.
fn convert<T, U: FromBytes>(
    request: &uapi::NetworkWrite,
    table: &mut [T],
    convert: impl Fn(U) -> Result<T, Wrong>,
) -> Result<(), WriteError> {
    let (entries, mut reader) = target::<_, U>(request, table)?;
    for (number, entry) in (request.first..).zip(entries.iter_mut()) {
        *entry = convert(reader.read()?).map_err(|(field, problem)| {
            WriteError::Entry(uapi::NetworkFault::new(
                request.table,
                problem,
                number,
                field,
            ))
        })?;
    }
    Ok(())
}

/// `Ok` if `known`, else an unknown value of `field`.
fn demand_known(known: bool, field: &'static str) -> Result<(), Wrong> {
    known.then_some(()).ok_or((field, uapi::PROBLEM_UNKNOWN))
}

fn population(p: uapi::Population) -> Result<Population, Wrong> {
    demand_known(p.reserved == 0, "reserved")?;
    let kind = match p.kind {
        0 => Kind::Loihi,
        1 => Kind::Jump,
        2 => Kind::Exponential,
        _ => return Err(("kind", uapi::PROBLEM_UNKNOWN)),
    };
    Ok(Population {
        first: p.first,
        count: p.count,
        kind,
        params: p.params,
        params_count: p.params_count,
    })
}

fn loihi_params(p: uapi::LoihiParams) -> Result<loihi::Params, Wrong> {
    demand_known(p.reserved == 0, "reserved")?;
    Ok(loihi::Params {
        current_decay: p.current_decay,
        voltage_decay: p.voltage_decay,
        threshold: p.threshold,
        bias: p.bias,
        refractory_steps: p.refractory_steps,
    })
}

fn exact_params(p: uapi::ExactParams, step_ns: u64) -> Result<exact::Params, Wrong> {
    demand_known(p.flags & !uapi::PARAMS_TIME_CONSTANTS == 0, "flags")?;
    let params = exact::Params {
        propagators: exact::Propagators {
            p22: p.membrane,
            p11: p.current,
            p21: p.coupling,
        },
        drive: p.drive,
        gain: p.gain,
        threshold: p.threshold,
        reset: p.reset,
        refractory_steps: p.refractory_steps,
        reserved: 0,
    };
    if p.flags & uapi::PARAMS_TIME_CONSTANTS == 0 {
        return Ok(params);
    }
    demand_known(p.coupling == [0; 2], "coupling")?;
    let range = |field| (field, Problem::Range as u32);
    let tau = |ns: i64, field| {
        u64::try_from(ns)
            .map(NonZeroU64::new)
            .map_err(|_| range(field))
    };
    let membrane = tau(p.membrane, "membrane")?;
    let [rising, falling] = p.current;
    let currents = [tau(rising, "current")?, tau(falling, "current")?];
    if p.drive.unsigned_abs() > exact::LIMIT as u64 {
        return Err(range("drive"));
    }
    let propagators = exact::Propagators::new(step_ns, membrane, currents);
    Ok(exact::Params {
        drive: match membrane {
            Some(_) => exact::share(p.drive, propagators.p22),
            None => p.drive,
        },
        propagators,
        ..params
    })
}

fn block(b: uapi::Block) -> Result<Block, Wrong> {
    let width = match b.width {
        1 => Width::Byte,
        2 => Width::Word,
        _ => return Err(("width", uapi::PROBLEM_UNKNOWN)),
    };
    Ok(Block {
        source_first: b.source_first,
        source_count: b.source_count,
        target_first: b.target_first,
        target_count: b.target_count,
        delay: b.delay,
        width,
        offset: b.offset,
    })
}

impl uapi::NetworkFault {
    /// The fault of `field` in an entry.
    fn new(table: u32, problem: u32, entry: u64, field: &str) -> Self {
        let mut fault = Self {
            table,
            problem,
            entry,
            ..Self::default()
        };
        // The last byte stays zero.
        let room = fault.field.len() - 1;
        for (to, from) in fault.field[..room].iter_mut().zip(field.bytes()) {
            *to = from;
        }
        fault
    }
}

impl From<Fault> for uapi::NetworkFault {
    fn from(fault: Fault) -> Self {
        // The numbers of both lists are those of the ABI; working tables are
        // the module's own.
        let table = match fault.table {
            Table::Working => uapi::TABLE_NETWORK,
            table => table as u32,
        };
        // Propagators have names of their own in the arithmetic.
        let field = match fault.field {
            "p22" => "membrane",
            "p11" => "current",
            "p21" => "coupling",
            field => field,
        };
        Self::new(table, fault.problem as u32, fault.entry, field)
    }
}

const _: () = {
    assert!(Table::Populations as u32 == uapi::TABLE_POPULATIONS);
    assert!(Table::LoihiParams as u32 == uapi::TABLE_LOIHI_PARAMS);
    assert!(Table::ExactParams as u32 == uapi::TABLE_EXACT_PARAMS);
    assert!(Table::Delays as u32 == uapi::TABLE_DELAYS);
    assert!(Table::Starts as u32 == uapi::TABLE_STARTS);
    assert!(Table::Synapses as u32 == uapi::TABLE_SYNAPSES);
    assert!(Table::Blocks as u32 == uapi::TABLE_BLOCKS);
    assert!(Table::Weights as u32 == uapi::TABLE_WEIGHTS);
    assert!(Table::Probes as u32 == uapi::TABLE_PROBES);
    assert!(Problem::Mixture as u32 + 1 == uapi::PROBLEM_UNKNOWN);
};
