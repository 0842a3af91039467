//! Filters as SQL conditions that are *necessary*: every row that matches fulfils them, some others
//! may too.
//!
//! [`Filter::matches`] decides about each row that the database lets through, so both databases
//! agree with the definition by construction, whatever their own rules about JSON are. The SQL only
//! keeps rows away that cannot match:
//!
//! * SQLite holds the metadata as the compact JSON text that this program wrote, and searches it
//!   for the texts that a matching object must contain (`"brand":` and `"acme"`). One pass over the
//!   collection's records, at the speed of a text search; only candidates are parsed.
//! * Postgres holds JSONB and is asked for containment (`{"brand": "acme"}` or `{"brand":
//!   ["acme"]}`), which its GIN index on the metadata answers without reading the other rows.
//!
//! Equality (`eq`, `in`) narrows well; ranges and prefixes narrow to the records that have the
//! field (in SQLite prefixes further); `not` and `exists: false` do not narrow at all and cost a
//! parse of every record of the collection.

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder, Sqlite};

use crate::domain::{Condition, Filter};

/// The longest `in` list that is spelt out in SQL; longer ones narrow to the records that have the
/// field.
const MAX_ALTERNATIVES: usize = 64;

/// Appends the condition for SQLite.
pub(super) fn push_sqlite(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    push(query, filter, &sqlite_leaf);
}

/// Appends the condition for Postgres.
pub(super) fn push_postgres(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    push(query, filter, &postgres_leaf);
}

type Leaf<DB> = dyn Fn(&mut QueryBuilder<DB>, &[String], &Condition);

fn push<DB: sqlx::Database>(query: &mut QueryBuilder<DB>, filter: &Filter, leaf: &Leaf<DB>) {
    match filter {
        Filter::All(parts) => push_group(query, parts, " AND ", "TRUE", leaf),
        Filter::Any(parts) => push_group(query, parts, " OR ", "FALSE", leaf),
        // What is necessary for a part says nothing about its negation.
        Filter::Not(_) | Filter::Field { condition: Condition::Exists(false), .. } => {
            query.push("TRUE");
        }
        Filter::Field { path, condition } => leaf(query, path, condition),
    }
}

fn push_group<DB: sqlx::Database>(
    query: &mut QueryBuilder<DB>,
    parts: &[Filter],
    join: &str,
    empty: &str,
    leaf: &Leaf<DB>,
) {
    if parts.is_empty() {
        query.push(empty);
        return;
    }
    query.push("(");
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            query.push(join);
        }
        push(query, part, leaf);
    }
    query.push(")");
}

fn sqlite_leaf(query: &mut QueryBuilder<Sqlite>, path: &[String], condition: &Condition) {
    query.push("(");
    for (i, key) in path.iter().enumerate() {
        query.push(if i > 0 { " AND instr(metadata, " } else { "instr(metadata, " });
        query.push_bind(format!("{}:", json!(key))).push(") > 0");
    }
    let needles = match condition {
        Condition::Prefix(prefix) => {
            let mut quoted = json!(prefix).to_string();
            quoted.pop();
            Some(vec![quoted])
        }
        Condition::Eq(_) | Condition::In(_) => {
            alternatives(condition).map(|values| values.iter().map(text_of).collect())
        }
        Condition::Gt(_) | Condition::Gte(_) | Condition::Lt(_) | Condition::Lte(_) | Condition::Exists(_) => None,
    };
    if let Some(needles) = needles {
        query.push(" AND (FALSE");
        for needle in needles {
            query.push(" OR instr(metadata, ").push_bind(needle).push(") > 0");
        }
        query.push(")");
    }
    query.push(")");
}

fn postgres_leaf(query: &mut QueryBuilder<Postgres>, path: &[String], condition: &Condition) {
    let nested = |value: Value| Json(path.iter().rev().fold(value, |inner, key| json!({ key: inner })));
    match alternatives(condition) {
        Some(values) => {
            query.push("(FALSE");
            for value in values {
                query.push(" OR metadata @> ").push_bind(nested(value.clone()));
                query.push(" OR metadata @> ").push_bind(nested(json!([value])));
            }
            query.push(")");
        }
        None => {
            query.push("(metadata #> ").push_bind(path.to_vec()).push(") IS NOT NULL");
        }
    }
}

/// The values of which a matching field (or an element of it) must be one; `None` when that cannot
/// be said in SQL.
fn alternatives(condition: &Condition) -> Option<&[Value]> {
    let values = match condition {
        Condition::Eq(value) => std::slice::from_ref(value),
        Condition::In(values) => values.as_slice(),
        Condition::Gt(_)
        | Condition::Gte(_)
        | Condition::Lt(_)
        | Condition::Lte(_)
        | Condition::Prefix(_)
        | Condition::Exists(_) => return None,
    };
    (values.len() <= MAX_ALTERNATIVES && values.iter().all(has_one_spelling)).then_some(values)
}

/// Whether equal values are equal in SQL, too. Filters compare numbers as 64-bit floats: from 2^53
/// on several integers equal one float, and the databases know them apart.
fn has_one_spelling(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.as_f64().is_some_and(|float| float.abs() < 9_007_199_254_740_992.0),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A text that is found in the compact JSON of everything that equals the value: `3` in `3` and in
/// `3.0`.
fn text_of(value: &Value) -> String {
    match value.as_f64() {
        #[allow(clippy::cast_possible_truncation)]
        Some(float) if float.fract() == 0.0 => (float as i64).to_string(),
        Some(_) | None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FilterLimits;

    fn sql(filter: Value) -> (String, String) {
        let filter = Filter::parse(&filter, FilterLimits::default()).expect("valid");
        let mut sqlite = QueryBuilder::new("");
        push_sqlite(&mut sqlite, &filter);
        let mut postgres = QueryBuilder::new("");
        push_postgres(&mut postgres, &filter);
        (sqlite.into_string(), postgres.into_string())
    }

    #[test]
    fn equality_narrows_in_both_databases() {
        assert_eq!(
            sql(json!({"field": "maker.name", "eq": "acme"})),
            (
                "(instr(metadata, ?) > 0 AND instr(metadata, ?) > 0 AND (FALSE OR instr(metadata, ?) > 0))".to_owned(),
                "(FALSE OR metadata @> $1 OR metadata @> $2)".to_owned()
            )
        );
    }

    #[test]
    fn what_a_user_writes_is_bound_and_never_part_of_the_statement() {
        let nasty = "'; DROP TABLE images; --";
        for filter in [
            json!({"field": nasty, "eq": nasty}),
            json!({"field": nasty, "prefix": nasty}),
            json!({"field": nasty, "gt": nasty}),
            json!({"field": nasty, "in": [nasty, 1]}),
        ] {
            let (sqlite, postgres) = sql(filter);
            assert!(!sqlite.contains("DROP") && !postgres.contains("DROP"), "{sqlite} {postgres}");
        }
    }

    #[test]
    fn a_negation_and_an_absence_do_not_narrow() {
        for filter in [json!({"not": {"field": "a", "eq": 1}}), json!({"field": "a", "exists": false})] {
            assert_eq!(sql(filter), ("TRUE".to_owned(), "TRUE".to_owned()));
        }
    }

    #[test]
    fn empty_groups_match_everything_or_nothing() {
        assert_eq!(sql(json!({"all": []})).0, "TRUE");
        assert_eq!(sql(json!({"any": []})).1, "FALSE");
    }

    #[test]
    fn numbers_that_floats_cannot_tell_apart_are_left_to_the_definition() {
        assert!(!has_one_spelling(&json!(9_007_199_254_740_993_i64)));
        assert!(!has_one_spelling(&json!(-1e300)));
        assert!(has_one_spelling(&json!(-9_007_199_254_740_991_i64)));
        assert_eq!(text_of(&json!(-0.0)), "0");
        assert_eq!(text_of(&json!(3.0)), "3");
        assert_eq!(text_of(&json!(1e-7)), "1e-7");
    }
}
