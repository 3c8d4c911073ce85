// SPDX-License-Identifier: GPL-2.0

//! When there may be light.
//!
//! Light is an AND: the key, the interlock, the rails, the temperature, the watchdog, and no
//! cause latched. Any of them ends it; none of them alone begins it again: that takes a new turn
//! of the key, [`Request::Arm`](super::Request::Arm), after the causes were cleared.

/// Ticks after which light must be seen that was ordered.
pub const SEEN_TICKS: u8 = 3;
/// Ticks of light against orders that are a fault.
pub const STRAY_TICKS: u8 = 2;

/// Whether the key is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Laser {
    /// The key is out. So many ticks in a row showed light even so.
    Off {
        /// Ticks.
        stray: u8,
    },
    /// The key is turned. So many ticks in a row did not show light.
    On {
        /// Ticks.
        unseen: u8,
    },
}

/// What light depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The interlock is closed.
    pub interlock: bool,
    /// All rails are good.
    pub rails: bool,
    /// A healthy sensor says that it is colder than the emergency temperature.
    pub cool: bool,
    /// The watchdog is alive.
    pub watchdog: bool,
    /// No cause is latched.
    pub clean: bool,
}

impl Conditions {
    /// Whether the key may be turned. The watchdog is kicked before it is.
    pub const fn allow_arming(&self) -> bool {
        self.interlock && self.rails && self.cool && self.clean
    }

    /// Whether light that there is may stay.
    pub const fn allow_light(&self) -> bool {
        self.allow_arming() && self.watchdog
    }
}

impl Laser {
    /// The key is out.
    pub const OFF: Self = Self::Off { stray: 0 };

    /// Whether the key is turned.
    pub const fn armed(self) -> bool {
        matches!(self, Self::On { .. })
    }

    /// The key comes out.
    pub const fn put_out(self) -> Self {
        match self {
            Self::Off { .. } => self,
            Self::On { .. } => Self::OFF,
        }
    }

    /// Takes note of whether light is seen. Whether that is against orders, for long enough.
    pub fn observe(&mut self, emission: bool) -> bool {
        match self {
            Self::Off { stray } => {
                *stray = if emission { stray.saturating_add(1) } else { 0 };
                *stray >= STRAY_TICKS
            }
            Self::On { unseen } => {
                *unseen = if emission {
                    0
                } else {
                    unseen.saturating_add(1)
                };
                *unseen >= SEEN_TICKS
            }
        }
    }

    /// Whether light was seen though the key is out.
    pub const fn strays(self) -> bool {
        matches!(self, Self::Off { stray } if stray > 0)
    }
}
