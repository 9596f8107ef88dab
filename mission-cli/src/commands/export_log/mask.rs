//! A log without what leads back to a person, which replays to the same sums.
//!
//! What is replaced is replaced by a hash under a secret key: the same by the same, so that who is whose friend, what
//! counts once and what was shown twice stay as they are.

mod key;
mod words;

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use mission_core::{
    UserId,
    task::{ClickData, Evidence, EvidenceType},
    user::{InviteCode, UserUpdate},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(super) use key::MaskKey;
pub(super) use words::Words;

/// Masks the lines of one log.
pub(super) struct Mask {
    key: MaskKey,
    /// The texts that stay.
    words: Words,
    /// The invite codes of the log's users, with the codes of those who stand for them.
    invite_codes: HashMap<InviteCode, InviteCode>,
}

/// The attributes of a line that rules or the replay read. Others are left out.
const ATTRIBUTES: [&str; 8] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "recordedtime",
    "data",
];

impl Mask {
    /// A mask for these lines.
    pub(super) fn new(key: MaskKey, words: Words, lines: &[Value]) -> Mask {
        let mut mask = Mask {
            key,
            words,
            invite_codes: HashMap::new(),
        };
        lines.iter().for_each(|line| mask.note_codes(line));
        mask
    }

    /// Any user whom the log names may have handed out an invite code.
    fn note_codes(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                if let Ok(id) = text.parse::<Uuid>() {
                    let pseudonym = UserId(self.pseudonym(id));
                    self.invite_codes
                        .insert(InviteCode::of(UserId(id)), InviteCode::of(pseudonym));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.note_codes(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.note_codes(field)),
            _ => {}
        }
    }

    /// A line without what leads back to a person.
    pub(super) fn line(&self, line: Value) -> Value {
        let Value::Object(mut line) = line else {
            return Value::Null;
        };
        line.retain(|name, _| ATTRIBUTES.contains(&name.as_str()));
        let kind = line
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        for (name, value) in &mut line {
            match (name.as_str(), value) {
                ("id", Value::String(id)) => *id = self.hashed("id", id),
                ("subject" | "source", Value::String(text)) => *text = self.text(text),
                ("data", Value::Object(data)) => self.data(&kind, data),
                _ => {}
            }
        }
        Value::Object(line)
    }

    fn data(&self, kind: &str, data: &mut Map<String, Value>) {
        match kind {
            "checkin" | "task.start" | "task.progress" | "task.complete" | "task.claim" => {}
            "task.upload" => {
                if let Some(Value::String(file)) = data.get_mut("file") {
                    *file = self.hashed("file", file);
                }
            }
            "review.decided" => drop(data.remove("note")),
            "task.evidence" => {
                let mission = data.remove("mission");
                let shown = serde_json::from_value::<Evidence>(Value::Object(std::mem::take(data)));
                if let Ok(Value::Object(masked)) =
                    shown.and_then(|shown| serde_json::to_value(self.evidence(&shown)))
                {
                    *data = masked;
                }
                data.extend(mission.map(|code| ("mission".to_owned(), code)));
            }
            UserUpdate::EVENT => {
                if let Some(attributes) = data.get_mut("attributes") {
                    self.value(attributes);
                }
            }
            _ => self.fields(data),
        }
    }

    /// What a user showed; what makes it valid stays.
    fn evidence(&self, shown: &Evidence) -> Evidence {
        let content = shown.unique_content();
        let screenshot = |address: &String| match content {
            // However it was spelled.
            Some(content) => self.address(&HEXLOWER.encode(&content)),
            None => self.address(address),
        };
        let data = match shown.evidence_type {
            EvidenceType::WatchDuration => shown.data.clone(),
            EvidenceType::ClickData => match serde_json::from_str::<ClickData>(&shown.data) {
                Ok(click) => {
                    json!({"url": self.address(&click.url), "clicked_at": click.clicked_at}).to_string()
                }
                Err(_) => self.text(&shown.data),
            },
            EvidenceType::UploadedContent | EvidenceType::SocialProof | EvidenceType::InviteCode => {
                self.text(&shown.data)
            }
        };
        Evidence {
            evidence_type: shown.evidence_type,
            data,
            screenshot_url: shown.screenshot_url.as_ref().map(screenshot),
            video_url: shown.video_url.as_deref().map(|address| self.address(address)),
            captured_at: shown.captured_at,
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => self.fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>) {
        for (name, mut value) in std::mem::take(fields) {
            self.value(&mut value);
            let name = match name.parse::<Uuid>() {
                Ok(id) => self.pseudonym(id).to_string(),
                Err(_) => name,
            };
            fields.insert(name, value);
        }
    }

    /// Ids by ids, invite codes by invite codes, what the pack itself says by itself, and all else by a hash.
    fn text(&self, text: &str) -> String {
        if text.is_empty() || self.words.has(text) {
            return text.to_owned();
        }
        if let Ok(id) = text.parse::<Uuid>() {
            return self.pseudonym(id).to_string();
        }
        if let Some(code) = self.invite_codes.get(&InviteCode::typed(text)) {
            return code.to_string();
        }
        self.hashed("text", text)
    }

    fn address(&self, address: &str) -> String {
        format!("https://masked.invalid/{}", self.hashed("address", address))
    }

    fn pseudonym(&self, id: Uuid) -> Uuid {
        let hash = self.key.hash("id of a user or a thing", id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    fn hashed(&self, purpose: &str, text: &str) -> String {
        let hash = self.key.hash(purpose, text.as_bytes());
        HEXLOWER.encode(&hash[..16])
    }
}
