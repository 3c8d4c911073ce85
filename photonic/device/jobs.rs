// SPDX-License-Identifier: GPL-2.0

//! Jobs: vectors that wait for the mesh, the worker that takes them there, their results.
//!
//! Process context. The mutex `list` is held to look and to change, never while a job runs. A job
//! belongs to whoever has it: the list until it runs, the worker while it runs, the list again
//! with its result. What a caller waits for is `finished`.

use super::{
    context::Desk,
    optics::{Batch, Light},
    program::Phases,
    Processor,
};
use crate::{
    rust::{
        charged::{self, ChargedVec},
        clock, trace,
    },
    uapi,
};
use kernel::{
    error::to_result,
    new_condvar, new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, CondVar, CondVarTimeoutResult, Mutex,
    },
    time::{msecs_to_jiffies, Jiffies},
    workqueue::WorkItem,
};

/// How long a job may take that does not say.
const DEFAULT_TIMEOUT_NS: u64 = 10_000_000_000;

/// The jobs of a processor.
#[pin_data]
pub(crate) struct Jobs {
    #[pin]
    list: Mutex<List>,
    #[pin]
    finished: CondVar,
}

/// All jobs that nobody has taken the result of.
struct List {
    next: u64,
    /// In the order of submission.
    jobs: KVVec<Entry>,
}

/// A job and how far it is.
struct Entry {
    number: u64,
    file: u64,
    ticket: Arc<Ticket>,
    state: State,
}

/// What a job waits for, with what it needs there.
enum State {
    Waiting(Task),
    Running,
    Done(Outcome),
}

/// What a running job is reached by.
struct Ticket {
    /// The errno to end it with, negative; 0 to go on.
    stop: Atomic<i32>,
}

/// What is to be computed.
pub(crate) struct Task {
    phases: Arc<Phases>,
    wavelengths: u64,
    light: Light,
    vectors: usize,
    deadline: u64,
    input: ChargedVec<i32>,
    exponents: ChargedVec<i32>,
}

/// What became of it.
pub(crate) struct Outcome {
    pub(crate) result: Result,
    pub(crate) output: ChargedVec<i32>,
    pub(crate) exponents: ChargedVec<i32>,
    pub(crate) saturated: u32,
}

impl Jobs {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(List { next: 1, jobs: KVVec::new() }, "lightos_photonic_jobs"),
            finished <- new_condvar!("lightos_photonic_finished"),
        })
    }
}

impl Task {
    /// Takes what a call brought: `input` holds the complex numbers of all vectors.
    pub(crate) fn new(
        desk: &Desk,
        request: &uapi::PhotonicSubmit,
        input: ChargedVec<i32>,
        exponents: ChargedVec<i32>,
    ) -> Self {
        let timeout = match request.timeout_ns {
            0 => DEFAULT_TIMEOUT_NS,
            timeout => timeout,
        };
        Self {
            phases: desk.program.lock().committed(),
            wavelengths: request.wavelengths.max(1),
            light: Light {
                direct: request.flags & uapi::PHOTONIC_DIRECT != 0,
                unthrottled: request.flags & uapi::PHOTONIC_UNTHROTTLED != 0,
            },
            vectors: request.vectors as usize,
            deadline: clock::monotonic_ns().saturating_add(timeout),
            input,
            exponents,
        }
    }
}

impl Processor {
    /// Queues a task; its number. `EAGAIN` while the file has too many, `ESHUTDOWN`.
    pub(super) fn submit(self: &Arc<Self>, desk: &Desk, task: Task) -> Result<u64> {
        let mut list = self.jobs.list.lock();
        if self.has_ended() {
            return Err(ESHUTDOWN);
        }
        let own = list.jobs.iter().filter(|entry| entry.file == desk.file);
        if own.count() >= uapi::PHOTONIC_MAX_JOBS {
            return Err(EAGAIN);
        }
        let ticket = Ticket {
            stop: Atomic::new(0),
        };
        let number = list.next;
        let entry = Entry {
            number,
            file: desk.file,
            ticket: Arc::new(ticket, GFP_KERNEL_ACCOUNT)?,
            state: State::Waiting(task),
        };
        list.jobs.push(entry, GFP_KERNEL_ACCOUNT)?;
        list.next += 1;
        // With the list locked: the end of the processor takes it before it drains the queue.
        // Queued already is as good: that work takes all jobs.
        let _ = self.patient.enqueue::<Arc<Self>, 1>(self.clone());
        Ok(number)
    }

    /// Waits up to `timeout_ns` for the job `number` of `file` and takes its outcome. `ENOENT`,
    /// `EAGAIN` if it is not done yet, `EINTR`.
    pub(super) fn take_outcome(&self, file: u64, number: u64, timeout_ns: u64) -> Result<Outcome> {
        // In milliseconds, rounded up; a span of weeks is as good as none.
        let ms = timeout_ns.div_ceil(1_000_000).min(1 << 31) as u32;
        let mut left: Jiffies = msecs_to_jiffies(ms);
        let mut list = self.jobs.list.lock();
        loop {
            let mut entries = list.jobs.iter();
            let at = entries
                .position(|entry| entry.number == number && entry.file == file)
                .ok_or(ENOENT)?;
            if matches!(list.jobs[at].state, State::Done(_)) {
                let entry = list.jobs.remove(at).map_err(|_| ENOENT)?;
                let State::Done(outcome) = entry.state else {
                    return Err(ENOENT);
                };
                return Ok(outcome);
            }
            if left == 0 {
                return Err(EAGAIN);
            }
            let finished = &self.jobs.finished;
            match finished.wait_interruptible_timeout(&mut list, left) {
                CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
                CondVarTimeoutResult::Timeout => left = 0,
                CondVarTimeoutResult::Signal { .. } => return Err(EINTR),
            }
        }
    }

    /// Ends the job `number` of `file`, which nobody can wait for.
    pub(super) fn forget_job(&self, file: u64, number: u64) {
        let mut list = self.jobs.list.lock();
        let mut entries = list.jobs.iter();
        let at = entries.position(|entry| entry.number == number && entry.file == file);
        let gone = at.and_then(|at| list.jobs.remove(at).ok());
        drop(list);
        if let Some(entry) = gone {
            entry.ticket.stop.store(ECANCELED.to_errno(), Relaxed);
        }
    }

    /// Puts an outcome back that could not be handed over.
    pub(super) fn give_back(&self, file: u64, number: u64, outcome: Outcome) {
        let mut list = self.jobs.list.lock();
        let ticket = Ticket {
            stop: Atomic::new(0),
        };
        let Ok(ticket) = Arc::new(ticket, GFP_KERNEL) else {
            return;
        };
        let entry = Entry {
            number,
            file,
            ticket,
            state: State::Done(outcome),
        };
        // Without memory the result is lost, as the caller was told of the fault.
        let _ = list.jobs.push(entry, GFP_KERNEL);
    }

    /// Ends all jobs with `error`: those that wait at once, the one that runs soon.
    pub(super) fn end_jobs(&self, error: Error) {
        let list = self.jobs.list.lock();
        for entry in list.jobs.iter() {
            entry.ticket.stop.store(error.to_errno(), Relaxed);
        }
        // Jobs that come after this are not meant.
        let end = list.next;
        drop(list);
        while let Some((number, file)) = self.end_waiting_job(end, error) {
            self.counts.jobs.fetch_add(1, Relaxed);
            self.counts.jobs_failed.fetch_add(1, Relaxed);
            self.tell_of_job(file, number);
        }
        self.jobs.finished.notify_all();
    }

    /// Ends a job that waits and whose number is less than `end`; its number and its file.
    fn end_waiting_job(&self, end: u64, error: Error) -> Option<(u64, u64)> {
        let mut list = self.jobs.list.lock();
        let meant =
            |entry: &&mut Entry| entry.number < end && matches!(entry.state, State::Waiting(_));
        let entry = list.jobs.iter_mut().find(meant)?;
        entry.state = State::Done(Outcome::failed(error));
        Some((entry.number, entry.file))
    }

    /// The file closes: its jobs are nobody's any more.
    pub(super) fn abandon_jobs(&self, file: u64) {
        let mut gone = KVec::new();
        let mut list = self.jobs.list.lock();
        while let Some(at) = list.jobs.iter().position(|entry| entry.file == file) {
            let Ok(entry) = list.jobs.remove(at) else {
                break;
            };
            entry.ticket.stop.store(ECANCELED.to_errno(), Relaxed);
            // What cannot be kept for later is freed here.
            let _ = gone.push(entry, GFP_KERNEL);
        }
        drop(list);
    }

    /// The next job that waits, marked as running.
    fn next_job(&self) -> Option<(u64, Arc<Ticket>, Task)> {
        let mut list = self.jobs.list.lock();
        let waiting = |entry: &&mut Entry| matches!(entry.state, State::Waiting(_));
        let entry = list.jobs.iter_mut().find(waiting)?;
        match core::mem::replace(&mut entry.state, State::Running) {
            State::Waiting(task) => Some((entry.number, entry.ticket.clone(), task)),
            state => {
                entry.state = state;
                None
            }
        }
    }

    /// Books the outcome of the job that ran, and tells who waits.
    fn finish_job(&self, number: u64, outcome: Outcome) {
        let failed = outcome.result.is_err();
        self.counts.jobs.fetch_add(1, Relaxed);
        self.counts.jobs_failed.fetch_add(failed.into(), Relaxed);
        let file = {
            let mut list = self.jobs.list.lock();
            let entry = list.jobs.iter_mut().find(|entry| entry.number == number);
            // Its file may have closed meanwhile.
            entry.map(|entry| {
                entry.state = State::Done(outcome);
                entry.file
            })
        };
        self.jobs.finished.notify_all();
        if let Some(file) = file {
            self.tell_of_job(file, number);
        }
    }

    /// One job from its first vector to its last.
    fn run_job(&self, ticket: &Ticket, task: &Task) -> Outcome {
        let width = 2 * self.identity.layout.modes();
        let count = task.vectors * task.wavelengths.count_ones() as usize;
        let tables = charged::table(0, count * width)
            .and_then(|output| Ok((output, charged::table(0, count)?)));
        let Ok((output, exponents)) = tables else {
            return Outcome::failed(ENOMEM);
        };
        let mut outcome = Outcome {
            result: Ok(()),
            output,
            exponents,
            saturated: 0,
        };
        let result = self.compute(ticket, task, width, &mut outcome);
        Outcome { result, ..outcome }
    }

    fn compute(&self, ticket: &Ticket, task: &Task, width: usize, to: &mut Outcome) -> Result {
        let mut optics = self.optics.lock();
        let depth = self.identity.vectors as usize;
        let mut done = 0;
        let wavelengths = (0..64u32).filter(|w| task.wavelengths >> w & 1 != 0);
        for wavelength in wavelengths {
            for first in (0..task.vectors).step_by(depth) {
                to_result(ticket.stop.load(Relaxed))?;
                // The device alone would not see it: each of its commands is short.
                if clock::monotonic_ns() >= task.deadline {
                    return Err(ETIME);
                }
                let count = depth.min(task.vectors - first);
                self.may_run(task.light)?;
                optics.prepare(self, &task.phases, wavelength)?;
                let mut batch = Batch {
                    input: &task.input[first * width..(first + count) * width],
                    input_exponents: &task.exponents[first..first + count],
                    output: &mut to.output[done * width..(done + count) * width],
                    output_exponents: &mut to.exponents[done..done + count],
                };
                to.saturated +=
                    optics.multiply(self, task.light, wavelength, task.deadline, &mut batch)?;
                done += count;
                self.counts.vectors.fetch_add(count as u64, Relaxed);
            }
        }
        Ok(())
    }
}

impl Outcome {
    fn failed(error: Error) -> Self {
        Self {
            result: Err(error),
            output: ChargedVec::new(),
            exponents: ChargedVec::new(),
            saturated: 0,
        }
    }
}

impl WorkItem<1> for Processor {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        while let Some((number, ticket, task)) = this.next_job() {
            let begin = clock::monotonic_ns();
            this.busy_since.store(begin, Relaxed);
            let outcome = this.run_job(&ticket, &task);
            let end = clock::monotonic_ns();
            let ns = end.saturating_sub(begin);
            this.usage.lock().note(begin, end);
            this.busy_since.store(0, Relaxed);
            this.counts.busy_ns.fetch_add(ns, Relaxed);
            let result = outcome.result.map_or_else(|error| error.to_errno(), |()| 0);
            trace::photonic_job(this.index as u32, number, task.vectors as u32, result, ns);
            this.finish_job(number, outcome);
        }
    }
}
