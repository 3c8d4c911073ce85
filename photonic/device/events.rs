// SPDX-License-Identifier: GPL-2.0

//! Events for open files: who wants which, and those that wait.
//!
//! Process context. Each file has a mutex around its queue; the list of files has another, which
//! is taken first.

use crate::{
    rust::{chardev, clock},
    uapi,
};
use kernel::{
    fs::File,
    new_mutex,
    prelude::*,
    static_lock_class,
    sync::{
        poll::{PollCondVarBox, PollTable},
        Arc, Mutex,
    },
};

/// Events that wait for one file at most.
const QUEUE: usize = 256;

/// One event, as user space gets it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Event {
    pub(crate) time_ns: u64,
    pub(crate) device: u32,
    pub(crate) kind: u32,
    pub(crate) value: u64,
}

/// The events of one file.
#[pin_data]
pub(crate) struct Inbox {
    file: u64,
    #[pin]
    queue: Mutex<Queue>,
    /// In a box of its own, which goes without a wait: one that is dropped in place waits for
    /// an RCU grace period, and every close of a file would.
    changed: PollCondVarBox,
}

/// What waits, oldest first from `first` on, in a ring that is allocated by the first
/// subscription.
#[derive(Default)]
struct Queue {
    devices: u32,
    kinds: u32,
    ring: KVec<Event>,
    first: usize,
    count: usize,
    lost: u64,
}

impl Queue {
    /// Puts an event at the end; the newest is lost where there is no room, as the older ones
    /// say how it began.
    fn push(&mut self, event: Event) {
        let len = self.ring.len();
        if self.count >= len {
            self.lost += 1;
            return;
        }
        let at = (self.first + self.count) % len;
        if let Some(slot) = self.ring.get_mut(at) {
            *slot = event;
            self.count += 1;
        }
    }

    /// The same at the front. It was taken from there, so that there is room, unless others
    /// have come meanwhile: then it counts as lost.
    fn push_front(&mut self, event: Event) {
        let len = self.ring.len();
        if event.kind == uapi::PHOTONIC_EVENT_LOST {
            self.lost += event.value;
        } else if self.count >= len {
            self.lost += 1;
        } else {
            self.first = (self.first + len - 1) % len;
            if let Some(slot) = self.ring.get_mut(self.first) {
                *slot = event;
                self.count += 1;
            }
        }
    }

    fn pop(&mut self) -> Option<Event> {
        if self.count == 0 {
            return (self.lost > 0).then(|| Event {
                time_ns: clock::monotonic_ns(),
                device: 0,
                kind: uapi::PHOTONIC_EVENT_LOST,
                value: core::mem::take(&mut self.lost),
            });
        }
        let event = *self.ring.get(self.first)?;
        self.first = (self.first + 1) % self.ring.len();
        self.count -= 1;
        Some(event)
    }
}

impl Inbox {
    /// That of the file `file`, which asks for nothing. May sleep.
    pub(crate) fn new(file: u64) -> Result<Arc<Self>> {
        let changed = PollCondVarBox::new(c"lightos_photonic_events", static_lock_class!())?;
        Arc::pin_init(
            pin_init!(Self {
                file,
                queue <- new_mutex!(Queue::default(), "lightos_photonic_events"),
                changed,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Asks for events; those that wait are dropped.
    pub(crate) fn subscribe(&self, devices: u32, kinds: u32) -> Result {
        let mut ring = KVec::new();
        if kinds != 0 && devices != 0 {
            ring = KVec::from_elem(Event::default(), QUEUE, GFP_KERNEL_ACCOUNT)?;
        }
        *self.queue.lock() = Queue {
            devices,
            kinds,
            ring,
            ..Queue::default()
        };
        Ok(())
    }

    /// The oldest event. `EAGAIN` without one.
    pub(crate) fn take(&self) -> Result<Event> {
        self.queue.lock().pop().ok_or(EAGAIN)
    }

    /// Puts an event back that could not be handed over: it stays the oldest.
    pub(crate) fn give_back(&self, event: Event) {
        self.queue.lock().push_front(event);
    }

    /// Puts an event in if the file asked for it.
    pub(crate) fn offer(&self, event: Event) {
        let mut queue = self.queue.lock();
        let wanted = queue.devices.checked_shr(event.device).unwrap_or(0) & 1 != 0;
        if !wanted || queue.kinds & event.kind == 0 {
            return;
        }
        queue.push(event);
        drop(queue);
        self.changed.notify_all();
    }

    /// Registers with `table`; whether there is an event.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        table.register_wait(file, &self.changed);
        let queue = self.queue.lock();
        match queue.count > 0 || queue.lost > 0 {
            true => chardev::PRIORITY,
            false => 0,
        }
    }
}

/// The inboxes of all open files.
#[pin_data]
pub(crate) struct Inboxes {
    #[pin]
    list: Mutex<KVec<Arc<Inbox>>>,
}

impl Inboxes {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(KVec::new(), "lightos_photonic_inboxes"),
        })
    }

    /// Adds the inbox of a file, from its first subscription on.
    pub(crate) fn add(&self, inbox: &Arc<Inbox>) -> Result {
        let mut list = self.list.lock();
        if !list.iter().any(|other| Arc::ptr_eq(other, inbox)) {
            list.push(inbox.clone(), GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Removes it again.
    pub(crate) fn remove(&self, inbox: &Arc<Inbox>) {
        let mut list = self.list.lock();
        if let Some(at) = list.iter().position(|other| Arc::ptr_eq(other, inbox)) {
            let _ = list.remove(at);
        }
    }

    /// Hands an event to every file that asked for it, or to `file` alone.
    pub(crate) fn publish(&self, device: usize, file: Option<u64>, kind: u32, value: u64) {
        let event = Event {
            time_ns: clock::monotonic_ns(),
            device: device as u32,
            kind,
            value,
        };
        for inbox in self.list.lock().iter() {
            if file.is_none_or(|file| file == inbox.file) {
                inbox.offer(event);
            }
        }
    }
}
