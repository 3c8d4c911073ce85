// SPDX-License-Identifier: GPL-2.0

//! Named gates: who may open them, how long they live.
//!
//! Process context. The table is behind `Gates::names`; a reference to a gate needs
//! no lock.

use super::{report::DebugEntry, Gate};
use crate::rust::debugfs::Folder;
use crate::{rust::cred, uapi};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
    task::Kuid,
};

/// Modes: the owner may query, and change.
const OWNER: u32 = 0o600;
/// The same for others.
const OTHERS: u32 = 0o006;

/// The bits of a mode that let query, and that let change.
const QUERY: u32 = 0o404;
const CHANGE: u32 = 0o202;

/// The gates of the module.
#[pin_data]
pub(crate) struct Gates {
    /// The number of the next gate.
    next: Atomic<u64>,
    /// The folder `lightos/gates` in debugfs.
    folder: Arc<Folder>,
    #[pin]
    names: Mutex<KVec<Named>>,
}

/// A gate that has a name.
struct Named {
    name: Name,
    owner: Kuid,
    mode: u32,
    gate: Arc<DebugEntry>,
    /// Open files that have it.
    files: usize,
}

/// A gate that a file has.
pub(super) struct Held {
    gates: Arc<Gates>,
    gate: Arc<DebugEntry>,
}

/// What an OPEN asks for.
pub(super) struct Wanted {
    name: Name,
    create: bool,
    exclusive: bool,
    mode: u32,
    /// Whether the file is open for more than reading.
    change: bool,
}

/// The name of a gate: printable ASCII, then NULs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name([u8; uapi::MOE_NAME_SIZE]);

impl Name {
    /// Checks a name. `EINVAL`.
    fn new(bytes: [u8; uapi::MOE_NAME_SIZE]) -> Result<Self> {
        let len = bytes.iter().position(|&byte| byte == 0).ok_or(EINVAL)?;
        let (name, rest) = bytes.split_at(len);
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
        if name.is_empty() || !name.iter().all(plain) || rest.iter().any(|&byte| byte != 0) {
            return Err(EINVAL);
        }
        Ok(Self(bytes))
    }

    /// The name without the NULs.
    pub(super) fn as_str(&self) -> &str {
        let name = self.0.split(|&byte| byte == 0).next();
        // It is ASCII.
        core::str::from_utf8(name.unwrap_or(&[])).unwrap_or("")
    }
}

impl Wanted {
    /// Checks a request. `EINVAL`; `EBADF` to make a gate through a file open for
    /// reading.
    pub(super) fn new(request: &uapi::MoeOpen, writable: bool) -> Result<Self> {
        const KNOWN: u32 = uapi::MOE_OPEN_CREATE | uapi::MOE_OPEN_EXCLUSIVE;

        let create = request.flags & uapi::MOE_OPEN_CREATE != 0;
        let exclusive = request.flags & uapi::MOE_OPEN_EXCLUSIVE != 0;
        let modes = if create { OWNER | OTHERS } else { 0 };
        let unknown = request.flags & !KNOWN | request.reserved | request.mode & !modes;
        if unknown != 0 || (exclusive && !create) {
            return Err(EINVAL);
        }
        let name = Name::new(request.name)?;
        if create && !writable {
            return Err(EBADF);
        }
        Ok(Self {
            name,
            create,
            exclusive,
            mode: request.mode,
            change: writable,
        })
    }
}

impl Named {
    /// Whether the caller may have it.
    fn admits(&self, wanted: &Wanted) -> bool {
        let class = if self.owner == Kuid::current_euid() {
            OWNER
        } else {
            OTHERS
        };
        let asked = if wanted.change { QUERY | CHANGE } else { QUERY };
        self.mode & asked & class == asked & class || cred::overrides_modes()
    }
}

impl Gates {
    /// No gate yet; their files are to be in `folder`. May sleep.
    pub(crate) fn new(folder: Arc<Folder>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                next: Atomic::new(1),
                folder,
                names <- new_mutex!(KVec::new(), "lightos_moe_names"),
            }),
            GFP_KERNEL,
        )
    }

    /// A gate that is not configured.
    fn make(&self, name: Option<Name>) -> Result<Arc<DebugEntry>> {
        let gate = Gate::new(self.next.fetch_add(1, Relaxed), name)?;
        Ok(Arc::new(
            DebugEntry::new(&self.folder, gate)?,
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    /// The same for one file alone.
    pub(super) fn unnamed(this: &Arc<Self>) -> Result<Arc<Held>> {
        let gate = this.make(None)?;
        Ok(Arc::new(Held::new(this, gate), GFP_KERNEL_ACCOUNT)?)
    }

    /// The gate of a name, perhaps a new one, for one more file.
    pub(super) fn open(this: &Arc<Self>, wanted: &Wanted) -> Result<Arc<Held>> {
        // Apart, as the lock would be held to the end of an `if let`, and a file
        // that is counted out again takes it.
        let found = find(&mut this.names.lock(), wanted)?;
        if let Some(gate) = found {
            return hold(Held::new(this, gate));
        }
        if !wanted.create {
            return Err(ENOENT);
        }
        let gate = this.make(Some(wanted.name))?;
        let mut names = this.names.lock();
        // Somebody may have been faster.
        if let Some(gate) = find(&mut names, wanted)? {
            drop(names);
            return hold(Held::new(this, gate));
        }
        if names.len() >= uapi::MOE_MAX_NAMED {
            return Err(ENOSPC);
        }
        let named = Named {
            name: wanted.name,
            owner: Kuid::current_euid(),
            mode: wanted.mode,
            gate: gate.clone(),
            files: 1,
        };
        names.push(named, GFP_KERNEL)?;
        drop(names);
        hold(Held::new(this, gate))
    }

    /// A file that had this gate has it no more.
    fn leave(&self, gate: &Arc<DebugEntry>) {
        let mut names = self.names.lock();
        let place = names.iter().position(|n| Arc::ptr_eq(&n.gate, gate));
        let Some(place) = place else {
            return;
        };
        let Some(named) = names.get_mut(place) else {
            return;
        };
        named.files -= 1;
        if named.files == 0 {
            let last = names.remove(place);
            drop(names);
            // Its debugfs file goes without the lock held.
            drop(last);
        }
    }
}

/// Looks for a gate and counts one more file. `EEXIST`, `EACCES`.
fn find(names: &mut [Named], wanted: &Wanted) -> Result<Option<Arc<DebugEntry>>> {
    let Some(named) = names.iter_mut().find(|named| named.name == wanted.name) else {
        return Ok(None);
    };
    if wanted.exclusive {
        return Err(EEXIST);
    }
    if !named.admits(wanted) {
        return Err(EACCES);
    }
    named.files += 1;
    Ok(Some(named.gate.clone()))
}

/// Whatever fails, `held` counts the file out again.
fn hold(held: Held) -> Result<Arc<Held>> {
    Ok(Arc::new(held, GFP_KERNEL_ACCOUNT)?)
}

impl Held {
    fn new(gates: &Arc<Gates>, gate: Arc<DebugEntry>) -> Self {
        Self {
            gates: gates.clone(),
            gate,
        }
    }
}

impl core::ops::Deref for Held {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.gate
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gates.leave(&self.gate);
    }
}
