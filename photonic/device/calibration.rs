// SPDX-License-Identifier: GPL-2.0

//! The calibration in use: from a program, or from the firmware loader.
//!
//! Process context. The mutex `calibration` is held to take or put a reference.

use super::Processor;
use crate::{
    photonic::mesh::calibration::{self, Refusal},
    rust::{
        charged::{self, ChargedVec},
        firmware::Firmware,
    },
    uapi,
};
use kernel::{prelude::*, str::CString, sync::Arc};

/// A calibration over its blob.
pub(crate) type Calibration = calibration::Calibration<ChargedVec<u8>>;

/// The one in use; without one the processor is uncalibrated.
#[derive(Default)]
pub(crate) struct InUse(Option<Arc<Calibration>>);

fn errno(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Checksum => EBADMSG,
        Refusal::Version => EPROTONOSUPPORT,
        Refusal::OtherDevice => EXDEV,
        Refusal::Senseless => EINVAL,
    }
}

impl Processor {
    /// What is known of the chip, if anything is.
    pub(super) fn calibration(&self) -> Option<Arc<Calibration>> {
        self.calibration.lock().0.clone()
    }

    /// Takes a blob; the one in use stays where it is refused.
    pub(super) fn use_calibration(&self, blob: ChargedVec<u8>) -> Result {
        let calibration = Calibration::read(blob, &self.identity).map_err(errno)?;
        let id = calibration.id();
        let calibration = Arc::new(calibration, GFP_KERNEL)?;
        self.put_calibration(Some(calibration), id);
        Ok(())
    }

    /// Back to what the registers say.
    pub(super) fn drop_calibration(&self) {
        self.put_calibration(None, 0);
    }

    fn put_calibration(&self, calibration: Option<Arc<Calibration>>, id: u32) {
        let old = core::mem::replace(&mut self.calibration.lock().0, calibration);
        drop(old);
        self.tell(uapi::PHOTONIC_EVENT_CALIBRATION, id.into());
    }

    /// Takes the file of this chip from the firmware loader. `ENOENT` without one.
    pub(super) fn use_firmware_calibration(&self) -> Result {
        let name = CString::try_from_fmt(fmt!("lightos/cal-{:016x}.bin", self.identity.serial))?;
        let file = Firmware::request(&name, &self.device)?;
        let mut blob = charged::table(0u8, file.data().len())?;
        blob.copy_from_slice(file.data());
        self.use_calibration(blob)
    }

    /// The same when the processor is attached: without a file, or with one that does not fit,
    /// it is uncalibrated, which is safe.
    pub(super) fn try_firmware_calibration(&self) {
        match self.use_firmware_calibration() {
            Ok(()) => dev_info!(self.device, "calibration loaded\n"),
            Err(error) if error == ENOENT => dev_info!(self.device, "uncalibrated\n"),
            Err(error) => dev_warn!(
                self.device,
                "its calibration file is refused ({:?}): uncalibrated\n",
                error
            ),
        }
    }
}
