//! Names of services, always written `cluster/service`, and the patterns that select them.

use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One ECS service, written `cluster/service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ServiceId {
    cluster: String,
    service: String,
}

/// A text that does not name a service or a pattern of services.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a service: write cluster/service, as in prod/checkout")]
pub struct InvalidService {
    text: String,
}

impl ServiceId {
    /// The service `service` of the cluster `cluster`.
    pub fn new(cluster: impl Into<String>, service: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), service: service.into() }
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The service that an ECS service ARN names. ARNs of the old short format (`…:service/NAME`) do not name the
    /// cluster, so `cluster` says it for them.
    pub fn from_arn(arn: &str, cluster: Option<&str>) -> Option<Self> {
        let (_, path) = arn.split_once(":service/")?;
        match path.split_once('/') {
            Some((cluster, service)) => Some(Self::new(cluster, service)),
            None => cluster.map(|cluster| Self::new(cluster, path)),
        }
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.service)
    }
}

impl FromStr for ServiceId {
    type Err = InvalidService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        match text.split_once('/') {
            Some((cluster, service)) if is_name(cluster) && is_name(service) => {
                Ok(Self::new(cluster, service))
            }
            _ => Err(InvalidService { text: text.to_owned() }),
        }
    }
}

impl From<ServiceId> for String {
    fn from(id: ServiceId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ServiceId {
    type Error = InvalidService;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A service, or a glob over services: `prod/checkout`, `prod/worker-*`, `*/api`. A `*` does not cross the slash.
#[derive(Clone, Debug)]
pub struct ServicePattern {
    text: String,
    kind: PatternKind,
}

/// A fleet has thousands of literal entries and few globs, and a glob is dear to compile.
#[derive(Clone, Debug)]
enum PatternKind {
    Literal(ServiceId),
    Glob { cluster: GlobMatcher, service: GlobMatcher },
}

impl ServicePattern {
    /// The service, where the pattern names just one.
    pub fn literal(&self) -> Option<&ServiceId> {
        match &self.kind {
            PatternKind::Literal(id) => Some(id),
            PatternKind::Glob { .. } => None,
        }
    }

    /// Whether services of this cluster can match.
    pub fn matches_cluster(&self, cluster: &str) -> bool {
        match &self.kind {
            PatternKind::Literal(id) => id.cluster() == cluster,
            PatternKind::Glob { cluster: glob, .. } => glob.is_match(cluster),
        }
    }

    /// Whether the pattern selects the service.
    pub fn matches(&self, id: &ServiceId) -> bool {
        match &self.kind {
            PatternKind::Literal(literal) => literal == id,
            PatternKind::Glob { cluster, service } => {
                cluster.is_match(id.cluster()) && service.is_match(id.service())
            }
        }
    }
}

impl FromStr for ServicePattern {
    type Err = InvalidService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidService { text: text.to_owned() };
        let (cluster, service) = text.split_once('/').ok_or_else(invalid)?;
        if cluster.is_empty() || service.is_empty() || service.contains('/') {
            return Err(invalid());
        }
        if let Ok(literal) = text.parse() {
            return Ok(Self { text: text.to_owned(), kind: PatternKind::Literal(literal) });
        }
        if !text.contains(['*', '?', '[', '{']) {
            return Err(invalid());
        }
        let glob = |text| Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|_| invalid());
        let kind = PatternKind::Glob { cluster: glob(cluster)?, service: glob(service)? };
        Ok(Self { text: text.to_owned(), kind })
    }
}

impl fmt::Display for ServicePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ServicePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
