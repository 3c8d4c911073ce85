// SPDX-License-Identifier: GPL-2.0

//! The argument of an ioctl: structures copied from and to user memory.
//!
//! Process context only; every copy may fault and sleep.

use core::mem::size_of;
use kernel::{
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

/// The greatest `size` that a caller may give for an extensible structure.
const MAX_SIZE: usize = 4096;

/// The user address that an ioctl was given.
#[derive(Clone, Copy)]
pub(crate) struct UserArg(usize);

/// A structure that starts with its own size and may grow at its end.
///
/// [`Default`] gives the structure that a caller who knows none of the fields
/// stands for: all zero.
pub(crate) trait Extensible: FromBytes + AsBytes + Default {
    /// The size of the first published version.
    const FIRST_SIZE: usize;

    /// The field `size`, the first of the structure.
    fn size_mut(&mut self) -> &mut u32;
}

/// The user memory of `count` times `T` that a field of a structure points to.
pub(crate) fn memory<T>(data: u64, count: usize) -> Result<UserSlice> {
    let data = usize::try_from(data).map_err(|_| EFAULT)?;
    let bytes = count.checked_mul(size_of::<T>()).ok_or(EINVAL)?;
    Ok(UserSlice::new(UserPtr::from_addr(data), bytes))
}

/// `EINVAL` unless all of `fields` are 0: unknown flags, reserved fields.
pub(crate) fn demand_zero(fields: &[u32]) -> Result {
    let zero = fields.iter().all(|&field| field == 0);
    zero.then_some(()).ok_or(EINVAL)
}

impl UserArg {
    /// Takes the argument as the ioctl entry point got it.
    pub(crate) fn new(arg: usize) -> Self {
        Self(arg)
    }

    fn slice(self, len: usize) -> UserSlice {
        UserSlice::new(UserPtr::from_addr(self.0), len)
    }

    /// Copies a structure of fixed size in. `EFAULT` on a bad address.
    #[inline]
    pub(crate) fn read<T: FromBytes>(self) -> Result<T> {
        self.slice(size_of::<T>()).reader().read()
    }

    /// Copies a structure of fixed size out. `EFAULT` on a bad address.
    #[inline]
    pub(crate) fn write<T: AsBytes>(self, value: &T) -> Result {
        self.slice(size_of::<T>()).writer().write(value)
    }

    /// Copies an extensible structure in.
    ///
    /// What the caller does not know reads as zero. `EINVAL` if the caller
    /// knows less than the first version, `E2BIG` if more than the module, and
    /// uses it; `EFAULT` on a bad address.
    pub(crate) fn read_extensible<T: Extensible>(self) -> Result<T> {
        // One copy is enough for a caller who knows what the module knows. Any
        // other is looked at again with its own size.
        if let Ok(mut value) = self.read::<T>() {
            if *value.size_mut() as usize == size_of::<T>() {
                return Ok(value);
            }
        }
        self.read_other_version()
    }

    /// Copies in a structure of another size than the module's, or from memory
    /// that is too short for the module's.
    fn read_other_version<T: Extensible>(self) -> Result<T> {
        let given: u32 = self.read()?;
        let len = given as usize;
        if len < T::FIRST_SIZE {
            return Err(EINVAL);
        }
        if len > MAX_SIZE {
            return Err(E2BIG);
        }
        let mut value = T::default();
        let mut reader = self.slice(len).reader();
        let known = len.min(size_of::<T>());
        reader.read_slice(&mut T::as_bytes_mut(&mut value)[..known])?;
        while !reader.is_empty() {
            if reader.read::<u8>()? != 0 {
                return Err(E2BIG);
            }
        }
        // The caller may have changed the field between the two copies.
        *value.size_mut() = given;
        Ok(value)
    }

    /// Copies an extensible structure out, as much of it as the caller knows,
    /// and sets its `size` to the bytes filled in.
    pub(crate) fn write_extensible<T: Extensible>(self, mut value: T) -> Result {
        let known = (*value.size_mut() as usize).min(size_of::<T>());
        *value.size_mut() = known as u32;
        self.slice(known)
            .writer()
            .write_slice(&value.as_bytes()[..known])
    }
}
