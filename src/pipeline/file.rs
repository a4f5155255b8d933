//! The exact mirror of the pipeline file: what may stand in it, nothing of what it means.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::document::{Document, unknown_name};
use super::documents::{Documents, TABLES};
use super::project::IN_FILES;
use super::properties::TableProperties;
use crate::audience::AudienceDeclaration;
use crate::error::Error;
use crate::identity::quality::QualityDeclaration;
use crate::identity::{
    GoldenRecordDeclaration, HouseholdsDeclaration, IdentityDeclaration, OrganisationsDeclaration,
};
use crate::metric::{MetricSection, ObjectiveSection};
use crate::mining::forecast::ForecastSection;
use crate::mining::propensity::PropensitySection;
use crate::mining::segments::SegmentSection;
use crate::mining::uplift::UpliftSection;
use crate::mining::value::ValueSection;
use crate::source::{SourceDeclaration, SourceDefaults};

/// A pipeline file, as far as it could be read.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PipelineFile {
    /// What releases, the history and messages call the pipeline: lower-case letters, digits and underscores.
    #[schemars(required, example = &"nightly")]
    pub name: Option<String>,
    /// What the pipeline is for, in a sentence.
    #[schemars(example = &"Shop, web and post, one customer each")]
    pub description: Option<String>,
    /// When `sillage schedule` runs it, as a cron expression in its time zone.
    #[schemars(example = &"0 3 * * *")]
    pub schedule: Option<String>,
    /// Of the schedule, of instants written without a zone, and of whole days.
    #[schemars(example = &"Europe/Paris", extend("default" = "UTC"))]
    pub timezone: Option<String>,
    /// The warehouse: a folder, from the folder of the project, or `s3://…`; `--warehouse` comes before it.
    #[schemars(example = &"s3://bucket/warehouse", extend("default" = "warehouse"))]
    pub warehouse: Option<String>,
    /// The seed of everything random: samples and starts of the segmentation.
    #[schemars(extend("default" = 42))]
    pub seed: Option<u64>,
    /// The instant of runs that are given none; the present one when not given.
    #[schemars(example = &"2026-07-01")]
    pub as_of: Option<String>,
    /// How long `ops.holdout_scores` keeps whom a model was judged on, counted from its fit: `90 days`, `6 months`; until
    /// its next fit when not given.
    #[schemars(example = &"6 months")]
    pub keep_holdout_scores: Option<String>,
    /// The folder of the models, from the folder of the project; `sql/<name>` when not given.
    #[schemars(example = &"sql/nightly")]
    #[expect(dead_code, reason = "it is read before the file, which is checked with the models")]
    pub models: Option<String>,
    /// What the sources have in common.
    pub source_defaults: Option<SourceDefaults>,
    /// Where records come from, each a table `raw.<name>`: sections `[sources.<name>]`, or a folder or pattern of
    /// files `<name>.toml`.
    #[schemars(default, schema_with = "sections::<SourceDeclaration>", example = &"pipelines/nightly/sources")]
    pub sources: BTreeMap<String, SourceDeclaration>,
    /// Which records are of one customer.
    pub identity: Option<IdentityDeclaration>,
    /// What is known of a customer, chosen among the records.
    pub golden_record: Option<GoldenRecordDeclaration>,
    /// Who lives together.
    pub households: Option<HouseholdsDeclaration>,
    /// Companies, and the people who work for them.
    pub organisations: Option<OrganisationsDeclaration>,
    /// How good the links between records are, as tables and as a page.
    pub match_quality: Option<QualityDeclaration>,
    /// Of tables, by name, from the files beside the models.
    #[schemars(skip)]
    pub properties: BTreeMap<String, TableProperties>,
    /// Groups of customers who are like each other, each a table `mart.segments_<name>`; the first one is
    /// `mart.segments` too.
    #[schemars(default)]
    pub segments: BTreeMap<String, SegmentSection>,
    /// Models that predict an outcome for each customer, each a table `mart.<name>_scores`.
    #[schemars(default)]
    pub propensity: BTreeMap<String, PropensitySection>,
    /// Models of what a contact changes for each customer, each a table `mart.<name>_uplift`.
    #[schemars(default)]
    pub uplift: BTreeMap<String, UpliftSection>,
    /// Models of what each customer will bring, each a table `mart.<name>_value`.
    #[schemars(default)]
    pub value: BTreeMap<String, ValueSection>,
    /// What values and propensities promise is kept, and judged when its horizon ends: `core.forecasts`,
    /// `mart.forecast_accuracy`.
    pub forecasts: Option<ForecastSection>,
    /// Figures that are computed every night, in `mart.metrics`.
    #[schemars(default)]
    pub metrics: BTreeMap<String, MetricSection>,
    /// What metrics are to come to; where they stand is in `mart.objectives`.
    #[schemars(default)]
    pub objectives: BTreeMap<String, ObjectiveSection>,
    /// Target lists: sections `[audiences.<name>]`, or a folder or pattern of files `<name>.toml`.
    #[schemars(default, schema_with = "sections::<AudienceDeclaration>", example = &"pipelines/nightly/audiences")]
    pub audiences: BTreeMap<String, AudienceDeclaration>,
}

/// Returns the schema of sections that may have files of their own.
fn sections<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let section = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
        { "type": "object", "additionalProperties": section },
    ] })
}

pub(super) const KEYS: [&str; 24] = [
    "name",
    "description",
    "schedule",
    "timezone",
    "warehouse",
    "seed",
    "as_of",
    "keep_holdout_scores",
    "models",
    "source_defaults",
    "sources",
    "identity",
    "golden_record",
    "households",
    "organisations",
    "match_quality",
    "segments",
    "propensity",
    "uplift",
    "value",
    "forecasts",
    "metrics",
    "objectives",
    "audiences",
];

impl PipelineFile {
    /// Reads every section on its own; what could not be read is reported and left out.
    pub fn read(documents: &Documents) -> (Self, Vec<Error>) {
        let main = documents.main();
        let mut errors = Vec::new();
        for key in main.keys().filter(|key| !KEYS.contains(key)) {
            errors.push(main.at_key(&[key.to_owned()], unknown_key(key)));
        }
        let mut reader = Reader { documents, errors };
        let file = PipelineFile {
            name: reader.one("name"),
            description: reader.one("description"),
            schedule: reader.one("schedule"),
            timezone: reader.one("timezone"),
            warehouse: reader.one("warehouse"),
            seed: reader.one("seed"),
            as_of: reader.one("as_of"),
            keep_holdout_scores: reader.one("keep_holdout_scores"),
            models: reader.one("models"),
            source_defaults: reader.one("source_defaults"),
            sources: reader.each("sources"),
            identity: reader.one("identity"),
            golden_record: reader.one("golden_record"),
            households: reader.one("households"),
            organisations: reader.one("organisations"),
            match_quality: reader.one("match_quality"),
            properties: reader.parts(TABLES),
            segments: reader.each("segments"),
            propensity: reader.each("propensity"),
            uplift: reader.each("uplift"),
            value: reader.each("value"),
            forecasts: reader.one("forecasts"),
            metrics: reader.each("metrics"),
            objectives: reader.each("objectives"),
            audiences: reader.each("audiences"),
        };
        (file, reader.errors)
    }
}

fn unknown_key(key: &str) -> Error {
    if key == TABLES {
        return Error::config("`tables` is not a part of the pipeline file").hint(
            "what is declared of a table stands beside its SQL: [tables.\"core.orders\"] goes to core/orders.toml; \
             `time`, `valid_from` and `static` of a raw table go to its source",
        );
    }
    unknown_name(format!("unknown key `{key}`"), key, &KEYS)
}

struct Reader<'d, 't> {
    documents: &'d Documents<'t>,
    errors: Vec<Error>,
}

impl<'t> Reader<'_, 't> {
    fn one<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let document = self.documents.main();
        self.value(document, &[key.to_owned()], document.value(key)?)
    }

    /// Named sections: of the pipeline file, or of the files that it names.
    fn each<T: DeserializeOwned>(&mut self, key: &str) -> BTreeMap<String, T> {
        let document = self.documents.main();
        let in_files = IN_FILES.contains(&key);
        let Some(value) = document.value(key) else {
            return BTreeMap::new();
        };
        if in_files && document.texts(key).is_some() {
            return self.parts(key);
        }
        let is_section = |value: &Spanned<DeValue>| value.get_ref().as_table().is_some();
        let sections = value.get_ref().as_table().filter(|table| table.values().all(is_section));
        let Some(table) = sections else {
            let mut hint = format!("write [{key}.<name>]");
            if in_files {
                hint.push_str(&format!(
                    ", or name the folder that has a file for each: {key} = \"pipelines/nightly/{key}\""
                ));
            }
            let error = Error::config(format!("`{key}` holds named sections")).hint(hint);
            self.errors.push(document.at_key(&[key.to_owned()], error));
            return BTreeMap::new();
        };
        let mut sections = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().as_ref().to_owned();
            if let Some(section) = self.value(document, &[key.to_owned(), name.clone()], value) {
                sections.insert(name, section);
            }
        }
        sections
    }

    /// Sections that have files of their own, by the names of the files.
    fn parts<T: DeserializeOwned>(&mut self, section: &str) -> BTreeMap<String, T> {
        let documents = self.documents;
        let read = documents.parts(section).filter_map(|(name, document)| {
            Some((name.to_owned(), self.value(document, &[], &document.whole())?))
        });
        read.collect()
    }

    fn value<T: DeserializeOwned>(
        &mut self,
        document: &Document<'t>,
        key: &[String],
        value: &Spanned<DeValue<'t>>,
    ) -> Option<T> {
        let mut rest = value.clone();
        let mut wrong = false;
        loop {
            let error = match T::deserialize(ValueDeserializer::from(rest.clone())) {
                Ok(read) => return (!wrong).then_some(read),
                Err(error) => error,
            };
            // What is missing now may be what was taken out as wrong.
            if wrong && error.message().starts_with("missing field") {
                return None;
            }
            self.errors.push(document.serde_error(key, &error));
            wrong = true;
            // Without the part that is wrong, the next wrong one shows.
            match error.span() {
                Some(span) if take_out(rest.get_mut(), &span) => {}
                _ => return None,
            }
        }
    }
}

/// Takes the innermost key or entry that holds the span out of the value; whether there was one.
///
/// The span of a `[section]` is its header alone, so what holds is looked for inside out.
fn take_out(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    match value {
        DeValue::Table(table) => {
            let wrong = table.iter_mut().find_map(|(key, value)| {
                if holds(key.span()) {
                    return Some(Some(key.clone()));
                }
                if take_out(value.get_mut(), span) {
                    return Some(None);
                }
                holds(value.span()).then(|| Some(key.clone()))
            });
            match wrong {
                Some(Some(key)) => table.remove(&key).is_some(),
                Some(None) => true,
                None => false,
            }
        }
        DeValue::Array(entries) => {
            let Some(place) = entries.iter().position(|entry| holds(entry.span())) else {
                return false;
            };
            if !take_out(entries.as_mut()[place].get_mut(), span) {
                let others = entries.iter().enumerate().filter(|(n, _)| *n != place);
                *entries = others.map(|(_, entry)| entry.clone()).collect();
            }
            true
        }
        _ => false,
    }
}
