// SPDX-License-Identifier: GPL-2.0

//! The ioctls on gates: copy in, check, apply, copy out.
//!
//! Process context. User memory is touched with no lock held. A call answers
//! before it changes anything: a caller who cannot be answered has changed
//! nothing.

use super::{
    account::Booking,
    batch::{Batch, Outcome, Stop},
    desk::Desk,
    names::{Gates, Held, Wanted},
    state::{adapts, table, Layers, Matrix, Shared, Snapshot},
    tables::{self, Refusal},
    Context, Registered,
};
use crate::{
    moe::{
        config::{Layer, LayerMask, Strategy},
        placement::{place, Cluster, Placement, Work},
        profile::{Profile, LEGACY_EXPERTS},
    },
    rust::{
        clock::monotonic_ns,
        trace,
        uaccess::{demand_zero, memory, UserArg},
    },
    uapi,
};
use kernel::{prelude::*, sync::Arc, transmute::AsBytes};

// SAFETY: Integers, and arrays and pairs of them alone: all zero is a value.
unsafe impl Zeroable for Work {}

// SAFETY: Integers alone: all zero is a value.
unsafe impl Zeroable for uapi::MoeExpert {}

/// A call on the gate of a file, by its number. `ENOTTY` if it is none.
pub(crate) fn call(context: &Context, nr: u32, arg: UserArg, writable: bool) -> Result {
    match nr {
        uapi::NR_MOE_OPEN => open(context, arg, writable),
        uapi::NR_MOE_GET_LAYER => get_layer(context, arg),
        uapi::NR_MOE_GET_BIASES => get_biases(context, arg),
        uapi::NR_MOE_EXPERTS => experts(context, arg),
        uapi::NR_MOE_STATS => stats(context, arg),
        uapi::NR_MOE_PLACE => placement(context, arg),
        _ if !writable => Err(EBADF),
        uapi::NR_MOE_CONFIGURE => configure(context, arg),
        uapi::NR_MOE_SET_BIASES => set_biases(context, arg),
        uapi::NR_MOE_SET_HASH => set_hash(context, arg),
        uapi::NR_MOE_SET_PROJECTION => set_projection(context, arg),
        uapi::NR_MOE_REGISTER => register(context, arg),
        uapi::NR_MOE_ROUTE => route(context, arg),
        uapi::NR_MOE_UPDATE_BIASES => update_biases(context, arg),
        uapi::NR_MOE_MASK => mask(context, arg),
        uapi::NR_MOE_RESET => reset(context, arg),
        uapi::NR_MOE_PROFILE => profile(context, arg),
        _ => Err(ENOTTY),
    }
}

/// Tells the caller which entry is wrong, where it is one; `tell` writes it.
fn refuse(refusal: Refusal, tell: impl FnOnce(uapi::MoeFault) -> Result) -> Result {
    match refusal {
        Refusal::Call(error) => Err(error),
        Refusal::Entry(fault) => {
            tell(fault)?;
            Err(EINVAL)
        }
    }
}

fn open(context: &Context, arg: UserArg, writable: bool) -> Result {
    let request: uapi::MoeOpen = arg.read_extensible()?;
    let wanted = Wanted::new(&request, writable)?;
    if context.gate().is_ok() {
        return Err(EBUSY);
    }
    let gate = Gates::open(&context.gates, &wanted)?;
    arg.write_extensible(uapi::MoeOpen {
        gate: gate.id(),
        ..request
    })?;
    context.adopt_first(gate)
}

/// Makes `layers` those of the file's gate, once `answer` has given their bytes.
fn apply(context: &Context, layers: Layers, answer: impl FnOnce(u64) -> Result) -> Result {
    let gate = context.gate_or_new()?;
    let (count, bytes) = (layers.len(), layers.bytes());
    answer(bytes)?;
    let gate = context.adopt(gate);
    gate.configure(layers);
    trace::moe_configure(gate.id(), count as u32, bytes);
    Ok(())
}

fn configure(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeConfigure = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    match tables::layers(&request) {
        Ok(rules) => apply(context, Layers::new(&rules)?, |bytes| {
            arg.write_extensible(uapi::MoeConfigure {
                bytes,
                fault: uapi::MoeFault::default(),
                ..request
            })
        }),
        Err(refusal) => refuse(refusal, |fault| {
            arg.write_extensible(uapi::MoeConfigure { fault, ..request })
        }),
    }
}

fn profile(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeProfile = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let profile = [Profile::LowLatency, Profile::MaximumEfficiency]
        .into_iter()
        .find(|&profile| profile as u32 == request.profile)
        .ok_or(EINVAL)?;
    let experts = match request.experts {
        0 => LEGACY_EXPERTS,
        experts => experts,
    };
    let count = request.layers.max(1);
    if count > uapi::MOE_MAX_LAYERS {
        return Err(EINVAL);
    }
    let layer = match profile.layer(experts) {
        Ok(layer) => layer,
        Err(fault) => {
            let fault = uapi::MoeFault::of_layers(fault);
            return refuse(Refusal::Entry(fault), |fault| {
                arg.write_extensible(uapi::MoeProfile { fault, ..request })
            });
        }
    };
    let rules: KVVec<Layer> = KVVec::from_elem(layer, count as usize, GFP_KERNEL_ACCOUNT)?;
    apply(context, Layers::new(&rules)?, |bytes| {
        arg.write_extensible(uapi::MoeProfile {
            bytes,
            fault: uapi::MoeFault::default(),
            ..request
        })
    })
}

fn get_layer(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeGetLayer = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    let gate = context.gate()?;
    let of = gate.snapshot(request.layer, &mut [])?;
    let matrix = of.shared.matrix.as_ref();
    arg.write_extensible(uapi::MoeGetLayer {
        layers: gate.size().0 as u32,
        skipped: of.skipped.into(),
        features: matrix.map_or(0, |matrix| matrix.view().features() as u32),
        hash_rows: (of.shared.hash().len() / of.rule.top_k.max(1) as usize) as u64,
        config: tables::said(&of.rule),
        ..request
    })
}

/// The layer of a call that sets or gets biases.
fn biased(gate: &Held, request: &uapi::MoeBiases, biases: &mut [i64]) -> Result<Snapshot> {
    demand_zero(&[request.flags])?;
    let of = gate.snapshot(request.layer, biases)?;
    if !of.rule.biased || request.count != of.rule.experts {
        return Err(EINVAL);
    }
    Ok(of)
}

fn set_biases(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeBiases = arg.read_extensible()?;
    let gate = context.gate()?;
    let of = biased(&gate, &request, &mut [])?;
    match tables::biases(&request, &of.rule) {
        Ok(biases) => gate.set_biases(&of, &biases),
        Err(refusal) => refuse(refusal, |fault| {
            arg.write_extensible(uapi::MoeBiases { fault, ..request })
        }),
    }
}

fn get_biases(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeBiases = arg.read_extensible()?;
    if request.count > uapi::MOE_MAX_EXPERTS {
        return Err(EINVAL);
    }
    let gate = context.gate()?;
    let count = request.count as usize;
    let mut biases = table(count)?;
    biased(&gate, &request, &mut biases)?;
    memory::<i64>(request.data, count)?
        .writer()
        .write_slice(AsBytes::as_bytes(&biases[..]))
}

/// The layer of a call that sets a table of this strategy.
fn with_strategy(gate: &Held, layer: u32, strategy: Strategy) -> Result<Snapshot> {
    let of = gate.snapshot(layer, &mut [])?;
    let fits = of.rule.strategy == strategy;
    fits.then_some(of).ok_or(EINVAL)
}

fn set_hash(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeHash = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let gate = context.gate()?;
    let of = with_strategy(&gate, request.layer, Strategy::Hash)?;
    gate.room_for(&of, tables::hash_bytes(&request))?;
    match tables::hash(&request, &of.rule) {
        Ok(hash) => {
            let hash = Some(Arc::new(hash, GFP_KERNEL_ACCOUNT)?);
            gate.set_shared(&of, Shared { hash, matrix: None })
        }
        Err(refusal) => refuse(refusal, |fault| {
            arg.write_extensible(uapi::MoeHash { fault, ..request })
        }),
    }
}

fn set_projection(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeProjection = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let gate = context.gate()?;
    let of = with_strategy(&gate, request.layer, Strategy::Learned)?;
    if request.experts != of.rule.experts {
        return Err(ESTALE);
    }
    gate.room_for(&of, tables::matrix_bytes(&request))?;
    match tables::matrix(&request, &of.rule) {
        Ok(matrix) => {
            let matrix: Arc<Matrix> = Arc::new(matrix, GFP_KERNEL_ACCOUNT)?;
            let matrix = Some(matrix);
            gate.set_shared(&of, Shared { hash: None, matrix })
        }
        Err(refusal) => refuse(refusal, |fault| {
            arg.write_extensible(uapi::MoeProjection { fault, ..request })
        }),
    }
}

fn register(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeRegister = arg.read_extensible()?;
    let buffers = request.buffers;
    demand_zero(&[request.flags])?;
    if request.tokens > uapi::MOE_MAX_TOKENS || request.format > uapi::MOE_NO_INPUT {
        return Err(EINVAL);
    }
    if request.tokens == 0 {
        if request.format != 0 || buffers.as_bytes().iter().any(|&byte| byte != 0) {
            return Err(EINVAL);
        }
        let mut own = context.own.lock();
        own.registered = None;
        let desk = own.desk.take();
        drop(own);
        drop(desk);
        return Ok(());
    }
    let (top_k, _) = context.gate()?.greatest()?;
    let mut desk = context.desk()?;
    if let Err(error) = desk.reserve(request.format, request.tokens as usize, top_k) {
        context.leave_desk(desk);
        return Err(error);
    }
    let mut own = context.own.lock();
    own.registered = Some(Registered {
        format: request.format,
        tokens: request.tokens,
        buffers,
    });
    // Whatever a batch has left meanwhile: this one is large enough.
    let other = own.desk.replace(desk);
    drop(own);
    drop(other);
    Ok(())
}

impl Context {
    /// Format and buffers of a ROUTE. `EINVAL`; `ENODATA` without registered ones.
    fn buffers(&self, request: &uapi::MoeRoute) -> Result<(u32, uapi::MoeBuffers)> {
        if request.flags & uapi::MOE_ROUTE_REGISTERED == 0 {
            return Ok((request.format, request.buffers));
        }
        let given = request.buffers.as_bytes().iter().any(|&byte| byte != 0);
        if request.format != 0 || given {
            return Err(EINVAL);
        }
        let registered = self.own.lock().registered.ok_or(ENODATA)?;
        if request.tokens > registered.tokens {
            return Err(EINVAL);
        }
        Ok((registered.format, registered.buffers))
    }
}

fn route(context: &Context, arg: UserArg) -> Result {
    const KNOWN: u32 = uapi::MOE_ROUTE_REGISTERED | uapi::MOE_ROUTE_ADAPT;

    let begin = monotonic_ns();
    let request: uapi::MoeRoute = arg.read_extensible()?;
    demand_zero(&[request.flags & !KNOWN])?;
    if request.tokens > uapi::MOE_MAX_TOKENS {
        return Err(EINVAL);
    }
    let gate = context.gate()?;
    let (format, buffers) = context.buffers(&request)?;
    let mut desk = context.desk()?;
    let routed = (|| {
        let of = gate.snapshot(request.layer, &mut desk.biases)?;
        if request.shape != 0 && request.shape != shape(&of.rule) {
            return Err(ESTALE);
        }
        let adapt = request.flags & uapi::MOE_ROUTE_ADAPT != 0;
        if adapt && of.rule.bias_step == 0 {
            return Err(EINVAL);
        }
        let batch = Batch::new(&of, format, request.tokens, &buffers)?;
        let outcome = match batch.run(&mut desk) {
            Ok(outcome) => outcome,
            Err(stop) => return Err(stopped(stop, &request, arg)),
        };
        arg.write_extensible(request.answer(&outcome))?;
        book(&gate, &of, &desk, request.tokens, &outcome, adapt, begin);
        Ok(())
    })();
    context.leave_desk(desk);
    routed
}

/// `LIGHTOS_MOE_SHAPE` of a layer: both numbers are below 2^16.
fn shape(rule: &Layer) -> u32 {
    rule.experts | rule.top_k << 16
}

/// Tells the caller which logit is wrong.
fn stopped(stop: Stop, request: &uapi::MoeRoute, arg: UserArg) -> Error {
    match stop {
        Stop::Call(error) => error,
        Stop::Logit {
            wrong,
            token,
            expert,
        } => {
            let told = arg.write_extensible(uapi::MoeRoute {
                wrong,
                wrong_token: token,
                wrong_expert: expert,
                ..*request
            });
            told.err().unwrap_or(EDOM)
        }
    }
}

impl uapi::MoeRoute {
    fn answer(&self, outcome: &Outcome) -> Self {
        Self {
            activations: outcome.tally.activations,
            dropped: outcome.assignment.dropped,
            tokens_dropped: outcome.tally.tokens_dropped,
            missing: outcome.tally.missing,
            capacity: outcome.assignment.capacity,
            wrong: 0,
            wrong_token: 0,
            wrong_expert: 0,
            ..*self
        }
    }
}

/// Books a batch that is through.
fn book(
    gate: &Held,
    of: &Snapshot,
    desk: &Desk,
    tokens: u32,
    outcome: &Outcome,
    adapt: bool,
    begin: u64,
) {
    let experts = of.rule.experts as usize;
    trace::moe_route(gate.id(), of.layer, tokens, outcome.assignment.dropped);
    if of.skipped {
        gate.book_skipped(of, tokens);
        return;
    }
    let rooms = match outcome.assignment.dropped {
        0 => &[],
        _ => desk.rooms.get(..experts).unwrap_or(&[]),
    };
    let booking = Booking {
        tokens,
        loads: desk.loads.get(..experts).unwrap_or(&[]),
        rooms,
        tally: outcome.tally,
        assignment: outcome.assignment,
        busy_ns: monotonic_ns().saturating_sub(begin),
        gate_ns: outcome.gate_ns,
    };
    gate.book(of, &booking, adapt || adapts(&of.rule));
}

fn update_biases(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeUpdateBiases = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    context.gate()?.update_biases(request.layer)
}

fn experts(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeExperts = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    if request.count > uapi::MOE_MAX_EXPERTS {
        return Err(EINVAL);
    }
    let gate = context.gate()?;
    let count = request.count as usize;
    let mut experts = table::<uapi::MoeExpert>(count)?;
    gate.experts(request.layer, &mut experts)?;
    let mut writer = memory::<uapi::MoeExpert>(request.data, count)?.writer();
    for expert in &experts {
        writer.write(expert)?;
    }
    Ok(())
}

fn stats(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeStats = arg.read_extensible()?;
    demand_zero(&[request.flags & !uapi::MOE_STATS_LAST])?;
    let last = request.flags & uapi::MOE_STATS_LAST != 0;
    let stats = context.gate()?.stats(request.layer, last)?;
    arg.write_extensible(uapi::MoeStats {
        size: request.size,
        flags: request.flags,
        ..stats
    })
}

/// The loads that a PLACE is for.
fn loads_of(context: &Context, request: &uapi::MoePlace) -> Result<KVVec<u64>> {
    let count = request.experts as usize;
    let mut loads = table::<u64>(count)?;
    if request.loads == 0 {
        context.gate()?.loads(request.layer, &mut loads)?;
        return Ok(loads);
    }
    demand_zero(&[request.layer])?;
    let mut reader = memory::<u64>(request.loads, count)?.reader();
    reader.read_slice(AsBytes::as_bytes_mut(&mut loads[..]))?;
    Ok(loads)
}

fn placement(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoePlace = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    let cluster = Cluster {
        replicas: request.replicas,
        groups: request.groups,
        nodes: request.nodes,
        devices: request.devices,
    };
    // Before anything is as long as these numbers say.
    let refused = |fault| {
        let fault = uapi::MoeFault::of_table(request.layer, fault);
        refuse(Refusal::Entry(fault), |fault| {
            arg.write_extensible(uapi::MoePlace { fault, ..request })
        })
    };
    if let Err(fault) = cluster.check(request.experts as usize) {
        return refused(fault);
    }
    let loads = loads_of(context, &request)?;
    let mut work = KVBox::<Work>::zeroed(GFP_KERNEL_ACCOUNT)?;
    let mut experts = table::<u16>(request.replicas as usize)?;
    let mut numbers = table::<u16>(request.replicas as usize)?;
    let mut counts = table::<u16>(loads.len())?;
    let mut result = Placement {
        experts: &mut experts,
        numbers: &mut numbers,
        counts: &mut counts,
    };
    if let Err(fault) = place(&loads, &cluster, &mut result, &mut work) {
        return refused(fault);
    }
    give_ids(request.place_experts, &experts)?;
    give_ids(request.place_numbers, &numbers)?;
    give_ids(request.counts, &counts)
}

/// Gives a table to whoever wants it.
fn give_ids(data: u64, ids: &[u16]) -> Result {
    match data {
        0 => Ok(()),
        _ => memory::<u16>(data, ids.len())?
            .writer()
            .write_slice(AsBytes::as_bytes(ids)),
    }
}

fn mask(context: &Context, arg: UserArg) -> Result {
    let request: uapi::MoeMask = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    context.gate()?.set_mask(LayerMask(request.layers))
}

fn reset(context: &Context, arg: UserArg) -> Result {
    const KNOWN: u32 = uapi::MOE_RESET_LOADS | uapi::MOE_RESET_BIASES;

    let request: uapi::MoeReset = arg.read_extensible()?;
    demand_zero(&[request.flags & !KNOWN, request.reserved])?;
    if request.flags == 0 {
        return Err(EINVAL);
    }
    let loads = request.flags & uapi::MOE_RESET_LOADS != 0;
    let biases = request.flags & uapi::MOE_RESET_BIASES != 0;
    context.gate()?.reset(request.layer, loads, biases)
}
