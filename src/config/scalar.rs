//! Values of the policy file that have more than one spelling: durations, a name or a list of names, a metric by name or
//! by description, dimensions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::document::policy::{CustomMetricDoc, PredefinedMetric};
use crate::model::duration::{format_duration, parse_duration};

/// A duration: `30s`, `5m`, `1h`, `300ms`, or ISO 8601 as in `PT30S`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurationDoc(pub(super) Duration);

impl DurationDoc {
    /// A duration of whole seconds.
    pub(super) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// What a duration must be, where it is something else.
pub(super) const A_DURATION: &str = "a duration such as 30s";

impl<'de> Deserialize<'de> for DurationDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = DurationDoc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(A_DURATION)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<DurationDoc, E> {
                parse_duration(text).map(DurationDoc).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for DurationDoc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(self.0))
    }
}

impl JsonSchema for DurationDoc {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["30s", "5m", "1h", "PT30S"] })
    }
}

/// One text, or a list of them.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;
        impl<'de> Visitor<'de> for TextOrList {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMore, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore::More)
            }
        }
        deserializer.deserialize_any(TextOrList)
    }
}

/// A metric by its name in Application Auto Scaling, or described.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum MetricDoc {
    /// By name.
    Predefined(PredefinedMetric),
    /// Described.
    Custom(Box<CustomMetricDoc>),
}

impl<'de> Deserialize<'de> for MetricDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrDescription;
        impl<'de> Visitor<'de> for NameOrDescription {
            type Value = MetricDoc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a predefined metric, or the keys of a metric")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<MetricDoc, E> {
                PredefinedMetric::deserialize(StrDeserializer::new(name)).map(MetricDoc::Predefined)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MetricDoc, A::Error> {
                let custom = CustomMetricDoc::deserialize(MapAccessDeserializer::new(map))?;
                Ok(MetricDoc::Custom(Box::new(custom)))
            }
        }
        deserializer.deserialize_any(NameOrDescription)
    }
}

/// Dimensions: `{ Service: checkout }`, or as Application Auto Scaling lists them.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum DimensionsDoc {
    /// By name.
    Map(BTreeMap<String, String>),
    /// As a list.
    List(Vec<DimensionDoc>),
}

/// One dimension.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DimensionDoc {
    /// The dimension's name.
    pub(super) name: String,
    /// The dimension's value.
    pub(super) value: String,
}

impl<'de> Deserialize<'de> for DimensionsDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapOrList;
        impl<'de> Visitor<'de> for MapOrList {
            type Value = DimensionsDoc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("dimensions as { Name: value }")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DimensionsDoc, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(DimensionsDoc::Map)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<DimensionsDoc, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(DimensionsDoc::List)
            }
        }
        deserializer.deserialize_any(MapOrList)
    }
}
