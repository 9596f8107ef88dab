//! How a service behaves.

use std::{str::FromStr, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// How a service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As agreed.
    Good,
    /// As agreed, so much later.
    Slow(Duration),
    /// With this status.
    Status(u16),
    /// The connection ends in the middle of the answer.
    Cut,
    /// With JSON that was not agreed on.
    WrongJson,
    /// With this many bytes; the length is told beforehand or not.
    Huge(usize, bool),
    /// With a redirect to itself.
    Redirect,
}

impl Mood {
    /// What is answered whatever was asked; `None` where that is what was agreed on.
    pub(crate) async fn answer(self) -> Option<Response> {
        Some(match self {
            Mood::Good => return None,
            Mood::Slow(time) => {
                tokio::time::sleep(time).await;
                return None;
            }
            Mood::Status(status) => StatusCode::from_u16(status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
                .into_response(),
            Mood::Cut => {
                let parts = [
                    Ok(Bytes::from_static(b"{\"users\":[")),
                    Err(std::io::Error::other("cut")),
                ];
                Body::from_stream(futures_util::stream::iter(parts)).into_response()
            }
            Mood::WrongJson => {
                Json(json!({"users": 7, "items": "none", "verdict": "perhaps"})).into_response()
            }
            Mood::Huge(bytes, true) => vec![b' '; bytes].into_response(),
            Mood::Huge(bytes, false) => {
                let part = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1000]));
                let parts = (0..bytes / 1000).map(part);
                Body::from_stream(futures_util::stream::iter(parts)).into_response()
            }
            Mood::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        })
    }
}

impl FromStr for Mood {
    type Err = String;

    /// Reads `good`, `slow:MILLISECONDS`, `status:CODE`, `cut`, `wrong-json`, `huge:BYTES` or `redirect`.
    ///
    /// ```
    /// use mission_neighbours::Mood;
    /// assert_eq!("status:503".parse(), Ok(Mood::Status(503)));
    /// assert!("cross".parse::<Mood>().unwrap_err().contains("`slow:MILLISECONDS`"));
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        let mood = match (name, number.parse::<u32>().ok()) {
            ("good", _) => Some(Mood::Good),
            ("slow", Some(millis)) => Some(Mood::Slow(Duration::from_millis(millis.into()))),
            ("status", Some(code)) => u16::try_from(code).ok().map(Mood::Status),
            ("cut", _) => Some(Mood::Cut),
            ("wrong-json", _) => Some(Mood::WrongJson),
            ("huge", Some(bytes)) => usize::try_from(bytes).ok().map(|bytes| Mood::Huge(bytes, false)),
            ("redirect", _) => Some(Mood::Redirect),
            _ => None,
        };
        mood.ok_or_else(|| {
            "a mood is `good`, `slow:MILLISECONDS`, `status:CODE`, `cut`, `wrong-json`, `huge:BYTES` or `redirect`"
                .to_owned()
        })
    }
}
