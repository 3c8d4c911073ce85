// SPDX-License-Identifier: GPL-2.0

//! The guard in the kernel: its lock, its timer, what becomes of its news.
//!
//! The timer fires in hard-interrupt context, on a real-time kernel too, takes the raw spinlock
//! and runs one tick of the guard: a sample that demands it turns the laser off in
//! that very callback. What sleeps (uevents, hwmon, files that wait) is left to the work `news`,
//! which no trip ever waits for.

use super::Processor;
use crate::{
    photonic::{
        guard::{Events, Guard, Limits, Refusal, Request, Snapshot},
        registers::Registers,
    },
    rust::{clock, trace},
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{Arc, ArcBorrow},
    time::{
        hrtimer::{
            HrTimerCallback, HrTimerCallbackContext, HrTimerPointer, HrTimerRestart,
            RelativeHardMode,
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
    /// What happened since the news were last told: bits of [`Events`].
    news: u32,
}

impl Guarded {
    pub(crate) fn new() -> Self {
        Self {
            guard: Guard::new(Limits::DEFAULT),
            news: 0,
        }
    }
}

/// What the guard has found since the news before.
#[derive(Clone, Copy)]
pub(super) struct News(u32);

impl News {
    /// Whether `event` is among them.
    pub(super) fn have(self, event: Events) -> bool {
        self.0 & event.bits() != 0
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Processor {
        mode: RelativeHardMode<Monotonic>, field: self.timer
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
            let news = core::mem::take(&mut guarded.news);
            (news, guarded.guard.snapshot())
        };
        this.announce(News(news), &snapshot);
        this.wake();
    }
}

impl Processor {
    /// One run of the guard; whether there are news. Any context.
    fn tick(&self) -> bool {
        let now = clock::monotonic_ns();
        let (events, snapshot) = {
            let mut guarded = self.guarded.lock();
            let device = self.fast_registers();
            let events = guarded.guard.tick(device, now, &clock::monotonic_ns);
            guarded.news |= events.bits();
            (events.bits(), guarded.guard.snapshot())
        };
        trace::photonic_tick(
            self.index as u32,
            snapshot.die_mc,
            snapshot.throttle_permille,
            snapshot.tec_ma,
            snapshot.fan_rpm,
        );
        events != 0
    }

    /// The registers, of which only the fast ones may be used by whoever holds a spinlock.
    fn fast_registers(&self) -> &dyn Registers {
        &*self.registers
    }

    /// Starts the timer. Process context.
    pub(super) fn start_guard(self: &Arc<Self>) {
        let mut beat = self.beat.lock();
        if beat.is_none() && !self.has_ended() {
            *beat = Some(self.clone().start(PERIOD));
        }
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

    /// Changes thresholds from what they are.
    pub(super) fn set_limits(&self, change: impl FnOnce(&mut Limits)) -> Result<(), Refusal> {
        let mut guarded = self.guarded.lock();
        let mut limits = guarded.guard.limits();
        change(&mut limits);
        guarded.guard.set_limits(limits)
    }

    /// Turns the laser off at once, and the key. Any context.
    pub(super) fn stop_light(&self) {
        let now = clock::monotonic_ns();
        let mut guarded = self.guarded.lock();
        guarded.guard.stop_light(self.fast_registers(), now);
    }
}
