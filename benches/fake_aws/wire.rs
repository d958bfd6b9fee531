//! The protocols that the SDKs speak: AWS JSON 1.0 and 1.1, and Smithy RPC v2 CBOR, which most take for CloudWatch. Inside, a
//! document is JSON, with times in Unix seconds.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use ciborium::Value as Cbor;
use serde_json::{Map, Value, json};

/// The services by the first part of their `X-Amz-Target`.
const SERVICES: [(&str, &str); 4] = [
    ("AmazonEC2ContainerServiceV20141113", "ecs"),
    ("GraniteServiceVersion20100801", "cloudwatch"),
    ("DynamoDB_20120810", "dynamodb"),
    ("AmazonSQS", "sqs"),
];

/// RFC 8949: seconds since 1970.
const EPOCH_TAG: u64 = 1;
const CBOR: &str = "application/cbor";

/// A call of an SDK.
#[derive(Debug)]
pub(super) struct Call {
    /// The operation as IAM names it: `ecs:DescribeServices`.
    pub(super) operation: String,
    /// Its input.
    pub(super) input: Value,
    content_type: String,
}

/// An error that AWS answers.
#[derive(Debug)]
pub(super) struct Fault {
    code: &'static str,
    /// The code in the protocol that the service had before, where SDKs still go by it.
    query_code: Option<&'static str>,
    message: String,
}

impl Fault {
    /// An error of the caller.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, query_code: None, message: message.into() }
    }

    /// The same, with the code of the query protocol in its header.
    pub(super) fn or_in_query(self, query_code: &'static str) -> Self {
        Self { query_code: Some(query_code), ..self }
    }

    /// What AWS says beyond a request rate.
    pub(super) fn throttled(operation: &str) -> Self {
        let fault = Self::new("ThrottlingException", "Rate exceeded");
        if operation.starts_with("cloudwatch:") { fault.or_in_query("Throttling") } else { fault }
    }

    /// The error code.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }
}

impl Call {
    /// Reads a request, if it is a call of a known service.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        if let Some((target, operation)) = rpc_v2(uri.path()) {
            let input =
                if body.is_empty() { json!({}) } else { from_cbor(ciborium::from_reader(body).ok()?) };
            return Some(Self {
                operation: operation_of(target, operation)?,
                input,
                content_type: CBOR.to_owned(),
            });
        }
        let (target, operation) = header("x-amz-target")?.split_once('.')?;
        let input = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).ok()? };
        let content_type = header(CONTENT_TYPE.as_str())?.to_owned();
        Some(Self { operation: operation_of(target, operation)?, input, content_type })
    }

    /// The response for an outcome: a JSON document or an error.
    pub(super) fn answer(&self, outcome: Result<String, Fault>) -> Response {
        let (status, query_error, document) = match outcome {
            Ok(document) => (StatusCode::OK, None, document),
            Err(Fault { code, query_code, message }) => {
                let document = json!({ "__type": code, "message": message }).to_string();
                (StatusCode::BAD_REQUEST, query_code.map(|code| format!("{code};Sender")), document)
            }
        };
        let mut response = if self.content_type == CBOR {
            let body = to_cbor_bytes(&document);
            (status, [("content-type", CBOR), ("smithy-protocol", "rpc-v2-cbor")], body).into_response()
        } else {
            (status, [("content-type", self.content_type.as_str())], document).into_response()
        };
        if let Some(error) = query_error.and_then(|error| error.parse().ok()) {
            response.headers_mut().insert("x-amzn-query-error", error);
        }
        response
    }
}

fn operation_of(target: &str, operation: &str) -> Option<String> {
    let (_, service) = SERVICES.iter().find(|(name, _)| *name == target)?;
    Some(format!("{service}:{operation}"))
}

/// Service and operation in the path of an RPC v2 call.
fn rpc_v2(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/service/")?.split_once("/operation/")
}

fn from_cbor(document: Cbor) -> Value {
    match document {
        Cbor::Bool(value) => value.into(),
        Cbor::Integer(value) => i64::try_from(value).map_or(Value::Null, Value::from),
        Cbor::Float(value) => value.into(),
        Cbor::Text(text) => text.into(),
        Cbor::Array(items) => items.into_iter().map(from_cbor).collect(),
        Cbor::Map(entries) => {
            let entry = |(key, value): (Cbor, Cbor)| Some((key.into_text().ok()?, from_cbor(value)));
            Value::Object(entries.into_iter().filter_map(entry).collect::<Map<_, _>>())
        }
        Cbor::Tag(_, value) => from_cbor(*value),
        Cbor::Bytes(_) | Cbor::Null | _ => Value::Null,
    }
}

fn to_cbor_bytes(document: &str) -> Vec<u8> {
    let document = serde_json::from_str(document).unwrap_or_default();
    let mut bytes = Vec::new();
    match ciborium::into_writer(&to_cbor(document, false), &mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// AWS names what is a time: `Timestamps`, `StateUpdatedTimestamp`.
fn is_time(key: &str) -> bool {
    key.ends_with("Timestamp") || key == "Timestamps"
}

fn to_cbor(document: Value, time: bool) -> Cbor {
    match document {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(value),
        Value::Number(number) => {
            let value = match number.as_i64() {
                Some(whole) => Cbor::from(whole),
                None => Cbor::Float(number.as_f64().unwrap_or_default()),
            };
            if time { Cbor::Tag(EPOCH_TAG, Box::new(value)) } else { value }
        }
        Value::String(text) => Cbor::Text(text),
        Value::Array(items) => Cbor::Array(items.into_iter().map(|item| to_cbor(item, time)).collect()),
        Value::Object(entries) => {
            let entry = |(key, value): (String, Value)| {
                let time = is_time(&key);
                (Cbor::Text(key), to_cbor(value, time))
            };
            Cbor::Map(entries.into_iter().map(entry).collect())
        }
    }
}
