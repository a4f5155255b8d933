//! Selectors: what they select is of the pipeline, closed where it says so, and never a panic.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use sillage::name::StepName;
use sillage::pipeline::Pipeline;
use sillage::pipeline::selector::select;

use super::pipeline::shipped;
use super::{Share, fuzz};

fn term(pipeline: &Pipeline) -> impl Strategy<Value = String> + use<> {
    let names: Vec<String> = pipeline.steps.keys().map(ToString::to_string).collect();
    let core = prop_oneof![
        6 => proptest::sample::select(names),
        1 => proptest::sample::select(
            &["raw.*", "core.*", "mart.*", "kind:model", "kind:ingest", "kind:nothing", "tag:x", "*", "", "."][..]
        )
        .prop_map(str::to_owned),
        1 => "(?s)[a-z+*.:, é]{0,12}",
    ];
    (any::<bool>(), core, any::<bool>()).prop_map(|(up, name, down)| {
        format!("{}{name}{}", if up { "+" } else { "" }, if down { "+" } else { "" })
    })
}

#[test]
fn what_is_selected_is_what_was_asked() {
    let pipeline = shipped("nightly");
    let all: BTreeSet<StepName> = pipeline.steps.keys().cloned().collect();
    let terms = || vec(term(&pipeline), 0..4);
    fuzz("selector", "tests/fuzz/regressions/selector.txt", Share(9), (terms(), terms()), |(take, leave)| {
        let Ok(chosen) = select(&pipeline, &take, &leave) else {
            // A selector that selects nothing is reported; one that could be obeyed alone still can.
            return Ok(());
        };
        prop_assert!(chosen.is_subset(&all));
        let without = select(&pipeline, &take, &[]).unwrap();
        prop_assert!(chosen.is_subset(&without));
        if !leave.is_empty() {
            // Only separators select nothing and are no error.
            let left = if leave.iter().all(|t| t.replace([' ', ','], "").is_empty()) {
                BTreeSet::new()
            } else {
                select(&pipeline, &leave, &[]).unwrap()
            };
            prop_assert!(chosen.is_disjoint(&left));
            prop_assert_eq!(&without - &left, chosen);
        }
        let mut turned = take.clone();
        turned.reverse();
        prop_assert_eq!(select(&pipeline, &turned, &[]).unwrap(), without.clone());
        prop_assert_eq!(select(&pipeline, &[take.join(",")], &[]).is_ok(), true);
        for name in &take {
            let plain = name.trim_matches('+');
            if name.contains([' ', ',']) || plain.is_empty() || name.starts_with("++") || name.ends_with("++")
            {
                continue;
            }
            let one = select(&pipeline, std::slice::from_ref(name), &[]).unwrap();
            prop_assert!(one.is_subset(&without));
            if name.starts_with('+') {
                prop_assert_eq!(pipeline.graph.upstream(&one).len() >= one.len(), true);
                let wide = select(&pipeline, &[format!("+{plain}")], &[]).unwrap();
                prop_assert_eq!(pipeline.graph.upstream(&wide), wide, "{}", name);
            }
            if name.ends_with('+') {
                let wide = select(&pipeline, &[format!("{plain}+")], &[]).unwrap();
                prop_assert_eq!(pipeline.graph.downstream(&wide), wide, "{}", name);
            }
        }
        Ok(())
    });
}
