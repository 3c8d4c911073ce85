// SPDX-License-Identifier: GPL-2.0

//! `MODULE_VERSION`, which the `module!` macro does not offer.

/// The version of the module, as `major.minor.patch`.
pub(crate) const VERSION: &str = "0.3.0";

/// [`VERSION`] as the query call reports it: `major << 16 | minor << 8 | patch`.
pub(crate) const VERSION_CODE: u32 = 3 << 8;

// The NUL ends whatever the linker puts before: some readers of the section
// take an entry for the tail of the one that it follows.
const PREFIX: &str = if cfg!(MODULE) {
    "\0version="
} else {
    "\0lightos.version="
};
const LEN: usize = PREFIX.len() + VERSION.len() + 1;

/// The entry that `modinfo` and /sys/module read: `version=`, NUL terminated.
#[link_section = ".modinfo"]
#[used(compiler)]
static ENTRY: [u8; LEN] = entry();

const fn entry() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let mut i = 0;
    while i < LEN - 1 {
        bytes[i] = if i < PREFIX.len() {
            PREFIX.as_bytes()[i]
        } else {
            VERSION.as_bytes()[i - PREFIX.len()]
        };
        i += 1;
    }
    bytes
}

// The text and the code must name the same version.
const _: () = {
    let v = VERSION.as_bytes();
    assert!(v.len() == 5 && v[1] == b'.' && v[3] == b'.');
    assert!(
        VERSION_CODE
            == ((v[0] - b'0') as u32) << 16 | ((v[2] - b'0') as u32) << 8 | (v[4] - b'0') as u32
    );
};
