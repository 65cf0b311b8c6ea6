//! The values that a column of jobs has, found without reading all jobs.

/// SQL that begins with the values of a column, in their order and each once, as `name` of `found`: `… SELECT name FROM found WHERE name IS NOT NULL`.
/// Reads one entry of an index for each, if there is an index by this column for `which`. `first` says more of where they begin.
///
/// Written with `LIMIT 1` and not with `MIN`: as long as PostgreSQL has no statistics of many new jobs, it reads all of them for that.
pub(super) fn distinct_values(column: &str, which: &str, first: &str) -> String {
    let next = |further: &str| {
        format!(
            "(SELECT {column} FROM tasks_jobs WHERE {which} AND {column} IS NOT NULL {further} ORDER BY {column} LIMIT 1)"
        )
    };
    format!(
        "WITH RECURSIVE found(name) AS (SELECT {first} UNION ALL SELECT {others} FROM found WHERE name IS NOT NULL)",
        first = next(first),
        others = next(&format!("AND {column} > found.name"))
    )
}
