//! Decides about every customer of the base.

use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use super::candidates::Candidates;
use super::consent::Consents;
use super::decision_sql::decision_sql;
use super::definition::Audience;
use super::evaluation::{Evaluation, Question, questions};
use super::grain::{self, Grain};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};

/// What all audiences of a run have in common, looked at once.
#[derive(Debug)]
pub struct ListSelection {
    as_of: Instant,
    grain: Grain,
    consents: Option<Consents>,
}

/// The decisions about one audience, not yet computed.
pub struct Decided {
    /// `audience, customer_id, position, reason, score, rank, unknown`, one row per customer of the base.
    ///
    /// `position` is that of the reason in the waterfall; `rank` counts from 1 over those who remain
    /// after all exclusions, control group included; `unknown` has the reasons whose condition was null.
    pub frame: DataFrame,
    /// Customers of the base.
    pub customers: u64,
}

impl ListSelection {
    /// Looks at what the audiences are drawn from.
    ///
    /// # Errors
    /// Tables that are not one row per customer, consents that do not fit the audiences.
    pub async fn begin(catalog: &Catalog, audiences: &[Audience], as_of: Instant) -> Result<ListSelection> {
        let consents = Consents::survey(catalog, audiences, as_of).await?;
        let grain = grain::count(catalog, audiences, Some(as_of)).await?;
        Ok(ListSelection { as_of, grain, consents })
    }

    /// Returns what is to be reported of the consents.
    pub fn warnings(&self, audiences: &[Audience]) -> Vec<String> {
        self.consents.as_ref().map(|consents| consents.warnings(audiences)).unwrap_or_default()
    }

    /// Plans the decision about every customer of the audience's base.
    ///
    /// # Errors
    /// Invalid SQL, all errors at once; columns of the export that do not exist.
    pub async fn decide(&self, catalog: &Catalog, audience: &Audience) -> Result<Decided> {
        let (session, candidates) = self.open(catalog, audience).await.map_err(|e| e.at(place(audience)))?;
        let evaluation = self.evaluation(catalog, &session, &candidates, audience);
        self.decide_by(&evaluation).await.map_err(|e| e.at(place(audience)))
    }

    async fn decide_by(&self, evaluation: &Evaluation<'_>) -> Result<Decided> {
        let audience = evaluation.audience;
        let answers = evaluation.answers(&questions(audience)).await?;
        let view = TableName::new("audience", "asked")?;
        evaluation.session.register_view(&view, answers.frame)?;
        let worth = answers.worth.ok_or_else(|| Error::failed("the ranking was not computed"))?;
        let sql = decision_sql(audience, &worth, &self.grain.id_type, &view);
        let frame = evaluation.session.sql(&sql).await.doing("plan the decisions")?;
        let customers = audience.from.first().and_then(|base| self.grain.rows.get(base)).copied();
        Ok(Decided { frame, customers: customers.unwrap_or(0) })
    }

    /// Returns the error, met when the decisions were computed, with the key of the question at fault.
    ///
    /// The questions are asked again, one more each time: a condition may rely on the conditions before it,
    /// which decide of whom it is asked.
    pub async fn failing_condition(&self, catalog: &Catalog, audience: &Audience, error: Error) -> Error {
        let questions = questions(audience);
        for (nth, question) in questions.iter().enumerate() {
            if let Err(found) = self.compute(catalog, audience, &questions[..=nth]).await {
                return found.at(question.key(audience)).at(place(audience));
            }
        }
        error.at(place(audience))
    }

    /// Computes the answers and keeps none of them.
    async fn compute(
        &self,
        catalog: &Catalog,
        audience: &Audience,
        questions: &[Question<'_>],
    ) -> Result<()> {
        let doing = "compute it for every customer";
        let (session, candidates) = self.open(catalog, audience).await?;
        let answers = self.evaluation(catalog, &session, &candidates, audience).answers(questions).await?;
        let rows = answers.frame.execute_stream().await.doing(doing)?;
        rows.try_for_each(async |_| Ok(())).await.doing(doing)
    }

    async fn open(&self, catalog: &Catalog, audience: &Audience) -> Result<(Session, Candidates)> {
        let session = catalog.session(&audience.reads(), Some(self.as_of)).await?;
        let candidates = Candidates::open(&session, &audience.from).await?;
        Ok((session, candidates))
    }

    fn evaluation<'a>(
        &'a self,
        catalog: &'a Catalog,
        session: &'a Session,
        candidates: &'a Candidates,
        audience: &'a Audience,
    ) -> Evaluation<'a> {
        Evaluation { catalog, session, candidates, consents: self.consents.as_ref(), audience }
    }
}

fn place(audience: &Audience) -> String {
    format!("audience {}", audience.name)
}
