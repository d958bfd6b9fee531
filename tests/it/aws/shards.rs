//! The queue of shards.

use aws_sdk_sqs::Client;
use trimtab::control::ports::{BYTES_PER_SHARD, PortErrorKind, SHARDS_PER_SEND, Shards as _};
use trimtab::control::trigger::Shard;
use trimtab::model::ServiceId;

use crate::support::{ACCOUNT, cloud, config, endpoint};

#[tokio::test]
async fn the_largest_shards_that_are_sent_at_once_arrive_as_they_were() {
    let client = Client::new(&config().await);
    let url = client.create_queue().queue_name("shards").send().await.unwrap().queue_url.unwrap();
    let name = |number: usize| ServiceId::new("c".repeat(255), format!("{}{number:05}", "s".repeat(250)));
    let services = BYTES_PER_SHARD / 514;
    let shard =
        |number: usize| Shard::by_hand((number * services..(number + 1) * services).map(name).collect());
    let shards: Vec<Shard> = (0..SHARDS_PER_SEND).map(shard).collect();

    let sent = cloud().await.shards(&url).send(&shards).await.unwrap();

    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut arrived = Vec::new();
    while arrived.len() < shards.len() {
        let answer = client.receive_message().queue_url(&url).max_number_of_messages(1).send().await.unwrap();
        arrived.extend(answer.messages.unwrap().into_iter().map(|message| message.body.unwrap()));
    }
    arrived.sort();
    let mut expected: Vec<String> = shards.iter().map(Shard::to_json).collect();
    expected.sort();
    assert!(arrived == expected, "what arrived is what was sent");
}

#[tokio::test]
async fn a_queue_that_is_gone_is_not_found() {
    let queue = cloud().await.shards(format!("{}/{ACCOUNT}/no-shards", endpoint()));
    let shard = Shard::by_hand(vec![ServiceId::new("prod", "checkout")]);
    let error = queue.send(&[shard]).await.unwrap_err();
    assert_eq!((error.operation, error.kind), ("sqs:SendMessage", PortErrorKind::NotFound), "{error}");
}
