//! The section "Objectives": where each stands, what it is to come to and by when, and what that needs.

mod course;
mod standing;
mod wording;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::sparkline::sparkline;
use crate::report::language::Language;
use crate::report::reader::Reader;
use course::Course;
use standing::Standing;

/// `None` where the release has no `mart.objectives`.
///
/// # Errors
/// A table cannot be read.
pub async fn section(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let Some(standings) = standing::read(reader).await? else { return Ok(None) };
    let courses = course::read(reader, &standings).await?;
    let language = reader.language;
    let mut goals = Vec::new();
    for standing in &standings {
        let course = courses.get(&standing.of).cloned().unwrap_or_default();
        goals.push(goal(language, standing, &course));
    }
    Ok(Some(html! { ul class="goals" { @for goal in &goals { (goal) } } }))
}

fn goal(language: Language, standing: &Standing, course: &Course) -> Markup {
    let values: Vec<Option<f64>> = course.points.iter().map(|(_, value)| *value).collect();
    let shown = standing.figures(language, course);
    html! {
        li {
            div class="words" {
                p class="goal" { (standing.description) }
                p {
                    span class=(format!("status {}", standing.mood())) { (language.word(&standing.status)) "." }
                    " " (shown.sentence)
                }
            }
            div class="course" {
                @if let Some(drawn) = sparkline(&values, standing.target) { (drawn) }
                dl {
                    div { dt { (language.text("now", "maintenant")) } dd { (shown.now) } }
                    div { dt { (shown.bound) } dd { (shown.target) } }
                    @if let Some(due) = standing.due {
                        div { dt { (language.text("by", "d'ici au")) } dd { (language.day(due)) } }
                    }
                }
            }
        }
    }
}
