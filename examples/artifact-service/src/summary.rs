//! What a table of CSV holds.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A summary of a table.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// How many rows it has.
    pub rows: u64,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
}

/// A summary of a column.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// How many of its fields are empty.
    pub empty: u64,
    /// What its numbers are like; null when it has anything else than numbers.
    pub numbers: Option<Numbers>,
}

/// What numbers are like.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Numbers {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Numbers {
    fn add(&mut self, number: f64) {
        self.count += 1;
        // So that a sum cannot overflow.
        self.mean += (number - self.mean) / self.count as f64;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }
}

/// Reads a table whose first row has the names of the columns.
///
/// # Errors
///
/// When it is not CSV, with the line.
pub fn summarize(table: impl Read) -> Result<Summary, csv::Error> {
    let mut reader = csv::Reader::from_reader(table);
    let mut columns: Vec<Column> = reader
        .headers()?
        .iter()
        .map(|name| Column {
            name: name.to_owned(),
            empty: 0,
            numbers: Some(Numbers {
                count: 0,
                mean: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
            }),
        })
        .collect();
    let mut rows = 0;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        rows += 1;
        for (column, field) in columns.iter_mut().zip(&record) {
            match (field.trim(), &mut column.numbers) {
                ("", _) => column.empty += 1,
                (text, Some(numbers)) => {
                    match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
                        Some(number) => numbers.add(number),
                        None => column.numbers = None,
                    }
                }
                _ => {}
            }
        }
    }
    for column in &mut columns {
        column.numbers = column.numbers.filter(|numbers| numbers.count > 0);
    }
    Ok(Summary { rows, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_text() {
        let summary = summarize("a,b,c,d\n1,x,,\n3,2,,5\n".as_bytes()).expect("it is CSV");
        assert_eq!(summary.rows, 2);
        let numbers: Vec<Option<f64>> = summary
            .columns
            .iter()
            .map(|column| column.numbers.map(|numbers| numbers.mean))
            .collect();
        assert_eq!(numbers, [Some(2.0), None, None, Some(5.0)]);
        assert_eq!(summary.columns[2].empty, 2);
    }

    #[test]
    fn what_is_not_a_table_is_an_error() {
        assert!(summarize("a,b\n1\n".as_bytes()).is_err());
    }
}
