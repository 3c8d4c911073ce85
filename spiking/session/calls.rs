// SPDX-License-Identifier: GPL-2.0

//! The ioctls on the network of a file: copy in, check, apply, copy out.
//!
//! Process context. User memory is touched with no lock held that others than
//! callers on the same file wait for.

use super::{
    coders,
    live::Live,
    loading::{Loading, WriteError},
    memory::table,
    ring::{Entries, Record, Ring, Rings, UserHalf, DEFAULT_ENTRIES},
    Session,
};
use crate::{
    rust::uaccess::{demand_zero, memory, UserArg},
    spiking::network::{exact, loihi},
    uapi,
};
use kernel::{
    current,
    prelude::*,
    sync::{
        lock::{mutex::MutexBackend, Guard},
        Arc,
    },
    transmute::AsBytes,
};

/// Records moved before a look at pending signals.
const BATCH: usize = 256;

/// Neurons whose state is read or written under the lock at a time: writing
/// looks at all neurons each time.
const STATE_BATCH: usize = 4096;

/// A call on the network of a file, by its number. `ENOTTY` if it is none.
///
/// The calls are not inlined here: together they would take a good part of the
/// stack below every page fault.
pub(crate) fn call(session: &Arc<Session>, nr: u32, arg: UserArg) -> Result {
    match nr {
        uapi::NR_NETWORK_BEGIN => begin(session, arg),
        uapi::NR_NETWORK_WRITE => write(session, arg),
        uapi::NR_NETWORK_COMMIT => commit(session, arg),
        uapi::NR_NETWORK_RINGS => rings(session, arg),
        uapi::NR_NETWORK_RUN => run(session, arg),
        uapi::NR_NETWORK_STOP => stop(session, arg),
        uapi::NR_NETWORK_INPUT => input(session, arg),
        uapi::NR_NETWORK_OUTPUT => output(session, arg),
        uapi::NR_NETWORK_STATE => state(session, arg),
        uapi::NR_NETWORK_RESET => reset(session, arg),
        uapi::NR_NETWORK_STATS => stats(session, arg),
        uapi::NR_NETWORK_ENCODER => encoder(session, arg),
        uapi::NR_NETWORK_SAMPLES => samples(session, arg),
        uapi::NR_NETWORK_DECODER => decoder(session, arg),
        uapi::NR_NETWORK_DECODED => decoded(session, arg),
        _ => Err(ENOTTY),
    }
}

#[inline(never)]
fn begin(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkBegin = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let tables = Loading::new(&request)?;
    *session.loading.lock() = Some(tables);
    Ok(())
}

#[inline(never)]
fn write(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkWrite = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let done = {
        let mut loading = session.loading.lock();
        (*loading).as_mut().ok_or(ENODATA)?.write(&request)
    };
    match done {
        Ok(()) => Ok(()),
        Err(WriteError::Call(error)) => Err(error),
        Err(WriteError::Entry(fault)) => {
            arg.write_extensible(uapi::NetworkWrite { fault, ..request })?;
            Err(EINVAL)
        }
    }
}

#[inline(never)]
fn commit(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkCommit = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    // A caller who cannot be answered must not have changed anything.
    arg.write_extensible(request)?;
    let (bytes, fault) = match put_to_use(session)? {
        Ok(bytes) => (bytes, uapi::NetworkFault::default()),
        Err(fault) => (0, fault),
    };
    arg.write_extensible(uapi::NetworkCommit {
        bytes,
        fault,
        ..request
    })?;
    match bytes {
        0 => Err(EINVAL),
        _ => Ok(()),
    }
}

/// Checks what was loaded and makes it the network in use. Returns its bytes.
fn put_to_use(session: &Session) -> Result<Result<u64, uapi::NetworkFault>> {
    let mut loading = session.loading.lock();
    let tables = (*loading).as_mut().ok_or(ENODATA)?;
    if let Err(fault) = tables.check()? {
        return Ok(Err(fault.into()));
    }
    let rings = Rings::new(tables.parts(), DEFAULT_ENTRIES)?;

    exchange(session, loading, rings)
}

/// Makes what was checked the network in use. Apart, for its stack: nothing is
/// allocated below it.
#[inline(never)]
fn exchange(
    session: &Session,
    mut loading: Guard<'_, Option<Loading>, MutexBackend>,
    rings: Arc<Rings>,
) -> Result<Result<u64, uapi::NetworkFault>> {
    let mut network = session.network.lock();
    if session.control.lock().is_running() {
        return Err(EBUSY);
    }
    // From here on nothing can fail, and with the lock of the network held no
    // run can begin.
    let Some(tables) = loading.take() else {
        return Err(ENODATA);
    };
    let (step_ns, synapses) = (tables.step_ns(), tables.synapses());
    let live = Live::new(tables.finish(), rings.clone(), step_ns, synapses);
    let bytes = live.bytes();
    let before = network.replace(live);
    session.control.lock().renew(rings);
    drop((network, loading));
    session.changed.notify_all();
    // Tables are many pages; nobody need wait for them.
    drop(before);
    Ok(Ok(bytes))
}

#[inline(never)]
fn rings(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkRings = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let entries = |wanted: u32| match wanted {
        0 => Ok(uapi::DEFAULT_RING_ENTRIES),
        64..=uapi::MAX_RING_ENTRIES if wanted.is_power_of_two() => Ok(wanted),
        _ => Err(EINVAL),
    };
    let entries = Entries {
        input: entries(request.input_entries)?,
        spikes: entries(request.spike_entries)?,
        voltages: entries(request.voltage_entries)?,
    };
    session.with_idle_network(|live| {
        let rings = Rings::new(live.network.parts(), entries)?;
        live.set_rings(rings.clone());
        session.control.lock().set_rings(rings);
        Ok(())
    })?;
    session.changed.notify_all();
    Ok(())
}

#[inline(never)]
fn run(session: &Arc<Session>, arg: UserArg) -> Result {
    const KNOWN: u32 = uapi::RUN_UNTIL_STEP
        | uapi::RUN_UNTIL_TIME
        | uapi::RUN_REAL_TIME
        | uapi::RUN_KEEP_OUTPUT
        | uapi::RUN_WAIT
        | uapi::RUN_EVENTFD;

    let request: uapi::NetworkRun = arg.read_extensible()?;
    demand_zero(&[request.flags & !KNOWN, request.reserved])?;
    if request.flags & uapi::RUN_EVENTFD == 0 && request.eventfd != 0 {
        return Err(EINVAL);
    }
    // A caller who cannot be answered must not have started anything.
    arg.write_extensible(request)?;
    let run = session.start(&request)?;
    arg.write_extensible(uapi::NetworkRun { run, ..request })
}

fn stop(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkStop = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    session.stop()
}

/// Moves records between a ring and user memory until `next` has no more, and
/// tells the caller how many.
fn transfer(
    arg: UserArg,
    request: uapi::NetworkTransfer,
    mut next: impl FnMut() -> Result<bool>,
) -> Result {
    let mut done = 0;
    let mut result = Ok(true);
    while done < request.count {
        result = next();
        if !matches!(result, Ok(true)) {
            break;
        }
        done += 1;
        if done % BATCH as u64 == 0 && current!().signal_pending() {
            break;
        }
    }
    if let (0, Err(error)) = (done, result) {
        return Err(error);
    }
    arg.write_extensible(request.with_done(done))
}

impl uapi::NetworkTransfer {
    fn with_done(self, done: u64) -> Self {
        Self { done, ..self }
    }
}

#[inline(never)]
fn input(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkTransfer = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    if request.ring != uapi::RING_INPUT {
        return Err(EINVAL);
    }
    // A caller who cannot be told how many must not have put any in.
    arg.write_extensible(request.with_done(0))?;
    let _guard = session.transfer.lock();
    let rings = session.rings().ok_or(ENODATA)?;
    let ring = UserHalf(&rings.input);
    let count = usize::try_from(request.count).map_err(|_| EINVAL)?;
    let mut reader = memory::<uapi::NetworkEvent>(request.data, count)?.reader();
    transfer(arg, request, || {
        let event: uapi::NetworkEvent = reader.read()?;
        if !rings.knows(&event) {
            return Err(EINVAL);
        }
        ring.push(event).then_some(true).ok_or(ENOSPC)
    })
}

#[inline(never)]
fn output(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkTransfer = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    let rings = session.rings().ok_or(ENODATA)?;
    arg.write_extensible(request.with_done(0))?;
    match (request.ring, &rings.voltages) {
        (uapi::RING_SPIKES, _) => take_out(session, arg, request, &rings.spikes),
        (uapi::RING_VOLTAGES, Some(voltages)) => take_out(session, arg, request, voltages),
        // Nothing is probed, so nothing is there.
        (uapi::RING_VOLTAGES, None) => Ok(()),
        _ => Err(EINVAL),
    }
}

fn take_out<R: Record + AsBytes>(
    session: &Session,
    arg: UserArg,
    request: uapi::NetworkTransfer,
    ring: &Ring<R>,
) -> Result {
    let _guard = session.transfer.lock();
    let ring = UserHalf(ring);
    let count = usize::try_from(request.count).map_err(|_| EINVAL)?;
    let mut writer = memory::<R>(request.data, count)?.writer();
    transfer(arg, request, || match ring.first() {
        Some(record) => {
            writer.write(&record)?;
            // Only what the caller has leaves the ring.
            ring.remove_first();
            Ok(true)
        }
        None => Ok(false),
    })
}

#[inline(never)]
fn state(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkState = arg.read_extensible()?;
    demand_zero(&[request.flags & !uapi::STATE_WRITE])?;
    let end = u64::from(request.first) + u64::from(request.count);
    session.with_idle_network(|live| {
        let known = end <= u64::from(live.network.neurons());
        known.then_some(()).ok_or(EINVAL)
    })?;
    let slice = memory::<uapi::NeuronVariables>(request.data, request.count as usize)?;
    let (mut reader, mut writer) = slice.reader_writer();
    let most = STATE_BATCH.min(request.count as usize);
    let mut batch = table(uapi::NeuronVariables::default(), most)?;
    let mut first = request.first as usize;
    while (first as u64) < end {
        let count = STATE_BATCH.min(end as usize - first);
        let batch = &mut batch[..count];
        if request.flags & uapi::STATE_WRITE != 0 {
            for variables in batch.iter_mut() {
                *variables = reader.read()?;
            }
            session.with_idle_network(|live| set_states(live, first, batch))?;
        } else {
            session.with_idle_network(|live| get_states(live, first, batch))?;
            for variables in batch.iter() {
                writer.write(variables)?;
            }
        }
        first += count;
    }
    Ok(())
}

/// Copies states out of the network, which may have changed since its size was
/// looked at.
fn get_states(live: &mut Live, first: usize, to: &mut [uapi::NeuronVariables]) -> Result {
    let range = first..first + to.len();
    if live.network.parts().is_loihi() {
        let states = live.network.parts().loihi_states.get(range).ok_or(EINVAL)?;
        for (to, state) in to.iter_mut().zip(states) {
            *to = uapi::NeuronVariables {
                membrane: state.voltage.into(),
                current: [state.current.into(), 0],
                refractory: state.refractory,
                reserved: 0,
            };
        }
    } else {
        for (neuron, to) in range.zip(to.iter_mut()) {
            let state = live.network.exact_state(neuron as u32).ok_or(EINVAL)?;
            *to = uapi::NeuronVariables {
                membrane: state.membrane,
                current: state.currents,
                refractory: state.refractory,
                reserved: 0,
            };
        }
    }
    Ok(())
}

/// Copies states into the network, all or none.
fn set_states(live: &mut Live, first: usize, from: &[uapi::NeuronVariables]) -> Result {
    let range = first..first + from.len();
    let is_loihi = live.network.parts().is_loihi();
    let limit = if is_loihi {
        loihi::STATE_LIMIT
    } else {
        exact::LIMIT
    };
    let within = |value: i64| (-limit..=limit).contains(&value);
    let fine = |v: &uapi::NeuronVariables| {
        let [rising, falling] = v.current;
        let one_current = !is_loihi || falling == 0;
        v.reserved == 0 && one_current && within(v.membrane) && within(rising) && within(falling)
    };
    if !from.iter().all(fine) {
        return Err(EINVAL);
    }
    if is_loihi {
        let states = live.network.loihi_states().get_mut(range).ok_or(EINVAL)?;
        for (state, from) in states.iter_mut().zip(from) {
            // Within 24 bits.
            state.voltage = from.membrane as i32;
            state.current = from.current[0] as i32;
            state.refractory = from.refractory;
        }
    } else {
        let states = live.network.exact_states().get_mut(range).ok_or(EINVAL)?;
        for (state, from) in states.iter_mut().zip(from) {
            state.membrane = from.membrane;
            state.currents = from.current;
            state.refractory = from.refractory;
        }
    }
    Ok(())
}

#[inline(never)]
fn reset(session: &Session, arg: UserArg) -> Result {
    const KNOWN: u32 =
        uapi::NETWORK_RESET_STATE | uapi::NETWORK_RESET_COUNTERS | uapi::NETWORK_RESET_RINGS;

    let request: uapi::NetworkReset = arg.read_extensible()?;
    if request.flags == 0 || request.flags & !KNOWN != 0 {
        return Err(EINVAL);
    }
    session.with_idle_network(|live| {
        if request.flags & uapi::NETWORK_RESET_STATE != 0 {
            live.reset_state();
        }
        if request.flags & uapi::NETWORK_RESET_COUNTERS != 0 {
            live.reset_counts();
            session.control.lock().reset_runs();
        }
        if request.flags & uapi::NETWORK_RESET_RINGS != 0 {
            live.discard_input();
        }
        Ok(())
    })?;
    session.changed.notify_all();
    Ok(())
}

#[inline(never)]
fn stats(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkStats = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    arg.write_extensible(uapi::NetworkStats {
        size: request.size,
        ..session.stats()?
    })
}

/// The place of a coder.
fn slot<T>(slots: &mut [Option<T>], slot: u32) -> Result<&mut Option<T>> {
    slots.get_mut(slot as usize).ok_or(EINVAL)
}

#[inline(never)]
fn encoder(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkEncoder = arg.read_extensible()?;
    session.with_idle_network(|live| {
        let inputs = live.network.parts().inputs;
        let place = slot(&mut live.encoders, request.slot)?;
        *place = coders::encoder(&request, inputs)?;
        Ok(())
    })
}

#[inline(never)]
fn samples(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkSamples = arg.read_extensible()?;
    demand_zero(&[request.flags])?;
    if request.count > uapi::MAX_INPUTS {
        return Err(EINVAL);
    }
    let count = request.count as usize;
    let mut samples = table(0i32, count)?;
    let mut reader = memory::<i32>(request.data, count)?.reader();
    reader.read_slice(AsBytes::as_bytes_mut(&mut samples[..]))?;
    session.with_network(|live| {
        let encoder = slot(&mut live.encoders, request.slot)?
            .as_mut()
            .ok_or(ENODATA)?;
        encoder.present(&samples).ok_or(EINVAL)
    })
}

#[inline(never)]
fn decoder(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkDecoder = arg.read_extensible()?;
    session.with_idle_network(|live| {
        let (neurons, step_ns) = (live.network.neurons(), live.step_ns());
        let place = slot(&mut live.decoders, request.slot)?;
        *place = coders::decoder(&request, neurons, step_ns)?;
        Ok(())
    })
}

#[inline(never)]
fn decoded(session: &Session, arg: UserArg) -> Result {
    let request: uapi::NetworkDecoded = arg.read_extensible()?;
    demand_zero(&[request.flags, request.reserved])?;
    if request.count > uapi::MAX_NEURONS || (request.count == 0 && request.data != 0) {
        return Err(EINVAL);
    }
    let count = request.count as usize;
    let mut values = table(0i64, count)?;
    let winner = session.with_network(|live| {
        let step = live.network.step();
        let decoder = slot(&mut live.decoders, request.slot)?
            .as_ref()
            .ok_or(ENODATA)?;
        if count != 0 && count != decoder.channels() {
            return Err(EINVAL);
        }
        for (channel, value) in values.iter_mut().enumerate() {
            *value = decoder.value(channel, step);
        }
        Ok(decoder.winner(step))
    })?;
    let mut writer = memory::<i64>(request.data, count)?.writer();
    writer.write_slice(AsBytes::as_bytes(&values[..]))?;
    arg.write_extensible(uapi::NetworkDecoded {
        winner: winner.unwrap_or(uapi::NO_CHANNEL),
        ..request
    })
}
