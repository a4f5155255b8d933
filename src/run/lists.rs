//! The step of the audiences: decisions one audience after the other, then the lists and the waterfall.

use futures::StreamExt;

use super::step::{Done, Figures, Workshop};
use crate::audience::{self, Audience, Decided, ListSelection};
use crate::error::{Context, Error, Result};
use crate::model::determinism;
use crate::warehouse::stage::{Layout, Mode, Staged, Stager};

impl Workshop {
    pub(super) async fn audiences(&self, audiences: &[Audience]) -> Result<Done> {
        let drawing = ListSelection::begin(&self.catalog, audiences, self.as_of).await?;
        let mut figures = Figures { warnings: drawing.warnings(audiences), ..Figures::default() };
        let decisions = self.decisions(&drawing, audiences).await?;
        // Lists and waterfall are read from what was decided, not decided again.
        self.catalog.add_staged(&decisions).await?;
        figures.notes = audience::unknown_conditions(&self.catalog, audiences).await?;
        let lists = audience::lists(&self.catalog, audiences).await?;
        let lists = self.stage_frame(&audience::table(audience::LISTS), lists).await?;
        let waterfall = audience::waterfall(&self.catalog, audiences).await?;
        let waterfall = self.stage_frame(&audience::table(audience::WATERFALL), waterfall).await?;
        Ok(Done { staged: vec![decisions, lists, waterfall], figures })
    }

    /// One file in the order of audience and customer, as every mart is in that of its key.
    async fn decisions(&self, drawing: &ListSelection, audiences: &[Audience]) -> Result<Staged> {
        let mut planned = Vec::new();
        let mut errors = Vec::new();
        for audience in audiences {
            match drawing.decide(&self.catalog, audience).await {
                Ok(decided) => planned.push((audience, decided)),
                Err(error) => errors.push(error),
            }
        }
        for (audience, decided) in &planned {
            let plan = decided.frame.logical_plan();
            let checked =
                determinism::require_no_clock(plan).and_then(|()| determinism::require_deterministic(plan));
            if let Err(error) = checked {
                errors.push(error.at(format!("audience {}", audience.name)));
            }
        }
        Error::all(errors)?;
        planned.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let mut stager: Option<Stager> = None;
        for (audience, decided) in planned {
            match self.decide(&decided, &mut stager).await {
                Ok(rows) if rows == decided.customers => {}
                Ok(rows) => {
                    return Err(Error::failed(format!(
                        "{rows} decisions about {} customers: a defect in sillage or the SQL engine",
                        decided.customers
                    ))
                    .at(format!("audience {}", audience.name)));
                }
                Err(error) => return Err(drawing.failing_condition(&self.catalog, audience, error).await),
            }
        }
        stager.ok_or_else(|| Error::failed("the pipeline has no audience"))?.finish().await
    }

    /// Computes and hands over the decisions about one audience; how many there are.
    async fn decide(&self, decided: &Decided, stager: &mut Option<Stager>) -> Result<u64> {
        let doing = "compute the rows";
        let frame = decided.frame.clone();
        let mut rows = frame.execute_stream().await.doing("plan the decisions")?;
        let stager = match stager {
            Some(stager) => stager,
            none => {
                let table = audience::table(audience::DECISIONS);
                let schema = rows.schema();
                none.insert(self.warehouse().stager_as(&table, Mode::Replace, Layout::OneFile, &schema)?)
            }
        };
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch.doing(doing)?;
            count += batch.num_rows() as u64;
            stager.write(&batch).await?;
        }
        Ok(count)
    }
}
