//! What Application Auto Scaling did: its scaling activities, as `aws application-autoscaling describe-scaling-activities` prints
//! them. The count is in the description alone, so that is where it is read.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::Count;
use crate::import::aas::required_moment;
use crate::model::ServiceId;

/// AAS's `ScalingActivity`, as far as it tells a count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalingActivity {
    /// As in `service/prod/checkout`.
    pub resource_id: String,
    /// As in `Setting desired count to 6.`
    pub description: String,
    /// When it began.
    #[serde(deserialize_with = "required_moment")]
    pub start_time: Timestamp,
    /// As in `Successful`.
    pub status_code: String,
}

impl ScalingActivity {
    /// The count that it set, where it set one. An activity that failed set none; one that was overridden or is not fulfilled
    /// did, though not for long or not with as many tasks running.
    pub fn count(&self) -> Option<(ServiceId, Count)> {
        if self.status_code == "Failed" {
            return None;
        }
        let service = self.resource_id.strip_prefix("service/")?.parse().ok()?;
        let (_, rest) = self.description.split_once("desired count to ")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((service, Count { at: self.start_time, count: digits.parse().ok()? }))
    }
}

/// Text that is no scaling activities.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotActivities {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// It has not the key.
    #[error(
        "it has no list ScalingActivities, by which the output of `aws application-autoscaling describe-scaling-activities` \
         is known"
    )]
    Key,
    /// An activity cannot be read.
    #[error("ScalingActivities[{index}] cannot be read: {why}")]
    Activity {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the activities of one document or of several.
pub(super) fn read(text: &str) -> Result<Vec<ScalingActivity>, NotActivities> {
    let mut activities = Vec::new();
    let mut is_empty = true;
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let mut document = document.map_err(|error| NotActivities::Json(error.to_string()))?;
        let Some(Value::Array(list)) = document.get_mut("ScalingActivities").map(Value::take) else {
            return Err(NotActivities::Key);
        };
        for (index, activity) in list.into_iter().enumerate() {
            let read = serde_path_to_error::deserialize(&activity);
            activities.push(read.map_err(|error| NotActivities::Activity { index, why: error.to_string() })?);
        }
        is_empty = false;
    }
    if is_empty { Err(NotActivities::Key) } else { Ok(activities) }
}
