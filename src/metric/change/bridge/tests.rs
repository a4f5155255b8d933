//! The parts of a change add up, and each is what its name says.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

const ONE: i128 = 1_000_000;

fn cell(rows: i128, numerator: i128, denominator: i128) -> Cell {
    Cell { rows, numerator: numerator * 10_000, denominator: denominator * 10_000 }
}

fn cells<const N: usize>(of: [(&str, Cell); N]) -> Cells {
    of.into_iter().map(|(value, cell)| (value.to_owned(), cell)).collect()
}

fn parts(bridge: &Bridge) -> Vec<(Part, i128)> {
    Part::ALL.iter().map(|part| (*part, bridge.part(*part))).filter(|(_, change)| *change != 0).collect()
}

#[test]
fn twice_as_many_of_the_same_is_volume() {
    let before = cells([("shop", cell(10, 100, 0)), ("web", cell(5, 200, 0))]);
    let after = cells([("shop", cell(20, 200, 0)), ("web", cell(10, 400, 0))]);
    let bridge = bridge(&Populations { before, after, ..Populations::default() }).unwrap().unwrap();
    assert_eq!(parts(&bridge), [(Part::Volume, 300 * ONE)]);
}

#[test]
fn as_many_of_other_kinds_is_mix_and_worth_more_is_rate() {
    let before = cells([("shop", cell(10, 100, 0)), ("web", cell(10, 400, 0))]);
    let shifted = cells([("shop", cell(5, 50, 0)), ("web", cell(15, 600, 0))]);
    let compared = |after: Cells| {
        bridge(&Populations { before: before.clone(), after, ..Populations::default() }).unwrap().unwrap()
    };
    let mix = compared(shifted);
    assert_eq!(parts(&mix), [(Part::Mix, 150 * ONE)]);
    // Half of it from each: less of what is below the mean, more of what is above.
    assert_eq!(mix.moves.iter().map(|moved| moved.change).collect::<Vec<_>>(), [75 * ONE, 75 * ONE]);
    let dearer = compared(cells([("shop", cell(10, 150, 0)), ("web", cell(10, 400, 0))]));
    assert_eq!(parts(&dearer), [(Part::Rate, 50 * ONE)]);
    assert_eq!(dearer.moves[0].dimension_value, "shop");
}

#[test]
fn a_quotient_has_no_volume() {
    let before = cells([("a", cell(0, 1, 10)), ("b", cell(0, 4, 10))]);
    let after = cells([("a", cell(0, 3, 30)), ("b", cell(0, 8, 20))]);
    let bridge =
        bridge(&Populations { is_quotient: true, before, after, ..Populations::default() }).unwrap().unwrap();
    // A tenth and four tenths, half and half, then three to two.
    assert_eq!((bridge.from, bridge.to), (250_000, 220_000));
    assert_eq!(parts(&bridge), [(Part::Mix, -30_000)]);
}

#[test]
fn what_came_late_was_corrected_or_merged_comes_first() {
    let before = cells([("a", cell(10, 100, 0))]);
    let populations = Populations {
        late: cells([("a", cell(1, 7, 0))]),
        corrected: cells([("a", cell(0, -2, 0))]),
        merged: cells([("a", cell(-1, -5, 0)), ("b", cell(1, 5, 0))]),
        after: cells([("a", cell(10, 100, 0)), ("b", cell(1, 5, 0))]),
        before,
        is_quotient: false,
    };
    let bridge = bridge(&populations).unwrap().unwrap();
    assert_eq!(parts(&bridge), [(Part::Late, 7 * ONE), (Part::Corrected, -2 * ONE)]);
    // Merged moves five from one value to the other.
    let merged: Vec<i128> =
        bridge.moves.iter().filter(|moved| moved.part == Part::Merged).map(|moved| moved.change).collect();
    assert_eq!(merged, [-5 * ONE, 5 * ONE]);
}

#[test]
fn of_nothing_there_is_no_mix() {
    let after = cells([("a", cell(3, 30, 0))]);
    let from_nothing = bridge(&Populations { after, ..Populations::default() }).unwrap().unwrap();
    assert_eq!(parts(&from_nothing), [(Part::Volume, 30 * ONE)]);
    let quotient = Populations { is_quotient: true, ..Populations::default() };
    assert_eq!(bridge(&quotient).unwrap(), None);
}

#[test]
fn a_new_kind_is_mix_and_one_that_is_gone_too() {
    let before = cells([("a", cell(10, 100, 0)), ("old", cell(10, 300, 0))]);
    let after = cells([("a", cell(10, 100, 0)), ("new", cell(10, 500, 0))]);
    let bridge = bridge(&Populations { before, after, ..Populations::default() }).unwrap().unwrap();
    assert_eq!(parts(&bridge), [(Part::Mix, 200 * ONE)]);
}

fn random(draws: &mut Xoshiro256PlusPlus, most: i128) -> Cells {
    let kinds = draws.gen_range(0..6);
    (0..kinds)
        .map(|_| {
            let kind = format!("k{}", draws.gen_range(0..8));
            let rows = draws.gen_range(0..=most);
            let numerator = draws.gen_range(-most * 1_000..=most * 100_000);
            let denominator = if draws.gen_bool(0.1) { 0 } else { draws.gen_range(-most..=most * 10_000) };
            (kind, Cell { rows, numerator, denominator })
        })
        .collect()
}

#[test]
fn the_parts_add_up_to_the_last_digit_in_five_hundred_histories() {
    let mut draws = Xoshiro256PlusPlus::seed_from_u64(15);
    let mut split = 0;
    for history in 0..500 {
        let most = 10_i128.pow(draws.gen_range(0..8));
        let populations = Populations {
            is_quotient: history % 2 == 0,
            before: random(&mut draws, most),
            late: random(&mut draws, most),
            corrected: random(&mut draws, most),
            merged: random(&mut draws, most),
            after: random(&mut draws, most),
        };
        let Some(bridge) = bridge(&populations).unwrap() else { continue };
        split += 1;
        let sum: i128 = Part::ALL.iter().map(|part| bridge.part(*part)).sum();
        assert_eq!(bridge.from + sum, bridge.to, "{populations:?}");
    }
    assert!(split > 350, "{split}");
}
