// SPDX-License-Identifier: GPL-2.0

//! LightOS: a kernel engine for sparse, event-driven and photonic AI.
//!
//! This file is the way in: the module, the device node `/dev/lightos`, and
//! the table of its ioctls. From there a call goes to the context of its
//! subsystem (`spiking/context.rs`), which locks, and on to the engine, which
//! computes. All of it runs in process context.

use crate::{rust::uaccess::UserArg, spiking::calls};
use kernel::{
    fs::{file, File},
    global_lock,
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

mod rust;
mod spiking;
mod uapi;

module! {
    type: LightOs,
    name: "lightos",
    authors: ["The LightOS maintainers"],
    description: "LightOS neural compute engine",
    license: "GPL",
}

/// The version of the contract that the legacy calls keep.
const LEGACY_VERSION: &str = "0.2.0";
const LEGACY_VERSION_CODE: u32 = 2 << 8;

global_lock! {
    // SAFETY: Initialised in `LightOs::init`, before anything can lock it.
    unsafe(uninit) static DEVICE: Mutex<Option<Arc<Device>>> = None;
}

/// What all open files share.
#[pin_data]
struct Device {
    spiking: Arc<spiking::Context>,
    /// The argument of the last NOP call.
    #[pin]
    cookie: Mutex<u64>,
}

/// [`DEVICE`] while it is set. Dropping it ends all activity of the module.
struct Published(Arc<Device>);

impl Published {
    fn new() -> Result<Self> {
        let spiking = spiking::Context::new()?;
        let device = Arc::pin_init(
            pin_init!(Device {
                spiking,
                cookie <- new_mutex!(0, "lightos_nop"),
            }),
            GFP_KERNEL,
        )?;
        *DEVICE.lock() = Some(device.clone());
        Ok(Self(device))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Open files hold a reference to the module, so none is left here.
        *DEVICE.lock() = None;
        self.0.spiking.shut_down();
    }
}

#[pin_data]
struct LightOs {
    // Fields are dropped in this order: no new files, then the rest.
    #[pin]
    node: MiscDeviceRegistration<OpenFile>,
    device: Published,
}

impl kernel::InPlaceModule for LightOs {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // SAFETY: Called once, as the module is initialised once.
        unsafe { DEVICE.init() };
        try_pin_init!(Self {
            device: Published::new()?,
            node <- MiscDeviceRegistration::register(MiscDeviceOptions { name: c"lightos" }),
            _: {
                pr_info!(
                    "LightOS Neural Compute Engine v{} loaded (module {}, {} neurons)\n",
                    LEGACY_VERSION,
                    rust::modinfo::VERSION,
                    uapi::MAX_NEURONS
                );
            },
        })
    }
}

/// One open file.
struct OpenFile {
    device: Arc<Device>,
    /// Opened for more than reading: may make calls that change something.
    writable: bool,
}

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = KBox<Self>;

    fn open(file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Self::Ptr> {
        let device = DEVICE.lock().clone().ok_or(ENODEV)?;
        let writable = file.flags() & file::flags::O_ACCMODE != file::flags::O_RDONLY;
        Ok(KBox::new(Self { device, writable }, GFP_KERNEL)?)
    }

    fn ioctl(this: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserArg::new(arg);
        match cmd {
            uapi::SPIKING_SUBMIT_EVENT => {
                calls::submit::<uapi::SpikeEvent>(&this.device.spiking, arg)
            }
            uapi::GET_NEURON_STATE => {
                calls::neuron_state::<uapi::NeuronState>(&this.device.spiking, arg)
            }
            _ => this.common_call(cmd, arg),
        }
        .map(|()| 0)
    }

    /// 32-bit programs. Where their layouts are those of 64-bit ones, the
    /// default does (`compat_ptr_ioctl`); on x86 two structures differ.
    #[cfg(all(CONFIG_COMPAT, CONFIG_X86))]
    fn compat_ioctl(this: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserArg::new(arg);
        match cmd {
            uapi::compat::SPIKING_SUBMIT_EVENT => {
                calls::submit::<uapi::compat::SpikeEvent>(&this.device.spiking, arg)
            }
            uapi::compat::GET_NEURON_STATE => {
                calls::neuron_state::<uapi::compat::NeuronState>(&this.device.spiking, arg)
            }
            _ => this.common_call(cmd, arg),
        }
        .map(|()| 0)
    }
}

impl OpenFile {
    /// The legacy calls whose layout is the same for 64-bit and 32-bit
    /// programs. They ignore the mode that the file was opened in, as v0.2.0
    /// did.
    fn common_call(&self, cmd: u32, arg: UserArg) -> Result {
        let spiking = &self.device.spiking;
        match cmd {
            uapi::GET_DEVICE_STATE => calls::device_state(spiking, arg),
            uapi::SPIKING_CONFIG => calls::config(spiking, arg),
            uapi::SPIKING_START => calls::start(spiking),
            uapi::SPIKING_STOP => calls::stop(spiking),
            uapi::SPIKING_GET_STATS => calls::stats(spiking, arg),
            _ => self.extended_call(cmd, arg),
        }
    }

    /// The extended calls: the same layout everywhere, and those that change
    /// something need a file open for writing.
    fn extended_call(&self, cmd: u32, arg: UserArg) -> Result {
        let spiking = &self.device.spiking;
        match uapi::extended_nr(cmd).ok_or(ENOTTY)? {
            uapi::NR_QUERY => query(arg),
            uapi::NR_SPIKING_COUNTERS => calls::counters(spiking, arg),
            _ if !self.writable => Err(EBADF),
            uapi::NR_NOP => self.nop(arg),
            uapi::NR_SPIKING_RESET => calls::reset(spiking, arg),
            _ => Err(ENOTTY),
        }
    }

    /// `NOP`: what every call costs that copies an argument and takes a lock.
    fn nop(&self, arg: UserArg) -> Result {
        let request: uapi::Nop = arg.read_extensible()?;
        if request.flags != 0 || request.reserved != 0 {
            return Err(EINVAL);
        }
        *self.device.cookie.lock() = request.cookie;
        Ok(())
    }
}

/// `QUERY`: what this module is and can do.
fn query(arg: UserArg) -> Result {
    let request: uapi::Query = arg.read_extensible()?;
    if request.flags != 0 {
        return Err(EINVAL);
    }
    arg.write_extensible(uapi::Query {
        size: request.size,
        flags: 0,
        features: uapi::FEATURE_SPIKING,
        module_version: rust::modinfo::VERSION_CODE,
        legacy_version: LEGACY_VERSION_CODE,
        spiking_backend: uapi::BACKEND_CPU,
        photonic_backend: uapi::BACKEND_NONE,
        max_neurons: uapi::MAX_NEURONS,
        max_pending_events: uapi::MAX_PENDING_EVENTS,
        min_interval_us: spiking::engine::MIN_INTERVAL_US,
        max_interval_us: spiking::engine::MAX_INTERVAL_US,
        max_devices: uapi::MAX_DEVICES,
        max_links: uapi::MAX_LINKS,
    })
}
