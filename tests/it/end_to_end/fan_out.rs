//! A large fleet over two invocations: the tick's, which sends a shard to a queue, and the one that takes it.

use serde_json::{Value, json};

use super::{TICK, TRACKING, ask, decided};
use crate::world::World;

/// What Lambda's poller would hand over.
fn taken(messages: &[String]) -> String {
    let record = |(id, body): (usize, &String)| json!({ "eventSource": "aws:sqs", "messageId": id.to_string(), "body": body });
    json!({ "Records": messages.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn the_tick_keeps_a_part_of_the_fleet_and_a_worker_takes_the_other() {
    let world = World::new("fanned-out").await;
    for service in ["api", "web"] {
        world.service(service, 4).await;
        world.cpu(service, 90.0).await;
    }
    let queue = world.queue("$CLUSTER-shards").await;
    world.file("trimtab.yaml", &TRACKING.replace("checkout", "*"));
    let mut function =
        world.function_with(&[("TRIMTAB_FAN_OUT", queue.as_str()), ("TRIMTAB_SHARD_SIZE", "1")]).await;

    let answer = ask(&mut function, TICK).await;
    assert_eq!(decided(&answer, "api"), (4, 6, true));
    assert_eq!(answer["sent"], json!({ "shards": 1, "services": 1 }));
    assert_eq!(world.desired("web").await, 4, "it is left to who takes the shard");

    let messages = world.receive(&queue).await;
    let answer = ask(&mut function, &taken(&messages)).await;
    assert_eq!(decided(&answer, "web"), (4, 6, true));
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(answer.get("sent"), None);
}

#[tokio::test]
async fn a_queue_that_is_gone_leaves_the_tick_to_look_at_all() {
    let world = World::new("nowhere-to-send").await;
    for service in ["api", "web"] {
        world.service(service, 4).await;
        world.cpu(service, 90.0).await;
    }
    let queue = world.queue("$CLUSTER-shards").await.replace("shards", "gone");
    world.file("trimtab.yaml", &TRACKING.replace("checkout", "*"));
    let mut function =
        world.function_with(&[("TRIMTAB_FAN_OUT", queue.as_str()), ("TRIMTAB_SHARD_SIZE", "1")]).await;

    let answer = function.invoke(TICK).await.unwrap();
    assert_eq!((decided(&answer, "api"), decided(&answer, "web")), ((4, 6, true), (4, 6, true)));
    let error = answer["errors"][0]["error"].as_str().unwrap();
    let told = "1 of 1 shards could not be sent to other invocations, so this one looks at nowhere-to-send/web: \
                sqs:SendMessage failed";
    assert!(error.starts_with(told), "{error}");
    assert_eq!(answer["sent"], Value::Null);
}
