// SPDX-License-Identifier: GPL-2.0

//! The one engine of the system, with its lock, timer, work and memory.
//!
//! # Contexts and locks
//!
//! [`State`] is guarded by one mutex, taken in process context only: by ioctls
//! and by the work item. The timer fires in hard-interrupt context, takes no
//! lock and does nothing but hand over to the work item. No other lock is
//! taken with this one held, nor this one with another held.
//!
//! # Life of a cycle
//!
//! A call that leaves the engine with something to do arms the timer for the
//! cycle that the engine names ([`Engine::next_wakeup`]); the timer queues the
//! work; the work applies what is due and arms the timer again, or leaves it
//! alone when nothing is pending.
//!
//! [`Engine::next_wakeup`]: super::engine::Engine::next_wakeup

use super::{engine, neuron::Neuron, queue::Event};
use crate::{
    rust::{
        clock,
        workqueue::{OwnedQueue, Priority},
    },
    uapi,
};
use kernel::{
    impl_has_hr_timer, impl_has_work, new_mutex, new_work,
    prelude::*,
    sync::{Arc, ArcBorrow, Mutex},
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativeMode,
        },
        Delta, Monotonic,
    },
    workqueue::{Work, WorkItem},
};

/// Events applied in one go with the lock held: a few microseconds' worth, so
/// that a submitter seldom waits for more. The exception is in
/// [`Context::with_engine_up_to_date`].
const BATCH: u32 = 64;

/// The engine over memory of the kernel.
pub(crate) type Engine = engine::Engine<VVec<Neuron>, VVec<Event>>;

/// The engine and what goes with it in the kernel.
#[pin_data]
pub(crate) struct Context {
    #[pin]
    state: Mutex<State>,
    #[pin]
    timer: HrTimer<Self>,
    #[pin]
    work: Work<Self>,
    queue: OwnedQueue,
}

/// What the mutex guards.
struct State {
    engine: Engine,
    /// Set from the moment that the timer is started to the moment that its
    /// work takes the lock.
    alarm: Option<Alarm>,
}

/// A started timer; dropping it cancels the timer.
///
/// It holds a reference to the context that holds it. [`Context::shut_down`]
/// breaks that circle.
struct Alarm {
    /// When the timer fires, in nanoseconds of `CLOCK_MONOTONIC`.
    due: u64,
    _handle: ArcHrTimerHandle<Context>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Context {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl_has_work! {
    impl HasWork<Self> for Context { self.work }
}

impl Context {
    /// Allocates the engine, disabled and at rest. May sleep.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let now = clock::monotonic_ns();
        let neurons = table(Neuron::at_rest(now), uapi::MAX_NEURONS)?;
        let in_order = table(Event::EMPTY, uapi::MAX_PENDING_EVENTS)?;
        let stragglers = table(Event::EMPTY, uapi::MAX_PENDING_EVENTS)?;
        let queue = OwnedQueue::new_unbound(c"lightos_spiking", Priority::High)?;
        Arc::pin_init(
            pin_init!(Self {
                state <- new_mutex!(
                    State {
                        engine: Engine::new(neurons, in_order, stragglers, now),
                        alarm: None,
                    },
                    "lightos_spiking"
                ),
                timer <- HrTimer::new(),
                work <- new_work!("lightos_spiking"),
                queue,
            }),
            GFP_KERNEL,
        )
    }

    /// Stops the engine and waits until no timer and no work is left.
    ///
    /// To be called once, after the last call that could start it again.
    pub(crate) fn shut_down(&self) {
        let alarm = {
            let mut state = self.state.lock();
            state.engine.stop(clock::monotonic_ns());
            state.alarm.take()
        };
        drop(alarm);
        self.queue.drain();
    }

    /// Looks at or changes the engine as it is, then arms the timer for what
    /// that leaves to do. `use_engine` gets the present time.
    pub(crate) fn with_engine<R>(
        self: &Arc<Self>,
        use_engine: impl FnOnce(&mut Engine, u64) -> R,
    ) -> R {
        let mut state = self.state.lock();
        let now = clock::monotonic_ns();
        let result = use_engine(&mut state.engine, now);
        self.arm(&mut state, now);
        result
    }

    /// The same, after everything that is due has been applied: a program
    /// sees the effect of what it submitted.
    pub(crate) fn with_engine_up_to_date<R>(
        self: &Arc<Self>,
        use_engine: impl FnOnce(&mut Engine, u64) -> R,
    ) -> R {
        // Most of the work in batches; what fell due meanwhile under the lock
        // that the answer is given with.
        self.apply(clock::monotonic_ns(), uapi::MAX_PENDING_EVENTS);
        self.with_engine(|engine, now| {
            apply_timed(engine, now, u32::MAX);
            use_engine(engine, now)
        })
    }

    /// Applies up to `limit` of the events due at `now`, in batches: others
    /// get the lock in between.
    fn apply(&self, now: u64, limit: u32) {
        let mut left = limit;
        while left > 0 {
            let batch = left.min(BATCH);
            if apply_timed(&mut self.state.lock().engine, now, batch) < batch {
                return;
            }
            left -= batch;
        }
    }

    /// Starts the timer for the next cycle, or cancels it if none is needed.
    fn arm(self: &Arc<Self>, state: &mut State, now: u64) {
        let Some(due) = state.engine.next_wakeup(now) else {
            state.alarm = None;
            return;
        };
        // One that is due already has its work on the way.
        let stands = |alarm: &Alarm| alarm.due == due || alarm.due <= now;
        if state.alarm.as_ref().is_some_and(stands) {
            return;
        }
        // Cancel first: dropping the old handle after the start would cancel
        // the timer anew.
        state.alarm = None;
        let wait = i64::try_from(due.saturating_sub(now)).unwrap_or(i64::MAX);
        state.alarm = Some(Alarm {
            due,
            _handle: self.clone().start(Delta::from_nanos(wait)),
        });
    }
}

impl HrTimerCallback for Context {
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _ctx: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        // Already queued is as good: that work has yet to look at the events.
        let _ = this.queue.enqueue(Arc::from(this));
        HrTimerRestart::NoRestart
    }
}

impl WorkItem for Context {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let now = clock::monotonic_ns();
        let limit = {
            let mut state = this.state.lock();
            state.alarm = None;
            state.engine.begin_cycle(now)
        };
        this.apply(now, limit);
        this.with_engine(|_, _| ());
    }
}

/// Applies events and books the time that it took. Returns how many.
fn apply_timed(engine: &mut Engine, now: u64, limit: u32) -> u32 {
    let begin = clock::monotonic_ns();
    let applied = engine.apply(now, limit);
    if applied > 0 {
        engine.note_busy(clock::monotonic_ns().saturating_sub(begin));
    }
    applied
}

fn table<T: Copy>(initial: T, len: u32) -> Result<VVec<T>> {
    Ok(VVec::from_elem(initial, len as usize, GFP_KERNEL)?)
}
