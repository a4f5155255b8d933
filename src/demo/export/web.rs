//! The web shop: orders and behaviour as JSON lines, parcels as the carrier's CSV.

use std::path::Path;

use rand::Rng;

use super::broken_rows::is_broken;
use super::sheets::finish_sheets;
use crate::demo::archetype::Archetype;
use crate::demo::basket::taste;
use crate::demo::behaviour::Channel;
use crate::demo::calendar::{DAY, MONTHS, Moment, month, month_label, paris, web_time};
use crate::demo::catalogue::Catalogue;
use crate::demo::channel_records::{Story, Ticket};
use crate::demo::output::{Rows, Sheet, money};
use crate::demo::person::is_exported;
use crate::demo::random_streams::happens;
use crate::error::Result;

const MONTHS_A_QUARTER: usize = 3;

pub struct Web {
    /// By month.
    orders: Vec<Sheet>,
    /// By quarter.
    events: Vec<Sheet>,
    deliveries: Vec<Sheet>,
}

impl Web {
    pub fn create(folder: &Path) -> Result<Self> {
        let orders = (0..MONTHS)
            .map(|m| Sheet::utf8(folder.join(format!("web_orders/orders_{}.jsonl", month_label(m)))));
        let quarters = || (0..MONTHS).step_by(MONTHS_A_QUARTER).map(month_label);
        let events =
            quarters().map(|q| Sheet::utf8(folder.join(format!("web_events/events_from_{q}.jsonl"))));
        let deliveries = quarters().map(|q| {
            let mut sheet = Sheet::utf8(folder.join(format!("deliveries/parcels_from_{q}.csv")))?;
            sheet.line("commande;promis_le;livre_le")?;
            Ok(sheet)
        });
        Ok(Web {
            orders: orders.collect::<Result<_>>()?,
            events: events.collect::<Result<_>>()?,
            deliveries: deliveries.collect::<Result<_>>()?,
        })
    }

    pub fn write(&mut self, story: &mut Story, catalogue: &Catalogue) -> Result<()> {
        self.write_orders(story, catalogue)?;
        self.write_parcels(story)?;
        self.write_visits(story, catalogue)
    }

    /// One object a line of an order, the customer nested.
    fn write_orders(&mut self, story: &mut Story, catalogue: &Catalogue) -> Result<()> {
        let person = story.person;
        let Some(account) = person.account.as_deref() else { return Ok(()) };
        let mut keys = Vec::new();
        for ticket in story.tickets.iter().filter(|t| t.channel == Channel::Web) {
            let mail = person.web_email.as_deref().unwrap_or("");
            let mail = if happens(&mut story.rng, 0.08) { capitalised(mail) } else { mail.to_owned() };
            let customer = customer(story, account, &mail, ticket.at);
            let time = web_time(ticket.at);
            let sheet = &mut self.orders[month(ticket.at)];
            for i in 0..ticket.lines.len() {
                sheet.row(&object(ticket, &customer, &time, i, catalogue))?;
            }
            if is_broken(&mut story.rng) {
                let never = format!("{}-13-45T{}", &time[..4], &time[11..]);
                sheet.row(&object(ticket, &customer, &never, 0, catalogue))?;
            }
            keys.push(mail);
        }
        if !keys.is_empty() {
            story.key("web", "account", account);
            if let Some(phone) = story.web_phone.clone() {
                story.key("web", "phone", &phone);
            }
        }
        for mail in keys {
            story.key("web", "email", &mail);
        }
        Ok(())
    }

    /// What was sent back beside the returns of the story.
    pub(super) fn write_returns(
        &mut self,
        story: &Story,
        returns: &[Ticket],
        catalogue: &Catalogue,
    ) -> Result<()> {
        let Some(account) = story.person.account.as_deref() else { return Ok(()) };
        for ticket in returns {
            let mail = story.person.web_email.as_deref().unwrap_or("");
            let customer = customer(story, account, mail, ticket.at);
            let time = web_time(ticket.at);
            for i in 0..ticket.lines.len() {
                let row = object(ticket, &customer, &time, i, catalogue);
                self.orders[month(ticket.at)].row(&row)?;
            }
        }
        Ok(())
    }

    fn write_parcels(&mut self, story: &mut Story) -> Result<()> {
        for ticket in &story.tickets {
            let Some((promised, delivered)) = ticket.delivery else { continue };
            if !is_exported(delivered) {
                continue;
            }
            let sheet = &mut self.deliveries[month(delivered) / MONTHS_A_QUARTER];
            let promised = paris(promised).0.format("%d/%m/%Y").to_string();
            let when = paris(delivered).0.format("%d/%m/%Y %H:%M").to_string();
            sheet.row(&format!("{};{promised};{when}", ticket.number))?;
            if is_broken(&mut story.rng) {
                sheet.row(&format!("{};{promised};00/00/0000 00:00", ticket.number))?;
            }
        }
        Ok(())
    }

    /// Pages, favourites, information requests; on a new device one signs in first.
    fn write_visits(&mut self, story: &mut Story, catalogue: &Catalogue) -> Result<()> {
        let person = story.person;
        if person.cookies.is_empty() {
            return Ok(());
        }
        let archetype = person.archetype.unwrap_or(Archetype::Connected);
        // Who orders has looked before; who only looks comes without an order.
        let mut visits: Vec<(Moment, bool)> = story.life.visits.iter().map(|at| (*at, false)).collect();
        visits.extend(
            story
                .tickets
                .iter()
                .filter(|t| t.channel == Channel::Web && !t.is_return)
                .map(|t| (t.at - 900, true)),
        );
        visits.sort_unstable();
        let mut known = vec![false; person.cookies.len()];
        for (at, buys) in visits {
            let device = story.rng.gen_range(0..person.cookies.len());
            let signs_in = !std::mem::replace(&mut known[device], true);
            let logged = buys || signs_in || happens(&mut story.rng, 0.5);
            let cookie = &person.cookies[device];
            story.key("web", "cookie", cookie);
            let account = person.account.as_deref().filter(|_| logged);
            if let Some(account) = account {
                story.key("web", "account", account);
            }
            let visitor = format!(
                "{{\"cookie\":\"{cookie}\",\"account_id\":{}}}",
                account.map_or("null".to_owned(), |a| format!("\"{a}\""))
            );
            if let (true, Some(account), Some(mail)) = (signs_in, account, person.web_email.as_deref()) {
                story.key("web", "email", mail);
                let visitor =
                    format!("{{\"cookie\":\"{cookie}\",\"account_id\":\"{account}\",\"email\":\"{mail}\"}}");
                self.event(story, at - 30, "login", "\"page\":\"/compte\",\"product\":null", &visitor)?;
            }
            let pages = story.rng.gen_range(1..3);
            for page in 0..pages {
                let product = &catalogue.products[taste(&mut story.rng, archetype)].code;
                let time = at + page * story.rng.gen_range(20..200);
                let kind = if happens(&mut story.rng, 0.06) { "favourite" } else { "page_view" };
                self.event(
                    story,
                    time,
                    kind,
                    &format!("\"page\":\"/produit/{product}\",\"product\":\"{product}\""),
                    &visitor,
                )?;
            }
            let asks = if person.archetype.is_none() { 0.08 } else { 0.008 };
            if happens(&mut story.rng, asks) {
                let mail = person.web_email.as_deref().or(person.email.as_deref()).unwrap_or("").to_owned();
                let request = format!(
                    "\"page\":\"/contact\",\"product\":null,\"request\":{{\"subject\":\"{}\",\"email\":{}}}",
                    ["disponibilité", "livraison", "conseil"][story.rng.gen_range(0..3)],
                    if mail.is_empty() { "null".to_owned() } else { format!("\"{mail}\"") }
                );
                if !mail.is_empty() {
                    story.key("web", "email", &mail);
                }
                self.event(story, at + 700, "information_request", &request, &visitor)?;
                if is_exported(at + 700) {
                    story.requests.push(at + 700);
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, story: &mut Story, at: Moment, kind: &str, what: &str, visitor: &str) -> Result<()> {
        if !is_exported(at) {
            return Ok(());
        }
        let sheet = &mut self.events[month(at) / MONTHS_A_QUARTER];
        sheet.row(&format!(
            "{{\"at\":\"{}\",\"type\":\"{kind}\",{what},\"visitor\":{visitor}}}",
            web_time(at)
        ))?;
        if is_broken(&mut story.rng) {
            sheet.row(&format!(
                "{{\"at\":\"{}\",\"type\":\"{kind}\",{what},\"visitor\":{visitor}}}",
                at / DAY
            ))?;
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("web_orders", self.orders, rows)?;
        finish_sheets("web_events", self.events, rows)?;
        finish_sheets("deliveries", self.deliveries, rows)
    }
}

/// Returns the buyer as the web account describes them at a moment.
fn customer(story: &Story, account: &str, mail: &str, at: Moment) -> String {
    let home = story.person.address_at(at);
    let phone = story.web_phone.as_ref().map_or("null".to_owned(), |p| format!("\"{p}\""));
    format!(
        "{{\"account_id\":\"{account}\",\"email\":\"{mail}\",\"first_name\":\"{}\",\
         \"last_name\":\"{}\",\"phone\":{phone},\"address\":{{\"street\":\"{}\",\
         \"postcode\":\"{}\",\"city\":\"{}\"}}}}",
        story.web_name.0,
        story.web_last(at),
        home.street,
        home.postcode,
        home.town
    )
}

/// Returns a line of an order or a return as the shop writes it.
fn object(ticket: &Ticket, customer: &str, time: &str, i: usize, catalogue: &Catalogue) -> String {
    let line = &ticket.lines[i];
    let kind = if ticket.is_return { "return" } else { "order" };
    format!(
        "{{\"order_id\":\"{}\",\"type\":\"{kind}\",\"ordered_at\":\"{time}\",\
         \"customer\":{customer},\"line\":{{\"no\":{},\"product\":\"{}\",\"quantity\":{},\
         \"unit_price\":{},\"discount\":{},\"net_amount\":{}}}}}",
        ticket.number,
        i + 1,
        catalogue.products[line.product].code,
        line.quantity,
        money(line.unit_price, '.'),
        money(line.discount, '.'),
        money(line.net(), '.'),
    )
}

/// Returns the same e-mail address as a telephone's keyboard writes it.
pub(super) fn capitalised(mail: &str) -> String {
    let mut chars = mail.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
