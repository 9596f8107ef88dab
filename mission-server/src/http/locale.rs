//! Which language a reader wants: `?lang=` before `Accept-Language`.

use axum::http::{HeaderMap, header};
use mission_core::mission::LocalizedText;
use serde::Serialize;
use utoipa::ToSchema;

/// The languages that a reader wants, best first; or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Locale {
    /// The whole map of every text (`?lang=*`).
    All,
    /// These tags, best first.
    Wanted(Vec<String>),
}

/// A text in one language, or in all.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Text {
    /// In the language that was picked.
    One(String),
    /// By language tag.
    All(std::collections::BTreeMap<String, String>),
}

impl Locale {
    /// From the query parameter and the header.
    pub(super) fn of(lang: Option<&str>, headers: &HeaderMap) -> Self {
        match lang {
            Some("*") => Locale::All,
            Some(tag) => Locale::Wanted(vec![tag.to_owned()]),
            None => Locale::Wanted(accepted(headers)),
        }
    }

    pub(super) fn text(&self, text: &LocalizedText) -> Text {
        match self {
            Locale::All => Text::All(text.clone().into()),
            Locale::Wanted(tags) => Text::One(text.pick(tags.iter().map(String::as_str)).to_owned()),
        }
    }
}

/// The tags of `Accept-Language` by falling weight; a weight of 0 says no.
fn accepted(headers: &HeaderMap) -> Vec<String> {
    let header = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut tags: Vec<(u16, String)> = header.split(',').take(32).filter_map(weighted).collect();
    tags.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    tags.into_iter().map(|(_, tag)| tag).collect()
}

fn weighted(part: &str) -> Option<(u16, String)> {
    let mut pieces = part.split(';');
    let tag = pieces.next()?.trim();
    let weight = match pieces.find_map(|piece| piece.trim().strip_prefix("q=")) {
        None => 1000,
        Some("1" | "1.0" | "1.00" | "1.000") => 1000,
        Some(text) => {
            let digits = text.strip_prefix("0.").or_else(|| (text == "0").then_some(""))?;
            format!("{digits:0<3}").get(..3)?.parse().ok()?
        }
    };
    (weight > 0 && !tag.is_empty() && tag != "*").then(|| (weight, tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_come_by_falling_weight() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            "de;q=0.5, vi, fr;q=0, en;q=0.75, *;q=0.1".parse().unwrap(),
        );
        let wanted = ["vi", "en", "de"].map(str::to_owned).to_vec();
        assert_eq!(Locale::of(None, &headers), Locale::Wanted(wanted));
        assert_eq!(Locale::of(Some("*"), &headers), Locale::All);
    }
}
