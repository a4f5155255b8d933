//! Charts, as inline SVG: geometry alone, no data of the warehouse.
//!
//! ```text
//! axis          round numbers that span what is shown
//! label_place   names beside marks that never cover each other
//! bar           a bar in a table cell: a share, or a number around zero
//! interval      a promise with its band, and what came, in a table cell
//! waterfall     floating bars in table cells, from one level to the next
//! lines         lines over a number or over months
//! columns       stacked columns around zero
//! sparkline     the course of a figure, in a line of text
//! ```
//!
//! Each chart leaves out what is not finite, and places are rounded, so that the same figures give the same bytes.

pub(super) mod axis;
pub(super) mod bar;
pub(super) mod columns;
pub(super) mod interval;
mod label_place;
pub(super) mod lines;
pub(super) mod sparkline;
pub(super) mod waterfall;

/// Returns a place in a chart, to a tenth of its unit; never a negative zero.
fn place(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}
