//! Amazon SQS.

use aws_sdk_sqs::Client;
use trimtab::control::ports::{PortErrorKind, Sqs as _};
use trimtab::model::QueueDepth;

use crate::support::{ACCOUNT, REGION, cloud, config, endpoint};

/// A queue with three messages to receive, one received and two delayed.
async fn queue(name: &str) -> String {
    let client = Client::new(&config().await);
    let url = client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
    for delay in [0, 0, 0, 0, 900, 900] {
        let send = client.send_message().queue_url(&url).message_body("work").delay_seconds(delay);
        send.send().await.unwrap();
    }
    client.receive_message().queue_url(&url).max_number_of_messages(1).send().await.unwrap();
    url
}

#[tokio::test]
async fn a_queue_is_known_by_url_arn_and_name() {
    let url = queue("orders").await;
    let sqs = cloud().await.sqs();
    let expected = QueueDepth { visible: 3, in_flight: Some(1), delayed: Some(2), oldest_age_s: None };
    for queue in [url, format!("arn:aws:sqs:{REGION}:{ACCOUNT}:orders"), "orders".to_owned()] {
        assert_eq!(sqs.queue_depth(&queue).await.unwrap(), expected, "{queue}");
        assert_eq!(sqs.queue_depth(&queue).await.unwrap(), expected, "{queue}, again");
    }
}

#[tokio::test]
async fn a_missing_queue_is_not_found() {
    let sqs = cloud().await.sqs();
    for queue in [
        format!("{}/{ACCOUNT}/missing", endpoint()),
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:missing"),
        "missing".to_owned(),
    ] {
        let error = sqs.queue_depth(&queue).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::NotFound, "{error}");
    }
}
