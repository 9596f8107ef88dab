//! Between JSON and the values of scripts.

use mission_core::mission::{FieldValue, json_number};
use rhai::{Array, Dynamic, ImmutableString, Map};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::Value;

/// A JSON value as a script sees it: whole numbers of 64 bits are whole, others are exact decimals. A number of more
/// digits than a decimal holds (28) reads as `()`, as it does for declarative rules.
pub(crate) fn from_json(json: &Value) -> Dynamic {
    match json {
        Value::Null => Dynamic::UNIT,
        Value::Bool(yes) => Dynamic::from_bool(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Dynamic::from_int(whole),
            None => json_number(number).map_or(Dynamic::UNIT, from_number),
        },
        Value::String(text) => Dynamic::from(ImmutableString::from(text.as_str())),
        Value::Array(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
        Value::Object(fields) => Dynamic::from_map(from_object(fields)),
    }
}

/// A JSON object as a script sees it.
pub(crate) fn from_object(fields: &serde_json::Map<String, Value>) -> Map {
    fields
        .iter()
        .map(|(key, value)| (key.as_str().into(), from_json(value)))
        .collect()
}

/// A field of the rule context as a script sees it.
pub(crate) fn from_field(field: FieldValue<'_>) -> Dynamic {
    match field {
        FieldValue::Bool(yes) => Dynamic::from_bool(yes),
        FieldValue::Number(number) => from_number(number),
        FieldValue::Text(text) => Dynamic::from(ImmutableString::from(text.as_ref())),
        FieldValue::Texts(texts) => Dynamic::from_array(
            texts
                .iter()
                .map(|text| ImmutableString::from(text.as_str()).into())
                .collect(),
        ),
        FieldValue::List(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
        FieldValue::Object(fields) => Dynamic::from_map(from_object(fields)),
    }
}

fn from_number(number: Decimal) -> Dynamic {
    match number.to_i64() {
        Some(whole) if number.is_integer() => Dynamic::from_int(whole),
        _ => Dynamic::from_decimal(number),
    }
}

/// What a script gave, as JSON with exact digits.
///
/// # Errors
/// Names the value that JSON has no form for.
pub(crate) fn to_json(value: &Dynamic) -> Result<Value, String> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(yes) = value.as_bool() {
        return Ok(Value::Bool(yes));
    }
    if let Ok(whole) = value.as_int() {
        return Ok(Value::from(whole));
    }
    if let Ok(number) = value.as_decimal() {
        return match number.normalize().to_string().parse::<serde_json::Number>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Err(format!("the number {number} has no JSON form")),
        };
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Value::String(letter.to_string()));
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(Value::String(text.to_string()));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items
            .iter()
            .map(to_json)
            .collect::<Result<_, _>>()
            .map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        let fields = map
            .iter()
            .map(|(key, value)| Ok((key.to_string(), to_json(value)?)));
        return fields.collect::<Result<_, String>>().map(Value::Object);
    }
    Err(format!(
        "a value of type `{}` has no JSON form",
        value.type_name()
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<u64>().prop_map(|n| n.to_string()),
            (any::<i64>(), 1_u32..19)
                .prop_map(|(digits, scale)| { Decimal::new(digits, scale).normalize().to_string() }),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number.prop_map(|text| Value::Number(text.parse().unwrap())),
            ".*".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(".*", inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_comes_out_as_it_went_in(json in any_json()) {
            prop_assert_eq!(to_json(&from_json(&json)), Ok(json));
        }
    }

    #[test]
    fn numbers_are_whole_where_they_can_be() {
        for (text, whole) in [
            ("3", true),
            ("3.0", true),
            ("-9223372036854775808", true),
            ("9223372036854775808", false),
            ("3.5", false),
            ("1e2", true),
        ] {
            let value = from_json(&serde_json::from_str(text).unwrap());
            assert_eq!(value.is_int(), whole, "{text}");
            assert_eq!(value.is_decimal(), !whole, "{text}");
        }
        for beyond in ["1e400", "1e29", "99999999999999999999999999999999999"] {
            assert!(
                from_json(&serde_json::from_str(beyond).unwrap()).is_unit(),
                "{beyond}"
            );
        }
    }
}
