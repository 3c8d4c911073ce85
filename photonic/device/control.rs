// SPDX-License-Identifier: GPL-2.0

//! Power, arming, resets: asking the guard, and waiting until it has done so.
//!
//! Process context; a wait ends with `EINTR` on a signal. `waiting` is held around each look and
//! released while waiting; `armer` and `optics` are taken alone.

use super::Processor;
use crate::{
    photonic::{
        guard::{RailState, Refusal, Request, Snapshot},
        registers as regs,
    },
    rust::{clock, cred},
    uapi,
};
use core::cell::Cell;
use kernel::{
    prelude::*,
    sync::{atomic::Relaxed, Arc, CondVarTimeoutResult},
    time::msecs_to_jiffies,
};

/// The guard gives up on a rail long before this.
const POWER_MS: u32 = 10_000;
/// Between two looks at what the guard did.
const LOOK_MS: u32 = 10;
/// From the order to light or darkness: a few ticks.
const LASER_MS: u32 = 1_000;

/// Who turned the key.
#[derive(Clone, Copy)]
pub(super) struct Armer {
    file: u64,
    process: i32,
}

/// Whether all rails are up.
pub(super) fn is_powered(now: &Snapshot) -> bool {
    now.rail_state.iter().all(|&rail| rail == RailState::On)
}

/// Whether no rail is up or on its way, and nothing is asked for.
fn is_dark(now: &Snapshot) -> bool {
    let off = |&rail: &RailState| matches!(rail, RailState::Off | RailState::Fault);
    !now.pending && !now.emission && now.rail_state.iter().all(off)
}

/// How the way down ended, if it has. `EIO` where a rail does not go off.
fn is_down(now: &Snapshot) -> Option<Result> {
    if now.causes & uapi::PHOTONIC_CAUSE_RAIL_STUCK != 0 {
        return Some(Err(EIO));
    }
    is_dark(now).then_some(Ok(()))
}

/// The errno of what the guard refuses.
pub(super) fn errno(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Busy => EBUSY,
        Refusal::Latched => EUCLEAN,
        Refusal::NoPower => ENETDOWN,
        Refusal::Interlock => ENOLCK,
        Refusal::Hot => EHOSTDOWN,
        Refusal::Limits => EINVAL,
    }
}

impl Processor {
    /// `PHOTONIC_CONTROL` of the file `file`.
    pub(super) fn control(self: &Arc<Self>, action: u32, file: u64) -> Result {
        if action != uapi::PHOTONIC_DISARM && !cred::is_admin() {
            return Err(EPERM);
        }
        match action {
            uapi::PHOTONIC_POWER_UP => self.power_up(),
            uapi::PHOTONIC_POWER_DOWN => self.power_down(),
            uapi::PHOTONIC_ARM => self.arm(file),
            uapi::PHOTONIC_DISARM => {
                self.disarm();
                Ok(())
            }
            uapi::PHOTONIC_CLEAR => self.clear(),
            uapi::PHOTONIC_RESET_SOFT => self.reset(action, false),
            uapi::PHOTONIC_RESET_FUNCTION => self.reset(action, true),
            uapi::PHOTONIC_RESET_POWER => {
                self.reset(action, true)?;
                self.power_down()?;
                self.power_up()
            }
            _ => Err(EINVAL),
        }
    }

    /// Whether power and light may begin. To be asked with `armer` locked: whoever ends both
    /// says so first, then takes that lock.
    fn may_begin(&self) -> Result {
        match self.has_ended() || self.all.closed.load(Relaxed) {
            true => Err(ESHUTDOWN),
            false => Ok(()),
        }
    }

    /// Rails up. `EUCLEAN` where a cause is latched, also one that is by this.
    fn power_up(&self) -> Result {
        {
            let _key = self.armer.lock();
            self.may_begin()?;
            self.beginnings.fetch_add(1, Relaxed);
            self.request(Request::PowerUp).map_err(errno)?;
        }
        let up_at = Cell::new(None);
        self.wait_for(POWER_MS, |now| {
            if now.causes & uapi::PHOTONIC_CAUSE_RAIL_TIMEOUT != 0 {
                return Some(Err(ETIMEDOUT));
            }
            if now.causes != 0 {
                return Some(Err(EIO));
            }
            if !is_powered(now) {
                return None;
            }
            // The tick after it is the first that begins with all rails good, and allows ARM.
            let ticks = now.statistics.ticks;
            match up_at.get() {
                Some(up_at) if up_at < ticks => Some(Ok(())),
                Some(_) => None,
                None => {
                    up_at.set(Some(ticks));
                    None
                }
            }
        })
    }

    /// Light off, rails down.
    pub(super) fn power_down(&self) -> Result {
        self.disarm();
        self.request(Request::PowerDown).map_err(errno)?;
        self.wait_for(POWER_MS, is_down)
    }

    /// The same for whoever cannot be told that it failed, and where no signal may end the
    /// wait: removal, suspend, the end of the system.
    pub(super) fn power_down_quietly(&self) {
        let was_up = is_down(&self.snapshot()).is_none();
        self.disarm();
        // Nobody ticks while the system sleeps, and there is nothing to do then.
        if matches!(is_down(&self.snapshot()), Some(Ok(()))) {
            return;
        }
        // The way down is never refused.
        let _ = self.request(Request::PowerDown);
        for _ in 0..POWER_MS / LOOK_MS {
            match is_down(&self.snapshot()) {
                Some(Ok(())) => {
                    if was_up {
                        dev_info!(self.device, "light off, rails down\n");
                    }
                    return;
                }
                Some(Err(_)) => break,
                None => clock::sleep_ns(u64::from(LOOK_MS) * 1_000_000),
            }
        }
        dev_warn!(self.device, "rails did not go down in order\n");
    }

    /// Takes back the causes whose reasons are gone. `EAGAIN` if one is left.
    fn clear(&self) -> Result {
        self.request(Request::Clear).map_err(errno)?;
        self.wait_for(LASER_MS, |now| {
            if now.pending {
                return None;
            }
            Some((now.causes == 0).then_some(()).ok_or(EAGAIN))
        })
    }

    /// Turns the key for `file` and the laser on.
    fn arm(&self, file: u64) -> Result {
        {
            let mut armer = self.armer.lock();
            // Where a cause has put the key out, nobody has it any more.
            if armer.is_some_and(|other| other.file != file) && self.snapshot().armed {
                return Err(EBUSY);
            }
            self.may_begin()?;
            self.beginnings.fetch_add(1, Relaxed);
            self.request(Request::Arm).map_err(errno)?;
            *armer = Some(Armer {
                file,
                process: cred::process(),
            });
        }
        let lit = self.wait_for(LASER_MS, |now| {
            if now.causes != 0 {
                return Some(Err(EUCLEAN));
            }
            // Light that is still seen may be that of the arming before.
            (!now.pending && now.emission).then_some(Ok(()))
        });
        match lit {
            Ok(()) => {
                self.counts.rearms.fetch_add(1, Relaxed);
                Ok(())
            }
            Err(error) => {
                self.disarm();
                Err(error)
            }
        }
    }

    /// Turns key and laser off at once, whoever armed it.
    pub(super) fn disarm(&self) {
        let mut armer = self.armer.lock();
        self.stop_light();
        *armer = None;
    }

    /// The same if it was `file` that armed it, which closes, or `process` through it, which
    /// dies.
    pub(super) fn disarm_for(&self, file: u64, process: Option<i32>) {
        let mut armer = self.armer.lock();
        let ends = |armer: Armer| {
            armer.file == file && process.is_none_or(|process| process == armer.process)
        };
        if armer.is_some_and(ends) {
            self.stop_light();
            *armer = None;
        }
    }

    /// Ends all jobs; with `function` the laser, and heaters at 0, too.
    fn reset(&self, action: u32, function: bool) -> Result {
        if function {
            self.disarm();
        }
        self.end_jobs(ECANCELED);
        let mut optics = self.optics.lock();
        self.registers.write(
            regs::CONTROL,
            match function {
                true => regs::CONTROL_RESET_FUNCTION,
                false => regs::CONTROL_RESET_SOFT,
            },
        );
        if function {
            optics.forget();
        }
        drop(optics);
        self.counts.resets.fetch_add(1, Relaxed);
        self.tell(uapi::PHOTONIC_EVENT_RESET, action.into());
        Ok(())
    }

    /// Waits until `done` has an answer, up to `ms`. `ETIMEDOUT`, `EINTR`, `ESHUTDOWN`.
    fn wait_for(&self, ms: u32, done: impl Fn(&Snapshot) -> Option<Result>) -> Result {
        let look = msecs_to_jiffies(LOOK_MS);
        let end = clock::monotonic_ns().saturating_add(u64::from(ms) * 1_000_000);
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(answer) = done(&self.snapshot()) {
                return answer;
            }
            if self.has_ended() {
                return Err(ESHUTDOWN);
            }
            if clock::monotonic_ns() >= end {
                return Err(ETIMEDOUT);
            }
            // Not everything that is waited for is news.
            let woken = self.changed.wait_interruptible_timeout(&mut waiting, look);
            if matches!(woken, CondVarTimeoutResult::Signal { .. }) {
                return Err(EINTR);
            }
        }
    }
}
