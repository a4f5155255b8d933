//! What moved the portfolio from month to month, as stacked columns around zero.

use maud::{Markup, html};

use super::month::{CATEGORIES, Month};
use crate::report::chart::columns::{self, Chart, Column, Series};
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::scrolled::scrolled;

pub(super) fn part(language: Language, months: &[Month]) -> Markup {
    let series: Vec<Series> = CATEGORIES
        .iter()
        .map(|name| Series { name: language.word(name).into_owned(), class: name })
        .collect();
    let columns: Vec<Column> = months
        .iter()
        .map(|month| Column { label: language.short_month(month.month), parts: month.amounts().to_vec() })
        .collect();
    let title = language.text("What moved it, month by month", "Ce qui l'a fait bouger, mois par mois");
    let drawn = columns::chart(&Chart {
        id: "movement",
        title,
        description: language.text(
            "Margin won, come back and grown above zero, lost and shrunk below; the dark line is the difference. The \
             figures are in the table below.",
            "Marge gagnée, revenue et en hausse au-dessus de zéro, perdue et en baisse en dessous ; le trait foncé \
             est la différence. Les chiffres sont dans le tableau ci-dessous.",
        ),
        series: &series,
        columns: &columns,
        show: &|amount| language.compact(amount),
    });
    html! {
        h3 { (title) }
        p {
            (language.text(
                "By how much the margin of the last twelve months changed in each month: above zero through customers \
                 who were won, came back or bought more, below it through customers who were lost or bought less. The \
                 dark line is the difference.",
                "De combien la marge des douze derniers mois a changé chaque mois : au-dessus de zéro, par les \
                 clients gagnés, revenus ou en hausse ; en dessous, par les clients perdus ou en baisse. Le trait \
                 foncé est la différence.",
            ))
        }
        @if let Some(drawn) = drawn { (drawn) }
        details {
            summary { (language.text("The figures", "Les chiffres")) }
            (scrolled(title, &table(language, months)))
        }
    }
}

fn table(language: Language, months: &[Month]) -> Markup {
    let largest = months.iter().flat_map(|month| [month.gain().amount, month.loss().amount]);
    let decimals = decimals_up_to(largest.fold(0.0, |most, amount| amount.abs().max(most)));
    html! {
        table {
            thead { tr {
                th class="word" scope="col" { (language.text("Month", "Mois")) }
                th scope="col" { (language.text("Won", "Gagnés")) }
                th scope="col" { (language.text("Came back", "Revenus")) }
                th scope="col" { (language.text("Lost", "Perdus")) }
                th scope="col" { (language.text("Margin gained", "Marge gagnée")) }
                th scope="col" { (language.text("Margin lost", "Marge perdue")) }
                th scope="col" { (language.text("Difference", "Différence")) }
            } }
            tbody {
                @for month in months {
                    @let (gain, loss) = (month.gain(), month.loss());
                    tr {
                        th scope="row" { (language.month(month.month)) }
                        td { (language.customers(month.moved[0].customers)) }
                        td { (language.customers(month.moved[1].customers)) }
                        td { (language.customers(month.lost_customers())) }
                        td { (language.amount_of(gain.customers, gain.amount, decimals)) }
                        td { (language.amount_of(loss.customers, loss.amount, decimals)) }
                        td {
                            (language.amount_of(
                                gain.customers + loss.customers,
                                gain.amount + loss.amount,
                                decimals,
                            ))
                        }
                    }
                }
            }
        }
    }
}
