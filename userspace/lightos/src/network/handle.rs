// SPDX-License-Identifier: GPL-2.0

//! The network of an open device.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::coders::{Decoder, DecoderKind, Encoder, EncoderKind};
use super::description::{Description, Progress, Table};
use super::records::{Event, Spike, Voltage};
use super::types::{Completion, Reset, Rings, Run, State, Stats};
use crate::call::{self, Plain};
use crate::ring::{Consumer, Producer, Record};
use crate::sys::{self, size_of_u32};
use crate::{Device, Error, Mapping};

/// Bytes of a table handed over at a time.
const CHUNK: usize = 1 << 20;

impl Device {
    /// Gives the module a network, which takes the place of what the file had.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] names what is wrong; [`Error::NoMemory`],
    /// [`Error::Busy`], [`Error::ReadOnly`], [`Error::Unsupported`]. The network
    /// that was in use then stays so.
    pub fn load(&mut self, description: &Description) -> Result<Network<'_>, Error> {
        self.load_with(description, |_| ())
    }

    /// [`load`](Self::load), telling `progress` after each MiB.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        &mut self,
        description: &Description,
        progress: impl FnMut(Progress),
    ) -> Result<Network<'_>, Error> {
        transfer(self, description, progress)?;
        Ok(Network {
            device: self,
            rings: Rings::default(),
            probes: !description.probes.is_empty(),
        })
    }
}

/// BEGIN, WRITE of all tables, COMMIT.
fn transfer(
    device: &Device,
    description: &Description,
    progress: impl FnMut(Progress),
) -> Result<(), Error> {
    call::set::<{ sys::NETWORK_BEGIN }, _>(&device.file, description.begin())
        .map_err(|errno| Error::from_call(errno, "NETWORK_BEGIN"))?;
    let mut writer = Writer {
        device,
        progress,
        done: Progress {
            done: 0,
            total: description.bytes(),
        },
    };
    writer.table(Table::Populations, &description.populations)?;
    writer.table(Table::LoihiParams, &description.loihi_params)?;
    writer.table(Table::ExactParams, &description.exact_params)?;
    writer.table(Table::Delays, &description.delays)?;
    writer.table(Table::Starts, &description.starts)?;
    writer.table(Table::Synapses, &description.synapses)?;
    writer.table(Table::Blocks, &description.blocks)?;
    writer.table(Table::Weights, &description.weights)?;
    writer.table(Table::Probes, &description.probes)?;
    let mut commit = sys::NetworkCommit {
        size: size_of_u32::<sys::NetworkCommit>(),
        ..Default::default()
    };
    call::update::<{ sys::NETWORK_COMMIT }, _>(&device.file, &mut commit)
        .map_err(|errno| Error::from_load(errno, "NETWORK_COMMIT", &commit.fault))
}

/// Hands tables over.
struct Writer<'a, P> {
    device: &'a Device,
    progress: P,
    done: Progress,
}

impl<P: FnMut(Progress)> Writer<'_, P> {
    fn table<T: Plain>(&mut self, table: Table, entries: &[T]) -> Result<(), Error> {
        let count = (CHUNK / size_of::<T>()).max(1);
        let mut first = 0;
        for chunk in entries.chunks(count) {
            let mut write = sys::NetworkWrite {
                size: size_of_u32::<sys::NetworkWrite>(),
                table: table.as_u32(),
                first,
                ..Default::default()
            };
            while let Err(errno) = call::write(&self.device.file, &mut write, chunk) {
                if errno != Errno::INTR {
                    return Err(Error::from_load(errno, "NETWORK_WRITE", &write.fault));
                }
            }
            first += chunk.len() as u64;
            self.done.done += size_of_val(chunk) as u64;
            (self.progress)(self.done);
        }
        Ok(())
    }
}

/// A network in the module. It goes with the file of its device.
///
/// Calls may come from several threads at once: one may wait while another
/// feeds input or stops the run. For `poll` and its kind the handle is
/// [`AsFd`]: readable when a completion waits, priority data when output waits,
/// writable when the input ring has room.
#[derive(Debug)]
pub struct Network<'a> {
    device: &'a Device,
    rings: Rings,
    /// Whether it has a ring of voltages.
    probes: bool,
}

impl AsFd for Network<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Network<'_> {
    /// Puts another network in its place, all or nothing.
    ///
    /// # Errors
    ///
    /// As [`Device::load`].
    pub fn replace(&mut self, description: &Description) -> Result<(), Error> {
        transfer(self.device, description, |_| ())?;
        self.rings = Rings::default();
        self.probes = !description.probes.is_empty();
        Ok(())
    }

    /// Starts a run in the background. Returns its number.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`], [`Error::OutOfRange`].
    pub fn start(&self, run: &Run<'_>) -> Result<u64, Error> {
        self.start_raw(run.raw())
    }

    /// Computes a run in the calling thread. A signal ends it; the completion
    /// says so.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`], [`Error::OutOfRange`].
    pub fn run(&self, run: &Run<'_>) -> Result<Completion, Error> {
        let mut raw = run.raw();
        raw.flags |= sys::RUN_WAIT;
        self.start_raw(raw)?;
        self.wait()
    }

    fn start_raw(&self, mut raw: sys::NetworkRun) -> Result<u64, Error> {
        call::update::<{ sys::NETWORK_RUN }, _>(&self.device.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_RUN"))?;
        Ok(raw.run)
    }

    /// Waits for the run to end and takes its completion, through signals.
    ///
    /// # Errors
    ///
    /// [`Error::NoRun`] if none was started since the last completion.
    pub fn wait(&self) -> Result<Completion, Error> {
        loop {
            match call::completion(&self.device.file) {
                Ok(raw) => return raw.try_into(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::from_completion(errno)),
            }
        }
    }

    /// Takes the completion of a run that ended, waiting at most `limit` for
    /// its end. `None` if it goes on.
    ///
    /// # Errors
    ///
    /// [`Error::NoRun`] if none was started since the last completion.
    pub fn completion(&self, limit: Duration) -> Result<Option<Completion>, Error> {
        let ready = self.poll(PollFlags::IN, limit)?;
        if ready.contains(PollFlags::IN) {
            return self.wait().map(Some);
        }
        Ok(None)
    }

    /// Waits at most `limit` until output waits, the input ring has room or a
    /// completion waits. Returns whether something does.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn ready(&self, limit: Duration) -> Result<bool, Error> {
        let events = PollFlags::IN | PollFlags::PRI | PollFlags::OUT;
        Ok(!self.poll(events, limit)?.is_empty())
    }

    fn poll(&self, events: PollFlags, limit: Duration) -> Result<PollFlags, Error> {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let mut files = [PollFd::new(self, events)];
        match poll(&mut files, Some(&limit)) {
            Ok(_) => Ok(files[0].revents()),
            Err(Errno::INTR) => Ok(PollFlags::empty()),
            Err(errno) => Err(Error::from_call(errno, "poll")),
        }
    }

    /// Ends the run that is under way, if any, and returns when it has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`]: it ends all the same.
    pub fn stop(&self) -> Result<(), Error> {
        let raw = sys::NetworkStop {
            size: size_of_u32::<sys::NetworkStop>(),
            flags: 0,
        };
        call::set::<{ sys::NETWORK_STOP }, _>(&self.device.file, raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_STOP"))
    }

    /// Puts events into the input ring until it is full. Returns how many.
    ///
    /// Not while [`map_input`](Self::map_input) is in use.
    ///
    /// # Errors
    ///
    /// If the first event cannot be put in: [`Error::InputFull`], or
    /// [`Error::OutOfRange`] if it names no input or neuron.
    pub fn input(&self, events: &[Event]) -> Result<usize, Error> {
        if events.is_empty() {
            return Ok(0);
        }
        let raw: Vec<sys::NetworkEvent> = events.iter().map(|&e| e.into()).collect();
        let done = call::input(&self.device.file, &raw).map_err(Error::from_input)?;
        Ok(usize::try_from(done).unwrap_or(usize::MAX))
    }

    /// Takes at most `limit` spikes out of their ring.
    ///
    /// Not while [`map_spikes`](Self::map_spikes) is in use.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn spikes(&self, limit: usize) -> Result<Vec<Spike>, Error> {
        self.output::<sys::NetworkSpike, _>(sys::RING_SPIKES, limit)
    }

    /// Takes at most `limit` voltages out of their ring; none without probes.
    ///
    /// Not while [`map_voltages`](Self::map_voltages) is in use.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn voltages(&self, limit: usize) -> Result<Vec<Voltage>, Error> {
        if !self.probes {
            return Ok(Vec::new());
        }
        self.output::<sys::NetworkVoltage, _>(sys::RING_VOLTAGES, limit)
    }

    fn output<T: Plain, R: From<T>>(&self, ring: u32, limit: usize) -> Result<Vec<R>, Error> {
        let raw = call::output::<T>(&self.device.file, ring, limit)
            .map_err(|errno| Error::from_call(errno, "NETWORK_OUTPUT"))?;
        Ok(raw.into_iter().map(R::from).collect())
    }

    /// Makes new, empty rings of other sizes. Mappings of the old ones are dead.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Busy`], [`Error::NoMemory`].
    pub fn set_rings(&mut self, rings: Rings) -> Result<(), Error> {
        let raw = sys::NetworkRings {
            size: size_of_u32::<sys::NetworkRings>(),
            flags: 0,
            input_entries: rings.input,
            spike_entries: rings.spikes,
            voltage_entries: rings.voltages,
            reserved: 0,
        };
        call::set::<{ sys::NETWORK_RINGS }, _>(&self.device.file, raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_RINGS"))?;
        self.rings = rings;
        Ok(())
    }

    /// The sizes of the rings.
    pub fn rings(&self) -> Rings {
        self.rings
    }

    /// Maps the input ring, to put events in without a call. One at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn map_input(&self) -> Result<Producer<Event, Mapping>, Error> {
        let memory = self.map::<Event>(sys::RING_INPUT, self.rings.input)?;
        Producer::new(memory).ok_or(BAD_RING)
    }

    /// Maps the ring of spikes, to take them out without a call. One at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn map_spikes(&self) -> Result<Consumer<Spike, Mapping>, Error> {
        let memory = self.map::<Spike>(sys::RING_SPIKES, self.rings.spikes)?;
        Consumer::new(memory).ok_or(BAD_RING)
    }

    /// Maps the ring of voltages, which only a network with probes has.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn map_voltages(&self) -> Result<Consumer<Voltage, Mapping>, Error> {
        let memory = self.map::<Voltage>(sys::RING_VOLTAGES, self.rings.voltages)?;
        Consumer::new(memory).ok_or(BAD_RING)
    }

    fn map<R: Record>(&self, ring: u32, entries: u32) -> Result<Mapping, Error> {
        let bytes = entries as usize * size_of::<R::Words>();
        Mapping::new(self.as_fd(), ring, bytes).map_err(|errno| Error::from_call(errno, "mmap"))
    }

    /// The state of `count` neurons from `first` on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for neurons that are not there, [`Error::Busy`].
    pub fn state(&self, first: u32, count: u32) -> Result<Vec<State>, Error> {
        let mut raw = vec![sys::NeuronVariables::default(); count as usize];
        call::read_state(&self.device.file, first, &mut raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_STATE"))?;
        Ok(raw.into_iter().map(State::from).collect())
    }

    /// Sets the state of neurons from `first` on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for neurons that are not there or values that they
    /// cannot have, [`Error::Busy`].
    pub fn set_state(&self, first: u32, states: &[State]) -> Result<(), Error> {
        let raw: Vec<sys::NeuronVariables> = states.iter().map(|&s| s.into()).collect();
        call::write_state(&self.device.file, first, &raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_STATE"))
    }

    /// Brings parts of the network back to what they were after loading.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when nothing is chosen, [`Error::Busy`].
    pub fn reset(&self, what: Reset) -> Result<(), Error> {
        let raw = sys::NetworkReset {
            size: size_of_u32::<sys::NetworkReset>(),
            flags: what.flags(),
        };
        call::set::<{ sys::NETWORK_RESET }, _>(&self.device.file, raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_RESET"))
    }

    /// Its counters; during a run those of a moment within the last millisecond.
    ///
    /// # Errors
    ///
    /// [`Error::Os`].
    pub fn stats(&self) -> Result<Stats, Error> {
        let mut raw = sys::NetworkStats {
            size: size_of_u32::<sys::NetworkStats>(),
            ..Default::default()
        };
        call::update::<{ sys::NETWORK_STATS }, _>(&self.device.file, &mut raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_STATS"))?;
        Ok(raw.into())
    }

    /// Puts an encoder into slot `slot`, or empties the slot. It is silent until
    /// it gets [`samples`](Self::samples).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Busy`].
    pub fn set_encoder(&self, slot: u32, encoder: Option<&Encoder>) -> Result<(), Error> {
        let none = sys::NetworkEncoder {
            size: size_of_u32::<sys::NetworkEncoder>(),
            slot,
            kind: EncoderKind::None.as_u32(),
            ..Default::default()
        };
        let raw = encoder.map_or(none, |encoder| encoder.raw(slot));
        call::set::<{ sys::NETWORK_ENCODER }, _>(&self.device.file, raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_ENCODER"))
    }

    /// Gives the encoder in `slot` a sample for each channel, Q16.16: from the
    /// next step on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for another number of samples than channels,
    /// [`Error::NoNetwork`] without an encoder.
    pub fn samples(&self, slot: u32, samples: &[i32]) -> Result<(), Error> {
        call::samples(&self.device.file, slot, samples)
            .map_err(|errno| Error::from_call(errno, "NETWORK_SAMPLES"))
    }

    /// Puts a decoder into slot `slot`, or empties the slot.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Busy`].
    pub fn set_decoder(&self, slot: u32, decoder: Option<&Decoder>) -> Result<(), Error> {
        let none = sys::NetworkDecoder {
            size: size_of_u32::<sys::NetworkDecoder>(),
            slot,
            kind: DecoderKind::None.as_u32(),
            ..Default::default()
        };
        let raw = decoder.map_or(none, |decoder| decoder.raw(slot));
        call::set::<{ sys::NETWORK_DECODER }, _>(&self.device.file, raw)
            .map_err(|errno| Error::from_call(errno, "NETWORK_DECODER"))
    }

    /// The values of the `channels` channels of the decoder in `slot`, and the
    /// channel that wins; with 0 channels the winner alone.
    ///
    /// # Errors
    ///
    /// [`Error::NoNetwork`] without a decoder.
    pub fn decoded(&self, slot: u32, channels: u32) -> Result<(Vec<i64>, Option<u32>), Error> {
        let mut values = vec![0; channels as usize];
        let winner = call::decoded(&self.device.file, slot, &mut values)
            .map_err(|errno| Error::from_call(errno, "NETWORK_DECODED"))?;
        Ok((values, (winner != sys::NO_CHANNEL).then_some(winner)))
    }
}

/// A mapping of whole rings of a power of two is always a ring.
const BAD_RING: Error = Error::Os {
    call: "mmap",
    errno: Errno::INVAL,
};
