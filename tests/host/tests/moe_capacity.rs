// SPDX-License-Identifier: GPL-2.0

//! Capacity, loads, bias, placement and statistics against plain references.

mod moe;

use lightos_host::moe::balance::{count, update_biases, State};
use lightos_host::moe::capacity::{
    assign, Assignment, Capacity, Choices, Drop, Room, NO_EXPERT, NO_SLOT,
};
use lightos_host::moe::config::{BIAS_LIMIT, SCALE_ONE};
use lightos_host::moe::gate::Tally;
use lightos_host::moe::placement::{place, Cluster, Placement, Work};
use lightos_host::moe::statistics::{drop_rate, expert_sparsity, ratio, realised_factor, Balance};
use lightos_host::support::cases;
use moe::Random;

/// A batch of random choices, some places empty, many weights equal.
fn batch(r: &mut Random, tokens: usize, top_k: usize, experts: u64) -> (Vec<u16>, Vec<u32>) {
    let coarse = r.below(2) == 0;
    let mut ids = Vec::new();
    for _ in 0..tokens {
        let mut row: Vec<u16> = Vec::new();
        while row.len() < top_k {
            // Low numbers are popular.
            let expert = r.below(experts).min(r.below(experts)) as u16;
            if r.below(16) == 0 {
                row.push(NO_EXPERT);
            } else if !row.contains(&expert) {
                row.push(expert);
            }
        }
        ids.extend(row);
    }
    let weight = |_| match coarse {
        true => (r.below(4) as f32 / 4.0).to_bits(),
        false => (r.unit() as f32).to_bits(),
    };
    let weights = (0..ids.len()).map(weight).collect();
    (ids, weights)
}

/// The slots, from sorted lists of each expert.
fn expected(rule: &Capacity, c: &Choices<'_>, experts: usize) -> (u32, Vec<u32>) {
    let tokens = c.ids.len() / c.top_k;
    let order: Vec<usize> = (0..c.top_k)
        .flat_map(|choice| (0..tokens).map(move |token| token * c.top_k + choice))
        .filter(|&place| c.ids[place] != NO_EXPERT)
        .collect();
    let of = |expert: usize| -> Vec<usize> {
        let mine = order
            .iter()
            .filter(|&&place| usize::from(c.ids[place]) == expert);
        mine.copied().collect()
    };
    let factor = f64::from(rule.factor) / 65536.0;
    let share = match rule.drop {
        Drop::Never => (0..experts).map(|e| of(e).len()).max().unwrap_or(0),
        _ => ((c.ids.len() as f64 * factor / experts as f64).ceil() as usize).min(tokens),
    };
    let aligned = share
        .max(rule.minimum as usize)
        .div_ceil(rule.alignment as usize);
    let capacity = aligned * rule.alignment as usize;
    let mut slots = vec![NO_SLOT; c.ids.len()];
    for expert in 0..experts {
        let mine = of(expert);
        let mut kept = mine.clone();
        if rule.drop == Drop::ByProbability {
            let weight = |place: usize| f32::from_bits(c.weights[place]);
            kept.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)));
        }
        kept.truncate(capacity);
        let stays = mine.into_iter().filter(|place| kept.contains(place));
        for (slot, place) in stays.enumerate() {
            slots[place] = slot as u32;
        }
    }
    (capacity as u32, slots)
}

#[test]
fn slots_equal_sorted_lists() {
    let mut r = Random(5);
    for _ in 0..cases(400, 20_000) {
        let experts = 1 + r.below(40);
        let top_k = 1 + r.below(experts.min(8)) as usize;
        let tokens = 1 + r.below(200) as usize;
        let (ids, weights) = batch(&mut r, tokens, top_k, experts);
        let choices = Choices {
            ids: &ids,
            weights: &weights,
            top_k,
        };
        let rule = Capacity {
            drop: [Drop::Never, Drop::ByPosition, Drop::ByProbability][r.below(3) as usize],
            factor: (r.below(32) as u32 + 1) << 12,
            minimum: r.below(8) as u32,
            alignment: 1 + r.below(4) as u32,
        };
        let mut rooms = vec![Room::EMPTY; experts as usize];
        let mut slots = vec![0; ids.len()];
        let mut dropped = Vec::new();
        let done = assign(&rule, &choices, &mut rooms, &mut slots, |t, c| {
            dropped.push((t, c))
        });
        let (capacity, expected) = expected(&rule, &choices, experts as usize);
        assert_eq!((done.capacity, &slots), (capacity, &expected), "{rule:?}");

        // Nothing is lost silently.
        let missing = |place: &usize| ids[*place] != NO_EXPERT && slots[*place] == NO_SLOT;
        let mut lost: Vec<(u32, u32)> = (0..ids.len())
            .filter(missing)
            .map(|place| ((place / top_k) as u32, (place % top_k) as u32))
            .collect();
        lost.sort_unstable();
        dropped.sort_unstable();
        assert_eq!(dropped, lost);
        assert_eq!(done.dropped, lost.len() as u64);
        assert_eq!(
            done.choices,
            ids.iter().filter(|&&id| id != NO_EXPERT).count() as u64
        );
        assert!(rule.drop != Drop::Never || lost.is_empty());
    }
}

/// A weight of 0 ranks last, and does not take the place of one that was chosen (DeepSpeed#7986).
#[test]
fn zero_weights_rank_last() {
    let rule = Capacity {
        drop: Drop::ByProbability,
        factor: SCALE_ONE,
        minimum: 0,
        alignment: 1,
    };
    let (ids, zero, small) = ([0u16, 0, 0, 1], 0, 1e-30f32.to_bits());
    let mut rooms = [Room::EMPTY; 2];
    let mut slots = [0; 4];
    let choices = Choices {
        ids: &ids,
        weights: &[zero, small, zero, zero],
        top_k: 1,
    };
    let done = assign(&rule, &choices, &mut rooms, &mut slots, |token, _| {
        assert_eq!(token, 2)
    });
    assert_eq!((done.capacity, slots), (2, [0, 1, NO_SLOT, 0]));
    let choices = Choices {
        ids: &ids,
        weights: &[zero, small, small, zero],
        top_k: 1,
    };
    assign(&rule, &choices, &mut rooms, &mut slots, |token, _| {
        assert_eq!(token, 0)
    });
    assert_eq!(slots, [NO_SLOT, 0, 1, 0]);
    // Ids that no room belongs to, slices that are too short: nothing but NO_SLOT.
    let choices = Choices {
        ids: &[9, 0],
        weights: &[],
        top_k: 1,
    };
    assign(&rule, &choices, &mut rooms, &mut slots, |_, _| ());
    assert_eq!(slots, [NO_SLOT; 4]);
}

#[test]
fn capacity_of_the_largest_batch() {
    let rule = Capacity {
        factor: u32::MAX,
        drop: Drop::ByPosition,
        ..Capacity::DROPLESS
    };
    assert_eq!(rule.of(1 << 16, 32, 1), 1 << 16);
    let rule = Capacity {
        factor: SCALE_ONE * 5 / 4,
        ..rule
    };
    assert_eq!(rule.of(4096, 1, 64), 80);
    assert_eq!(rule.of(4097, 1, 64), 81);
    assert_eq!(rule.of(0, 1, 64), 0);
}

#[test]
fn biases_move_towards_the_mean() {
    let mut biases = [0, 0, 0, BIAS_LIMIT, -BIAS_LIMIT];
    update_biases(1 << 20, &[2, 3, 1, 0, 4], &mut biases);
    // The mean is 2: an expert that has it stays. Q0.32 to 36 digits.
    assert_eq!(biases, [0, -(1 << 24), 1 << 24, BIAS_LIMIT, -BIAS_LIMIT]);
    update_biases(1 << 20, &[], &mut biases);
    let mut loads = [0; 3];
    count(&[0, 2, NO_EXPERT, 2, 700], &mut loads);
    assert_eq!(loads, [1, 0, 2]);
    let states = [0, 1, 6, 7, 8, 9].map(|load| State::of(load, 8));
    use State::{Active, Busy, Idle, Overloaded};
    assert_eq!(states, [Idle, Active, Active, Busy, Busy, Overloaded]);
}

/// Places experts; the expert, and the number of its replica, at each place, and counts.
fn placed(loads: &[u64], cluster: &Cluster) -> (Vec<u16>, Vec<u16>, Vec<u16>) {
    let places = cluster.replicas as usize;
    let (mut experts, mut numbers, mut counts) =
        (vec![0; places], vec![0; places], vec![0; loads.len()]);
    let mut result = Placement {
        experts: &mut experts,
        numbers: &mut numbers,
        counts: &mut counts,
    };
    let mut work = Box::new(Work::NEW);
    assert_eq!(place(loads, cluster, &mut result, &mut work), Ok(()));
    (experts, numbers, counts)
}

/// The example of EPLB's README, with the output it prints.
#[test]
fn placement_equals_the_published_example() {
    let cluster = Cluster {
        replicas: 16,
        groups: 4,
        nodes: 2,
        devices: 8,
    };
    let first = [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86];
    let second = [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27];
    assert_eq!(
        placed(&first, &cluster).0,
        [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1]
    );
    assert_eq!(
        placed(&second, &cluster).0,
        [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1]
    );
}

#[test]
fn placement_keeps_its_rules() {
    let mut r = Random(6);
    for _ in 0..cases(300, 10_000) {
        let (groups, nodes) = (1 + r.below(8), 1 + r.below(4));
        let experts = groups * (1 + r.below(16));
        let devices = nodes * (1 + r.below(4));
        let replicas = experts.div_ceil(devices) * devices + devices * r.below(5);
        let cluster = Cluster {
            replicas: replicas as u32,
            groups: groups as u32,
            nodes: nodes as u32,
            devices: devices as u32,
        };
        let loads: Vec<u64> = (0..experts).map(|_| r.word() >> r.below(63)).collect();
        if groups % nodes == 0 && experts / nodes * nodes != experts {
            continue;
        }
        let (placed, numbers, counts) = placed(&loads, &cluster);
        for (expert, &count) in counts.iter().enumerate() {
            assert!(count >= 1, "expert {expert} of {cluster:?} has no place");
            let mine = placed
                .iter()
                .zip(&numbers)
                .filter(|p| usize::from(*p.0) == expert);
            let mut seen: Vec<u16> = mine.map(|p| *p.1).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<u16>>());
        }
        // No step of the greedy rule left a replica where it would have done more: the least
        // share before its last replica is no less than the greatest now.
        let share =
            |e: usize, less: u16| loads[e].min(1 << 40) as f64 / f64::from(counts[e] - less);
        if groups % nodes != 0 || nodes == 1 {
            let all = 0..experts as usize;
            let last = all.clone().filter(|&e| counts[e] > 1).map(|e| share(e, 1));
            let now = all.map(|e| share(e, 0)).fold(0.0, f64::max);
            assert!(last.fold(f64::INFINITY, f64::min) >= now * (1.0 - 1e-12));
        }
    }
}

#[test]
fn clusters_name_the_wrong_field() {
    let good = Cluster {
        replicas: 16,
        groups: 4,
        nodes: 2,
        devices: 8,
    };
    let cases = [
        (Cluster { groups: 0, ..good }, "groups"),
        (Cluster { groups: 5, ..good }, "groups"),
        (
            Cluster {
                replicas: 8,
                ..good
            },
            "replicas",
        ),
        (
            Cluster {
                replicas: 17,
                ..good
            },
            "replicas",
        ),
        (
            Cluster {
                replicas: 1 << 20,
                ..good
            },
            "replicas",
        ),
        (Cluster { nodes: 0, ..good }, "nodes"),
        (Cluster { nodes: 3, ..good }, "devices"),
        (Cluster { devices: 0, ..good }, "devices"),
    ];
    assert_eq!(good.check(12), Ok(()));
    for (cluster, field) in cases {
        assert_eq!(
            cluster.check(12).map_err(|f| f.field),
            Err(field),
            "{cluster:?}"
        );
    }
    assert!(good.check(0).is_err() && good.check(1025).is_err());
}

#[test]
fn figures_equal_double_precision() {
    let mut r = Random(7);
    for _ in 0..cases(2_000, 100_000) {
        let experts = 1 + r.below(1024) as usize;
        let bits = 16 + r.below(48);
        let loads: Vec<u64> = (0..experts)
            .map(|_| r.word() >> bits >> r.below(8))
            .collect();
        let balance = Balance::of(&loads);
        let total: f64 = loads.iter().map(|&l| l as f64).sum();
        if total == 0.0 {
            assert_eq!(balance, Balance::default());
            continue;
        }
        let (mean, most) = (
            total / experts as f64,
            loads.iter().copied().max().unwrap() as f64,
        );
        let variance = loads
            .iter()
            .map(|&l| (l as f64 - mean).powi(2))
            .sum::<f64>()
            / experts as f64;
        let shares = loads.iter().filter(|&&l| l > 0).map(|&l| l as f64 / total);
        let entropy: f64 = shares.map(|p| -p * p.log2()).sum();
        let used = loads.iter().filter(|&&l| l > 0).count() as f64 / experts as f64;
        let pairs = [
            (balance.balancedness, mean / most),
            (balance.max_violation, most / mean - 1.0),
            (balance.cv_squared, variance / (mean * mean)),
            (balance.entropy, entropy),
            (balance.used, used),
        ];
        for (micro, exact) in pairs {
            let distance = (micro as f64 - exact * 1e6).abs();
            assert!(
                distance <= 1.0 + exact * 1e-6,
                "{micro} {exact} of {loads:?}"
            );
        }
    }
    let done = Assignment {
        capacity: 80,
        choices: 4096,
        dropped: 1024,
    };
    assert_eq!(
        (drop_rate(&done), realised_factor(&done, 64)),
        (250_000, 1_250_000)
    );
    let tally = Tally {
        tokens: 100,
        activations: 400,
        ..Tally::default()
    };
    assert_eq!(expert_sparsity(&tally, 64), 937_500);
    assert_eq!((ratio(1, 0), ratio(2, 3), ratio(0, 5)), (0, 666_667, 0));
}
