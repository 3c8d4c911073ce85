// SPDX-License-Identifier: GPL-2.0

//! Runs of a network: in the background, by the caller, in real time.
//!
//! Process context: the caller or a worker. [`Control`] is behind the lock `control`;
//! a slice of a run holds `network`.

use super::{
    live::{Limits, Live, Slice},
    ring::Rings,
    Session,
};
use crate::{
    rust::{clock, eventfd::EventFd, trace},
    uapi,
};
use kernel::{
    current,
    prelude::*,
    sync::{atomic::Relaxed, Arc},
    time::msecs_to_jiffies,
    workqueue::WorkItem,
};

/// How long the lock of the network is held at a time, in ns, if steps are
/// shorter than that.
const SLICE_NS: u64 = 1_000_000;

/// The shortest interval of real time, in ns.
const MIN_INTERVAL_NS: u64 = 10_000;
/// The longest, in ns.
const MAX_INTERVAL_NS: u64 = 1_000_000_000_000;

/// Below this, a wait for the next step is slept through, in ns; above, it can
/// be woken.
const SHORT_WAIT_NS: u64 = 10_000_000;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum End {
    Done = 0,
    Stopped = 1,
    OutputFull = 2,
    Interrupted = 3,
}

/// A run as it was asked for.
#[derive(Clone, Copy)]
struct Plan {
    number: u64,
    /// The first step.
    first: u64,
    /// The step to stop before.
    end: u64,
    keep_output: bool,
    /// Real time: ns from step to step.
    interval: Option<u64>,
    /// Computed by the thread that asked.
    by_caller: bool,
}

/// A run under way.
struct Run {
    plan: Plan,
    eventfd: Option<EventFd>,
    /// Whether somebody computes it by now. The queue has a limit to what it
    /// works on at a time.
    begun: bool,
}

/// The run, what the last one left, and the rings as pollers see them.
#[derive(Default)]
pub(super) struct Control {
    rings: Option<Arc<Rings>>,
    run: Option<Run>,
    /// Runs started, since counts began.
    runs: u64,
    /// The number of the last run; never used again.
    number: u64,
    completion: Option<uapi::NetworkCompletion>,
}

impl Control {
    /// Whether a run is under way.
    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Runs started.
    pub(super) fn runs(&self) -> u64 {
        self.runs
    }

    /// Starts to count runs again.
    pub(super) fn reset_runs(&mut self) {
        self.runs = 0;
    }

    /// The rings of the network in use.
    pub(super) fn rings(&self) -> Option<Arc<Rings>> {
        self.rings.clone()
    }

    /// Notes the rings of the network in use.
    pub(super) fn set_rings(&mut self, rings: Arc<Rings>) {
        self.rings = Some(rings);
    }

    /// Forgets everything about the network before.
    pub(super) fn renew(&mut self, rings: Arc<Rings>) {
        *self = Self {
            rings: Some(rings),
            number: self.number,
            ..Self::default()
        };
    }

    /// The run that waits to be computed, which the caller will do.
    fn begin(&mut self) -> Option<Plan> {
        let run = self.run.as_mut().filter(|run| !run.begun)?;
        run.begun = true;
        Some(run.plan)
    }

    /// Ends a run that nobody computes yet.
    pub(super) fn withdraw(&mut self) -> Option<EventFd> {
        let run = self.run.take_if(|run| !run.begun)?;
        self.completion = Some(uapi::NetworkCompletion {
            run: run.plan.number,
            step: run.plan.first,
            reason: End::Stopped as u32,
            ..uapi::NetworkCompletion::default()
        });
        run.eventfd
    }

    /// Whether a completion waits to be read.
    pub(super) fn has_completion(&self) -> bool {
        self.completion.is_some()
    }

    /// Keeps a completion that could not be handed over, unless another run has
    /// ended meanwhile.
    pub(super) fn give_back(&mut self, completion: uapi::NetworkCompletion) {
        self.completion.get_or_insert(completion);
    }
}

/// What a run has done so far.
#[derive(Default)]
struct Progress {
    steps: u64,
    busy_ns: u64,
    missed: u64,
}

impl Session {
    /// RUN. Returns the number of the run.
    pub(super) fn start(self: &Arc<Self>, request: &uapi::NetworkRun) -> Result<u64> {
        let eventfd = match request.flags & uapi::RUN_EVENTFD {
            0 => None,
            _ => Some(EventFd::from_fd(request.eventfd)?),
        };
        let plan = self.enter(request, eventfd)?;
        if plan.by_caller {
            self.compute(plan);
        } else {
            // If it is queued still for a run that was withdrawn, it will do
            // for this one.
            let _ = self.networks.queue.enqueue(self.clone());
        }
        Ok(plan.number)
    }

    /// Enters a run in `control`.
    fn enter(&self, request: &uapi::NetworkRun, eventfd: Option<EventFd>) -> Result<Plan> {
        self.with_idle_network(|live| {
            let keep_output = request.flags & uapi::RUN_KEEP_OUTPUT != 0;
            if keep_output && !live.output_fits() {
                return Err(EINVAL);
            }
            let (end, interval) = (end(request, live)?, interval(request, live)?);
            let mut control = self.control.lock();
            control.runs += 1;
            control.number += 1;
            let plan = Plan {
                number: control.number,
                first: live.network.step(),
                end,
                keep_output,
                interval,
                by_caller: request.flags & uapi::RUN_WAIT != 0,
            };
            control.run = Some(Run {
                plan,
                eventfd,
                begun: plan.by_caller,
            });
            self.stop.store(false, Relaxed);
            trace::network_start(self.id, plan.number, live.network.step(), plan.end);
            Ok(plan)
        })
    }

    /// STOP. `EINTR` after a signal: called again, it might stop another run.
    pub(super) fn stop(&self) -> Result {
        let mut control = self.control.lock();
        if control.rings.is_none() {
            return Err(ENODATA);
        }
        let Some(number) = control.run.as_ref().map(|run| run.plan.number) else {
            return Ok(());
        };
        self.stop.store(true, Relaxed);
        let eventfd = control.withdraw();
        self.changed.notify_all();
        if let Some(eventfd) = eventfd {
            eventfd.signal();
        }
        while control
            .run
            .as_ref()
            .is_some_and(|run| run.plan.number == number)
        {
            if self.changed.wait_interruptible(&mut control) {
                return Err(EINTR);
            }
        }
        Ok(())
    }

    /// Takes the completion that waits, or comes. `EINVAL` if there is neither it nor
    /// a run, `EAGAIN` if it would have to `wait` and must not.
    pub(super) fn take_completion(&self, wait: bool) -> Result<uapi::NetworkCompletion> {
        let mut control = self.control.lock();
        loop {
            if let Some(completion) = control.completion.take() {
                return Ok(completion);
            }
            if !control.is_running() {
                return Err(EINVAL);
            }
            if !wait {
                return Err(EAGAIN);
            }
            if self.changed.wait_interruptible(&mut control) {
                return Err(ERESTARTSYS);
            }
        }
    }

    /// Computes a run from slice to slice, and completes it.
    fn compute(&self, plan: Plan) {
        let mut progress = Progress::default();
        let end = match plan.interval {
            None => self.compute_at_once(plan, &mut progress),
            Some(interval) => self.compute_in_time(plan, interval, &mut progress),
        };
        self.complete(end, progress);
    }

    fn compute_at_once(&self, plan: Plan, progress: &mut Progress) -> End {
        loop {
            let deadline = clock::monotonic_ns() + SLICE_NS;
            let (slice, left) = self.slice(plan, plan.end, deadline, progress);
            if let Some(end) = self.ended(plan, &slice, left) {
                return end;
            }
        }
    }

    fn compute_in_time(&self, plan: Plan, interval: u64, progress: &mut Progress) -> End {
        let mut due = clock::monotonic_ns();
        loop {
            let now = clock::monotonic_ns();
            let (slice, left) = if now < due {
                self.wait_until(due);
                (Slice::default(), self.steps_left(plan.end))
            } else {
                // All that are due; all but the last of them began too late.
                let begun = (now - due) / interval + 1;
                let end = plan.end.min(self.next_step().saturating_add(begun));
                let done = self.slice(plan, end, now + SLICE_NS, progress);
                let missed = done.0.steps.min(begun - 1);
                progress.missed += missed;
                self.note_missed(missed);
                due += done.0.steps * interval;
                (done.0, self.steps_left(plan.end))
            };
            if let Some(end) = self.ended(plan, &slice, left) {
                return end;
            }
        }
    }

    /// Whether the run is over after `slice`, with `left` steps to its target.
    fn ended(&self, plan: Plan, slice: &Slice, left: u64) -> Option<End> {
        if left == 0 {
            Some(End::Done)
        } else if self.stop.load(Relaxed) {
            Some(End::Stopped)
        } else if slice.full {
            Some(End::OutputFull)
        } else if plan.by_caller && current!().signal_pending() {
            Some(End::Interrupted)
        } else {
            None
        }
    }

    /// Computes steps before `end` until `deadline`. Returns what was done, and
    /// the steps that are left to `end`.
    fn slice(&self, plan: Plan, end: u64, deadline: u64, progress: &mut Progress) -> (Slice, u64) {
        let limits = Limits {
            end,
            deadline,
            keep_output: plan.keep_output,
        };
        let (slice, left) = match &mut *self.network.lock() {
            Some(live) => {
                let slice = live.run(limits, || self.stop.load(Relaxed));
                (slice, end.saturating_sub(live.network.step()))
            }
            // A network in use is replaced between runs only.
            None => (Slice::default(), 0),
        };
        progress.steps += slice.steps;
        progress.busy_ns += slice.busy_ns;
        if slice.lost != [0; 2] {
            trace::network_overflow(self.id, slice.lost[0], slice.lost[1]);
        }
        if slice.news {
            self.changed.notify_all();
        }
        (slice, left)
    }

    fn next_step(&self) -> u64 {
        let network = self.network.lock();
        network.as_ref().map_or(0, |live| live.network.step())
    }

    fn steps_left(&self, end: u64) -> u64 {
        end.saturating_sub(self.next_step())
    }

    fn note_missed(&self, steps: u64) {
        if let Some(live) = &mut *self.network.lock() {
            live.note_missed(steps);
        }
    }

    /// Waits for `due`, in ns of `CLOCK_MONOTONIC`; less if the run is to stop,
    /// or for no reason.
    fn wait_until(&self, due: u64) {
        let wait = due.saturating_sub(clock::monotonic_ns());
        if wait <= SHORT_WAIT_NS {
            clock::sleep_ns(wait);
            return;
        }
        let mut control = self.control.lock();
        if !self.stop.load(Relaxed) {
            let whole = (wait - SHORT_WAIT_NS) / 1_000_000;
            let jiffies = msecs_to_jiffies(u32::try_from(whole).unwrap_or(u32::MAX).min(1000));
            let _ = self
                .changed
                .wait_interruptible_timeout(&mut control, jiffies);
        }
    }

    /// Leaves a completion and wakes whoever waits for it.
    fn complete(&self, end: End, progress: Progress) {
        let step = self.next_step();
        let run = {
            let mut control = self.control.lock();
            let run = control.run.take();
            control.completion = run.as_ref().map(|run| uapi::NetworkCompletion {
                run: run.plan.number,
                step,
                steps: progress.steps,
                busy_ns: progress.busy_ns,
                reason: end as u32,
                missed: u32::try_from(progress.missed).unwrap_or(u32::MAX),
            });
            run
        };
        self.changed.notify_all();
        let Some(run) = run else {
            return;
        };
        trace::network_stop(self.id, run.plan.number, step, progress.steps, end as u32);
        if let Some(eventfd) = run.eventfd {
            eventfd.signal();
        }
    }
}

impl WorkItem for Session {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let plan = this.control.lock().begin();
        if let Some(plan) = plan {
            this.compute(plan);
        }
    }
}

/// The step to stop before.
fn end(request: &uapi::NetworkRun, live: &Live) -> Result<u64> {
    match request.flags & (uapi::RUN_UNTIL_STEP | uapi::RUN_UNTIL_TIME) {
        0 => Ok(live.network.step().saturating_add(request.target)),
        uapi::RUN_UNTIL_STEP => Ok(request.target),
        uapi::RUN_UNTIL_TIME => Ok(request.target.div_ceil(live.step_ns())),
        _ => Err(EINVAL),
    }
}

/// The interval of a run in real time.
fn interval(request: &uapi::NetworkRun, live: &Live) -> Result<Option<u64>> {
    if request.flags & uapi::RUN_REAL_TIME == 0 {
        return match request.interval_ns {
            0 => Ok(None),
            _ => Err(EINVAL),
        };
    }
    let interval = match request.interval_ns {
        0 => live.step_ns(),
        ns => ns,
    };
    if !(MIN_INTERVAL_NS..=MAX_INTERVAL_NS).contains(&interval) {
        return Err(EINVAL);
    }
    Ok(Some(interval))
}
