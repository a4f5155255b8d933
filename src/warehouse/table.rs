//! A table at one version: its schema and its files, committed or staged, read in the same way.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use deltalake::kernel::Add;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::description::{TableDescription, described, undescribed};
use super::location::Warehouse;
use super::stage::{Mode, Staged, rows_of, staged};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_type::sql_type;

/// What a reader needs of a table: nothing of the log.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: TableName,
    /// As queries see it: descriptions are not a part of it.
    pub schema: SchemaRef,
    pub description: TableDescription,
    /// The Delta version; `None` for what a run has staged.
    pub version: Option<u64>,
    pub rows: u64,
    pub bytes: u64,
    /// Below the table's folder, in path order.
    files: Vec<Path>,
}

impl Warehouse {
    /// Returns the table at a version; `None` when it does not exist.
    ///
    /// # Errors
    /// A log that cannot be read or that does not have this version; a column of a type
    /// that queries do not know.
    pub async fn table(&self, name: &TableName, version: u64) -> Result<Option<Table>> {
        let Some(delta) = self.delta_table(name, Some(version)).await? else {
            return Ok(None);
        };
        let snapshot = delta.snapshot().doing(format!("read the table {name}"))?;
        let schema: Schema =
            snapshot.schema().as_ref().try_into_arrow().doing(format!("read the schema of {name}"))?;
        let text = snapshot.metadata().description().map(ToOwned::to_owned);
        let mut table = Table {
            name: name.clone(),
            description: TableDescription { text, ..TableDescription::of_schema(&schema) },
            schema: Arc::new(undescribed(&schema)),
            version: Some(version),
            rows: 0,
            bytes: 0,
            files: Vec::new(),
        };
        for file in snapshot.log_data().iter() {
            table.files.push(file.object_store_path());
            table.rows += file.num_records().unwrap_or(0) as u64;
            table.bytes += u64::try_from(file.size()).unwrap_or(0);
        }
        table.files.sort();
        Ok(Some(table))
    }
}

impl Warehouse {
    /// Returns the files of the table at a version, as if they had just been staged to be the whole of it.
    pub(super) async fn staged_at(
        &self,
        name: &TableName,
        version: u64,
        schema: SchemaRef,
    ) -> Result<Staged> {
        let doing = || format!("read version {version} of the table {name}");
        let mut adds = Vec::new();
        if let Some(delta) = self.delta_table(name, Some(version)).await? {
            // Our tables have neither partitions nor deletion vectors.
            adds.extend(delta.snapshot().doing(doing())?.log_data().iter().map(|file| Add {
                path: file.path().into_owned(),
                size: file.size(),
                modification_time: file.modification_time(),
                data_change: true,
                stats: file.stats(),
                ..Add::default()
            }));
        }
        Ok(staged(name, Mode::Replace, schema, adds))
    }

    /// Returns the files that a version's commit added.
    pub(super) async fn added_by(&self, name: &TableName, version: u64) -> Result<Vec<String>> {
        let doing = || format!("read version {version} of the table {name}");
        let path = Path::from(format!("_delta_log/{version:020}.json"));
        let log = self.table_store(name).get(&path).await.doing(doing())?.bytes().await.doing(doing())?;
        let mut added = Vec::new();
        for line in serde_json::Deserializer::from_slice(&log).into_iter::<serde_json::Value>() {
            if let Some(path) = line.doing(doing())?.pointer("/add/path").and_then(|path| path.as_str()) {
                added.push(path.to_owned());
            }
        }
        Ok(added)
    }

    /// Checks that every file of the table exists and has its full size.
    pub(super) async fn verify_files(&self, table: &Table) -> Result<()> {
        let store = self.table_store(&table.name);
        let looks = table.files.iter().cloned().map(|file| {
            let store = store.clone();
            async move { (store.head(&file).await, file) }
        });
        let mut looks = futures::stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(16);
        let mut bytes = 0;
        while let Some((there, file)) = looks.next().await {
            match there {
                Ok(meta) => bytes += meta.size,
                Err(object_store::Error::NotFound { .. }) => {
                    return Err(Error::failed(format!(
                        "a file of the table {} is missing: {}/{file}",
                        table.name,
                        table.name.folder()
                    ))
                    .at(format!("warehouse {}", self.location()))
                    .hint(
                        "something other than sillage deleted it; restore it from a backup, or make the \
                         table again with `sillage run --full-refresh`",
                    ));
                }
                Err(e) => return Err(e).doing(format!("look at the files of {}", table.name)),
            }
        }
        if bytes == table.bytes {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the files of the table {} hold {bytes} bytes, {} were written",
            table.name, table.bytes
        ))
        .at(format!("warehouse {}", self.location()))
        .hint(
            "something other than sillage changed or truncated them; restore them from a backup, or make \
             the table again with `sillage run --full-refresh`",
        ))
    }
}

impl Table {
    /// Returns the table as it will be once the staged files are committed upon `base`.
    ///
    /// # Errors
    /// Appended rows whose columns do not begin with those of `base`.
    pub fn after(base: Option<&Table>, staged: &Staged) -> Result<Table> {
        let mut table = Table {
            name: staged.table.clone(),
            description: TableDescription {
                text: base.and_then(|base| base.description.text.clone()),
                ..TableDescription::of_schema(&staged.schema)
            },
            schema: Arc::new(undescribed(&staged.schema)),
            version: None,
            rows: 0,
            bytes: 0,
            files: Vec::new(),
        }
        .with_files(staged.adds.iter().chain(&staged.stays))?;
        if let (Mode::Append, Some(base)) = (staged.mode, base) {
            // Zero staged rows carry a schema all the same, and it must fit what is there: the table's
            // own columns, then new ones, which are null in the rows it already has.
            let (old, new) = (base.schema.fields(), table.schema.fields());
            if new.len() < old.len() || old[..] != new[..old.len()] {
                return Err(schema_changed(base, &staged.schema));
            }
            table.rows += base.rows;
            table.bytes += base.bytes;
            table.files.extend(base.files.iter().cloned());
        }
        table.files.sort();
        Ok(table)
    }

    /// Returns the same table, these being its files.
    pub(super) fn with_files<'a>(self, adds: impl Iterator<Item = &'a Add>) -> Result<Table> {
        let mut table = Table { rows: 0, bytes: 0, files: Vec::new(), ..self };
        for add in adds {
            table.files.push(Path::parse(&add.path).doing("read a staged path")?);
            table.rows += rows_of(add);
            table.bytes += u64::try_from(add.size).unwrap_or(0);
        }
        table.files.sort();
        Ok(table)
    }

    /// Returns the schema of the table once rows with these columns are appended: its own columns in their
    /// order, then the new ones.
    ///
    /// # Errors
    /// A column of another type than before; unless `keep`, a column that the rows no longer have.
    pub fn extended_schema(&self, rows: &Schema, keep: bool) -> Result<SchemaRef> {
        let mut fields = self.schema.fields().to_vec();
        for field in self.schema.fields() {
            let fits = match rows.field_with_name(field.name()) {
                Ok(new) => new.data_type() == field.data_type(),
                Err(_) => keep,
            };
            if !fits {
                return Err(schema_changed(self, rows));
            }
        }
        fields
            .extend(rows.fields().iter().filter(|f| self.schema.field_with_name(f.name()).is_err()).cloned());
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Returns the schema as files and logs have it, with what each column contains.
    pub(super) fn described_schema(&self) -> SchemaRef {
        let fields = self.schema.fields().iter().map(|field| {
            let description = self.description.columns.get(field.name());
            described(field.as_ref().clone(), description.map(String::as_str))
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    pub(super) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Returns the files, below the table's folder.
    pub(super) fn files(&self) -> &[Path] {
        &self.files
    }

    /// Returns a provider for DataFusion: exactly these files, whatever else is in the folder.
    pub(super) fn provider(&self, warehouse: &Warehouse) -> Result<Arc<dyn TableProvider>> {
        if self.files.is_empty() {
            return Ok(Arc::new(EmptyTable::new(self.schema.clone())));
        }
        let folder = warehouse.table_url(&self.name);
        let urls = self
            .files
            .iter()
            .map(|file| {
                let mut url = folder.clone();
                url.set_path(&format!("{}{file}", folder.path()));
                ListingTableUrl::parse(url.as_str())
            })
            .collect::<Result<Vec<_>, _>>()
            .doing(format!("read the table {}", self.name))?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options)
            .with_schema(self.schema.clone());
        let table = ListingTable::try_new(config).doing(format!("read the table {}", self.name))?;
        Ok(Arc::new(table))
    }
}

fn schema_changed(base: &Table, new: &Schema) -> Error {
    let only_in = |here: &Schema, there: &Schema| -> Vec<String> {
        let is_there =
            |f: &FieldRef| there.field_with_name(f.name()).is_ok_and(|t| t.data_type() == f.data_type());
        let here = here.fields().iter().filter(|field| !is_there(field));
        here.map(|field| format!("{} {}", field.name(), sql_type(field.data_type()))).collect()
    };
    let (gone, come) = (only_in(&base.schema, new), only_in(new, &base.schema));
    let message = if gone.is_empty() && come.is_empty() {
        "their order is different".to_owned()
    } else {
        format!(
            "only in the warehouse: [{}]; only in the declaration: [{}]",
            gone.join(", "),
            come.join(", ")
        )
    };
    Error::failed(format!(
        "the columns of {} are not those that the table was made with: {message}",
        base.name
    ))
    .hint("declare them as before, or read the source again with --full-refresh")
}
