//! The filter language over metadata.
//!
//! ```json
//! {"all": [{"field": "brand", "eq": "acme"}, {"not": {"field": "price", "gte": 100}}]}
//! ```
//!
//! A field is a path of keys separated by dots (`maker.country`). A leaf matches when the value at
//! that path fulfils every condition of the leaf; where the value is an array, when one of its
//! elements does. Numbers compare with numbers (as 64-bit floats), texts with texts (by code
//! point); values of different types never match, and a missing field matches nothing but
//! `"exists": false`. `null` counts as present.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::Metadata;
use super::field::{FieldPath, lookup};

/// Bounds on one filter, so that a request cannot cost more than it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterLimits {
    /// Levels of `all`, `any` and `not`.
    pub max_depth: usize,
    /// Leaves and groups together.
    pub max_nodes: usize,
    /// Values in one `in` list.
    pub max_values: usize,
}

impl Default for FilterLimits {
    fn default() -> Self {
        Self { max_depth: 8, max_nodes: 64, max_values: 256 }
    }
}

/// Why a JSON value is not a filter; the text names the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter at {at}: {reason}")]
pub struct InvalidFilter {
    /// Where, as a path such as `$.all[1].eq`.
    pub at: String,
    /// What is wrong there.
    pub reason: String,
}

/// One test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Equal to this string, number, boolean or null.
    Eq(Value),
    /// Equal to one of these.
    In(Vec<Value>),
    /// Greater than this number or string.
    Gt(Value),
    /// Greater than or equal to it.
    Gte(Value),
    /// Less than it.
    Lt(Value),
    /// Less than or equal to it.
    Lte(Value),
    /// A string that starts with this one.
    Prefix(String),
    /// The field is there (`true`) or is not (`false`).
    Exists(bool),
}

/// A predicate over metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every part matches; an empty list matches everything.
    All(Vec<Filter>),
    /// At least one part matches; an empty list matches nothing.
    Any(Vec<Filter>),
    /// The part does not match.
    Not(Box<Filter>),
    /// One condition on the value at a path of keys.
    Field {
        /// The keys from the outermost inwards; never empty.
        path: Vec<String>,
        /// The condition.
        condition: Condition,
    },
}

impl Filter {
    /// Reads a filter from JSON.
    ///
    /// # Errors
    /// [`InvalidFilter`] names the place and the rule.
    pub fn parse(value: &Value, limits: FilterLimits) -> Result<Self, InvalidFilter> {
        let mut nodes = 0;
        parse(value, "$", 1, &mut nodes, limits)
    }

    /// Whether metadata fulfils the filter. This is the definition; a store's query language must
    /// agree with it.
    #[must_use]
    pub fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|p| p.matches(metadata)),
            Self::Any(parts) => parts.iter().any(|p| p.matches(metadata)),
            Self::Not(part) => !part.matches(metadata),
            Self::Field { path, condition } => {
                let value = lookup(metadata.as_map(), path);
                match (condition, value) {
                    (Condition::Exists(wanted), value) => *wanted == value.is_some(),
                    (_, None) => false,
                    (condition, Some(Value::Array(items))) => items.iter().any(|v| holds(condition, v)),
                    (condition, Some(value)) => holds(condition, value),
                }
            }
        }
    }
}

fn holds(condition: &Condition, value: &Value) -> bool {
    let ordered = |bound: &Value, accept: fn(Ordering) -> bool| compare(value, bound).is_some_and(accept);
    match condition {
        Condition::Eq(wanted) => equal(value, wanted),
        Condition::In(wanted) => wanted.iter().any(|w| equal(value, w)),
        Condition::Gt(bound) => ordered(bound, Ordering::is_gt),
        Condition::Gte(bound) => ordered(bound, Ordering::is_ge),
        Condition::Lt(bound) => ordered(bound, Ordering::is_lt),
        Condition::Lte(bound) => ordered(bound, Ordering::is_le),
        Condition::Prefix(prefix) => value.as_str().is_some_and(|s| s.starts_with(prefix.as_str())),
        Condition::Exists(wanted) => *wanted,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => x == y,
        _ => !a.is_object() && !a.is_array() && a == b,
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => x.partial_cmp(&y),
        _ => Some(a.as_str()?.cmp(b.as_str()?)),
    }
}

fn parse(
    value: &Value,
    at: &str,
    depth: usize,
    nodes: &mut usize,
    limits: FilterLimits,
) -> Result<Filter, InvalidFilter> {
    let fail = |reason: String| InvalidFilter { at: at.to_owned(), reason };
    *nodes += 1;
    if *nodes > limits.max_nodes {
        return Err(fail(format!("more than {} conditions and groups", limits.max_nodes)));
    }
    if depth > limits.max_depth {
        return Err(fail(format!("nested more than {} levels deep", limits.max_depth)));
    }
    let object = value.as_object().ok_or_else(|| fail("must be an object".to_owned()))?;
    if object.contains_key("field") {
        return parse_leaf(object, at, nodes, limits);
    }
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        return Err(fail("must have exactly one of all, any, not, or a field with a condition".to_owned()));
    };
    let inner_at = format!("{at}.{key}");
    let mut group = || -> Result<Vec<Filter>, InvalidFilter> {
        let items = inner
            .as_array()
            .ok_or_else(|| InvalidFilter { at: inner_at.clone(), reason: "must be a list of filters".to_owned() })?;
        items
            .iter()
            .enumerate()
            .map(|(i, item)| parse(item, &format!("{inner_at}[{i}]"), depth + 1, nodes, limits))
            .collect()
    };
    match key.as_str() {
        "all" => Ok(Filter::All(group()?)),
        "any" => Ok(Filter::Any(group()?)),
        "not" => Ok(Filter::Not(Box::new(parse(inner, &inner_at, depth + 1, nodes, limits)?))),
        other => Err(fail(format!("unknown key {other:?}; use all, any, not or field"))),
    }
}

fn parse_leaf(
    object: &Map<String, Value>,
    at: &str,
    nodes: &mut usize,
    limits: FilterLimits,
) -> Result<Filter, InvalidFilter> {
    let fail = |place: &str, reason: String| InvalidFilter { at: format!("{at}{place}"), reason };
    let field =
        object.get("field").and_then(Value::as_str).ok_or_else(|| fail(".field", "must be a string".to_owned()))?;
    let path = FieldPath::parse(field).map_err(|error| fail(".field", error.to_string()))?.into_keys();
    let mut leaves = Vec::new();
    for (op, operand) in object.iter().filter(|(key, _)| key.as_str() != "field") {
        let condition = parse_condition(op, operand, limits).map_err(|reason| fail(&format!(".{op}"), reason))?;
        leaves.push(Filter::Field { path: path.clone(), condition });
    }
    *nodes += leaves.len().saturating_sub(1);
    match leaves.len() {
        0 => Err(fail("", "needs a condition: eq, in, gt, gte, lt, lte, prefix or exists".to_owned())),
        1 => Ok(leaves.remove(0)),
        _ => Ok(Filter::All(leaves)),
    }
}

fn parse_condition(op: &str, operand: &Value, limits: FilterLimits) -> Result<Condition, String> {
    let scalar = |v: &Value| {
        if v.is_object() || v.is_array() {
            Err("must be a string, number, boolean or null".to_owned())
        } else if v.as_str().is_some_and(|s| s.contains('\0')) {
            Err("must not contain the character U+0000".to_owned())
        } else {
            Ok(v.clone())
        }
    };
    let ordered = || {
        if operand.is_number() || operand.is_string() {
            scalar(operand)
        } else {
            Err("must be a number or a string".to_owned())
        }
    };
    Ok(match op {
        "eq" => Condition::Eq(scalar(operand)?),
        "in" => {
            let items = operand.as_array().ok_or("must be a list")?;
            if items.len() > limits.max_values {
                return Err(format!("has {} values, {} are allowed", items.len(), limits.max_values));
            }
            Condition::In(items.iter().map(scalar).collect::<Result<_, _>>()?)
        }
        "gt" => Condition::Gt(ordered()?),
        "gte" => Condition::Gte(ordered()?),
        "lt" => Condition::Lt(ordered()?),
        "lte" => Condition::Lte(ordered()?),
        "prefix" => {
            let text = operand.as_str().ok_or("must be a string")?;
            scalar(operand)?;
            Condition::Prefix(text.to_owned())
        }
        "exists" => Condition::Exists(operand.as_bool().ok_or("must be true or false")?),
        other => return Err(format!("unknown condition {other:?}; use eq, in, gt, gte, lt, lte, prefix or exists")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MetadataLimits;
    use serde_json::json;

    fn matches(filter: Value, metadata: Value) -> bool {
        let filter = Filter::parse(&filter, FilterLimits::default()).expect("valid filter");
        let limits = MetadataLimits { max_bytes: 4096, max_depth: 8 };
        filter.matches(&Metadata::new(metadata, limits).expect("valid metadata"))
    }

    #[test]
    fn conditions_compare_values_of_one_type() {
        let m = json!({"n": 3, "s": "abc", "b": true, "z": null, "o": {"x": 1.5}, "t": ["red", 7]});
        for (filter, expected) in [
            (json!({"field": "n", "eq": 3.0}), true),
            (json!({"field": "n", "eq": "3"}), false),
            (json!({"field": "n", "gt": 2, "lt": 4}), true),
            (json!({"field": "n", "gt": 3}), false),
            (json!({"field": "n", "gte": 3, "lte": 3}), true),
            (json!({"field": "n", "gt": "2"}), false),
            (json!({"field": "s", "prefix": "ab"}), true),
            (json!({"field": "s", "gte": "abb"}), true),
            (json!({"field": "s", "in": ["x", "abc"]}), true),
            (json!({"field": "b", "eq": true}), true),
            (json!({"field": "b", "gt": 0}), false),
            (json!({"field": "z", "eq": null}), true),
            (json!({"field": "z", "exists": true}), true),
            (json!({"field": "q", "exists": false}), true),
            (json!({"field": "q", "eq": null}), false),
            (json!({"field": "o.x", "eq": 1.5}), true),
            (json!({"field": "o", "eq": 1.5}), false),
            (json!({"field": "t", "eq": "red"}), true),
            (json!({"field": "t", "gt": 6}), true),
            (json!({"field": "t", "prefix": "bl"}), false),
            (json!({"not": {"field": "q", "eq": 1}}), true),
            (json!({"all": []}), true),
            (json!({"any": []}), false),
            (json!({"any": [{"field": "n", "eq": 1}, {"field": "s", "eq": "abc"}]}), true),
        ] {
            assert_eq!(matches(filter.clone(), m.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn an_invalid_filter_names_its_place() {
        let limits = FilterLimits { max_depth: 3, max_nodes: 5, max_values: 2 };
        for (filter, at) in [
            (json!([]), "$"),
            (json!({}), "$"),
            (json!({"all": 1}), "$.all"),
            (json!({"some": []}), "$"),
            (json!({"all": [{"field": "a", "eq": 1}, {"field": 2}]}), "$.all[1].field"),
            (json!({"field": "a"}), "$"),
            (json!({"field": "a..b", "eq": 1}), "$.field"),
            (json!({"field": "a", "eq": {}}), "$.eq"),
            (json!({"field": "a", "gt": true}), "$.gt"),
            (json!({"field": "a", "in": [1, 2, 3]}), "$.in"),
            (json!({"field": "a", "like": "x"}), "$.like"),
            (json!({"not": {"not": {"not": {"field": "a", "eq": 1}}}}), "$.not.not.not"),
            (json!({"any": [{"all": []}, {"all": []}, {"all": []}, {"all": []}, {"all": []}]}), "$.any[4]"),
        ] {
            assert_eq!(Filter::parse(&filter, limits).map_err(|e| e.at), Err(at.to_owned()), "{filter}");
        }
    }
}
