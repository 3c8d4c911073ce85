// SPDX-License-Identifier: GPL-2.0

//! The driver of photonic processors.
//!
//! | file             | holds                                                       |
//! |------------------|-------------------------------------------------------------|
//! | `watch.rs`       | the guard under its lock, its timer, its news               |
//! | `control.rs`     | power, arming, resets: requests and waiting for them        |
//! | `program.rs`     | phases that an open file asks for                           |
//! | `optics.rs`      | phases in effect, one batch through the mesh                |
//! | `jobs.rs`        | jobs: queue, worker, results                                |
//! | `probe.rs`       | measuring with raw codes                                    |
//! | `calibration.rs` | the blob in use                                             |
//! | `events.rs`      | events for open files                                       |
//! | `context.rs`     | what an open file has of processors                         |
//! | `calls.rs`       | the ioctls                                                  |
//! | `face.rs`        | hwmon, sysfs, uevents                                       |
//! | `report.rs`      | debugfs, fdinfo                                             |
//!
//! # Contexts and locks
//!
//! The guard runs 1,000 times a second in hard-interrupt context, under the raw spinlock `guarded`, and
//! touches the fast registers only. That lock is the innermost; nothing is
//! called with it held but the guard. Everything else is process context, under mutexes taken in
//! this order: `optics` (held while light passes; only who computes or measures waits for it),
//! `queue` of the jobs, `calibration`. `armer` and the list of processors are taken alone. No lock
//! is held while user memory is touched.
//!
//! # Life of a processor
//!
//! A back end attaches its registers; the timer starts, rails and laser are off. When the back
//! end goes (module removal, unplugging) [`Attached`] is dropped: the processor leaves the list,
//! light goes off, jobs end, the rails go down in order, the timer stops.

pub(crate) mod calibration;
pub(crate) mod calls;
pub(crate) mod context;
mod control;
mod events;
mod face;
mod jobs;
mod optics;
mod probe;
mod program;
mod report;
mod watch;

use self::{events::Inboxes, watch::Guarded};
use super::{
    mesh::identity::{Identity, Unfit},
    registers::{Registers, RAILS, SENSORS},
    usage::Usage,
};
use crate::{
    rust::{
        debugfs, power,
        raw_lock::{new_raw_lock, RawLock},
        workqueue::{OwnedQueue, Priority},
    },
    uapi,
};
use kernel::{
    device::{self, Device},
    global_lock, impl_has_work, new_condvar, new_mutex, new_work,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{Atomic, AtomicFlag, Relaxed},
        Arc, CondVar, Mutex,
    },
    time::hrtimer::{ArcHrTimerHandle, HrTimer},
    workqueue::Work,
};

/// Registers that a processor can keep.
pub(crate) type Window = dyn Registers + Send + Sync;

global_lock! {
    // SAFETY: Initialised in `init`, before anything can lock it.
    pub(crate) unsafe(uninit) static PROCESSORS: Mutex<Option<Arc<Processors>>> = None;
}

/// Makes [`PROCESSORS`] ready. To be called once, before a back end registers.
pub(crate) fn init() {
    // SAFETY: Called once, as the module is initialised once.
    unsafe { PROCESSORS.init() };
}

/// The processors of the system.
#[pin_data]
pub(crate) struct Processors {
    #[pin]
    slots: Mutex<[Option<Arc<Processor>>; uapi::PHOTONIC_MAX_DEVICES]>,
    #[pin]
    inboxes: Inboxes,
    /// The number of the next file that uses one.
    next_file: Atomic<u64>,
    /// The folder `lightos/photonic` in debugfs.
    folder: Arc<debugfs::Folder>,
    /// Set while the system suspends or goes down: nothing gets power then.
    closed: AtomicFlag,
}

impl Processors {
    /// None yet. May sleep.
    pub(crate) fn new(folder: Arc<debugfs::Folder>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                slots <- new_mutex!([const { None }; uapi::PHOTONIC_MAX_DEVICES], "lightos_photonic"),
                inboxes <- Inboxes::new(),
                next_file: Atomic::new(1),
                folder,
                closed: AtomicFlag::new(false),
            }),
            GFP_KERNEL,
        )
    }

    /// The processor `index`. `ENODEV`.
    pub(crate) fn get(&self, index: usize) -> Result<Arc<Processor>> {
        let slots = self.slots.lock();
        slots.get(index).cloned().flatten().ok_or(ENODEV)
    }

    /// How many there are: one more than the greatest number.
    pub(crate) fn count(&self) -> usize {
        let slots = self.slots.lock();
        slots
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |at| at + 1)
    }

    /// All processors, one after the other, with no lock held.
    fn for_each(&self, mut each: impl FnMut(&Arc<Processor>)) {
        for index in 0..uapi::PHOTONIC_MAX_DEVICES {
            if let Ok(processor) = self.get(index) {
                each(&processor);
            }
        }
    }

    /// Takes a device in: reads what it is, starts its guard, shows it. `ENODEV` if it is none of
    /// ours, `ENOSPC` for one too many.
    pub(crate) fn attach(
        self: &Arc<Self>,
        registers: Arc<Window>,
        parent: &Device<device::Bound>,
    ) -> Result<Attached> {
        let identity = identify(&*registers, parent)?;
        let processor = {
            let mut slots = self.slots.lock();
            let index = slots.iter().position(Option::is_none).ok_or(ENOSPC)?;
            let processor = Processor::new(self, index, identity, registers, parent)?;
            slots[index] = Some(processor.clone());
            processor
        };
        // From here on dropping it takes everything back.
        let attached = Attached(processor.clone());
        processor.start(parent)?;
        dev_info!(
            parent,
            "photonic processor {} ({}): {} modes, {} bit phases, serial {:016x}\n",
            processor.index,
            processor.kind(),
            identity.layout.modes(),
            identity.dac.bits(),
            identity.serial
        );
        Ok(attached)
    }

    /// Light off and rails down everywhere, in order, and nothing gets power until `open`.
    fn close_all(&self) {
        self.closed.store(true, Relaxed);
        // Light first, everywhere.
        self.for_each(|processor| processor.disarm());
        self.for_each(|processor| {
            processor.end_jobs(EHOSTDOWN);
            processor.power_down_quietly();
        });
    }

    fn detach(&self, processor: &Arc<Processor>) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(processor.index) {
            // It may be another's by now.
            if slot
                .as_ref()
                .is_some_and(|other| Arc::ptr_eq(other, processor))
            {
                *slot = None;
            }
        }
    }
}

/// Reads what a device is. `ENODEV` if it is no processor or one of another major version of the
/// map, `EINVAL` if what it says is senseless.
fn identify(registers: &dyn Registers, parent: &Device) -> Result<Identity> {
    let problem = match Identity::read(registers) {
        Ok(identity) => {
            if identity.rails as usize == RAILS && identity.sensors as usize == SENSORS {
                return Ok(identity);
            }
            Unfit::Senseless
        }
        Err(problem) => problem,
    };
    let (text, error) = match problem {
        Unfit::Gone => ("it does not answer", ENODEV),
        Unfit::Foreign => ("it is none", ENODEV),
        Unfit::Version => ("its register map is of another version", ENODEV),
        Unfit::Senseless => ("it claims what cannot be", EINVAL),
    };
    dev_err!(parent, "no photonic processor: {}\n", text);
    Err(error)
}

/// A processor that is attached; dropping it detaches it. May sleep.
pub(crate) struct Attached(Arc<Processor>);

#[cfg(CONFIG_LIGHTOS_PHOTONIC_FAULTS)]
impl Attached {
    /// The folder of the processor in debugfs.
    pub(crate) fn folder(&self) -> Result<Arc<debugfs::Folder>> {
        let face = self.0.face.lock();
        Ok(face.as_ref().ok_or(ENODEV)?.folder())
    }
}

impl Attached {
    /// Detaches it while its registers answer yet. May sleep.
    pub(crate) fn end(&self) {
        self.0.all.detach(&self.0);
        self.0.end();
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.end();
    }
}

impl power::Transitions for Processors {
    fn suspend(&self) {
        self.close_all();
        // On the way back the timer would fire before a device answers again.
        self.for_each(|processor| processor.stop_guard());
    }

    fn resume(&self) {
        self.for_each(|processor| processor.start_guard());
        self.closed.store(false, Relaxed);
    }

    fn shut_down(&self) {
        self.close_all();
    }
}

/// One processor.
#[pin_data]
pub(crate) struct Processor {
    all: Arc<Processors>,
    index: usize,
    identity: Identity,
    registers: Arc<Window>,
    device: ARef<Device>,
    #[pin]
    guarded: RawLock<Guarded>,
    #[pin]
    timer: HrTimer<Self>,
    /// The timer while it runs. It holds a reference to the processor that holds it:
    /// [`Processor::stop_guard`] breaks that circle.
    #[pin]
    beat: Mutex<Option<ArcHrTimerHandle<Self>>>,
    /// Guards nothing but the wait for `changed`.
    #[pin]
    waiting: Mutex<()>,
    /// Woken when the guard has news, and when the processor ends.
    #[pin]
    changed: CondVar,
    /// Who has armed it.
    #[pin]
    armer: Mutex<Option<control::Armer>>,
    #[pin]
    optics: Mutex<optics::Optics>,
    #[pin]
    jobs: jobs::Jobs,
    #[pin]
    calibration: Mutex<calibration::InUse>,
    #[pin]
    face: Mutex<Option<face::Face>>,
    #[pin]
    news: Work<Self, 0>,
    #[pin]
    worker: Work<Self, 1>,
    /// Times that power or light was asked for. In between heaters may have lost their codes: the
    /// guard resets them when it gets too hot, and without rails they forget.
    beginnings: Atomic<u64>,
    /// Set once the processor is to do nothing any more.
    ended: AtomicFlag,
    counts: Counts,
    /// When the job that runs began; 0 while none does.
    busy_since: Atomic<u64>,
    #[pin]
    usage: Mutex<Usage>,
    #[pin]
    faults: face::Faults,
    /// For news of the guard.
    urgent: OwnedQueue,
    /// For jobs.
    patient: OwnedQueue,
}

impl_has_work! {
    impl HasWork<Self, 0> for Processor { self.news }
    impl HasWork<Self, 1> for Processor { self.worker }
}

/// What is counted outside the guard.
pub(crate) struct Counts {
    jobs: Atomic<u64>,
    jobs_failed: Atomic<u64>,
    vectors: Atomic<u64>,
    busy_ns: Atomic<u64>,
    resets: Atomic<u64>,
    commits: Atomic<u64>,
    rearms: Atomic<u64>,
}

impl Counts {
    const fn new() -> Self {
        Self {
            jobs: Atomic::new(0),
            jobs_failed: Atomic::new(0),
            vectors: Atomic::new(0),
            busy_ns: Atomic::new(0),
            resets: Atomic::new(0),
            commits: Atomic::new(0),
            rearms: Atomic::new(0),
        }
    }
}

impl Processor {
    fn new(
        all: &Arc<Processors>,
        index: usize,
        identity: Identity,
        registers: Arc<Window>,
        device: &Device,
    ) -> Result<Arc<Self>> {
        let urgent = OwnedQueue::new_unbound(c"lightos_photonic_news", Priority::High)?;
        let patient = OwnedQueue::new_unbound(c"lightos_photonic_jobs", Priority::Normal)?;
        let optics = optics::Optics::new(identity)?;
        Arc::pin_init(
            pin_init!(Self {
                all: all.clone(),
                index,
                identity,
                registers,
                device: device.into(),
                guarded <- new_raw_lock!(Guarded::new(), "lightos_photonic_guard"),
                timer <- HrTimer::new(),
                beat <- new_mutex!(None, "lightos_photonic_beat"),
                waiting <- new_mutex!((), "lightos_photonic_waiting"),
                changed <- new_condvar!("lightos_photonic_changed"),
                armer <- new_mutex!(None, "lightos_photonic_armer"),
                optics <- new_mutex!(optics, "lightos_photonic_optics"),
                jobs <- jobs::Jobs::new(),
                calibration <- new_mutex!(calibration::InUse::default(), "lightos_photonic_calibration"),
                face <- new_mutex!(None, "lightos_photonic_face"),
                news <- new_work!("lightos_photonic_news"),
                worker <- new_work!("lightos_photonic_jobs"),
                beginnings: Atomic::new(0),
                ended: AtomicFlag::new(false),
                counts: Counts::new(),
                busy_since: Atomic::new(0),
                usage <- new_mutex!(Usage::new(), "lightos_photonic_usage"),
                faults <- face::Faults::new(),
                urgent,
                patient,
            }),
            GFP_KERNEL,
        )
    }

    /// Starts the guard and shows the processor to the world.
    fn start(self: &Arc<Self>, parent: &Device<device::Bound>) -> Result {
        self.start_guard();
        let face = face::Face::new(self, parent)?;
        *self.face.lock() = Some(face);
        self.try_firmware_calibration();
        Ok(())
    }

    /// Ends everything: light off, jobs ended, rails down, nothing left that runs.
    fn end(self: &Arc<Self>) {
        // Once: the back end may do so before it goes, while its registers answer.
        if self.ended.xchg(true, Relaxed) {
            return;
        }
        self.disarm();
        self.end_jobs(ESHUTDOWN);
        // Readers of sysfs and hwmon are waited for: with no lock held.
        let face = self.face.lock().take();
        drop(face);
        self.patient.drain();
        self.power_down_quietly();
        self.stop_guard();
        self.urgent.drain();
        self.wake();
    }

    /// Whether the processor does nothing any more.
    fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Wakes all that wait for the processor to change.
    fn wake(&self) {
        let _guard = self.waiting.lock();
        self.changed.notify_all();
    }
}
