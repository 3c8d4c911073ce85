// SPDX-License-Identifier: GPL-2.0

//! Gates that several processes share.

use std::fmt;

use crate::sys;

/// The name of a gate: 1 to 31 printable ASCII characters but space and `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// `name`, if it can be one.
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..sys::MOE_NAME_SIZE).contains(&name.len());
        let plain = name.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        (fits && plain).then(|| Self(name.to_owned()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn raw(&self) -> [u8; sys::MOE_NAME_SIZE] {
        let mut raw = [0; sys::MOE_NAME_SIZE];
        for (to, from) in raw.iter_mut().zip(self.0.bytes()) {
            *to = from;
        }
        raw
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who else may do what with a gate that is made. Its owner may do all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leave {
    /// Others may look.
    pub query: bool,
    /// Others may change and route.
    pub change: bool,
}

impl Leave {
    pub(super) const fn mode(self) -> u32 {
        0o600 | if self.query { 0o4 } else { 0 } | if self.change { 0o2 } else { 0 }
    }
}

/// What to do about a gate that is there, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It must be there.
    Existing,
    /// Make it if it is not there.
    Create(Leave),
    /// Make it; it must not be there.
    New(Leave),
}

impl Open {
    pub(super) const fn flags(self) -> u32 {
        match self {
            Self::Existing => 0,
            Self::Create(_) => sys::MOE_OPEN_CREATE,
            Self::New(_) => sys::MOE_OPEN_CREATE | sys::MOE_OPEN_EXCLUSIVE,
        }
    }

    pub(super) const fn mode(self) -> u32 {
        match self {
            Self::Existing => 0,
            Self::Create(leave) | Self::New(leave) => leave.mode(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(Name::new("mixtral-8x7b").unwrap().raw()[..8], *b"mixtral-");
        for wrong in ["", "a b", "a/b", "a\n", "größe", &"x".repeat(32)] {
            assert_eq!(Name::new(wrong), None, "{wrong:?}");
        }
        assert_eq!(Name::new(&"x".repeat(31)).unwrap().raw()[31], 0);
    }

    #[test]
    fn modes_are_those_of_the_abi() {
        let leave = Leave {
            query: true,
            change: false,
        };
        assert_eq!(Open::Create(leave).mode(), 0o604);
        assert_eq!(Open::New(Leave::default()).mode(), 0o600);
        assert_eq!((Open::Existing.mode(), Open::Existing.flags()), (0, 0));
        assert_eq!(Open::New(leave).flags(), 3);
    }
}
