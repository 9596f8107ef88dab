//! Titles and descriptions in many languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The longest text in characters.
pub const MAX_TEXT_CHARS: usize = 10_000;

/// A text by BCP 47 language tag; at least one, each of 1 to 10,000 characters.
///
/// ```
/// use mission_core::mission::LocalizedText;
/// let title: LocalizedText = serde_json::from_str(r#"{"en":"Watch 3 videos","vi":"Xem 3 video"}"#)?;
/// assert_eq!(title.pick(["vi-VN"]), "Xem 3 video");
/// assert_eq!(title.pick(["fr", "de"]), "Watch 3 videos");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>, example = json!({"en": "Watch 3 videos"})))]
pub struct LocalizedText(
    /// In the order of the tags. A map of its own would take more memory than most texts: there are packs of 100,000 missions.
    Box<[(Box<str>, Box<str>)]>,
);

impl LocalizedText {
    /// A text in English, for tests and single-language services.
    ///
    /// # Errors
    /// When the text is empty or too long.
    pub fn english(text: impl Into<String>) -> Result<Self, String> {
        Self::try_from(BTreeMap::from([("en".to_owned(), text.into())]))
    }

    /// The text in the first of the wanted languages that there is. A tag is cut from the right (`pt-BR`, then
    /// `pt`); after the wanted ones come English, then the first tag in the alphabet.
    #[must_use]
    pub fn pick<'w>(&self, wanted: impl IntoIterator<Item = &'w str>) -> &str {
        wanted
            .into_iter()
            .chain(["en"])
            .find_map(|tag| self.lookup(tag))
            .or_else(|| self.0.first().map(|(_, text)| &**text))
            .unwrap_or_default()
    }

    /// Every language and its text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(tag, text)| (&**tag, &**text))
    }

    fn lookup(&self, tag: &str) -> Option<&str> {
        let mut tag = tag;
        loop {
            if let Some((_, text)) = self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(tag)) {
                return Some(text);
            }
            tag = &tag[..tag.rfind('-')?];
        }
    }
}

fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=8).contains(&primary.len())
        && primary.bytes().all(|c| c.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric()))
}

impl TryFrom<BTreeMap<String, String>> for LocalizedText {
    type Error = String;
    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        if texts.is_empty() {
            return Err("a text needs at least one language, such as { en = \"…\" }".to_owned());
        }
        for (tag, text) in &texts {
            if !is_language_tag(tag) {
                return Err(format!("`{tag}` is not a language tag such as `en` or `pt-BR`"));
            }
            if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS {
                return Err(format!(
                    "the text in `{tag}` must have 1 to {MAX_TEXT_CHARS} characters"
                ));
            }
        }
        let texts = texts.into_iter();
        Ok(Self(texts.map(|(tag, text)| (tag.into(), text.into())).collect()))
    }
}

impl From<LocalizedText> for BTreeMap<String, String> {
    fn from(text: LocalizedText) -> Self {
        let texts = text.0.into_iter();
        texts.map(|(tag, text)| (tag.into(), text.into())).collect()
    }
}
