// SPDX-License-Identifier: GPL-2.0

//! The gate of an open device.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::batch::{Batch, Routes, Tally};
use super::call;
use super::error::{from_call, from_fault, from_layer, Error, LogitProblem};
use super::layer::Layer;
use super::named::{Name, Open};
use super::placement::{mask, placed, Cluster, Placement};
use super::types::{Expert, Profile, Reset, Stats};
use crate::call::{set, update};
use crate::sys::{self, size_of_u32};
use crate::{Device, Error as Failure};

/// A layer of a gate, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerInfo {
    /// Its rule.
    pub rule: Layer,
    /// Whether tokens pass it without experts.
    pub skipped: bool,
    /// Features of a token that its projection takes; 0 without one.
    pub features: u32,
    /// Tokens of its hash table.
    pub hash_rows: u64,
}

/// A gate in the module: a file's own, or a named one that others share.
///
/// It goes with the last file that has it. Calls may come from several threads at
/// once.
#[derive(Debug)]
pub struct Gate {
    pub(super) device: Device,
    /// Layers, unless others may change them.
    layers: Option<Vec<LayerInfo>>,
}

impl AsFd for Gate {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Gate {
    /// Makes a gate of the device's own, with these layers.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] names layer, field and problem.
    pub fn configure(device: Device, layers: &[Layer]) -> Result<Self, Failure> {
        let mut gate = Self {
            device,
            layers: Some(Vec::new()),
        };
        gate.reconfigure(layers)?;
        Ok(gate)
    }

    /// Makes a gate of the device's own by a profile: `layers` layers of `experts`.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`], for instance for fewer than eight experts at low latency.
    pub fn profile(
        device: Device,
        profile: Profile,
        layers: u32,
        experts: u32,
    ) -> Result<Self, Failure> {
        let mut raw = sys::MoeProfile {
            size: size_of_u32::<sys::MoeProfile>(),
            profile: profile.as_u32(),
            layers,
            experts,
            ..Default::default()
        };
        update::<{ sys::MOE_PROFILE }, _>(&device.file, &mut raw)
            .map_err(|errno| from_fault(errno, "MOE_PROFILE", &raw.fault, 0))?;
        let mut gate = Self {
            device,
            layers: None,
        };
        gate.layers = Some(gate.all_layers()?);
        Ok(gate)
    }

    /// Takes a named gate. One that is made is not configured yet.
    ///
    /// A device opened read-only is enough to look at a gate that is there.
    ///
    /// # Errors
    ///
    /// [`Error::NoName`], [`Error::NameTaken`], [`Error::NoLeave`],
    /// [`Error::NoSpace`].
    pub fn open(device: Device, name: &Name, open: Open) -> Result<Self, Failure> {
        let mut raw = sys::MoeOpen {
            size: size_of_u32::<sys::MoeOpen>(),
            flags: open.flags(),
            mode: open.mode(),
            name: name.raw(),
            ..Default::default()
        };
        update::<{ sys::MOE_OPEN }, _>(&device.file, &mut raw).map_err(|errno| {
            let name = name.as_str().to_owned();
            match errno {
                Errno::NOENT => Error::NoName(name).into(),
                Errno::EXIST => Error::NameTaken(name).into(),
                Errno::ACCESS => Error::NoLeave(name).into(),
                Errno::NOSPC => from_call(errno, "MOE_OPEN"),
                _ => Failure::from_call(errno, "MOE_OPEN"),
            }
        })?;
        Ok(Self {
            device,
            layers: None,
        })
    }

    /// Sets all layers up anew, for everybody who shares the gate. Biases, tables,
    /// loads and statistics are gone then. Returns the bytes of the gate.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`], [`Error::NoSpace`]: the gate is as it was.
    pub fn reconfigure(&mut self, layers: &[Layer]) -> Result<u64, Failure> {
        let raw: Vec<sys::MoeLayer> = layers.iter().map(Into::into).collect();
        let mut fault = sys::MoeFault::default();
        let bytes = call::configure(&self.device.file, &raw, &mut fault)
            .map_err(|errno| from_fault(errno, "MOE_CONFIGURE", &fault, 0))?;
        if let Some(known) = &mut self.layers {
            let info = |&rule| LayerInfo {
                rule,
                skipped: false,
                features: 0,
                hash_rows: 0,
            };
            *known = layers.iter().map(info).collect();
        }
        Ok(bytes)
    }

    fn raw_layer(&self, layer: u32) -> Result<sys::MoeGetLayer, Failure> {
        let mut raw = sys::MoeGetLayer {
            size: size_of_u32::<sys::MoeGetLayer>(),
            layer,
            ..Default::default()
        };
        update::<{ sys::MOE_GET_LAYER }, _>(&self.device.file, &mut raw)
            .map_err(|errno| from_layer(errno, "MOE_GET_LAYER", layer))?;
        Ok(raw)
    }

    /// A layer as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`], [`Error::NotConfigured`].
    pub fn layer(&self, layer: u32) -> Result<LayerInfo, Failure> {
        let raw = self.raw_layer(layer)?;
        Ok(LayerInfo {
            rule: raw.config.try_into()?,
            skipped: raw.skipped != 0,
            features: raw.features,
            hash_rows: raw.hash_rows,
        })
    }

    /// How many layers.
    ///
    /// # Errors
    ///
    /// [`Error::NotConfigured`].
    pub fn layers(&self) -> Result<u32, Failure> {
        Ok(self.raw_layer(0)?.layers)
    }

    fn all_layers(&self) -> Result<Vec<LayerInfo>, Failure> {
        (0..self.layers()?).map(|layer| self.layer(layer)).collect()
    }

    /// What a batch must fit: known, or asked for where others may change it.
    pub(super) fn shape(&self, layer: u32) -> Result<LayerInfo, Failure> {
        match &self.layers {
            None => self.layer(layer),
            Some(known) => {
                let call = "MOE_ROUTE";
                let info = known.get(layer as usize).copied();
                Ok(info.ok_or(Error::Layer { call, layer })?)
            }
        }
    }

    /// The greatest number of places a token of any layer has.
    pub(super) fn greatest_top_k(&self) -> u32 {
        let known = self.layers.as_ref();
        let greatest = known.and_then(|layers| layers.iter().map(|l| l.rule.top_k).max());
        greatest.unwrap_or(sys::MOE_MAX_TOP_K)
    }

    /// Sends tokens through a layer.
    ///
    /// # Errors
    ///
    /// [`Error::Logit`] names token and expert; [`Error::Length`],
    /// [`Error::Layer`], [`Error::Changed`], [`Failure::Interrupted`]. Such a batch
    /// was not counted, [`Error::Changed`] apart.
    pub fn route(&self, batch: &Batch<'_>) -> Result<Routes, Failure> {
        let mut routes = Routes::default();
        self.route_into(batch, &mut routes)?;
        Ok(routes)
    }

    /// [`Gate::route`] into memory that is there already.
    ///
    /// # Errors
    ///
    /// As [`Gate::route`]; what `routes` holds is any then.
    pub fn route_into(&self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), Failure> {
        let info = self.shape(batch.layer)?;
        let tokens = batch.tokens(&info)?;
        routes.resize(tokens as usize * info.rule.top_k as usize);
        let mut raw = route_call(batch.layer, &info, tokens, batch.adapt);
        raw.format = batch.input.format().as_u32();
        let file = &self.device.file;
        call::route(file, &mut raw, &batch.input, batch.token_ids, routes)
            .map_err(|errno| from_route(errno, &raw))?;
        routes.trim(tokens, info.rule.top_k);
        routes.tally = Tally::from(&raw);
        Ok(())
    }

    /// Sets the biases of a layer, one for each expert, in units of 2^-36.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] names the entry; [`Error::Layer`] for a layer without.
    pub fn set_biases(&self, layer: u32, biases: &[i64]) -> Result<(), Failure> {
        let mut fault = sys::MoeFault::default();
        call::set_biases(&self.device.file, layer, biases, &mut fault)
            .map_err(|errno| from_fault(errno, "MOE_SET_BIASES", &fault, layer))
    }

    /// The biases of a layer, in units of 2^-36.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`] for a layer without.
    pub fn biases(&self, layer: u32) -> Result<Vec<i64>, Failure> {
        let mut biases = vec![0; self.shape(layer)?.rule.experts as usize];
        call::biases(&self.device.file, layer, &mut biases)
            .map_err(|errno| from_layer(errno, "MOE_GET_BIASES", layer))?;
        Ok(biases)
    }

    /// Gives a hash layer its table: `top_k` different experts for each token id
    /// from 0 on; an empty one takes the table away.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] names the entry; [`Error::Layer`].
    pub fn set_hash(&self, layer: u32, table: &[u16]) -> Result<(), Failure> {
        let mut fault = sys::MoeFault::default();
        call::set_hash(&self.device.file, layer, table, &mut fault)
            .map_err(|errno| from_fault(errno, "MOE_SET_HASH", &fault, layer))
    }

    /// Gives a learned layer its router matrix: a row of weights and a scale, Q0.32,
    /// for each expert.
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::Fault`], [`Error::Layer`].
    pub fn set_projection(
        &mut self,
        layer: u32,
        weights: &[i8],
        scales: &[u32],
    ) -> Result<(), Failure> {
        let experts = self.shape(layer)?.rule.experts as usize;
        let length = |what, found, wanted: String| Error::Length {
            what,
            found,
            wanted,
        };
        if scales.len() != experts {
            return Err(length("scales", scales.len(), experts.to_string()).into());
        }
        if weights.is_empty() || !weights.len().is_multiple_of(experts) {
            let wanted = format!("a multiple of {experts}");
            return Err(length("weights", weights.len(), wanted).into());
        }
        let mut fault = sys::MoeFault::default();
        call::set_projection(&self.device.file, layer, weights, scales, &mut fault)
            .map_err(|errno| from_fault(errno, "MOE_SET_PROJECTION", &fault, layer))?;
        let known = self.layers.as_mut();
        if let Some(info) = known.and_then(|layers| layers.get_mut(layer as usize)) {
            info.features = u32::try_from(weights.len() / experts).unwrap_or(0);
        }
        Ok(())
    }

    /// Evens out the loads of a layer, or with `None` of all that have a bias step.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`] for a layer without a bias step.
    pub fn update_biases(&self, layer: Option<u32>) -> Result<(), Failure> {
        let layer = layer.unwrap_or(sys::MOE_ALL_LAYERS);
        let raw = sys::MoeUpdateBiases {
            size: size_of_u32::<sys::MoeUpdateBiases>(),
            layer,
            ..Default::default()
        };
        set::<{ sys::MOE_UPDATE_BIASES }, _>(&self.device.file, raw)
            .map_err(|errno| from_layer(errno, "MOE_UPDATE_BIASES", layer))
    }

    /// The loads of a layer's experts.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`].
    pub fn experts(&self, layer: u32) -> Result<Vec<Expert>, Failure> {
        let count = self.shape(layer)?.rule.experts;
        let mut raw = vec![sys::MoeExpert::default(); count as usize];
        call::experts(&self.device.file, layer, &mut raw)
            .map_err(|errno| from_layer(errno, "MOE_EXPERTS", layer))?;
        raw.into_iter().map(Expert::try_from).collect()
    }

    /// The statistics of a layer; with `last`, figures are those of the last batch.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`].
    pub fn stats(&self, layer: u32, last: bool) -> Result<Stats, Failure> {
        let mut raw = sys::MoeStats {
            size: size_of_u32::<sys::MoeStats>(),
            flags: if last { sys::MOE_STATS_LAST } else { 0 },
            layer,
            ..Default::default()
        };
        update::<{ sys::MOE_STATS }, _>(&self.device.file, &mut raw)
            .map_err(|errno| from_layer(errno, "MOE_STATS", layer))?;
        Ok(raw.into())
    }

    /// Places the experts of a layer by their loads.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] names the field.
    pub fn place(&self, layer: u32, cluster: &Cluster) -> Result<Placement, Failure> {
        let experts = self.shape(layer)?.rule.experts;
        placed(&self.device, layer, experts, &[], cluster)
    }

    /// Tokens pass these layers without experts, and no others.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`].
    pub fn skip(&self, layers: &[u32]) -> Result<(), Failure> {
        mask(&self.device, layers)
    }

    /// Brings parts of a layer, or with `None` of all, back to 0.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`], also where nothing is chosen.
    pub fn reset(&self, layer: Option<u32>, what: Reset) -> Result<(), Failure> {
        let layer = layer.unwrap_or(sys::MOE_ALL_LAYERS);
        let raw = sys::MoeReset {
            size: size_of_u32::<sys::MoeReset>(),
            flags: what.flags(),
            layer,
            ..Default::default()
        };
        set::<{ sys::MOE_RESET }, _>(&self.device.file, raw)
            .map_err(|errno| from_layer(errno, "MOE_RESET", layer))
    }
}

/// MOE_ROUTE without its buffers, for a layer as `info` has it. Another process may
/// configure a shared gate before the call begins; the module refuses then.
pub(super) fn route_call(layer: u32, info: &LayerInfo, tokens: u32, adapt: bool) -> sys::MoeRoute {
    sys::MoeRoute {
        size: size_of_u32::<sys::MoeRoute>(),
        flags: if adapt { sys::MOE_ROUTE_ADAPT } else { 0 },
        layer,
        tokens,
        shape: info.rule.experts | info.rule.top_k << 16,
        ..Default::default()
    }
}

/// The meaning of `errno` from MOE_ROUTE.
pub(super) fn from_route(errno: Errno, raw: &sys::MoeRoute) -> Failure {
    let problem = match (errno, raw.wrong) {
        (Errno::DOM, wrong) => LogitProblem::try_from(wrong),
        (Errno::STALE, _) => return Error::Changed.into(),
        _ => return from_layer(errno, "MOE_ROUTE", raw.layer),
    };
    match problem {
        Ok(problem) => Error::Logit {
            token: raw.wrong_token,
            expert: raw.wrong_expert,
            problem,
        }
        .into(),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_logit_is_named() {
        let mut raw = sys::MoeRoute {
            layer: 3,
            tokens: 10,
            ..Default::default()
        };
        (raw.wrong, raw.wrong_token, raw.wrong_expert) = (1, 7, 63);
        let text = |errno, raw: &_| from_route(errno, raw).to_string();
        assert_eq!(
            text(Errno::DOM, &raw),
            "token 7, expert 63: the logit is NaN"
        );
        raw.wrong = 9;
        assert!(text(Errno::DOM, &raw).contains("9 for wrong"));
        assert!(text(Errno::INVAL, &raw).contains("layer 3"));
    }

    #[test]
    fn a_gate_needs_the_module() {
        let null = || Device {
            file: std::fs::File::open("/dev/null").unwrap().into(),
        };
        let error = Gate::configure(null(), &[Layer::softmax(8, 2)]).unwrap_err();
        assert!(
            matches!(
                error,
                Failure::Unsupported {
                    call: "MOE_CONFIGURE"
                }
            ),
            "{error}"
        );
        let name = Name::new("x").unwrap();
        let error = Gate::open(null(), &name, Open::Existing).unwrap_err();
        assert!(
            matches!(error, Failure::Unsupported { call: "MOE_OPEN" }),
            "{error}"
        );
        let error = Gate::profile(null(), Profile::LowLatency, 1, 64).unwrap_err();
        assert!(matches!(error, Failure::Unsupported { .. }), "{error}");
    }
}
