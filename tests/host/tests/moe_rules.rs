// SPDX-License-Identifier: GPL-2.0

//! The gate's contract case by case: configuration, wrong input, order, strategies, profiles.

mod moe;

use lightos_host::moe::balance::{count, update_biases};
use lightos_host::moe::capacity::{Capacity, Drop, NO_EXPERT};
use lightos_host::moe::config::{
    check, check_biases, GroupScore, Layer, LayerMask, Problem, Strategy, BIAS_LIMIT,
};
use lightos_host::moe::gate::{route, skip, Fault, Logits, Routes, Scratch, Tables, Tally};
use lightos_host::moe::hash::{check_table, hashed};
use lightos_host::moe::learned::Projection;
use lightos_host::moe::profile::{Profile, LEGACY_EXPERTS, LEGACY_TOKENS};
use lightos_host::moe::score::{Score, KEY_ONE};
use lightos_host::moe::statistics::expert_sparsity;
use lightos_host::support::cases;
use moe::Random;

/// Ids, weights, Q16.16 and the tally of a call with room for `tokens`.
type Routed = (Vec<u16>, Vec<f32>, Vec<u32>, Tally);

fn run(
    layer: &Layer,
    tables: &Tables<'_>,
    logits: Logits<'_>,
    tokens: usize,
) -> Result<Routed, Fault> {
    let routed = moe::run(layer, tables, logits, tokens)?;
    let weights = routed.weights.into_iter().map(f32::from_bits);
    Ok((routed.ids, weights.collect(), routed.fixed, routed.tally))
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|x| x.to_bits()).collect()
}

/// One token of f32 logits, no tables.
fn one(layer: &Layer, logits: &[f32]) -> Result<Routed, Fault> {
    run(layer, &Tables::default(), Logits::F32(&bits(logits)), 1)
}

const INF: f32 = f32::INFINITY;

#[test]
fn equal_logits_go_by_index() {
    let layer = Layer::softmax(8, 3);
    assert_eq!(one(&layer, &[0.0; 8]).unwrap().0, [0, 1, 2]);
    let (ids, weights, fixed, _) =
        one(&layer, &[-0.0, 0.0, -0.0, 0.0, -1.0, 0.0, 0.0, 0.0]).unwrap();
    assert_eq!((ids, weights), (vec![0, 1, 2], vec![1.0 / 3.0; 3]));
    assert_eq!(fixed, [21845; 3]);
    let least = f32::from_bits(1);
    assert_eq!(
        one(&layer, &[0.0, least, -least, 0.0, 0.0, 0.0, 0.0, least])
            .unwrap()
            .0,
        [1, 7, 0]
    );
}

#[test]
fn minus_infinity_is_never_chosen() {
    let layer = Layer::softmax(8, 3);
    let mut logits = [-INF; 8];
    let (ids, weights, fixed, tally) = one(&layer, &logits).unwrap();
    assert_eq!(
        (ids, weights, fixed),
        (vec![NO_EXPERT; 3], vec![0.0; 3], vec![0; 3])
    );
    assert_eq!(
        tally,
        Tally {
            tokens: 1,
            missing: 3,
            ..Tally::default()
        }
    );
    logits[5] = f32::MIN;
    let (ids, weights, _, tally) = one(&layer, &logits).unwrap();
    assert_eq!(
        (ids, weights),
        (vec![5, NO_EXPERT, NO_EXPERT], vec![1.0, 0.0, 0.0])
    );
    assert_eq!((tally.activations, tally.missing), (1, 2));
    // The least number of Q16.16 stands for it.
    let fixed = [
        i32::MIN,
        3,
        i32::MIN + 1,
        i32::MIN,
        i32::MIN,
        i32::MIN,
        i32::MIN,
        i32::MIN,
    ];
    let routed = run(&layer, &Tables::default(), Logits::Q16(&fixed), 1).unwrap();
    assert_eq!(routed.0, [1, 2, NO_EXPERT]);
}

/// A group has no more experts than can be selected, and none that cannot is chosen for its bias.
#[test]
fn masked_groups_are_never_kept() {
    let layer = Layer {
        groups: 4,
        groups_kept: 2,
        group_score: GroupScore::TopTwo,
        score: Score::Sigmoid,
        biased: true,
        ..Layer::softmax(8, 4)
    };
    let biases = [0, 0, 0, 0, BIAS_LIMIT, BIAS_LIMIT, 0, KEY_ONE];
    let tables = Tables {
        biases: &biases,
        ..Tables::default()
    };
    let logits = bits(&[-INF, -INF, 1.0, -2.0, -INF, -INF, -INF, -3.0]);
    let routed = run(&layer, &tables, Logits::F32(&logits), 1).unwrap();
    assert_eq!(routed.0, [7, 2, 3, NO_EXPERT]);
}

#[test]
fn wrong_logits_name_their_token() {
    let layer = Layer::softmax(8, 2);
    for (wrong, fault) in [
        (
            f32::NAN,
            Fault::NotANumber {
                token: 2,
                expert: 5,
            },
        ),
        (
            -f32::NAN,
            Fault::NotANumber {
                token: 2,
                expert: 5,
            },
        ),
        (
            f32::from_bits(0x7f80_0001),
            Fault::NotANumber {
                token: 2,
                expert: 5,
            },
        ),
        (
            f32::from_bits(0xff80_0001),
            Fault::NotANumber {
                token: 2,
                expert: 5,
            },
        ),
        (
            INF,
            Fault::Infinite {
                token: 2,
                expert: 5,
            },
        ),
    ] {
        let mut logits = [0.0; 32];
        (logits[21], logits[22]) = (wrong, INF);
        let routed = run(&layer, &Tables::default(), Logits::F32(&bits(&logits)), 4);
        assert_eq!(routed.map(|r| r.0), Err(fault), "{wrong}");
    }
    let halves = [0u16, 0x7c00, 0, 0, 0, 0, 0, 0];
    let fault = Err(Fault::Infinite {
        token: 0,
        expert: 1,
    });
    assert_eq!(
        run(&layer, &Tables::default(), Logits::F16(&halves), 1).map(|r| r.0),
        fault
    );
    let halves = [0u16, 0x7f80, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        run(&layer, &Tables::default(), Logits::Bf16(&halves), 1).map(|r| r.0),
        fault
    );
}

#[test]
fn lengths_must_fit() {
    let layer = Layer {
        biased: true,
        ..Layer::softmax(8, 2)
    };
    let biases = [0; 8];
    let tables = Tables {
        biases: &biases,
        ..Tables::default()
    };
    let logits = [0u32; 16];
    assert!(run(&layer, &tables, Logits::F32(&logits), 2).is_ok());
    let fault = |name| Err(Fault::Length(name));
    assert_eq!(
        run(&layer, &tables, Logits::F32(&logits), 3).map(|r| r.0),
        fault("logits")
    );
    assert_eq!(
        run(&layer, &tables, Logits::F32(&logits[1..]), 2).map(|r| r.0),
        fault("logits")
    );
    assert_eq!(
        run(&layer, &Tables::default(), Logits::F32(&logits), 2).map(|r| r.0),
        fault("biases")
    );
    assert_eq!(
        run(&layer, &tables, Logits::Absent, 2).map(|r| r.0),
        fault("logits")
    );
    let tables = Tables {
        tokens: &[1],
        ..tables
    };
    assert_eq!(
        run(&layer, &tables, Logits::F32(&logits), 2).map(|r| r.0),
        fault("tokens")
    );
    let (mut ids, mut weights, mut fixed) = ([0; 4], [0; 4], [0; 3]);
    let mut routes = Routes {
        ids: &mut ids,
        weights: &mut weights,
        fixed: &mut fixed,
    };
    let tables = Tables {
        biases: &biases,
        ..Tables::default()
    };
    let routed = route(
        &layer,
        &tables,
        Logits::F32(&logits),
        &mut routes,
        &mut Box::new(Scratch::NEW),
    );
    assert_eq!(routed, Err(Fault::Length("fixed")));
    // No tokens are no work.
    let tally = run(
        &Layer::softmax(8, 2),
        &Tables::default(),
        Logits::F32(&[]),
        0,
    )
    .unwrap()
    .3;
    assert_eq!(tally, Tally::default());
}

#[test]
fn configurations_name_the_wrong_field() {
    let good = Layer::softmax(64, 8);
    let drop = Capacity {
        drop: Drop::ByPosition,
        ..Capacity::DROPLESS
    };
    let wrong = [
        (Layer { experts: 0, ..good }, "experts", Problem::Range),
        (
            Layer {
                experts: 1025,
                ..good
            },
            "experts",
            Problem::Range,
        ),
        (Layer { top_k: 0, ..good }, "top_k", Problem::Range),
        (Layer { top_k: 33, ..good }, "top_k", Problem::Range),
        (Layer { experts: 7, ..good }, "top_k", Problem::Range),
        (Layer { groups: 0, ..good }, "groups", Problem::Range),
        (Layer { groups: 65, ..good }, "groups", Problem::Range),
        (Layer { groups: 5, ..good }, "groups", Problem::Divisor),
        (
            Layer {
                groups_kept: 0,
                ..good
            },
            "groups_kept",
            Problem::Range,
        ),
        (
            Layer {
                groups_kept: 2,
                ..good
            },
            "groups_kept",
            Problem::Range,
        ),
        (Layer { groups: 16, ..good }, "top_k", Problem::Range),
        (Layer { min_k: 9, ..good }, "min_k", Problem::Range),
        (Layer { min_k: 1, ..good }, "min_k", Problem::Mixture),
        (
            Layer {
                threshold: 1,
                ..good
            },
            "threshold",
            Problem::Mixture,
        ),
        (Layer { scale: 0, ..good }, "scale", Problem::Range),
        (
            Layer {
                bias_step: 1,
                ..good
            },
            "bias_step",
            Problem::Mixture,
        ),
        (
            Layer {
                strategy: Strategy::Hash,
                biased: true,
                ..good
            },
            "biased",
            Problem::Mixture,
        ),
        (
            Layer {
                strategy: Strategy::Hash,
                groups: 8,
                ..good
            },
            "groups_kept",
            Problem::Mixture,
        ),
        (
            Layer {
                capacity: Capacity { factor: 0, ..drop },
                ..good
            },
            "capacity.factor",
            Problem::Range,
        ),
        (
            Layer {
                capacity: Capacity {
                    minimum: 65_537,
                    ..drop
                },
                ..good
            },
            "capacity.minimum",
            Problem::Range,
        ),
        (
            Layer {
                capacity: Capacity {
                    alignment: 0,
                    ..drop
                },
                ..good
            },
            "capacity.alignment",
            Problem::Range,
        ),
    ];
    for (layer, field, problem) in wrong {
        let fault = check(&[good, layer]).unwrap_err();
        assert_eq!(
            (fault.entry, fault.field, fault.problem),
            (1, field, problem),
            "{layer:?}"
        );
    }
    assert_eq!(check(&[good; 256]), Ok(()));
    assert_eq!(check(&[good; 257]).map_err(|f| f.field), Err("layers"));
    assert_eq!(check(&[]).map_err(|f| f.field), Err("layers"));
    let largest = Layer {
        groups: 64,
        groups_kept: 2,
        ..Layer::softmax(1024, 32)
    };
    assert_eq!(largest.check(0), Ok(()));

    assert_eq!(check_biases(&good, &[BIAS_LIMIT; 64]), Ok(()));
    assert_eq!(
        check_biases(&good, &[0; 63]).map_err(|f| f.problem),
        Err(Problem::Length)
    );
    let mut biases = [0; 64];
    biases[9] = -BIAS_LIMIT - 1;
    assert_eq!(check_biases(&good, &biases).map_err(|f| f.entry), Err(9));
}

#[test]
fn thresholds_keep_and_drop() {
    // Probabilities 1/2, 1/4, 1/8, 1/8.
    let logits = [0.125, 0.5, 0.125, 0.25].map(f32::ln);
    let layer = Layer {
        strategy: Strategy::Threshold,
        min_k: 1,
        threshold: 1 << 29,
        renormalize: false,
        ..Layer::softmax(4, 4)
    };
    let with = |threshold: f64| Layer {
        threshold: (threshold * 2f64.powi(32)) as u32,
        ..layer
    };
    assert_eq!(
        one(&with(0.2), &logits).unwrap().0,
        [1, 3, NO_EXPERT, NO_EXPERT]
    );
    assert_eq!(one(&with(0.1), &logits).unwrap().0, [1, 3, 0, 2]);
    let (ids, weights, fixed, tally) = one(&with(0.9), &logits).unwrap();
    assert_eq!(
        (ids, fixed),
        (
            vec![1, NO_EXPERT, NO_EXPERT, NO_EXPERT],
            vec![1 << 15, 0, 0, 0]
        )
    );
    assert!((weights[0] - 0.5).abs() < 1e-6);
    assert_eq!((tally.activations, tally.missing), (1, 0));
    let (ids, ..) = one(
        &Layer {
            min_k: 0,
            ..with(0.9)
        },
        &logits,
    )
    .unwrap();
    assert_eq!(ids, [NO_EXPERT; 4]);

    // A token is dropped when its best expert is too weak.
    let dropping = |threshold: f64| Layer {
        token_threshold: (threshold * 2f64.powi(32)) as u32,
        ..Layer::softmax(4, 2)
    };
    assert_eq!(one(&dropping(0.49), &logits).unwrap().0, [1, 3]);
    let (ids, weights, _, tally) = one(&dropping(0.51), &logits).unwrap();
    assert_eq!((ids, weights), (vec![NO_EXPERT; 2], vec![0.0; 2]));
    assert_eq!(
        tally,
        Tally {
            tokens: 1,
            tokens_dropped: 1,
            ..Tally::default()
        }
    );
}

#[test]
fn hash_follows_the_table_then_the_seed() {
    let layer = Layer {
        strategy: Strategy::Hash,
        seed: 9,
        ..Layer::softmax(16, 4)
    };
    let table = [3, 1, 4, 15, 9, 2, 6, NO_EXPERT];
    assert_eq!(check_table(&layer, &table), Ok(()));
    assert_eq!(
        check_table(&layer, &table[1..]).map_err(|f| f.problem),
        Err(Problem::Length)
    );
    let twice = check_table(&layer, &[0, 1, 2, 3, 4, 5, 6, 5]).unwrap_err();
    assert_eq!((twice.entry, twice.problem), (7, Problem::Twice));
    assert_eq!(
        check_table(&layer, &[0, 1, 2, 16]).map_err(|f| f.entry),
        Err(3)
    );

    let tokens: Vec<u32> = (0..1000).chain([u32::MAX]).collect();
    let tables = Tables {
        hash: &table,
        tokens: &tokens,
        ..Tables::default()
    };
    let (ids, weights, _, tally) = run(&layer, &tables, Logits::Absent, tokens.len()).unwrap();
    assert_eq!(ids[..8], table);
    assert_eq!(
        weights[..8],
        [0.25, 0.25, 0.25, 0.25, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]
    );
    assert_eq!(
        (tally.tokens, tally.activations, tally.missing),
        (1001, 4003, 1)
    );
    for row in ids[8..].chunks(4) {
        let mut row = row.to_vec();
        row.sort_unstable();
        row.dedup();
        assert!(row.len() == 4 && row[3] < 16);
    }
    let mut loads = [0; 16];
    count(&ids[8..], &mut loads);
    assert!(loads.iter().all(|&l| (180..320).contains(&l)), "{loads:?}");
    let other = Layer { seed: 10, ..layer };
    assert_ne!(
        run(&other, &tables, Logits::Absent, tokens.len())
            .unwrap()
            .0[8..],
        ids[8..]
    );

    // With logits the weights are the scores; what is masked is left out.
    let mut logits = [0.0; 16];
    (logits[3], logits[4]) = (2f32.ln(), -INF);
    let tables = Tables {
        tokens: &[0],
        ..tables
    };
    let (ids, weights, ..) = run(&layer, &tables, Logits::F32(&bits(&logits)), 1).unwrap();
    assert_eq!(ids, [3, 1, 15, NO_EXPERT]);
    assert!((weights[0] - 0.5).abs() < 1e-6 && (weights[1] - 0.25).abs() < 1e-6);
}

#[test]
fn hashed_experts_are_all_in_range() {
    let mut r = Random(12);
    for _ in 0..cases(10_000, 1_000_000) {
        let experts = 1 + r.below(1024) as u32;
        assert!(hashed(r.word(), r.word() as u32, r.below(32) as u32, experts) < experts);
    }
    // As many choices as experts: each once.
    let layer = Layer {
        strategy: Strategy::Hash,
        ..Layer::softmax(32, 32)
    };
    let tables = Tables {
        tokens: &[5],
        ..Tables::default()
    };
    let mut ids = run(&layer, &tables, Logits::Absent, 1).unwrap().0;
    ids.sort_unstable();
    assert_eq!(ids, (0..32).collect::<Vec<u16>>());
}

#[test]
fn learned_logits_are_exact() {
    let mut r = Random(13);
    let layer = Layer {
        strategy: Strategy::Learned,
        ..Layer::softmax(16, 2)
    };
    for _ in 0..cases(200, 20_000) {
        let features = 1 + r.below(512) as usize;
        let mut byte = |_| r.word() as i8;
        let weights: Vec<i8> = (0..16 * features).map(&mut byte).collect();
        let token: Vec<i8> = (0..features).map(&mut byte).collect();
        let scales: Vec<u32> = (0..16)
            .map(|_| (r.word() >> 32 >> r.below(32)) as u32)
            .collect();
        let projection = Projection {
            weights: &weights,
            scales: &scales,
        };
        assert_eq!(
            (projection.check(&layer), projection.features()),
            (Ok(()), features)
        );
        let mut logits = [0; 16];
        projection.logits(&token, &mut logits);
        for (e, &logit) in logits.iter().enumerate() {
            let row = &weights[e * features..(e + 1) * features];
            let sum: f64 = row
                .iter()
                .zip(&token)
                .map(|(&w, &f)| f64::from(w) * f64::from(f))
                .sum();
            let exact = sum * f64::from(scales[e]) / 65536.0;
            let bound = f64::from(i32::MAX);
            assert!(
                (f64::from(logit) - exact.clamp(-bound, bound)).abs() <= 0.5,
                "{logit} {exact}"
            );
        }
    }
    let short = Projection {
        weights: &[1; 31],
        scales: &[1; 16],
    };
    assert_eq!(short.check(&layer).map_err(|f| f.field), Err("weights"));
    let none = Projection {
        weights: &[],
        scales: &[],
    };
    assert_eq!(none.check(&layer).map_err(|f| f.field), Err("scales"));
    none.logits(&[1], &mut [0]);
}

/// The whole of `learned`: logits from features, bias by the loads, until the load is even.
#[test]
fn learned_gates_even_out() {
    let layer = Layer {
        strategy: Strategy::Learned,
        score: Score::Sigmoid,
        biased: true,
        bias_step: 1 << 22,
        ..Layer::softmax(16, 2)
    };
    assert_eq!(layer.check(0), Ok(()));
    let mut r = Random(14);
    let weights: Vec<i8> = (0..16 * 8).map(|_| (r.word() as i8) / 2).collect();
    let projection = Projection {
        weights: &weights,
        scales: &[1 << 21; 16],
    };
    let mut biases = [0; 16];
    let mut violation = Vec::new();
    for _ in 0..cases(600, 600) {
        let mut logits = vec![0; 64 * 16];
        for row in logits.chunks_mut(16) {
            let features: Vec<i8> = (0..8).map(|_| 40 + (r.word() as i8) / 4).collect();
            projection.logits(&features, row);
        }
        let tables = Tables {
            biases: &biases,
            ..Tables::default()
        };
        let ids = run(&layer, &tables, Logits::Q16(&logits), 64).unwrap().0;
        let mut loads = [0; 16];
        count(&ids, &mut loads);
        violation.push(loads.iter().copied().max().unwrap() as f64 / 8.0 - 1.0);
        update_biases(layer.bias_step, &loads, &mut biases);
    }
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    if !cfg!(miri) {
        let (before, after) = (mean(&violation[..10]), mean(&violation[500..]));
        assert!(before > 2.0 && after < 1.2, "{before} {after}");
    }
}

#[test]
fn skipped_layers_choose_nothing() {
    let mask = LayerMask([1 << 3, 0, 0, 1 << 63]);
    let skipped: Vec<usize> = (0..1000).filter(|&l| mask.contains(l)).collect();
    assert_eq!(skipped, [3, 255]);
    let (mut ids, mut weights, mut fixed) = ([1; 4], [1; 4], [1; 4]);
    skip(&mut Routes {
        ids: &mut ids,
        weights: &mut weights,
        fixed: &mut fixed,
    });
    assert_eq!((ids, weights, fixed), ([NO_EXPERT; 4], [0; 4], [0; 4]));
}

#[test]
fn profiles_are_what_they_say() {
    let low = Profile::LowLatency.layer(LEGACY_EXPERTS).unwrap();
    assert_eq!(
        (low.top_k, low.strategy, low.capacity.drop),
        (4, Strategy::TopK, Drop::Never)
    );
    let most = Profile::MaximumEfficiency.layer(LEGACY_EXPERTS).unwrap();
    assert_eq!((most.top_k, most.capacity.drop), (1, Drop::ByProbability));
    assert_eq!(most.capacity.of(LEGACY_TOKENS, 1, LEGACY_EXPERTS), 64);
    // At least half of all pairs stay uncomputed, from eight experts on.
    assert_eq!(
        Profile::LowLatency.layer(7).map_err(|f| f.field),
        Err("experts")
    );
    let layer = Profile::LowLatency.layer(8).unwrap();
    let tally = run(&layer, &Tables::default(), Logits::F32(&[0; 80]), 10)
        .unwrap()
        .3;
    assert_eq!(expert_sparsity(&tally, 8), 500_000);
    // The legacy limits are valid settings, in one call.
    let logits = vec![0; (LEGACY_TOKENS * LEGACY_EXPERTS) as usize];
    let tokens = LEGACY_TOKENS as usize;
    let tally = run(&low, &Tables::default(), Logits::F32(&logits), tokens)
        .unwrap()
        .3;
    assert_eq!((tally.tokens, tally.activations), (4096, 4 * 4096));
}

/// Anything goes in, nothing panics: layers that were not checked, tables of any length.
#[test]
fn unchecked_input_does_not_panic() {
    let mut r = Random(15);
    for _ in 0..cases(3_000, 300_000) {
        let small = |r: &mut Random| [0, 1, 2, 3, 8, 33, 1024, 5000, u32::MAX][r.below(9) as usize];
        let layer = Layer {
            experts: small(&mut r).min(5000),
            top_k: small(&mut r).min(5000),
            min_k: small(&mut r),
            groups: small(&mut r),
            groups_kept: small(&mut r).min(5000),
            group_score: [GroupScore::Max, GroupScore::TopTwo][r.below(2) as usize],
            score: [Score::Softmax, Score::Sigmoid, Score::SqrtSoftplus][r.below(3) as usize],
            strategy: [
                Strategy::TopK,
                Strategy::Threshold,
                Strategy::Learned,
                Strategy::Hash,
            ][r.below(4) as usize],
            biased: r.below(2) == 0,
            renormalize: r.below(2) == 0,
            scale: r.word() as u32,
            threshold: r.word() as u32,
            token_threshold: r.word() as u32,
            bias_step: r.word() as u32,
            seed: r.word(),
            capacity: Capacity::DROPLESS,
        };
        let tokens = r.below(3) as usize;
        let words: Vec<u32> = (0..tokens * layer.experts as usize)
            .map(|_| r.word() as u32)
            .collect();
        let (experts, top_k) = (layer.experts as usize, layer.top_k as usize);
        let biased = if layer.biased { experts } else { 0 };
        let biases = any_list(&mut r, biased, |r| r.word() as i64 >> 13);
        let hash = any_list(&mut r, 4 * top_k, |r| r.below(8) as u16);
        // Some have an entry in the table.
        let hashed = if layer.strategy == Strategy::Hash {
            tokens
        } else {
            0
        };
        let ids = any_list(&mut r, hashed, |r| (r.word() >> (32 + r.below(32))) as u32);
        let tables = Tables {
            biases: &biases,
            hash: &hash,
            tokens: &ids,
        };
        let fixed: Vec<i32> = words.iter().map(|&w| w as i32).collect();
        let _ = run(&layer, &tables, Logits::F32(&words), tokens);
        let _ = run(&layer, &tables, Logits::Q16(&fixed), tokens);
        let _ = run(&layer, &tables, Logits::Absent, tokens);
        let _ = check_biases(&layer, &biases);
        let _ = check_table(&layer, &hash);

        let features = r.below(5) as usize;
        let weights = any_list(&mut r, experts * features, |r| r.word() as i8);
        let scales = any_list(&mut r, experts, |r| r.word() as u32);
        let projection = Projection {
            weights: &weights,
            scales: &scales,
        };
        let token = any_list(&mut r, projection.features(), |r| r.word() as i8);
        let mut logits = any_list(&mut r, experts, |_| 0);
        projection.logits(&token, &mut logits);
        let _ = projection.check(&layer);
    }
}

/// A list of any length; half of them have the length `right`.
fn any_list<T>(r: &mut Random, right: usize, mut entry: impl FnMut(&mut Random) -> T) -> Vec<T> {
    let length = match r.below(8) {
        0 => 0,
        1 => right.saturating_sub(1),
        2 => right + 1,
        3 => r.below(2 * right as u64 + 2) as usize,
        _ => right,
    };
    (0..length).map(|_| entry(r)).collect()
}
