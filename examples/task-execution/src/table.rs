//! Describes tables: what is in a CSV file.

use std::collections::BTreeMap;
use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a table holds.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TableSummary {
    /// How many rows it has, without the header.
    pub rows: u64,
    /// The names of its columns, in order.
    pub columns: Vec<String>,
    /// Statistics of the columns that hold numbers only.
    pub summary: BTreeMap<String, ColumnSummary>,
}

/// Statistics of a column of numbers. Empty cells do not count.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ColumnSummary {
    /// How many numbers there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, as that of a sample; null for a single number.
    pub std: Option<f64>,
    /// The smallest.
    pub min: f64,
    /// A quarter of them is smaller; interpolated linearly.
    pub q25: f64,
    /// The median.
    pub q50: f64,
    /// A quarter of them is larger.
    pub q75: f64,
    /// The largest.
    pub max: f64,
}

/// Why a table cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not CSV, or cannot be read.
    #[error("the table cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// Two columns have one name.
    #[error("two columns are named `{0}`")]
    DuplicateColumn(String),
}

/// Describes a table of comma-separated values with a header.
///
/// # Errors
///
/// When it is not such a table: rows of different lengths, text that is not UTF-8, two columns of one name.
pub fn describe(reader: impl Read) -> Result<TableSummary, TableError> {
    let mut csv = csv::Reader::from_reader(reader);
    let columns: Vec<String> = csv.headers()?.iter().map(str::to_owned).collect();
    for (index, name) in columns.iter().enumerate() {
        if columns[..index].contains(name) {
            return Err(TableError::DuplicateColumn(name.clone()));
        }
    }
    // `None` from the first cell on that is no number.
    let mut numbers: Vec<Option<Vec<f64>>> = vec![Some(Vec::new()); columns.len()];
    let mut rows = 0;
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record)? {
        rows += 1;
        for (column, cell) in numbers.iter_mut().zip(&record) {
            let Some(values) = column else { continue };
            match cell.trim() {
                "" => {}
                cell => match cell.parse::<f64>() {
                    Ok(number) if number.is_finite() => values.push(number),
                    _ => *column = None,
                },
            }
        }
    }
    let summary = columns
        .iter()
        .zip(numbers)
        .filter_map(|(name, values)| Some((name.clone(), ColumnSummary::of(values?)?)))
        .collect();
    Ok(TableSummary {
        rows,
        columns,
        summary,
    })
}

impl ColumnSummary {
    /// `None` when there are no numbers.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a table with 2^52 rows does not fit into memory"
    )]
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            count: values.len() as u64,
            mean,
            std: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            min,
            q25: quantile(&values, 0.25),
            q50: quantile(&values, 0.5),
            q75: quantile(&values, 0.75),
            max,
        })
    }
}

/// A quantile of sorted numbers, of which there is at least one.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in a list"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn numbers_are_described_and_words_are_not() {
        let table = describe("a,b,word\n1,,x\n2,5,y\n3,,z\n4,,z\n".as_bytes()).unwrap();
        assert_eq!(table.rows, 4);
        assert_eq!(table.columns, ["a", "b", "word"]);
        assert_eq!(table.summary.keys().collect::<Vec<_>>(), ["a", "b"]);
        let a = &table.summary["a"];
        assert_eq!(
            (a.count, a.mean, a.min, a.q25, a.q50, a.q75, a.max),
            (4, 2.5, 1.0, 1.75, 2.5, 3.25, 4.0)
        );
        assert!(close(a.std.unwrap(), (5.0_f64 / 3.0).sqrt()));
        let b = &table.summary["b"];
        assert_eq!((b.count, b.mean, b.std, b.q25), (1, 5.0, None, 5.0));
    }

    #[test]
    fn empty_tables_are_tables() {
        let table = describe("a,b\n".as_bytes()).unwrap();
        assert_eq!(
            (table.rows, table.columns.len(), table.summary.len()),
            (0, 2, 0)
        );
        assert_eq!(
            describe("".as_bytes()).unwrap().columns,
            Vec::<String>::new()
        );
    }

    /// The expected values are those of Python's `statistics` module.
    #[test]
    fn the_weather_of_seattle() {
        let file = std::fs::File::open(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/data/seattle-weather.csv"
        ))
        .unwrap();
        let table = describe(file).unwrap();
        assert_eq!(table.rows, 1461);
        assert_eq!(
            table.columns,
            [
                "date",
                "precipitation",
                "temp_max",
                "temp_min",
                "wind",
                "weather"
            ]
        );
        assert_eq!(table.summary.len(), 4);
        let temp_max = &table.summary["temp_max"];
        assert!(close(temp_max.mean, 16.43908281998631), "{}", temp_max.mean);
        assert!(
            close(temp_max.std.unwrap(), 7.349758097360177),
            "{:?}",
            temp_max.std
        );
        assert_eq!(
            (
                temp_max.min,
                temp_max.q25,
                temp_max.q50,
                temp_max.q75,
                temp_max.max
            ),
            (-1.6, 10.6, 15.6, 22.2, 35.6)
        );
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let ragged = describe("a,b\n1,2\n3\n".as_bytes())
            .unwrap_err()
            .to_string();
        assert!(ragged.contains("line: 3"), "{ragged}");
        let binary = describe(&b"a,b\n1,\xff\n"[..]).unwrap_err().to_string();
        assert!(binary.contains("line 2"), "{binary}");
        let twice = describe("a,a\n1,2\n".as_bytes()).unwrap_err().to_string();
        assert!(twice.contains("`a`"), "{twice}");
    }
}
