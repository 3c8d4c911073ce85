// SPDX-License-Identifier: GPL-2.0

//! A processor behind memory of a PCI device.
//!
//! No such chip is sold, so there is no ID to match: a device is bound by its `driver_override`
//! (`Documentation/photonic.rst`). Its window is the first memory region that is large enough.
//!
//! Registers may be used in any context, one that unplugs the device included: they read as all
//! ones from then on. Probe and removal: process context.

use crate::photonic::{
    device::{Attached, PROCESSORS},
    registers::{Registers, GONE, SIZE},
};
use kernel::{device::Core, pci, prelude::*, sync::Arc};

/// The window of a bound device.
struct Bar(pci::DevresBar<{ SIZE as usize }>);

impl Registers for Bar {
    fn read(&self, offset: u32) -> u32 {
        match self.0.try_access() {
            Some(bar) => super::read::<&pci::Bar<'_, { SIZE as usize }>>(&bar, offset),
            None => GONE,
        }
    }

    fn write(&self, offset: u32, value: u32) {
        if let Some(bar) = self.0.try_access() {
            super::write::<&pci::Bar<'_, { SIZE as usize }>>(&bar, offset, value);
        }
    }
}

/// The driver of such devices.
pub(crate) struct Driver;

kernel::pci_device_table!(IDS, <Driver as pci::Driver>::IdInfo, []);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Attached;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &IDS;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        device.enable_device_mem()?;
        let number = region_of(device).ok_or(ENODEV)?;
        let bar = device
            .iomap_region_sized::<{ SIZE as usize }>(number, c"lightos")?
            .into_devres()?;
        let registers = Arc::new(Bar(bar), GFP_KERNEL)?;
        let processors = PROCESSORS.lock().clone().ok_or(ENODEV)?;
        processors.attach(registers, device.as_ref())
    }

    fn unbind<'bound>(_device: &'bound pci::Device<Core<'_>>, attached: Pin<&Self::Data<'bound>>) {
        // Now, as the bus may put the device to sleep afterwards.
        attached.end();
    }
}

/// The number of the first region that has room for the window.
fn region_of(device: &pci::Device<Core<'_>>) -> Option<u32> {
    /// Those of a device that is no bridge.
    const REGIONS: u32 = 6;

    (0..REGIONS).find(|&number| {
        device
            .resource_len(number)
            .is_ok_and(|len| len >= SIZE.into())
    })
}
