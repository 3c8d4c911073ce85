// SPDX-License-Identifier: GPL-2.0

//! LightOS: a kernel engine for sparse, event-driven and photonic AI.
//!
//! This file is the way in: the module, the device node `/dev/lightos`, and
//! the table of its ioctls. From there a call goes to the context of its
//! subsystem (`spiking/context.rs`), which locks, and on to the engine, which
//! computes. All of it runs in process context. What belongs to one open file
//! hangs on [`OpenFile`]: its network (`spiking/session/`) and its gate
//! (`moe/context/`).

use crate::{
    moe::context as gates,
    photonic::{
        backend::{model, pci},
        device as processors,
    },
    rust::{chardev, cred, debugfs, power, uaccess::UserArg},
    spiking::{calls, session},
};
use kernel::{
    driver,
    fs::{file, File},
    global_lock,
    mm::virt::VmaNew,
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    str::CString,
    sync::{
        atomic::{Atomic, Relaxed},
        poll::PollTable,
        Arc, Mutex, SetOnce,
    },
    uaccess::UserSliceWriter,
};

mod moe;
mod photonic;
mod rust;
mod spiking;
mod uapi;

module! {
    type: LightOs,
    name: "lightos",
    authors: ["The LightOS maintainers"],
    description: "LightOS neural compute engine",
    license: "GPL",
    params: {
        photonic_models: u32 {
            default: 0,
            description: "Models of photonic processors to make: 0 (none) to 16",
        },
        photonic_model_modes: u32 {
            default: 32,
            description: "Modes of each model: 2 to 32",
        },
        photonic_model_bits: u32 {
            default: 0,
            description: "Bits of their phase DACs: 8 to 16; 0 for a typical chip's 12",
        },
        photonic_model_ideal: bool {
            default: false,
            description: "Models without flaws and noise",
        },
        photonic_model_seed: u64 {
            default: 1,
            description: "Serial number of the first, which its flaws are drawn from",
        },
    },
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
    networks: Arc<session::Networks>,
    /// The number of the next network.
    next_network: Atomic<u64>,
    /// The folder `lightos/networks` in debugfs.
    network_folder: Arc<debugfs::Folder>,
    /// Held while a file gets its session.
    #[pin]
    session: Mutex<()>,
    gates: Arc<gates::Gates>,
    processors: Arc<processors::Processors>,
    /// The argument of the last NOP call.
    #[pin]
    cookie: Mutex<u64>,
}

/// [`DEVICE`] while it is set. Dropping it ends all activity of the module.
struct Published(Arc<Device>);

impl Published {
    fn new() -> Result<Self> {
        let spiking = spiking::Context::new()?;
        let networks = session::Networks::new()?;
        let folder = debugfs::Folder::new(c"lightos")?;
        let gates = gates::Gates::new(folder.subfolder(c"gates")?)?;
        let network_folder = folder.subfolder(c"networks")?;
        let processors = processors::Processors::new(folder.subfolder(c"photonic")?)?;
        let device = Arc::pin_init(
            pin_init!(Device {
                spiking,
                networks,
                next_network: Atomic::new(1),
                network_folder,
                session <- new_mutex!((), "lightos_session"),
                gates,
                processors,
                cookie <- new_mutex!(0, "lightos_nop"),
            }),
            GFP_KERNEL,
        )?;
        // Nothing can fail from here on: what is published is taken back by dropping `Self`.
        *DEVICE.lock() = Some(device.clone());
        *processors::PROCESSORS.lock() = Some(device.processors.clone());
        Ok(Self(device))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Open files hold a reference to the module, so none is left here.
        *DEVICE.lock() = None;
        *processors::PROCESSORS.lock() = None;
        self.0.spiking.shut_down();
        self.0.networks.drain();
    }
}

#[pin_data]
struct LightOs {
    // Fields are dropped in this order: no new files, no processors, then the rest.
    #[pin]
    node: chardev::Registration<OpenFile>,
    transitions: power::Registration<processors::Processors>,
    models: model::Models,
    #[pin]
    pci: driver::Registration<kernel::pci::Adapter<pci::Driver>>,
    device: Published,
}

impl kernel::InPlaceModule for LightOs {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // SAFETY: Called once, as the module is initialised once.
        unsafe { DEVICE.init() };
        processors::init();
        try_pin_init!(Self {
            device: Published::new()?,
            pci <- driver::Registration::new(<Self as kernel::ModuleMetadata>::NAME, module),
            models: make_models(&device.0.processors)?,
            transitions: power::Registration::new(device.0.processors.clone())?,
            node <- chardev::Registration::register(c"lightos"),
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

/// The models that the parameters ask for; none by default.
fn make_models(processors: &Arc<processors::Processors>) -> Result<model::Models> {
    use module_parameters as asked;

    let models = model::Models::new(
        processors,
        &model::Request {
            count: asked::photonic_models.value() as usize,
            modes: asked::photonic_model_modes.value() as usize,
            ideal: asked::photonic_model_ideal.value(),
            bits: asked::photonic_model_bits.value(),
            seed: asked::photonic_model_seed.value(),
        },
    )
    .inspect_err(|_| pr_err!("no such models of photonic processors can be made\n"))?;
    if models.count() > 0 {
        pr_info!("{} photonic processors are models\n", models.count());
    }
    Ok(models)
}

/// One open file.
struct OpenFile {
    device: Arc<Device>,
    /// Opened for more than reading: may make calls that change something.
    writable: bool,
    /// Its network, from the first BEGIN on, or the first poll of a writable file.
    session: SetOnce<FileSession>,
    /// What it has of gates.
    gates: Arc<gates::Context>,
    /// What it has of photonic processors.
    photonic: Arc<processors::context::Context>,
}

/// The session of an open file, and its file in debugfs.
struct FileSession {
    session: Arc<session::Session>,
    _debug: debugfs::File<session::Session>,
}

impl chardev::OpenFile for OpenFile {
    fn open(file: &File) -> Result<KBox<Self>> {
        let device = DEVICE.lock().clone().ok_or(ENODEV)?;
        let writable = file.flags() & file::flags::O_ACCMODE != file::flags::O_RDONLY;
        let gates = gates::Context::new(device.gates.clone())?;
        let photonic = processors::context::Context::new(device.processors.clone())?;
        let file = Self {
            device,
            writable,
            session: SetOnce::new(),
            gates,
            photonic,
        };
        Ok(KBox::new(file, GFP_KERNEL_ACCOUNT)?)
    }

    fn flush(&self) {
        if cred::is_dying() {
            self.photonic.process_dies();
        }
    }

    fn release(&self) {
        if let Some(session) = self.session() {
            session.close();
        }
        self.photonic.close();
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result {
        let arg = UserArg::new(arg);
        match cmd {
            uapi::SPIKING_SUBMIT_EVENT => {
                calls::submit::<uapi::SpikeEvent>(&self.device.spiking, arg)
            }
            uapi::GET_NEURON_STATE => {
                calls::neuron_state::<uapi::NeuronState>(&self.device.spiking, arg)
            }
            _ => self.common_call(cmd, arg),
        }
    }

    /// 32-bit programs. On x86 two structures of theirs differ; elsewhere all are
    /// those of 64-bit ones.
    #[cfg(CONFIG_COMPAT)]
    fn compat_ioctl(&self, cmd: u32, arg: usize) -> Result {
        let user = UserArg::new(arg);
        match cmd {
            #[cfg(CONFIG_X86)]
            uapi::compat::SPIKING_SUBMIT_EVENT => {
                calls::submit::<uapi::compat::SpikeEvent>(&self.device.spiking, user)
            }
            #[cfg(CONFIG_X86)]
            uapi::compat::GET_NEURON_STATE => {
                calls::neuron_state::<uapi::compat::NeuronState>(&self.device.spiking, user)
            }
            #[cfg(CONFIG_X86)]
            _ => self.common_call(cmd, user),
            #[cfg(not(CONFIG_X86))]
            _ => self.ioctl(cmd, arg),
        }
    }

    fn read(&self, nonblocking: bool, to: UserSliceWriter) -> Result<usize> {
        // Without a network there is nothing to read, as in v0.2.0.
        self.session().ok_or(EINVAL)?.read(nonblocking, to)
    }

    fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        let event = self.photonic.poll(file, &table);
        // Whoever polls first and loads then must be woken too: epoll asks once.
        if !self.writable || self.need_session().is_err() {
            return event | chardev::ALWAYS_READY;
        }
        match self.session() {
            Some(session) => event | session.poll(file, table),
            None => event | chardev::ALWAYS_READY,
        }
    }

    fn mmap(&self, vma: &VmaNew, offset: u64) -> Result {
        self.session().ok_or(ENODEV)?.mmap(vma, offset)
    }

    fn show_fdinfo(&self, to: &SeqFile) {
        if let Some(session) = self.session() {
            session.show_fdinfo(to);
        }
        self.gates.show_fdinfo(to);
        self.photonic.show_fdinfo(to);
    }
}

impl OpenFile {
    /// The legacy calls whose layout is the same for 64-bit and 32-bit
    /// programs. They ignore the mode that the file was opened in, as v0.2.0
    /// did.
    fn common_call(&self, cmd: u32, arg: UserArg) -> Result {
        let spiking = &self.device.spiking;
        match cmd {
            uapi::GET_DEVICE_STATE => self.device_state(arg),
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
            uapi::NR_QUERY => self.query(arg),
            uapi::NR_SPIKING_COUNTERS => calls::counters(spiking, arg),
            nr @ (uapi::NR_NETWORK_STATS | uapi::NR_NETWORK_DECODED) => self.network_call(nr, arg),
            nr if uapi::is_photonic(nr) => {
                processors::calls::call(&self.photonic, nr, arg, self.writable)
            }
            nr if uapi::is_moe(nr) => gates::call(&self.gates, nr, arg, self.writable),
            _ if !self.writable => Err(EBADF),
            uapi::NR_NOP => self.nop(arg),
            uapi::NR_SPIKING_RESET => calls::reset(spiking, arg),
            uapi::NR_SPIKING_PROFILE => calls::profile(spiking, arg),
            uapi::NR_NETWORK_BEGIN => {
                self.need_session()?;
                self.network_call(uapi::NR_NETWORK_BEGIN, arg)
            }
            nr => self.network_call(nr, arg),
        }
    }

    /// A call on the network of this file.
    fn network_call(&self, nr: u32, arg: UserArg) -> Result {
        session::call(self.session().ok_or(ENODATA)?, nr, arg)
    }

    /// The session of this file, if it has one.
    fn session(&self) -> Option<&Arc<session::Session>> {
        Some(&self.session.as_ref()?.session)
    }

    /// Makes the session of this file if it has none.
    fn need_session(&self) -> Result {
        if self.session().is_some() {
            return Ok(());
        }
        let device = &self.device;
        let _guard = device.session.lock();
        if self.session().is_some() {
            return Ok(());
        }
        let id = device.next_network.fetch_add(1, Relaxed);
        let session = session::Session::new(device.networks.clone(), id)?;
        let name = CString::try_from_fmt(fmt!("{}", id))?;
        self.session.populate(FileSession {
            _debug: debugfs::File::new(&device.network_folder, &name, session.clone()),
            session,
        });
        Ok(())
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

    /// `GET_DEVICE_STATE`: device 0 is the spiking engine, the photonic processors follow.
    /// `ENODEV` for an unknown device.
    fn device_state(&self, arg: UserArg) -> Result {
        let request: uapi::DeviceState = arg.read()?;
        let state = match request.device_id {
            0 => calls::device_state(&self.device.spiking),
            id => self.device.processors.device_state(id)?,
        };
        arg.write(&state)
    }

    /// `QUERY`: what this module is and can do.
    fn query(&self, arg: UserArg) -> Result {
        let request: uapi::Query = arg.read_extensible()?;
        if request.flags != 0 {
            return Err(EINVAL);
        }
        arg.write_extensible(uapi::Query {
            size: request.size,
            flags: 0,
            features: uapi::FEATURE_SPIKING
                | uapi::FEATURE_NETWORKS
                | uapi::FEATURE_MOE
                | uapi::FEATURE_PHOTONIC,
            module_version: rust::modinfo::VERSION_CODE,
            legacy_version: LEGACY_VERSION_CODE,
            spiking_backend: uapi::BACKEND_CPU,
            photonic_backend: self.device.processors.backend(),
            max_neurons: uapi::MAX_NEURONS,
            max_pending_events: uapi::MAX_PENDING_EVENTS,
            min_interval_us: spiking::engine::MIN_INTERVAL_US,
            max_interval_us: spiking::engine::MAX_INTERVAL_US,
            max_devices: uapi::MAX_DEVICES,
            max_links: uapi::MAX_LINKS,
        })
    }
}
