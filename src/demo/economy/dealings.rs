//! Everything that passed between one person and the company beside orders.

use super::acquisition::Origin;
use super::billing::{self, Invoice};
use super::rewards::{self, Reward};
use super::serving;
use crate::demo::channel_records::{Call, Story, Ticket};

pub(in crate::demo) struct Dealings {
    /// None for who never bought.
    pub origin: Option<Origin>,
    /// What was sent back beside the returns of the story.
    pub returns: Vec<Ticket>,
    pub calls: Vec<Call>,
    pub invoices: Vec<Invoice>,
    pub rewards: Vec<Reward>,
}

impl Dealings {
    pub(in crate::demo) fn draw(seed: u64, story: &Story) -> Self {
        let origin = Origin::draw(seed, story.person);
        let (returns, calls) = serving::efforts(story);
        let rewards = origin.as_ref().map(|origin| rewards::rewards(story, origin)).unwrap_or_default();
        Dealings { origin, returns, calls, invoices: billing::invoices(story), rewards }
    }
}
