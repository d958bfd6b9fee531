//! Where the policy file and the memories are, as a setting names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where the policy file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyPlace {
    /// A file; a relative path is beside the binary.
    File(PathBuf),
    /// An object in S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
    },
    /// A parameter in the Systems Manager's store.
    Ssm {
        /// Its name, with the slash that it begins with.
        name: String,
    },
}

/// Where memories are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatePlace {
    /// In a table of DynamoDB.
    DynamoDb {
        /// The table's name.
        table: String,
    },
    /// In the process: forgotten with it.
    Memory,
}

/// A text that names no place; it holds what to write instead.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidPlace(pub &'static str);

impl FromStr for PolicyPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(object) = text.strip_prefix("s3://") {
            return match object.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                    Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
                }
                _ => Err(InvalidPlace("write s3://bucket/key")),
            };
        }
        if let Some(name) = text.strip_prefix("ssm:") {
            return match name.strip_prefix('/') {
                Some(rest) if !rest.is_empty() => Ok(Self::Ssm { name: name.to_owned() }),
                _ => Err(InvalidPlace("write ssm:/parameter/name")),
            };
        }
        if text.is_empty() || text.contains("://") {
            return Err(InvalidPlace("write a path, s3://bucket/key or ssm:/parameter/name"));
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

impl FromStr for StatePlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("dynamodb:") {
            Some(table) if !table.is_empty() => Ok(Self::DynamoDb { table: table.to_owned() }),
            None if text == "memory" => Ok(Self::Memory),
            _ => Err(InvalidPlace("write dynamodb:TABLE or memory")),
        }
    }
}

impl fmt::Display for PolicyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Ssm { name } => write!(f, "ssm:{name}"),
        }
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DynamoDb { table } => write!(f, "dynamodb:{table}"),
            Self::Memory => f.write_str("memory"),
        }
    }
}
