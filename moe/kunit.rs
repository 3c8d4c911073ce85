// SPDX-License-Identifier: GPL-2.0

//! KUnit suite of gating.
//!
//! The arithmetic is tested in depth on the host, where millions of cases are
//! cheap. This suite shows that the kernel's compiler, flags and memory give the
//! same results.
//!
//! Process context, when the module has been loaded; no lock.

use super::{
    balance,
    capacity::{assign, Capacity, Choices, Drop, Room, NO_EXPERT, NO_SLOT},
    config::{GroupScore, Layer, SCALE_ONE},
    gate::{route, Fault, Logits, Routes, Scratch, Tables, Tally},
    placement::{place, Cluster, Placement, Work},
    score::{Score, KEY_ONE},
    statistics::Balance,
};
use kernel::prelude::*;

const ONE: u32 = 0x3f80_0000;
const TWO: u32 = 0x4000_0000;
const NAN: u32 = 0x7fc0_0000;
const INFINITY: u32 = 0x7f80_0000;
const MINUS_INFINITY: u32 = 0xff80_0000;
const MINUS_ZERO: u32 = 0x8000_0000;

/// Places that a case here has room for.
const PLACES: usize = 16;

/// What a batch gave.
struct Given {
    done: Result<Tally, Fault>,
    ids: [u16; PLACES],
    fixed: [u32; PLACES],
}

/// Routes rows of f32 logits through a layer with these biases.
fn given(layer: &Layer, biases: &[i64], rows: &[u32]) -> Result<Given> {
    assert_eq!(layer.check(0), Ok(()));
    let mut scratch: KBox<Scratch> = KBox::zeroed(GFP_KERNEL)?;
    let tables = Tables {
        biases,
        ..Tables::default()
    };
    let (mut ids, mut weights, mut fixed) = ([0; PLACES], [0; PLACES], [0; PLACES]);
    let places = rows.len() / layer.experts as usize * layer.top_k as usize;
    let mut routes = Routes {
        ids: ids.get_mut(..places).ok_or(EINVAL)?,
        weights: weights.get_mut(..places).ok_or(EINVAL)?,
        fixed: fixed.get_mut(..places).ok_or(EINVAL)?,
    };
    let done = route(layer, &tables, Logits::F32(rows), &mut routes, &mut scratch);
    Ok(Given { done, ids, fixed })
}

#[kunit_tests(lightos_moe)]
mod tests {
    use super::*;

    #[test]
    fn mixtral_takes_the_two_best_of_eight() -> Result {
        let row = [0, ONE, MINUS_ZERO, TWO, 0, MINUS_INFINITY, 0, 0];
        let given = given(&Layer::softmax(8, 2), &[], &row)?;
        assert_eq!(given.ids[..2], [3, 1]);
        // 1 / (1 + exp(-1)) and the rest.
        assert_eq!(given.fixed[..2], [47_911, 17_625]);
        assert_eq!(given.done.map(|tally| tally.activations), Ok(2));
        Ok(())
    }

    #[test]
    fn ties_go_by_index() -> Result {
        let row = [MINUS_ZERO, ONE, 0, ONE];
        let given = given(&Layer::softmax(4, 4), &[], &row)?;
        assert_eq!(given.ids[..4], [1, 3, 0, 2]);
        Ok(())
    }

    #[test]
    fn wrong_logits_are_named() -> Result {
        let layer = Layer::softmax(2, 1);
        let nan = given(&layer, &[], &[0, ONE, 0, NAN])?;
        let (token, expert) = (1, 1);
        assert_eq!(nan.done, Err(Fault::NotANumber { token, expert }));
        let infinite = given(&layer, &[], &[0, ONE, 0, INFINITY])?;
        assert_eq!(infinite.done, Err(Fault::Infinite { token, expert }));
        Ok(())
    }

    #[test]
    fn nothing_to_select_leaves_places_empty() -> Result {
        let given = given(&Layer::softmax(2, 2), &[], &[MINUS_INFINITY, 0])?;
        assert_eq!(given.ids[..2], [1, NO_EXPERT]);
        assert_eq!(given.fixed[..2], [SCALE_ONE, 0]);
        assert_eq!(given.done.map(|tally| tally.missing), Ok(1));
        Ok(())
    }

    #[test]
    fn groups_and_biases_decide_by_sigmoids() -> Result {
        let layer = Layer {
            score: Score::Sigmoid,
            biased: true,
            groups: 2,
            groups_kept: 1,
            group_score: GroupScore::TopTwo,
            ..Layer::softmax(4, 1)
        };
        // The best expert is in the group with the lesser sum.
        let row = [TWO, MINUS_INFINITY, ONE, ONE];
        assert_eq!(given(&layer, &[0; 4], &row)?.ids[0], 2);
        assert_eq!(given(&layer, &[KEY_ONE, 0, 0, 0], &row)?.ids[0], 0);
        Ok(())
    }

    #[test]
    fn capacity_drops_the_least_weight() {
        let rule = Capacity {
            drop: Drop::ByProbability,
            ..Capacity::DROPLESS
        };
        let choices = Choices {
            ids: &[0, 0, 0, 1],
            weights: &[ONE, TWO, ONE, ONE],
            top_k: 1,
        };
        let (mut rooms, mut slots) = ([Room::EMPTY; 2], [0; 4]);
        let assignment = assign(&rule, &choices, &mut rooms, &mut slots, |token, choice| {
            assert_eq!((token, choice), (2, 0));
        });
        assert_eq!((assignment.capacity, assignment.dropped), (2, 1));
        assert_eq!(slots, [0, 1, NO_SLOT, 0]);
    }

    #[test]
    fn biases_move_towards_the_mean() {
        let mut biases = [0; 3];
        balance::update_biases(1 << 31, &[4, 2, 0], &mut biases);
        assert_eq!(biases, [-KEY_ONE / 2, 0, KEY_ONE / 2]);
    }

    #[test]
    fn figures_of_two_loads() {
        let balance = Balance::of(&[3, 1]);
        assert_eq!(balance.max_violation, 500_000);
        assert_eq!(balance.cv_squared, 250_000);
        assert_eq!(balance.entropy, 811_278);
    }

    #[test]
    fn placement_is_that_of_eplb() -> Result {
        let loads = [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86];
        let cluster = Cluster {
            replicas: 16,
            groups: 4,
            nodes: 2,
            devices: 8,
        };
        let mut work = KVBox::<Work>::zeroed(GFP_KERNEL)?;
        let (mut experts, mut numbers, mut counts) = ([0; 16], [0; 16], [0; 12]);
        let mut result = Placement {
            experts: &mut experts,
            numbers: &mut numbers,
            counts: &mut counts,
        };
        assert_eq!(place(&loads, &cluster, &mut result, &mut work), Ok(()));
        assert_eq!(experts, [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1]);
        Ok(())
    }
}
