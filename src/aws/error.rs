//! The one table from an error of the SDK to what the reader can do about it.

use std::error::Error;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use crate::control::ports::{PortError, PortErrorKind};

/// AWS repeats whole policies and requests in some messages; the beginning tells.
const LONGEST_MESSAGE: usize = 400;

/// The error of a call to AWS, with what AWS said.
pub(super) fn port_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (kind, message) = match &error {
        SdkError::ServiceError(context) => {
            let said = context.err();
            (kind_of(said.code(), status), told(said.code(), said.message(), status))
        }
        SdkError::TimeoutError(_) => (PortErrorKind::Transient, "no answer in time".to_owned()),
        SdkError::ResponseError(_) => {
            (PortErrorKind::Transient, format!("the answer cannot be read: {}", innermost(&error)))
        }
        SdkError::DispatchFailure(_) if is_about_credentials(&error) => {
            let advice = "no usable AWS credentials; give a profile, a role or keys";
            (PortErrorKind::Refused, format!("{advice} ({})", innermost(&error)))
        }
        SdkError::DispatchFailure(_) => {
            (PortErrorKind::Transient, format!("the request could not be sent: {}", innermost(&error)))
        }
        SdkError::ConstructionFailure(_) => {
            (PortErrorKind::Refused, format!("the request cannot be built: {}", innermost(&error)))
        }
        _ => (PortErrorKind::Refused, innermost(&error)),
    };
    PortError { operation, kind, message, source: Some(Box::new(error)) }
}

/// The error of one entry of a batch, the others of which may have been done.
pub(super) fn entry_error(operation: &'static str, code: &str, message: Option<&str>) -> PortError {
    PortError::new(operation, kind_of(Some(code), None), told(Some(code), message, None))
}

/// What the reader can do about an error code. Codes that no rule knows are judged by their HTTP status.
fn kind_of(code: Option<&str>, status: Option<u16>) -> PortErrorKind {
    const RULES: [(PortErrorKind, &[&str]); 4] = [
        (
            PortErrorKind::Throttled,
            &["Throttl", "TooManyRequests", "RequestLimitExceeded", "ThroughputExceeded", "SlowDown"],
        ),
        (PortErrorKind::Transient, &["Timeout", "Unavailable", "Internal", "ServerException"]),
        (
            PortErrorKind::Denied,
            &[
                "AccessDenied",
                "Unauthorized",
                "NotAuthorized",
                "UnrecognizedClient",
                "InvalidClientTokenId",
                "InvalidAccessKeyId",
                "ExpiredToken",
                "Signature",
                "MissingAuthentication",
            ],
        ),
        (PortErrorKind::NotFound, &["NotFound", "NoSuch", "DoesNotExist", "NonExistent", "ServiceNotActive"]),
    ];
    let code = code.unwrap_or_default();
    let by_code = RULES.iter().find(|(_, parts)| parts.iter().any(|part| code.contains(part)));
    match (by_code, status) {
        (Some((kind, _)), _) => *kind,
        (None, Some(429)) => PortErrorKind::Throttled,
        (None, Some(500..)) => PortErrorKind::Transient,
        (None, Some(401 | 403)) => PortErrorKind::Denied,
        (None, Some(404)) => PortErrorKind::NotFound,
        (None, _) => PortErrorKind::Refused,
    }
}

/// Whether a request never left because it could not be signed. The SDK has no error of its own for that.
fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let text = cause.to_string();
        text.contains("credential") || text.contains("identity")
    })
}

fn told(code: Option<&str>, message: Option<&str>, status: Option<u16>) -> String {
    let message = message.map(shortened).filter(|message| !message.is_empty());
    match (code, message, status) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(said), None, _) => said.to_owned(),
        (None, Some(said), _) => said,
        (None, None, Some(status)) => format!("HTTP status {status}"),
        (None, None, None) => "no reason was given".to_owned(),
    }
}

fn shortened(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}

/// The cause underneath all wrappings, which is the one that says something.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let cause = chain(error).last().map(ToString::to_string).unwrap_or_default();
    shortened(&cause)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_tells_what_the_reader_can_do() {
        use PortErrorKind::{Denied, NotFound, Refused, Throttled, Transient};
        let cases = [
            ("ThrottlingException", 400, Throttled),
            ("RequestThrottled", 400, Throttled),
            ("TooManyRequestsException", 429, Throttled),
            ("ProvisionedThroughputExceededException", 400, Throttled),
            ("RequestLimitExceeded", 400, Throttled),
            ("SlowDown", 503, Throttled),
            ("ServerException", 500, Transient),
            ("InternalServerError", 500, Transient),
            ("SomethingUnknown", 500, Transient),
            ("AccessDeniedException", 400, Denied),
            ("AccessDenied", 403, Denied),
            ("UnrecognizedClientException", 400, Denied),
            ("ExpiredTokenException", 400, Denied),
            ("InvalidSignatureException", 403, Denied),
            ("SomethingUnknown", 403, Denied),
            ("ClusterNotFoundException", 400, NotFound),
            ("ServiceNotFoundException", 400, NotFound),
            ("ServiceNotActiveException", 400, NotFound),
            ("ResourceNotFoundException", 400, NotFound),
            ("ParameterNotFound", 400, NotFound),
            ("QueueDoesNotExist", 400, NotFound),
            ("AWS.SimpleQueueService.NonExistentQueue", 400, NotFound),
            ("NoSuchBucket", 404, NotFound),
            ("InvalidParameterException", 400, Refused),
            ("ValidationError", 400, Refused),
            ("ClientException", 400, Refused),
        ];
        for (code, status, kind) in cases {
            assert_eq!(kind_of(Some(code), Some(status)), kind, "{code} with status {status}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_judged_by_its_status() {
        assert_eq!(kind_of(None, Some(503)), PortErrorKind::Transient);
        assert_eq!(kind_of(None, Some(429)), PortErrorKind::Throttled);
        assert_eq!(told(None, None, Some(503)), "HTTP status 503");
    }

    #[test]
    fn a_long_message_is_cut() {
        let long = "ü".repeat(1000);
        assert_eq!(shortened(&long).chars().count(), LONGEST_MESSAGE + 3);
        assert_eq!(shortened(" first line\nsecond "), "first line");
    }
}
