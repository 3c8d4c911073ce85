// SPDX-License-Identifier: GPL-2.0

//! The guard in the kernel: its lock, its timer, what becomes of its news.
//!
//! The timer fires in hard-interrupt context (in a soft interrupt on a real-time kernel), takes
//! the spinlock and runs one tick of the guard: a sample that demands it turns the laser off in
//! that very callback. What sleeps (uevents, hwmon, files that wait) is left to the work `news`,
//! which no trip ever waits for.

use super::Processor;
use crate::{
    photonic::{
        guard::{Events, Guard, Limits, Refusal, Request, Snapshot},
        registers::Registers,
    },
    rust::clock,
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{Arc, ArcBorrow},
    time::{
        hrtimer::{
            HrTimerCallback, HrTimerCallbackContext, HrTimerPointer, HrTimerRestart, RelativeMode,
        },
        Delta, Monotonic,
    },
    workqueue::WorkItem,
};

/// From tick to tick.
const PERIOD: Delta = Delta::from_millis(1);

/// What the spinlock is around.
pub(crate) struct Guarded {
    guard: Guard,
    /// What happened since the news were last told.
    news: Events,
}

impl Guarded {
    pub(crate) fn new() -> Self {
        Self {
            guard: Guard::new(Limits::DEFAULT),
            news: Events::NONE,
        }
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Processor {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for Processor {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        if this.tick() {
            // Queued already is as good: that work has yet to look.
            let _ = this.urgent.enqueue::<Arc<Self>, 0>(Arc::from(this));
        }
        context.forward_now(PERIOD);
        HrTimerRestart::Restart
    }
}

impl WorkItem<0> for Processor {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let (news, snapshot) = {
            let mut guarded = this.guarded.lock();
            let news = core::mem::replace(&mut guarded.news, Events::NONE);
            (news, guarded.guard.snapshot())
        };
        this.announce(news, &snapshot);
        this.wake();
    }
}

impl Processor {
    /// One run of the guard; whether there are news. Any context.
    fn tick(&self) -> bool {
        let now = clock::monotonic_ns();
        let mut guarded = self.guarded.lock();
        let events = guarded
            .guard
            .tick(self.fast_registers(), now, &clock::monotonic_ns);
        guarded.news = guarded.news.with(events);
        !events.is_empty()
    }

    /// The registers, of which only the fast ones may be used by whoever holds a spinlock.
    fn fast_registers(&self) -> &dyn Registers {
        &*self.registers
    }

    /// Starts the timer. Process context.
    pub(super) fn start_guard(self: &Arc<Self>) {
        *self.beat.lock() = Some(self.clone().start(PERIOD));
    }

    /// Stops the timer and waits for a tick that runs. Process context.
    pub(super) fn stop_guard(&self) {
        let beat = self.beat.lock().take();
        drop(beat);
    }

    /// The figures of the last tick.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.guarded.lock().guard.snapshot()
    }

    /// Asks the guard for something, which its ticks carry out.
    pub(super) fn request(&self, request: Request) -> Result<(), Refusal> {
        self.guarded.lock().guard.request(request)
    }

    /// Changes thresholds.
    pub(super) fn set_limits(&self, limits: Limits) -> Result<(), Refusal> {
        self.guarded.lock().guard.set_limits(limits)
    }

    /// Turns the laser off at once, and the key. Any context.
    pub(super) fn stop_light(&self) {
        let now = clock::monotonic_ns();
        let mut guarded = self.guarded.lock();
        guarded.guard.stop_light(self.fast_registers(), now);
    }
}
