//! Which checks run, and how strictly.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::ReviewReason;

/// The mode of a fraud check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckMode {
    /// It acts.
    #[default]
    On,
    /// It counts what it would have done.
    Observe,
    /// It does nothing.
    Off,
}

/// The findings of the device check, with its mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCheck {
    /// Whether it acts: never [`CheckMode::Off`], which looks at nothing.
    pub mode: CheckMode,
    /// What speaks for a review; empty where nothing does.
    pub reasons: Vec<ReviewReason>,
}

/// The settings of the checks that decide within a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FraudPolicy {
    /// Whether new and shared devices flag.
    pub devices: CheckMode,
    /// Whether a request must name its device.
    pub require_device: bool,
    /// So many other users make a device a shared one.
    pub shared_device_users: usize,
    /// Within so long.
    pub shared_device_window: Duration,
    /// Whether it is remembered from which addresses users come. It is too where a pack judges risk.
    pub remember_addresses: bool,
}

impl Default for FraudPolicy {
    fn default() -> Self {
        FraudPolicy {
            devices: CheckMode::On,
            require_device: false,
            shared_device_users: 3,
            shared_device_window: Duration::days(30),
            remember_addresses: false,
        }
    }
}
