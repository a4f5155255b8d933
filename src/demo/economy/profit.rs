//! What one person brought and cost, entry by entry, as the retailer's books would have it if they knew who is who.
//! Money in thousandths: an e-mail costs four of them.

use super::costs;
use super::dealings::Dealings;
use super::future::Future;
use crate::demo::behaviour::Channel;
use crate::demo::calendar::{DAY, MONTHS, Moment, month};
use crate::demo::campaign::{LETTERS, posted};
use crate::demo::catalogue::Catalogue;
use crate::demo::channel_records::{Story, Ticket};
use crate::demo::person::is_exported;

const EMAIL: i64 = 4;
const REQUEST: i64 = 10;

/// Where an entry is booked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account {
    Sales,
    Discounts,
    Returns,
    Tax,
    ProductCost,
    Delivery,
    ReturnHandling,
    Contact,
    Reward,
    BadDebt,
    LatePayment,
}

pub(super) const ACCOUNTS: usize = 11;

/// A person's entries, without their share in what is paid for many.
#[derive(Debug, Clone)]
pub(super) struct Books {
    pub by_account: [i64; ACCOUNTS],
    pub by_month: [i64; MONTHS],
    pub orders: i64,
}

impl Books {
    /// Returns the books of one person. Calls are counted before they are exported, letters and requests as they were.
    pub(super) fn of(story: &Story, dealings: &Dealings, calls: &[Moment], catalogue: &Catalogue) -> Self {
        let mut books = Books { by_account: [0; ACCOUNTS], by_month: [0; MONTHS], orders: 0 };
        for ticket in story.tickets.iter().chain(&dealings.returns) {
            books.goods(ticket, catalogue);
        }
        for invoice in &dealings.invoices {
            if let Some((day, cost)) = invoice.waited() {
                books.cents(Account::LatePayment, day * DAY, -cost);
            }
            if let Some(day) = invoice.written_off() {
                books.cents(Account::BadDebt, day * DAY, -invoice.without_tax());
            }
        }
        for reward in &dealings.rewards {
            books.cents(Account::Reward, reward.at, -reward.amount);
        }
        for at in calls.iter().copied().chain(dealings.calls.iter().map(|call| call.at)) {
            books.cents(Account::Contact, at, -costs::CALL);
        }
        for which in &story.letters {
            books.cents(Account::Contact, posted(&LETTERS[*which]), -LETTERS[*which].unit_cost);
        }
        for at in &story.requests {
            books.enter(Account::Contact, *at, -REQUEST);
        }
        if story.person.newsletter_address().is_some() {
            for newsletter in story.life.newsletters.iter().filter(|n| is_exported(n.sent)) {
                books.enter(Account::Contact, newsletter.sent, -EMAIL);
            }
        }
        books
    }

    fn goods(&mut self, ticket: &Ticket, catalogue: &Catalogue) {
        self.orders += i64::from(!ticket.is_return);
        for line in &ticket.lines {
            let at = ticket.at;
            if ticket.is_return {
                self.cents(Account::Returns, at, line.net());
            } else {
                self.cents(Account::Sales, at, line.quantity * line.unit_price);
                self.cents(Account::Discounts, at, -line.discount);
            }
            self.cents(Account::Tax, at, -costs::tax(line.net()));
            let cost = line.quantity * catalogue.products[line.product].unit_cost;
            self.cents(Account::ProductCost, at, -cost);
        }
        if ticket.is_return {
            let web = ticket.channel == Channel::Web;
            let cost = if web { costs::RETURN_BY_PARCEL } else { costs::RETURN_IN_SHOP };
            self.cents(Account::ReturnHandling, ticket.at, -cost);
        }
        if let Some((_, delivered)) = ticket.delivery.filter(|(_, delivered)| is_exported(*delivered)) {
            self.cents(Account::Delivery, delivered, -costs::parcel(delivered));
        }
    }

    fn cents(&mut self, account: Account, at: Moment, cents: i64) {
        self.enter(account, at, cents * 10);
    }

    fn enter(&mut self, account: Account, at: Moment, amount: i64) {
        self.by_account[account as usize] += amount;
        self.by_month[month(at)] += amount;
    }

    /// Returns what was given as cheques and presents.
    pub(super) fn rewards(&self) -> i64 {
        -self.by_account[Account::Reward as usize]
    }
}

/// Everything the truth says of one person's money.
pub(in crate::demo) struct Worth {
    pub(super) books: Books,
    pub(super) future: Future,
}

impl Worth {
    pub(in crate::demo) fn of(
        seed: u64,
        story: &Story,
        dealings: &Dealings,
        calls: &[Moment],
        catalogue: &Catalogue,
    ) -> Self {
        Worth {
            books: Books::of(story, dealings, calls, catalogue),
            future: Future::of(seed, story, catalogue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::behaviour::Life;
    use crate::demo::person::Person;

    #[test]
    fn some_customers_cost_more_than_they_bring_and_most_do_not() {
        let catalogue = Catalogue::draw(1);
        let (mut unprofitable, mut customers) = (0, 0);
        for number in 0..1500 {
            let person = Person::draw(1, number);
            let life = Life::live(1, &person);
            let story = Story::tell(1, &person, &life, &catalogue);
            let dealings = Dealings::draw(1, &story);
            let calls: Vec<Moment> = story.calls.iter().map(|call| call.at).collect();
            let books = Books::of(&story, &dealings, &calls, &catalogue);
            let sum: i64 = books.by_account.iter().sum();
            assert_eq!(sum, books.by_month.iter().sum::<i64>());
            if books.orders > 0 {
                customers += 1;
                unprofitable += i32::from(sum < 0);
            }
        }
        let share = f64::from(unprofitable) / f64::from(customers);
        assert!((0.02..0.2).contains(&share), "{share}");
    }
}
