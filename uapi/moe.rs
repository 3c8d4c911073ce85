// SPDX-License-Identifier: GPL-2.0

//! The calls on gates, as `uapi/lightos.h` lays them out.
//!
//! Layouts and numbers: any context, no lock.

use super::*;

pub(crate) const MOE_MAX_LAYERS: u32 = 256;
pub(crate) const MOE_MAX_EXPERTS: u32 = 1024;
pub(crate) const MOE_MAX_TOKENS: u32 = 65536;
pub(crate) const MOE_MAX_BYTES: u64 = 1 << 30;
pub(crate) const MOE_MAX_NAMED: usize = 64;
pub(crate) const MOE_NAME_SIZE: usize = 32;

pub(crate) const MOE_ALL_LAYERS: u32 = u32::MAX;

pub(crate) const MOE_BIASED: u32 = 1 << 0;
pub(crate) const MOE_RENORMALIZE: u32 = 1 << 1;

pub(crate) const MOE_PROBLEM_UNKNOWN: u32 = 5;

pub(crate) const MOE_OPEN_CREATE: u32 = 1 << 0;
pub(crate) const MOE_OPEN_EXCLUSIVE: u32 = 1 << 1;

pub(crate) const MOE_F32: u32 = 0;
pub(crate) const MOE_F16: u32 = 1;
pub(crate) const MOE_BF16: u32 = 2;
pub(crate) const MOE_Q16: u32 = 3;
pub(crate) const MOE_INT8: u32 = 4;
pub(crate) const MOE_NO_INPUT: u32 = 5;

pub(crate) const MOE_ROUTE_REGISTERED: u32 = 1 << 0;
pub(crate) const MOE_ROUTE_ADAPT: u32 = 1 << 1;

pub(crate) const MOE_NAN: u32 = 1;
pub(crate) const MOE_INFINITE: u32 = 2;

pub(crate) const MOE_STATS_LAST: u32 = 1 << 0;

pub(crate) const MOE_RESET_LOADS: u32 = 1 << 0;
pub(crate) const MOE_RESET_BIASES: u32 = 1 << 1;

abi_struct!(
    /// `struct lightos_moe_layer`
    MoeLayer {
        experts: u32,
        top_k: u32,
        min_k: u32,
        groups: u32,
        groups_kept: u32,
        group_score: u32,
        score: u32,
        strategy: u32,
        flags: u32,
        scale: u32,
        threshold: u32,
        token_threshold: u32,
        bias_step: u32,
        drop: u32,
        capacity_factor: u32,
        capacity_minimum: u32,
        capacity_alignment: u32,
        reserved: u32,
        seed: u64,
        reserved2: [u64; 2],
    }
);

abi_struct!(
    /// `struct lightos_moe_fault`
    MoeFault {
        layer: u32,
        problem: u32,
        entry: u64,
        field: [u8; 24],
    }
);

abi_struct!(
    /// `struct lightos_moe_open`
    MoeOpen {
        size: u32,
        flags: u32,
        mode: u32,
        reserved: u32,
        name: [u8; MOE_NAME_SIZE],
        gate: u64,
    }
);

abi_struct!(
    /// `struct lightos_moe_configure`
    MoeConfigure {
        size: u32,
        flags: u32,
        layers: u32,
        reserved: u32,
        data: u64,
        bytes: u64,
        fault: MoeFault,
    }
);

abi_struct!(
    /// `struct lightos_moe_get_layer`
    MoeGetLayer {
        size: u32,
        flags: u32,
        layer: u32,
        layers: u32,
        skipped: u32,
        features: u32,
        hash_rows: u64,
        config: MoeLayer,
    }
);

abi_struct!(
    /// `struct lightos_moe_biases`
    MoeBiases {
        size: u32,
        flags: u32,
        layer: u32,
        count: u32,
        data: u64,
        fault: MoeFault,
    }
);

abi_struct!(
    /// `struct lightos_moe_hash`
    MoeHash {
        size: u32,
        flags: u32,
        layer: u32,
        reserved: u32,
        count: u64,
        data: u64,
        fault: MoeFault,
    }
);

abi_struct!(
    /// `struct lightos_moe_projection`
    MoeProjection {
        size: u32,
        flags: u32,
        layer: u32,
        features: u32,
        weights: u64,
        scales: u64,
        fault: MoeFault,
        experts: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_moe_buffers`
    MoeBuffers {
        input: u64,
        token_ids: u64,
        ids: u64,
        weights: u64,
        fixed: u64,
        slots: u64,
    }
);

abi_struct!(
    /// `struct lightos_moe_register`
    MoeRegister {
        size: u32,
        flags: u32,
        format: u32,
        tokens: u32,
        buffers: MoeBuffers,
    }
);

abi_struct!(
    /// `struct lightos_moe_route`
    MoeRoute {
        size: u32,
        flags: u32,
        layer: u32,
        format: u32,
        tokens: u32,
        shape: u32,
        buffers: MoeBuffers,
        activations: u64,
        dropped: u64,
        tokens_dropped: u64,
        missing: u64,
        capacity: u32,
        wrong: u32,
        wrong_token: u32,
        wrong_expert: u32,
    }
);

abi_struct!(
    /// `struct lightos_moe_update_biases`
    MoeUpdateBiases {
        size: u32,
        flags: u32,
        layer: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_moe_expert`
    MoeExpert {
        load: u64,
        dropped: u64,
        recent: u64,
        last: u32,
        state: u32,
    }
);

abi_struct!(
    /// `struct lightos_moe_experts`
    MoeExperts {
        size: u32,
        flags: u32,
        layer: u32,
        count: u32,
        data: u64,
    }
);

abi_struct!(
    /// `struct lightos_moe_stats`
    MoeStats {
        size: u32,
        flags: u32,
        layer: u32,
        experts: u32,
        batches: u64,
        tokens: u64,
        skipped: u64,
        activations: u64,
        dropped: u64,
        tokens_dropped: u64,
        missing: u64,
        slots: u64,
        updates: u64,
        busy_ns: u64,
        gate_ns: u64,
        balancedness: u64,
        max_violation: u64,
        cv_squared: u64,
        entropy: u64,
        used: u64,
        drop_rate: u64,
        capacity_factor: u64,
        sparsity: u64,
    }
);

abi_struct!(
    /// `struct lightos_moe_place`
    MoePlace {
        size: u32,
        flags: u32,
        layer: u32,
        experts: u32,
        replicas: u32,
        groups: u32,
        nodes: u32,
        devices: u32,
        loads: u64,
        place_experts: u64,
        place_numbers: u64,
        counts: u64,
        fault: MoeFault,
    }
);

abi_struct!(
    /// `struct lightos_moe_mask`
    MoeMask {
        size: u32,
        flags: u32,
        layers: [u64; 4],
    }
);

abi_struct!(
    /// `struct lightos_moe_reset`
    MoeReset {
        size: u32,
        flags: u32,
        layer: u32,
        reserved: u32,
    }
);

abi_struct!(
    /// `struct lightos_moe_profile`
    MoeProfile {
        size: u32,
        flags: u32,
        profile: u32,
        layers: u32,
        experts: u32,
        reserved: u32,
        bytes: u64,
        fault: MoeFault,
    }
);

extensible! {
    MoeOpen: 56,
    MoeConfigure: 72,
    MoeGetLayer: 128,
    MoeBiases: 64,
    MoeHash: 72,
    MoeProjection: 80,
    MoeRegister: 64,
    MoeRoute: 120,
    MoeUpdateBiases: 16,
    MoeExperts: 24,
    MoeStats: 168,
    MoePlace: 104,
    MoeMask: 40,
    MoeReset: 16,
    MoeProfile: 72,
}

pub(crate) const NR_MOE_OPEN: u32 = 0x60;
pub(crate) const NR_MOE_CONFIGURE: u32 = 0x61;
pub(crate) const NR_MOE_GET_LAYER: u32 = 0x62;
pub(crate) const NR_MOE_SET_BIASES: u32 = 0x63;
pub(crate) const NR_MOE_GET_BIASES: u32 = 0x64;
pub(crate) const NR_MOE_SET_HASH: u32 = 0x65;
pub(crate) const NR_MOE_SET_PROJECTION: u32 = 0x66;
pub(crate) const NR_MOE_REGISTER: u32 = 0x67;
pub(crate) const NR_MOE_ROUTE: u32 = 0x68;
pub(crate) const NR_MOE_UPDATE_BIASES: u32 = 0x69;
pub(crate) const NR_MOE_EXPERTS: u32 = 0x6a;
pub(crate) const NR_MOE_STATS: u32 = 0x6b;
pub(crate) const NR_MOE_PLACE: u32 = 0x6c;
pub(crate) const NR_MOE_MASK: u32 = 0x6d;
pub(crate) const NR_MOE_RESET: u32 = 0x6e;
pub(crate) const NR_MOE_PROFILE: u32 = 0x6f;

/// The code of the call with the number `nr`, if it is one on gates.
#[inline]
pub(super) fn moe_code(nr: u32) -> Option<u32> {
    Some(match nr {
        NR_MOE_OPEN => _IOWR::<MoeOpen>(MAGIC, nr),
        NR_MOE_CONFIGURE => _IOWR::<MoeConfigure>(MAGIC, nr),
        NR_MOE_GET_LAYER => _IOWR::<MoeGetLayer>(MAGIC, nr),
        NR_MOE_SET_BIASES => _IOWR::<MoeBiases>(MAGIC, nr),
        NR_MOE_GET_BIASES => _IOWR::<MoeBiases>(MAGIC, nr),
        NR_MOE_SET_HASH => _IOWR::<MoeHash>(MAGIC, nr),
        NR_MOE_SET_PROJECTION => _IOWR::<MoeProjection>(MAGIC, nr),
        NR_MOE_REGISTER => _IOW::<MoeRegister>(MAGIC, nr),
        NR_MOE_ROUTE => _IOWR::<MoeRoute>(MAGIC, nr),
        NR_MOE_UPDATE_BIASES => _IOW::<MoeUpdateBiases>(MAGIC, nr),
        NR_MOE_EXPERTS => _IOW::<MoeExperts>(MAGIC, nr),
        NR_MOE_STATS => _IOWR::<MoeStats>(MAGIC, nr),
        NR_MOE_PLACE => _IOWR::<MoePlace>(MAGIC, nr),
        NR_MOE_MASK => _IOW::<MoeMask>(MAGIC, nr),
        NR_MOE_RESET => _IOW::<MoeReset>(MAGIC, nr),
        NR_MOE_PROFILE => _IOWR::<MoeProfile>(MAGIC, nr),
        _ => return None,
    })
}

/// Whether the number is that of a call on gates.
#[inline]
pub(crate) fn is_moe(nr: u32) -> bool {
    (NR_MOE_OPEN..=NR_MOE_PROFILE).contains(&nr)
}
