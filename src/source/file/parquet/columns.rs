//! Finds the columns of a Parquet file by the paths in the declaration.
//!
//! A struct is entered if something inside it is declared. With `rows` a list is entered: its elements are
//! the rows, and of the surrounding record only declared columns are read.

use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::basic::{LogicalType, Type as PhysicalType};
use ::parquet::schema::types::SchemaDescriptor;
use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};

use crate::error::{Context, Error, Result};
use crate::source::contract::header_name::plain;
use crate::source::file::FileSource;
use crate::source::file::columns::nearest_column::near;
use crate::source::row::place::{RowPlace, row_place};

/// A column of the file.
#[derive(Debug, Clone)]
pub struct FileColumn {
    /// The path as a declaration writes it.
    pub name: String,
    pub data_type: DataType,
    pub form: Form,
    pub in_element: bool,
    /// From the record, or from the element.
    path: Vec<String>,
    leaves: Range<usize>,
}

/// Properties that the type does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Uuid,
    /// An instant as a day and the nanoseconds in it.
    Int96,
}

/// What a file has.
#[derive(Debug)]
pub struct FileColumns {
    pub columns: Vec<FileColumn>,
    /// With `rows`.
    list: Option<List>,
}

#[derive(Debug)]
struct List {
    path: Vec<String>,
    leaves: Range<usize>,
    is_map: bool,
}

impl FileColumns {
    /// # Errors
    /// If the list that `rows` names does not exist or is not a list.
    pub fn of(source: FileSource<'_>, schema: &Schema, file: &SchemaDescriptor) -> Result<Self> {
        let mut walk = Walk {
            names: source
                .contract
                .columns
                .iter()
                .flat_map(|column| column.source_names())
                .chain(&source.contract.ignored)
                .map(String::as_str)
                .collect(),
            rows: source.files.rows.as_deref(),
            file,
            leaf: 0,
            found: FileColumns { columns: Vec::new(), list: None },
        };
        walk.fields(schema.fields(), &[], false)?;
        let found = walk.found;
        if let (Some(rows), None) = (&source.files.rows, &found.list) {
            let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            let error =
                Error::failed(format!("the file has no column `{rows}`, whose elements are the rows"));
            return Err(match near(rows, &names) {
                Some(close) => error.hint(format!("is `{close}` meant?")),
                None => error.hint(format!("it has {}", names.join(", "))),
            });
        }
        Ok(found)
    }

    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Returns what is read of the file for the columns at these places.
    pub fn mask(&self, file: &SchemaDescriptor, places: &[usize]) -> ProjectionMask {
        let mut leaves: Vec<usize> =
            places.iter().flat_map(|place| self.columns[*place].leaves.clone()).collect();
        if let Some(list) = &self.list {
            let of_elements = places.iter().any(|place| self.columns[*place].in_element);
            if list.is_map || !of_elements {
                leaves.extend(list.leaves.clone());
            }
        }
        ProjectionMask::leaves(file, leaves)
    }

    /// Returns the instants among them that are written as INT96.
    pub(super) fn int96(&self, places: &[usize]) -> Vec<usize> {
        places.iter().copied().filter(|place| self.columns[*place].is_int96()).collect()
    }

    /// Returns the elements in a batch of records; none without `rows`.
    pub fn elements(&self, batch: &StructArray) -> Result<Option<Elements>> {
        let Some(list) = &self.list else { return Ok(None) };
        let (array, nulls) = at(batch, &list.path)?;
        Elements::of(&array, nulls.as_ref()).map(Some)
    }
}

impl FileColumn {
    pub(super) fn is_int96(&self) -> bool {
        self.form == Form::Int96
    }

    /// Returns the column's values in a batch of records, or of elements, and where there are none.
    pub fn values(
        &self,
        batch: &StructArray,
        elements: Option<&Elements>,
    ) -> Result<(ArrayRef, Option<NullBuffer>)> {
        match elements {
            Some(elements) if self.in_element && self.path.is_empty() => {
                Ok((elements.values.clone(), elements.values.logical_nulls()))
            }
            Some(elements) if self.in_element => at(elements.values.as_struct(), &self.path),
            _ => at(batch, &self.path),
        }
    }
}

/// Returns the value at a path, null where a struct on the way is.
fn at(batch: &StructArray, path: &[String]) -> Result<(ArrayRef, Option<NullBuffer>)> {
    let lost = || Error::failed(format!("the Parquet file lost its column `{}`", path.join(".")));
    let mut nulls = batch.nulls().cloned();
    let mut here = batch.clone();
    for (depth, name) in path.iter().enumerate() {
        let array = here.column_by_name(name).ok_or_else(lost)?.clone();
        nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
        if depth + 1 == path.len() {
            return Ok((array, nulls));
        }
        here = array.as_struct_opt().ok_or_else(lost)?.clone();
    }
    Err(lost())
}

/// The elements of the lists in a batch.
pub struct Elements {
    values: ArrayRef,
    /// By record.
    ranges: Vec<Range<usize>>,
}

impl Elements {
    fn of(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<Self> {
        let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
        let range = |row: usize, range: Range<usize>| if is_null(row) { 0..0 } else { range };
        let doing = "read the lists of elements";
        let (values, ranges) = match array.data_type() {
            DataType::Map(..) => {
                let map = array.as_map();
                let ends = map.offsets().windows(2).map(|pair| pair[0] as usize..pair[1] as usize);
                (Arc::new(map.entries().clone()) as ArrayRef, ends.collect::<Vec<_>>())
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let ends = list.offsets().windows(2).map(|pair| pair[0] as usize..pair[1] as usize);
                (list.values().clone(), ends.collect())
            }
            DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element)
            | DataType::FixedSizeList(element, _) => {
                let list = cast(array, &DataType::List(element.clone())).doing(doing)?;
                return Elements::of(&list, nulls);
            }
            other => return Err(Error::failed(format!("expected a list, found {other}"))),
        };
        let ranges = ranges.into_iter().enumerate().map(|(row, ends)| range(row, ends)).collect();
        Ok(Elements { values, ranges })
    }

    pub fn range(&self, row: usize) -> Range<usize> {
        self.ranges[row].clone()
    }

    /// Returns whether the element exists.
    pub fn is_null(&self, element: usize) -> bool {
        self.values.is_null(element)
    }
}

/// On the way through the fields of a file.
struct Walk<'s> {
    /// What is declared or ignored.
    names: Vec<&'s str>,
    rows: Option<&'s str>,
    file: &'s SchemaDescriptor,
    /// The next leaf.
    leaf: usize,
    found: FileColumns,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &Fields, path: &[String], in_element: bool) -> Result<()> {
        fields.iter().try_for_each(|field| self.field(field, path, in_element))
    }

    fn field(&mut self, field: &FieldRef, path: &[String], in_element: bool) -> Result<()> {
        let path: Vec<String> = path.iter().chain([field.name()]).cloned().collect();
        let in_record = path.iter().map(|name| plain(name)).collect::<Vec<_>>().join(".");
        let around = self.rows.is_some() && !in_element;
        if around && self.rows == Some(in_record.as_str()) {
            return self.list(field, path);
        }
        let name = if around { format!("$.{in_record}") } else { in_record.clone() };
        let below = |names: &[&str], name: &str| {
            names.iter().any(|n| n.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
        };
        let goes_in = (!self.names.contains(&name.as_str()) && below(&self.names, &name))
            || (around && self.rows.is_some_and(|rows| below(&[rows], &in_record)));
        if let DataType::Struct(fields) = field.data_type()
            && goes_in
        {
            return self.fields(fields, &path, in_element);
        }
        let leaves = self.step_over(field.data_type());
        if !around || self.names.contains(&name.as_str()) {
            self.push(name, field, path, leaves, in_element);
        }
        Ok(())
    }

    fn list(&mut self, field: &FieldRef, path: Vec<String>) -> Result<()> {
        let start = self.leaf;
        let element = match field.data_type() {
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element)
            | DataType::FixedSizeList(element, _)
            | DataType::Map(element, _) => element.clone(),
            other => {
                return Err(Error::failed(format!(
                    "the column `{}`, whose elements are the rows, is {other}, not a list",
                    path.join(".")
                )));
            }
        };
        match element.data_type() {
            DataType::Struct(fields) => self.fields(fields, &[], true)?,
            other => {
                let leaves = self.step_over(other);
                self.push("@".to_owned(), &element, Vec::new(), leaves, true);
            }
        }
        let is_map = matches!(field.data_type(), DataType::Map(..));
        self.found.list = Some(List { path, leaves: start..self.leaf, is_map });
        Ok(())
    }

    fn push(
        &mut self,
        name: String,
        field: &FieldRef,
        path: Vec<String>,
        leaves: Range<usize>,
        in_element: bool,
    ) {
        let mut form = Form::Plain;
        if leaves.len() == 1 && !field.data_type().is_nested() {
            let leaf = self.file.column(leaves.start);
            let extension = field.metadata().get("ARROW:extension:name").map(String::as_str);
            if leaf.logical_type_ref() == Some(&LogicalType::Uuid) || extension == Some("arrow.uuid") {
                form = Form::Uuid;
            } else if leaf.physical_type() == PhysicalType::INT96 {
                form = Form::Int96;
            }
        }
        let data_type = field.data_type().clone();
        self.found.columns.push(FileColumn { name, data_type, form, in_element, path, leaves });
    }

    fn step_over(&mut self, data_type: &DataType) -> Range<usize> {
        let start = self.leaf;
        self.leaf += leaves(data_type);
        start..self.leaf
    }
}

/// Returns how many leaves a type has in Parquet.
fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _)
        | DataType::Map(element, _) => leaves(element.data_type()),
        _ => 1,
    }
}

/// Returns the schema with every INT96 as an instant of this unit, in UTC; none where there is no INT96.
pub(super) fn coerced(schema: &Schema, file: &SchemaDescriptor, unit: TimeUnit) -> Option<Schema> {
    file.columns().iter().any(|leaf| leaf.physical_type() == PhysicalType::INT96).then(|| {
        let mut leaf = 0;
        let fields = schema.fields().iter().map(|field| coerced_field(field, file, unit, &mut leaf));
        Schema::new_with_metadata(fields.collect::<Fields>(), schema.metadata().clone())
    })
}

fn coerced_field(field: &FieldRef, file: &SchemaDescriptor, unit: TimeUnit, leaf: &mut usize) -> FieldRef {
    let mut inner = |field: &FieldRef| coerced_field(field, file, unit, leaf);
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(element) => DataType::List(inner(element)),
        DataType::LargeList(element) => DataType::LargeList(inner(element)),
        DataType::ListView(element) => DataType::ListView(inner(element)),
        DataType::LargeListView(element) => DataType::LargeListView(inner(element)),
        DataType::FixedSizeList(element, length) => DataType::FixedSizeList(inner(element), *length),
        DataType::Map(element, sorted) => DataType::Map(inner(element), *sorted),
        other => {
            *leaf += 1;
            match file.column(*leaf - 1).physical_type() {
                PhysicalType::INT96 => DataType::Timestamp(unit, Some("UTC".into())),
                _ => other.clone(),
            }
        }
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone()))
}

/// Returns a hint how to read a column whose type fits no declared type.
pub(in crate::source) fn reading_hint(column: &FileColumn, unfolded: bool) -> String {
    let name = &column.name;
    match &column.data_type {
        DataType::Struct(fields) => {
            let first = fields.first().map_or("…", |field| field.name().as_str());
            format!("read the values in it by their path, for example from = \"{name}.{first}\"")
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Map(..)
            if !unfolded && matches!(row_place(true, name), RowPlace::Element(_)) =>
        {
            format!("read its elements with another source over the same files, with rows = \"{name}\"")
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            "export it as a number, for example of seconds".to_owned()
        }
        _ => "export it as plain columns".to_owned(),
    }
}
