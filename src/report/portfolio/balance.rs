//! Whether customers are lost faster than they are won.

use maud::{Markup, html};

use super::month::Month;
use crate::report::chart::axis::Axis;
use crate::report::chart::lines::{self, Chart, Line};
use crate::report::language::Language;

/// In the first months on record nobody can be lost yet, and who bought before looks new.
const MONTHS_TO_LOSE: usize = 12;

pub(super) fn part(language: Language, months: &[Month], on_record: usize) -> Markup {
    let title = language
        .text("Are customers lost faster than won?", "Perd-on des clients plus vite qu'on n'en gagne ?");
    let drawn = drawn(language, months, title);
    html! {
        h3 { (title) }
        p { strong { (answer(language, months)) } " " (in_numbers(language, months)) }
        @if on_record < 2 * MONTHS_TO_LOSE {
            p class="quiet" {
                (language.text(
                    "Nobody can be lost in the first twelve months on record, and whoever bought before them looks new.",
                    "Personne ne peut être perdu pendant les douze premiers mois connus, et qui achetait déjà avant \
                     semble nouveau.",
                ))
            }
        }
        @if let Some(drawn) = drawn { (drawn) }
    }
}

fn gained_and_lost(months: &[Month]) -> (i64, i64) {
    let gained = months.iter().map(Month::gained_customers).sum();
    (gained, months.iter().map(Month::lost_customers).sum())
}

fn answer(language: Language, months: &[Month]) -> &'static str {
    let (gained, lost) = gained_and_lost(months);
    match gained - lost {
        0 => language.text("As many as are won.", "Autant qu'on en gagne."),
        1.. => language.text("No.", "Non."),
        _ => language.text("Yes.", "Oui."),
    }
}

fn in_numbers(language: Language, months: &[Month]) -> String {
    let (gained, lost) = gained_and_lost(months);
    let worse = months.iter().filter(|month| month.lost_customers() > month.gained_customers()).count();
    let (gained, lost) = (language.customers(gained), language.customers(lost));
    let count = months.len();
    language.text(
        format!(
            "In the last {count} months {gained} customers were won or came back, and {lost} were lost. More were lost \
             than won in {worse} of them."
        ),
        format!(
            "En {count} mois, {gained} clients ont été gagnés ou sont revenus, et {lost} ont été perdus. On en a perdu \
             plus qu'on n'en a gagné pendant {worse} d'entre eux."
        ),
    )
}

fn drawn(language: Language, months: &[Month], title: &str) -> Option<Markup> {
    let line = |name: &str, class: &'static str, customers: fn(&Month) -> i64| Line {
        name: name.to_owned(),
        class,
        points: months.iter().enumerate().map(|(n, month)| (n as f64, customers(month) as f64)).collect(),
    };
    let lines = [
        line(language.text("won or back", "gagnés, revenus"), "one", Month::gained_customers),
        line(language.text("lost", "perdus"), "two", Month::lost_customers),
    ];
    let ticks = Axis::around_zero(lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y))).ticks();
    lines::chart(&Chart {
        id: "balance",
        title,
        description: language.text(
            "Customers won or back, and customers lost, by month. The figures are in the table above.",
            "Clients gagnés ou revenus, et clients perdus, par mois. Les chiffres sont dans le tableau ci-dessus.",
        ),
        x_label: language.text("customers a month", "clients par mois"),
        mark: None,
        y_ticks: &ticks,
        x_steps: &lines::MONTHS,
        show_x: &|n| months.get(n as usize).map(|month| language.short_month(month.month)).unwrap_or_default(),
        show_y: &|customers| language.compact(customers),
        lines: &lines,
    })
}

#[cfg(test)]
mod tests {
    use super::super::month::Moved;
    use super::*;

    fn month(won: i64, back: i64, lost: i64) -> Month {
        let moved = [won, back, 0, lost, 0].map(|customers| Moved { customers, amount: 0.0 });
        Month { month: "2026-06-01".parse().unwrap(), moved }
    }

    #[test]
    fn who_comes_back_is_won_again() {
        let months = [month(10, 5, 12), month(6, 0, 8)];
        assert_eq!(answer(Language::English, &months), "No.");
        assert_eq!(
            in_numbers(Language::English, &months),
            "In the last 2 months 21 customers were won or came back, and 20 were lost. More were lost than won in 1 of \
             them."
        );
        assert_eq!(answer(Language::French, &months[1..]), "Oui.");
        assert_eq!(answer(Language::English, &[]), "As many as are won.");
    }
}
