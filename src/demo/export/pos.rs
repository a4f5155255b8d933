//! Shop tickets: one CSV a month as an old till gives it, Windows-1252, decimal comma, a total below.

use std::path::Path;

use encoding_rs::WINDOWS_1252;
use rand::Rng;

use super::broken_rows::is_broken;
use super::sheets::finish_sheets;
use crate::demo::archetype::Archetype;
use crate::demo::basket::{Line, taste};
use crate::demo::behaviour::Channel;
use crate::demo::calendar::{DAY, MONTHS, Moment, STEP_DAYS, STEPS, month, month_label, paris};
use crate::demo::catalogue::{Catalogue, SHOPS};
use crate::demo::channel_records::{Story, Ticket};
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::random_streams::{Purpose, Stream, count, scrambled, stream};
use crate::error::Result;

/// Tickets without a card by strangers, for each person of the base.
const WALK_INS: f64 = 1.5;
/// The largest prime below 10^10.
const WALK_IN_TICKETS: u64 = 9_999_999_967;

struct MonthSheet {
    sheet: Sheet,
    quantity: i64,
    net: i64,
}

pub struct Tills {
    months: Vec<MonthSheet>,
}

impl Tills {
    pub fn create(folder: &Path) -> Result<Self> {
        let months = (0..MONTHS).map(|month| {
            let path = folder.join(format!("pos/tickets_{}.csv", month_label(month)));
            let mut sheet = Sheet::create(path, WINDOWS_1252)?;
            sheet.line(
                "N° ticket;N° ligne;Date et heure;Magasin;N° carte fidélité;Code article;Libellé;Quantité;\
                 Prix unitaire TTC;Remise;Montant net TTC",
            )?;
            Ok(MonthSheet { sheet, quantity: 0, net: 0 })
        });
        Ok(Tills { months: months.collect::<Result<_>>()? })
    }

    pub fn write(&mut self, story: &mut Story, catalogue: &Catalogue) -> Result<()> {
        let shown: Vec<String> = story
            .tickets
            .iter()
            .filter(|t| t.channel == Channel::Shop)
            .filter_map(|t| t.card.clone())
            .collect();
        for card in shown {
            story.key("pos", "card", &card);
        }
        for ticket in story.tickets.iter().filter(|t| t.channel == Channel::Shop) {
            self.ticket(ticket, catalogue, &mut story.rng)?;
        }
        Ok(())
    }

    fn ticket(&mut self, ticket: &Ticket, catalogue: &Catalogue, rng: &mut Stream) -> Result<()> {
        let month = &mut self.months[month(ticket.at)];
        let (local, _) = paris(ticket.at);
        let time = local.format("%d/%m/%Y %H:%M").to_string();
        for (i, line) in ticket.lines.iter().enumerate() {
            month.row(&row(ticket, i + 1, &time, line, catalogue))?;
        }
        if is_broken(rng) {
            // A till that lost its clock repeats a line with a day that is none.
            month.row(&row(ticket, 90, &format!("31/02/{}", &time[6..]), &ticket.lines[0], catalogue))?;
        }
        Ok(())
    }

    /// Tickets of strangers, from a stream of their own.
    pub(crate) fn write_walk_ins(&mut self, seed: u64, number: u64, catalogue: &Catalogue) -> Result<()> {
        let mut rng = stream(seed, Purpose::WalkIns, number);
        for i in 0..u64::from(count(&mut rng, WALK_INS)).min(63) {
            let at: Moment =
                rng.gen_range(0..STEPS as i64 * STEP_DAYS) * DAY + rng.gen_range(8 * 3600..18 * 3600);
            let stranger = Archetype::ALL[rng.gen_range(0..Archetype::ALL.len())];
            let product = taste(&mut rng, stranger);
            let unit_price = catalogue.products[product].price;
            let ticket = Ticket {
                number: format!("TA{:010}", scrambled(seed, 30, number * 64 + i, WALK_IN_TICKETS)),
                at,
                channel: Channel::Shop,
                shop: rng.gen_range(0..SHOPS.len()),
                card: None,
                is_return: false,
                lines: vec![Line { product, quantity: 1, unit_price, discount: 0 }],
                delivery: None,
            };
            self.ticket(&ticket, catalogue, &mut rng)?;
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        let mut sheets = Vec::with_capacity(MONTHS);
        for mut month in self.months {
            month.sheet.line(&format!("Total;;;;;;;{};;;{}", month.quantity, money(month.net, ',')))?;
            sheets.push(month.sheet);
        }
        finish_sheets("pos", sheets, rows)
    }
}

impl MonthSheet {
    fn row(&mut self, (text, quantity, net): &(String, i64, i64)) -> Result<()> {
        self.quantity += quantity;
        self.net += net;
        self.sheet.row(text)
    }
}

fn row(ticket: &Ticket, number: usize, time: &str, line: &Line, catalogue: &Catalogue) -> (String, i64, i64) {
    let product = &catalogue.products[line.product];
    let text = format!(
        "{};{number};{time};{};{};{};{};{};{};{};{}",
        ticket.number,
        SHOPS[ticket.shop].code,
        ticket.card.as_deref().unwrap_or(""),
        product.code,
        product.label,
        line.quantity,
        money(line.unit_price, ','),
        money(line.discount, ','),
        money(line.net(), ','),
    );
    (text, line.quantity, line.net())
}
