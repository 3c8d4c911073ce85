// SPDX-License-Identifier: GPL-2.0

//! The part of the mirror for mixtures of experts: numbers 0x60 to 0x6f.

use rustix::ioctl::{opcode, Opcode};

use super::IOC_MAGIC;

/// Layers of a gate, at most.
pub const MOE_MAX_LAYERS: u32 = 256;
/// Experts of a layer, at most.
pub const MOE_MAX_EXPERTS: u32 = 1_024;
/// Experts of a token, at most.
pub const MOE_MAX_TOP_K: u32 = 32;
/// Groups of a layer, at most.
pub const MOE_MAX_GROUPS: u32 = 64;
/// Tokens of a batch, at most.
pub const MOE_MAX_TOKENS: u32 = 65_536;
/// Features of a token, at most.
pub const MOE_MAX_FEATURES: u32 = 65_536;
/// Replicas of the experts of a layer, at most.
pub const MOE_MAX_REPLICAS: u32 = 2_048;
/// Bytes of a gate's tables, at most.
pub const MOE_MAX_BYTES: u32 = 1 << 30;
/// Named gates of the system, at most.
pub const MOE_MAX_NAMED: u32 = 64;
/// Bytes of a name, the NUL included.
pub const MOE_NAME_SIZE: usize = 32;
/// The id where a token has no expert.
pub const MOE_NO_EXPERT: u16 = 0xffff;
/// The slot of what was dropped, and of no expert.
pub const MOE_NO_SLOT: u32 = u32::MAX;
/// Every layer, where a call takes it.
pub const MOE_ALL_LAYERS: u32 = u32::MAX;
/// A scale or a capacity factor of 1.
pub const MOE_SCALE_ONE: u32 = 1 << 16;
/// A bias of 1.
pub const MOE_BIAS_ONE: i64 = 1 << 36;
/// The greatest magnitude of a bias.
pub const MOE_BIAS_LIMIT: i64 = 1 << 50;
/// Figures of [`MoeStats`] are in units of one divided by this.
pub const MOE_MICRO: u32 = 1_000_000;

/// Bit of [`MoeLayer::flags`]: biases take part in the selection.
pub const MOE_BIASED: u32 = 1 << 0;
/// Bit of [`MoeLayer::flags`]: weights are divided by their sum.
pub const MOE_RENORMALIZE: u32 = 1 << 1;
/// Bit of [`MoeOpen::flags`]: make the gate if there is none.
pub const MOE_OPEN_CREATE: u32 = 1 << 0;
/// Bit of [`MoeOpen::flags`]: fail if there is one.
pub const MOE_OPEN_EXCLUSIVE: u32 = 1 << 1;
/// Bit of [`MoeRoute::flags`]: the buffers are those registered.
pub const MOE_ROUTE_REGISTERED: u32 = 1 << 0;
/// Bit of [`MoeRoute::flags`]: update the biases after the batch.
pub const MOE_ROUTE_ADAPT: u32 = 1 << 1;
/// Bit of [`MoeStats::flags`]: figures of the last batch.
pub const MOE_STATS_LAST: u32 = 1 << 0;
/// Bit of [`MoeReset::flags`]: loads and statistics.
pub const MOE_RESET_LOADS: u32 = 1 << 0;
/// Bit of [`MoeReset::flags`]: biases.
pub const MOE_RESET_BIASES: u32 = 1 << 1;

/// `struct lightos_moe_layer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeLayer {
    pub experts: u32,
    pub top_k: u32,
    pub min_k: u32,
    pub groups: u32,
    pub groups_kept: u32,
    pub group_score: u32,
    pub score: u32,
    pub strategy: u32,
    pub flags: u32,
    pub scale: u32,
    pub threshold: u32,
    pub token_threshold: u32,
    pub bias_step: u32,
    pub drop: u32,
    pub capacity_factor: u32,
    pub capacity_minimum: u32,
    pub capacity_alignment: u32,
    pub reserved: u32,
    pub seed: u64,
    pub reserved2: [u64; 2],
}

/// `struct lightos_moe_fault`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeFault {
    pub layer: u32,
    pub problem: u32,
    pub entry: u64,
    pub field: [u8; 24],
}

/// `struct lightos_moe_open`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeOpen {
    pub size: u32,
    pub flags: u32,
    pub mode: u32,
    pub reserved: u32,
    pub name: [u8; MOE_NAME_SIZE],
    pub gate: u64,
}

/// `struct lightos_moe_configure`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeConfigure {
    pub size: u32,
    pub flags: u32,
    pub layers: u32,
    pub reserved: u32,
    pub data: u64,
    pub bytes: u64,
    pub fault: MoeFault,
}

/// `struct lightos_moe_get_layer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeGetLayer {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub layers: u32,
    pub skipped: u32,
    pub features: u32,
    pub hash_rows: u64,
    pub config: MoeLayer,
}

/// `struct lightos_moe_biases`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeBiases {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub count: u32,
    pub data: u64,
    pub fault: MoeFault,
}

/// `struct lightos_moe_hash`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeHash {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub reserved: u32,
    pub count: u64,
    pub data: u64,
    pub fault: MoeFault,
}

/// `struct lightos_moe_projection`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeProjection {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub features: u32,
    pub weights: u64,
    pub scales: u64,
    pub fault: MoeFault,
    pub experts: u32,
    pub reserved: u32,
}

/// `struct lightos_moe_buffers`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeBuffers {
    pub input: u64,
    pub token_ids: u64,
    pub ids: u64,
    pub weights: u64,
    pub fixed: u64,
    pub slots: u64,
}

/// `struct lightos_moe_register`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeRegister {
    pub size: u32,
    pub flags: u32,
    pub format: u32,
    pub tokens: u32,
    pub buffers: MoeBuffers,
}

/// `struct lightos_moe_route`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeRoute {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub format: u32,
    pub tokens: u32,
    pub shape: u32,
    pub buffers: MoeBuffers,
    pub activations: u64,
    pub dropped: u64,
    pub tokens_dropped: u64,
    pub missing: u64,
    pub capacity: u32,
    pub wrong: u32,
    pub wrong_token: u32,
    pub wrong_expert: u32,
}

/// `struct lightos_moe_update_biases`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeUpdateBiases {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub reserved: u32,
}

/// `struct lightos_moe_expert`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeExpert {
    pub load: u64,
    pub dropped: u64,
    pub recent: u64,
    pub last: u32,
    pub state: u32,
}

/// `struct lightos_moe_experts`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeExperts {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub count: u32,
    pub data: u64,
}

/// `struct lightos_moe_stats`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeStats {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub experts: u32,
    pub batches: u64,
    pub tokens: u64,
    pub skipped: u64,
    pub activations: u64,
    pub dropped: u64,
    pub tokens_dropped: u64,
    pub missing: u64,
    pub slots: u64,
    pub updates: u64,
    pub busy_ns: u64,
    pub gate_ns: u64,
    pub balancedness: u64,
    pub max_violation: u64,
    pub cv_squared: u64,
    pub entropy: u64,
    pub used: u64,
    pub drop_rate: u64,
    pub capacity_factor: u64,
    pub sparsity: u64,
}

/// `struct lightos_moe_place`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoePlace {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub experts: u32,
    pub replicas: u32,
    pub groups: u32,
    pub nodes: u32,
    pub devices: u32,
    pub loads: u64,
    pub place_experts: u64,
    pub place_numbers: u64,
    pub counts: u64,
    pub fault: MoeFault,
}

/// `struct lightos_moe_mask`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeMask {
    pub size: u32,
    pub flags: u32,
    pub layers: [u64; 4],
}

/// `struct lightos_moe_reset`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeReset {
    pub size: u32,
    pub flags: u32,
    pub layer: u32,
    pub reserved: u32,
}

/// `struct lightos_moe_profile`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // described in uapi/lightos.h
pub struct MoeProfile {
    pub size: u32,
    pub flags: u32,
    pub profile: u32,
    pub layers: u32,
    pub experts: u32,
    pub reserved: u32,
    pub bytes: u64,
    pub fault: MoeFault,
}

/// `LIGHTOS_IOC_MOE_OPEN`.
pub const MOE_OPEN: Opcode = opcode::read_write::<MoeOpen>(IOC_MAGIC, 0x60);
/// `LIGHTOS_IOC_MOE_CONFIGURE`.
pub const MOE_CONFIGURE: Opcode = opcode::read_write::<MoeConfigure>(IOC_MAGIC, 0x61);
/// `LIGHTOS_IOC_MOE_GET_LAYER`.
pub const MOE_GET_LAYER: Opcode = opcode::read_write::<MoeGetLayer>(IOC_MAGIC, 0x62);
/// `LIGHTOS_IOC_MOE_SET_BIASES`.
pub const MOE_SET_BIASES: Opcode = opcode::read_write::<MoeBiases>(IOC_MAGIC, 0x63);
/// `LIGHTOS_IOC_MOE_GET_BIASES`.
pub const MOE_GET_BIASES: Opcode = opcode::read_write::<MoeBiases>(IOC_MAGIC, 0x64);
/// `LIGHTOS_IOC_MOE_SET_HASH`.
pub const MOE_SET_HASH: Opcode = opcode::read_write::<MoeHash>(IOC_MAGIC, 0x65);
/// `LIGHTOS_IOC_MOE_SET_PROJECTION`.
pub const MOE_SET_PROJECTION: Opcode = opcode::read_write::<MoeProjection>(IOC_MAGIC, 0x66);
/// `LIGHTOS_IOC_MOE_REGISTER`.
pub const MOE_REGISTER: Opcode = opcode::write::<MoeRegister>(IOC_MAGIC, 0x67);
/// `LIGHTOS_IOC_MOE_ROUTE`.
pub const MOE_ROUTE: Opcode = opcode::read_write::<MoeRoute>(IOC_MAGIC, 0x68);
/// `LIGHTOS_IOC_MOE_UPDATE_BIASES`.
pub const MOE_UPDATE_BIASES: Opcode = opcode::write::<MoeUpdateBiases>(IOC_MAGIC, 0x69);
/// `LIGHTOS_IOC_MOE_EXPERTS`.
pub const MOE_EXPERTS: Opcode = opcode::write::<MoeExperts>(IOC_MAGIC, 0x6a);
/// `LIGHTOS_IOC_MOE_STATS`.
pub const MOE_STATS: Opcode = opcode::read_write::<MoeStats>(IOC_MAGIC, 0x6b);
/// `LIGHTOS_IOC_MOE_PLACE`.
pub const MOE_PLACE: Opcode = opcode::read_write::<MoePlace>(IOC_MAGIC, 0x6c);
/// `LIGHTOS_IOC_MOE_MASK`.
pub const MOE_MASK: Opcode = opcode::write::<MoeMask>(IOC_MAGIC, 0x6d);
/// `LIGHTOS_IOC_MOE_RESET`.
pub const MOE_RESET: Opcode = opcode::write::<MoeReset>(IOC_MAGIC, 0x6e);
/// `LIGHTOS_IOC_MOE_PROFILE`.
pub const MOE_PROFILE: Opcode = opcode::read_write::<MoeProfile>(IOC_MAGIC, 0x6f);
