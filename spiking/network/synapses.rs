// SPDX-License-Identifier: GPL-2.0

//! Synapses: sparse ones by source and delay, dense blocks.
//!
//! A sparse synapse is a word of 32 bits: its target and its weight. Its delay and its source are
//! those of the run it lies in: synapses are sorted by source, then by delay, and a table of
//! starts says where the run of each source and each delay in use begins. At 16 delays and 256
//! synapses a source that table takes a quarter of a byte a synapse; a delay costs no queue and no
//! memory while a spike is under way (see `wheel.rs`). The runs of a source are read in different
//! steps, but they lie together: what a processor needs to find them is found once.
//!
//! A dense block connects each of a range of sources to each of a range of targets, with one
//! delay. It stores weights only, row by row: one byte or two each.
//!
//! The weights that arrive at a neuron in a step are summed in `i32`, whose additions commute:
//! neither the order of synapses nor that of spikes matters. The sums cannot overflow, since a
//! network is refused in which the magnitudes of all weights of a neuron exceed [`MAX_FAN_IN`].
//! Where neurons have two synapse types the sign of a weight says which it belongs to.
//!
//! Process context; the lock of the network that owns the tables.

use core::hint::black_box;

/// The longest delay of a synapse, in steps; the shortest is 1.
pub const MAX_DELAY: u32 = 1024;

/// The greatest sum of the magnitudes of all weights of one neuron: 32,768 inputs of full weight.
pub const MAX_FAN_IN: i32 = 1 << 30;

/// Rows of a dense block added together at a time.
const ROWS: usize = super::wheel::BATCH;

/// Columns of a dense block added together at a time.
const COLUMNS: usize = 32;

/// One sparse synapse: its target in the lower half, its weight in the upper.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Synapse(u32);

impl Synapse {
    /// A synapse onto neuron `target`.
    #[inline]
    pub const fn new(target: u16, weight: i16) -> Self {
        Self(target as u32 | (weight as u16 as u32) << 16)
    }

    /// The neuron that it excites or inhibits.
    #[inline]
    pub const fn target(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// Its weight.
    #[inline]
    pub const fn weight(self) -> i32 {
        self.0 as i32 >> 16
    }
}

/// A synapse as it comes in a list.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The neuron, or the number of neurons plus the input, whose spikes it carries.
    pub source: u32,
    /// The neuron it ends at.
    pub target: u16,
    /// Its weight.
    pub weight: i16,
    /// Steps from a spike of the source to its effect: 1 to [`MAX_DELAY`].
    pub delay: u32,
}

/// Why [`build`] refused a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// The source of this connection does not exist.
    Source(usize),
    /// The delay of this connection is not among those given.
    Delay(usize),
    /// The tables do not have the length that the list needs.
    Length,
}

/// Entries of the table of starts for `delays` delays and `sources` sources: none without delays.
pub const fn starts_len(delays: usize, sources: u32) -> Option<usize> {
    match delays.checked_mul(sources as usize) {
        Some(_) if delays == 0 => Some(0),
        Some(runs) => runs.checked_add(1),
        None => None,
    }
}

/// Sorts `list` into `synapses`, and notes in `starts` where each run begins.
///
/// `delays` names the delays in use, ascending. `starts` is [`starts_len`] long and `synapses` as
/// long as the list, both of any content. Counts, then places: two passes over the list, O(list +
/// starts). Synapses of one run keep the order of the list.
pub fn build(
    list: &[Connection],
    sources: u32,
    delays: &[u32],
    starts: &mut [u32],
    synapses: &mut [Synapse],
) -> Result<(), BuildError> {
    if Some(starts.len()) != starts_len(delays.len(), sources)
        || synapses.len() != list.len()
        || u32::try_from(list.len()).is_err()
    {
        return Err(BuildError::Length);
    }
    starts.fill(0);
    for (index, connection) in list.iter().enumerate() {
        if connection.source >= sources {
            return Err(BuildError::Source(index));
        }
        let run = run_of(connection, delays).ok_or(BuildError::Delay(index))?;
        let count = starts.get_mut(run).ok_or(BuildError::Length)?;
        *count = count.wrapping_add(1);
    }
    // From counts to the ends of runs, to be counted down to their starts.
    let mut total: u32 = 0;
    for start in starts.iter_mut() {
        total = total.wrapping_add(*start);
        *start = total;
    }
    for (index, connection) in list.iter().enumerate().rev() {
        let run = run_of(connection, delays).ok_or(BuildError::Delay(index))?;
        let start = starts.get_mut(run).ok_or(BuildError::Length)?;
        *start = start.wrapping_sub(1);
        let place = synapses.get_mut(*start as usize);
        *place.ok_or(BuildError::Length)? = Synapse::new(connection.target, connection.weight);
    }
    Ok(())
}

/// The index of a connection's run in the table of starts.
fn run_of(connection: &Connection, delays: &[u32]) -> Option<usize> {
    let index = delays.binary_search(&connection.delay).ok()?;
    let first = (connection.source as usize).checked_mul(delays.len())?;
    first.checked_add(index)
}

/// Where the sum of `synapse` is kept, with `LANES` sums a neuron.
#[inline(always)]
fn sum_of<const LANES: usize>(target: usize, weight: i32) -> usize {
    if LANES == 2 {
        target
            .wrapping_mul(2)
            .wrapping_add((weight as u32 >> 31) as usize)
    } else {
        target
    }
}

/// Sparse synapses, to be read.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'a> {
    /// How many delays are in use.
    pub delays: usize,
    /// Where the run of each source and delay begins, and the end.
    pub starts: &'a [u32],
    /// The synapses.
    pub synapses: &'a [Synapse],
}

impl<'a> Sparse<'a> {
    /// The synapses of `source` with the delay number `delay`.
    #[inline(always)]
    fn run(&self, source: u32, delay: usize) -> &'a [Synapse] {
        let at = (source as usize)
            .wrapping_mul(self.delays)
            .wrapping_add(delay);
        match self.starts.get(at..at.wrapping_add(2)) {
            Some(&[start, end]) => self.synapses.get(start as usize..end as usize),
            _ => None,
        }
        .unwrap_or(&[])
    }
}

/// Who gets input in a step: a bit for each neuron.
///
/// Noting costs more than it saves once most neurons get some; then all bits are set.
#[derive(Debug)]
pub struct Touched<'a> {
    bits: &'a mut [u64],
    /// Notes that may still be taken; `None` once all bits are set.
    left: Option<u64>,
}

impl<'a> Touched<'a> {
    /// Notes in `bits`, which may have some set.
    pub fn new(bits: &'a mut [u64]) -> Self {
        // On the average one for every two neurons.
        let left = (bits.len() as u64).wrapping_mul(32);
        Self {
            bits,
            left: Some(left),
        }
    }

    /// Whether to take notes of `events` more; if not, all bits are set.
    fn takes(&mut self, events: u64) -> bool {
        let Some(left) = self.left else {
            return false;
        };
        self.left = left.checked_sub(events);
        if self.left.is_none() {
            self.bits.fill(u64::MAX);
        }
        self.left.is_some()
    }

    /// Notes the neurons from `first` up to `end` (exclusive).
    fn range(&mut self, first: usize, end: usize) {
        let mut next = first;
        while next < end {
            let word = next / 64;
            let stop = word.wrapping_add(1).wrapping_mul(64);
            let above = u64::MAX.wrapping_shl(next as u32);
            let beyond = match end.wrapping_sub(next / 64 * 64) {
                count @ 0..64 => u64::MAX.wrapping_shl(count as u32),
                _ => 0,
            };
            if let Some(bits) = self.bits.get_mut(word) {
                *bits |= above & !beyond;
            }
            next = stop;
        }
    }
}

/// Adds the runs of `sources`, at most 64, with the delay number `delay` to the sums of their
/// targets, which become `touched`. Returns the number of synapses.
#[inline]
pub fn deliver_sparse<const LANES: usize>(
    sources: &[u32],
    delay: usize,
    sparse: &Sparse<'_>,
    sums: &mut [i32],
    touched: &mut Touched<'_>,
) -> u64 {
    let mut runs: [&[Synapse]; ROWS] = [&[]; ROWS];
    let mut events: u64 = 0;
    for (run, &source) in runs.iter_mut().zip(sources) {
        *run = sparse.run(source, delay);
        events = events.wrapping_add(run.len() as u64);
    }
    let runs = runs.get(..sources.len()).unwrap_or(&runs);
    // The runs lie apart: a word from both ends of each, read ahead, brings them all to the cache
    // together, where one after the other would wait for memory each time.
    let mut ahead = 0;
    for run in runs {
        if let [first, .., last] = *run {
            ahead ^= first.0 ^ last.0;
        }
    }
    black_box(ahead);
    if touched.takes(events) {
        for run in runs {
            for synapse in *run {
                add::<LANES>(synapse, sums);
                let target = synapse.target();
                if let Some(bits) = touched.bits.get_mut(target / 64) {
                    *bits |= 1u64.wrapping_shl(target as u32);
                }
            }
        }
    } else {
        for run in runs {
            run.iter().for_each(|synapse| add::<LANES>(synapse, sums));
        }
    }
    events
}

/// Adds a weight to the sum of its target.
#[inline(always)]
fn add<const LANES: usize>(synapse: &Synapse, sums: &mut [i32]) {
    let weight = synapse.weight();
    if let Some(sum) = sums.get_mut(sum_of::<LANES>(synapse.target(), weight)) {
        *sum = sum.wrapping_add(weight);
    }
}

/// How the weights of a dense block are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Width {
    /// One byte, two's complement.
    Byte = 1,
    /// Two bytes, two's complement, the lower first.
    Word = 2,
}

/// A dense block: all pairs of a range of sources and a range of targets.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first source.
    pub source_first: u32,
    /// How many sources follow each other.
    pub source_count: u32,
    /// The first target.
    pub target_first: u32,
    /// How many targets follow each other.
    pub target_count: u32,
    /// Steps from a spike of a source to its effect: 1 to [`MAX_DELAY`].
    pub delay: u32,
    /// How a weight is stored.
    pub width: Width,
    /// Where in the table of weights, in bytes, the row of the first source begins.
    pub offset: u64,
}

impl Block {
    /// The end (exclusive) of the block's sources; beyond `u32` if they are out of range.
    pub const fn source_end(&self) -> u64 {
        (self.source_first as u64).wrapping_add(self.source_count as u64)
    }

    /// The end (exclusive) of the block's targets.
    pub const fn target_end(&self) -> u64 {
        (self.target_first as u64).wrapping_add(self.target_count as u64)
    }

    /// Bytes of the row of one source.
    pub const fn row_bytes(&self) -> u64 {
        (self.target_count as u64).wrapping_mul(self.width as u64)
    }

    /// The rows of all sources, if the table of weights holds them.
    pub fn rows<'a>(&self, weights: &'a [u8]) -> Option<&'a [u8]> {
        // 2^32 * 2^34 may exceed 64 bits.
        let bytes = self.row_bytes().checked_mul(u64::from(self.source_count))?;
        let end = self.offset.checked_add(bytes)?;
        weights.get(usize::try_from(self.offset).ok()?..usize::try_from(end).ok()?)
    }
}

/// The weight in the bytes `b`.
#[inline(always)]
fn weight_of(b: &[u8]) -> i32 {
    match *b {
        [low] => i32::from(low as i8),
        [low, high] => i32::from(i16::from_le_bytes([low, high])),
        _ => 0,
    }
}

/// The weights in a row of `width`.
pub fn weights_of(row: &[u8], width: Width) -> impl Iterator<Item = i32> + '_ {
    row.chunks_exact(width as usize).map(weight_of)
}

/// Adds the rows of `sources`, at most [`ROWS`] of those of `block`, to the sums of their targets,
/// which become `touched`. Returns the number of synapses.
#[inline]
pub fn deliver_dense<const LANES: usize>(
    sources: &[u32],
    block: &Block,
    weights: &[u8],
    sums: &mut [i32],
    touched: &mut Touched<'_>,
) -> u64 {
    touched.range(block.target_first as usize, block.target_end() as usize);
    let (Some(table), row_bytes) = (block.rows(weights), block.row_bytes() as usize) else {
        return 0;
    };
    let mut rows: [&[u8]; ROWS] = [&[]; ROWS];
    for (row, &source) in rows.iter_mut().zip(sources) {
        let start = (source.wrapping_sub(block.source_first) as usize).wrapping_mul(row_bytes);
        *row = table
            .get(start..start.wrapping_add(row_bytes))
            .unwrap_or(&[]);
    }
    let rows = rows.get(..sources.len()).unwrap_or(&rows);
    let first = (block.target_first as usize).wrapping_mul(LANES);
    let end = (block.target_end() as usize).wrapping_mul(LANES);
    let sums = sums.get_mut(first..end).unwrap_or(&mut []);
    match (LANES, block.width) {
        (1, Width::Byte) => add_byte_rows(rows, sums),
        (1, Width::Word) => rows.iter().for_each(|row| add_row::<1, 2>(row, sums)),
        (_, Width::Byte) => rows.iter().for_each(|row| add_row::<2, 1>(row, sums)),
        (_, Width::Word) => rows.iter().for_each(|row| add_row::<2, 2>(row, sums)),
    }
    u64::from(block.target_count).wrapping_mul(rows.len() as u64)
}

/// Adds a row of weights of `WIDTH` bytes.
#[inline]
fn add_row<const LANES: usize, const WIDTH: usize>(row: &[u8], sums: &mut [i32]) {
    for (bytes, sums) in row.chunks_exact(WIDTH).zip(sums.chunks_exact_mut(LANES)) {
        let weight = weight_of(bytes);
        if let Some(sum) = sums.get_mut(sum_of::<LANES>(0, weight)) {
            *sum = sum.wrapping_add(weight);
        }
    }
}

/// Adds rows of weights of one byte, [`COLUMNS`] at a time.
///
/// The columns of all rows are summed in the 16-bit lanes of words, one for the even and one for
/// the odd bytes of eight columns. A weight is made positive by adding 128 (flipping its upper
/// bit): 64 rows of 255 stay below 2^16, and 128 a row is taken off in the end.
#[inline]
fn add_byte_rows(rows: &[&[u8]], sums: &mut [i32]) {
    const LANE: u64 = 0x00ff_00ff_00ff_00ff;
    const FLIP: u64 = 0x8080_8080_8080_8080;

    let bias = (rows.len() as i32).wrapping_mul(128);
    let mut columns = sums.chunks_exact_mut(COLUMNS);
    let mut at: usize = 0;
    for sums in &mut columns {
        let (mut even, mut odd) = ([0u64; COLUMNS / 8], [0u64; COLUMNS / 8]);
        for row in rows {
            let bytes = row.get(at..at.wrapping_add(COLUMNS)).unwrap_or(&[]);
            let lanes = even.iter_mut().zip(odd.iter_mut());
            for ((even, odd), bytes) in lanes.zip(bytes.chunks_exact(8)) {
                let word = bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)) ^ FLIP;
                *even = even.wrapping_add(word & LANE);
                *odd = odd.wrapping_add(word >> 8 & LANE);
            }
        }
        for (sums, (even, odd)) in sums.chunks_exact_mut(8).zip(even.into_iter().zip(odd)) {
            spread(even, odd, bias, sums);
        }
        at = at.wrapping_add(COLUMNS);
    }
    let rest = columns.into_remainder();
    for row in rows {
        add_row::<1, 1>(row.get(at..).unwrap_or(&[]), rest);
    }
}

/// Adds the lanes of `even` and `odd`, less `bias` each, to eight sums.
#[inline(always)]
fn spread(mut even: u64, mut odd: u64, bias: i32, sums: &mut [i32]) {
    let take = |lanes: u64| ((lanes & 0xffff) as i32).wrapping_sub(bias);
    for pair in sums.chunks_exact_mut(2) {
        if let [first, second] = pair {
            *first = first.wrapping_add(take(even));
            *second = second.wrapping_add(take(odd));
        }
        even >>= 16;
        odd >>= 16;
    }
}
