//! What no local server plays: throttling, denied calls, odd answers. Mocked underneath the real clients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use aws_config::Region;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::operation::update_service::UpdateServiceOutput;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Failure, SchedulingStrategy, Service};
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_mocks::{MockResponseInterceptor, Rule, create_mock_http_client, mock};
use jiff::Timestamp;

use super::*;
use crate::control::ports::{Ecs as _, PortErrorKind, Shards as _, Sqs as _, StateStore as _};
use crate::control::trigger::Shard;
use crate::model::{Memory, ServiceId, ServiceStatus};

/// A configuration that reaches no network; rules answer instead.
pub(super) fn config() -> SdkConfig {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(create_mock_http_client())
        .build()
}

fn ecs(rule: &Rule) -> EcsApi {
    let rules = MockResponseInterceptor::new().with_rule(rule);
    let config = aws_sdk_ecs::config::Builder::from(&config()).interceptor(rules).build();
    EcsApi::new(aws_sdk_ecs::Client::from_conf(config))
}

fn sqs(rule: &Rule) -> SqsApi {
    let rules = MockResponseInterceptor::new().with_rule(rule);
    let config = aws_sdk_sqs::config::Builder::from(&config()).interceptor(rules).build();
    SqsApi::new(aws_sdk_sqs::Client::from_conf(config))
}

fn dynamodb(rule: &Rule, clock: Arc<dyn Clock>) -> DynamoDbStore {
    let rules = MockResponseInterceptor::new().with_rule(rule);
    let config = aws_sdk_dynamodb::config::Builder::from(&config()).interceptor(rules).build();
    DynamoDbStore::new(aws_sdk_dynamodb::Client::from_conf(config), "trimtab", clock)
}

/// A clock that stands still and keeps what it was asked to wait.
#[derive(Default)]
struct StoppedClock {
    waits: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration);
    }
}

const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_tried_three_times_where_nobody_else_does() {
    let heals = mock!(aws_sdk_ecs::Client::update_service)
        .sequence()
        .http_status(400, Some(THROTTLED.to_owned()))
        .times(2)
        .output(|| UpdateServiceOutput::builder().build())
        .build();
    let id = ServiceId::new("prod", "checkout");
    ecs(&heals).set_desired_count(&id, 4).await.unwrap();
    assert_eq!(heals.num_calls(), 3);

    let lasts = mock!(aws_sdk_ecs::Client::update_service)
        .sequence()
        .http_status(400, Some(THROTTLED.to_owned()))
        .times(9)
        .build();
    let error = ecs(&lasts).set_desired_count(&id, 4).await.unwrap_err();
    assert_eq!(lasts.num_calls(), 3);
    assert_eq!(error.kind, PortErrorKind::Throttled);
    let told = "ecs:UpdateService failed: ThrottlingException: Rate exceeded (the next look tries again)";
    assert_eq!(error.to_string(), told);
}

#[test]
fn a_caller_that_tries_again_itself_has_one_attempt_a_call() {
    let cloud = AwsCloud::new(config()).without_retries();
    assert_eq!(cloud.config.retry_config().unwrap().max_attempts(), 1);
}

#[tokio::test]
async fn a_denied_call_names_the_action_to_allow() {
    let denied = mock!(aws_sdk_ecs::Client::update_service)
        .sequence()
        .http_status(400, Some(r#"{"__type":"AccessDeniedException","message":"not authorized"}"#.to_owned()))
        .build();
    let error = ecs(&denied).set_desired_count(&ServiceId::new("prod", "checkout"), 4).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.to_string().ends_with("(allow ecs:UpdateService in the role's policy)"), "{error}");
}

#[tokio::test]
async fn an_update_holds_the_desired_count_and_nothing_else() {
    let exact = mock!(aws_sdk_ecs::Client::update_service)
        .match_requests(|request| {
            let expected = aws_sdk_ecs::operation::update_service::UpdateServiceInput::builder()
                .cluster("prod")
                .service("checkout")
                .desired_count(4)
                .build();
            expected.is_ok_and(|expected| *request == expected)
        })
        .then_output(|| UpdateServiceOutput::builder().build());
    ecs(&exact).set_desired_count(&ServiceId::new("prod", "checkout"), 4).await.unwrap();
    assert_eq!(exact.num_calls(), 1);
}

async fn describe(service: Service) -> Result<ServiceStatus, String> {
    let rule = mock!(aws_sdk_ecs::Client::describe_services)
        .then_output(move || DescribeServicesOutput::builder().services(service.clone()).build());
    let id = ServiceId::new("prod", "checkout");
    let mut described = ecs(&rule).describe_services("prod", std::slice::from_ref(&id)).await.unwrap();
    described.remove(&id).unwrap().map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_service_is_deploying_while_a_rollout_is_under_way() {
    use DeploymentRolloutState::{Completed, InProgress};
    let deployment = |status: &str, rollout: Option<DeploymentRolloutState>| {
        Deployment::builder().status(status).set_rollout_state(rollout).build()
    };
    let cases = [
        (vec![deployment("PRIMARY", Some(Completed))], false),
        (vec![deployment("PRIMARY", None)], false),
        (vec![], false),
        (vec![deployment("PRIMARY", Some(InProgress))], true),
        (vec![deployment("PRIMARY", Some(Completed)), deployment("ACTIVE", Some(Completed))], true),
    ];
    for (deployments, deploying) in cases {
        let service = Service::builder()
            .service_name("checkout")
            .status("ACTIVE")
            .desired_count(6)
            .running_count(4)
            .pending_count(2)
            .scheduling_strategy(SchedulingStrategy::Replica)
            .set_deployments(Some(deployments));
        let expected =
            ServiceStatus { desired: 6, running: 4, pending: 2, deploying, scalable: true, protected: 0 };
        assert_eq!(describe(service.build()).await, Ok(expected));
    }
}

#[tokio::test]
async fn a_service_that_is_not_active_is_not_found() {
    for status in ["DRAINING", "INACTIVE"] {
        let service = Service::builder().service_name("checkout").status(status).build();
        let told = format!("ecs:DescribeServices failed: service prod/checkout is {status}");
        assert_eq!(describe(service).await, Err(told));
    }
}

#[tokio::test]
async fn a_service_that_failed_to_be_described_tells_why() {
    let rule = mock!(aws_sdk_ecs::Client::describe_services).then_output(|| {
        let failure = |name: &str, reason: &str| {
            let arn = format!("arn:aws:ecs:eu-central-1:123456789012:service/prod/{name}");
            Failure::builder().arn(arn).reason(reason).build()
        };
        DescribeServicesOutput::builder()
            .failures(failure("gone", "MISSING"))
            .failures(failure("odd", "ACCESS_DENIED"))
            .build()
    });
    let ids = [ServiceId::new("prod", "gone"), ServiceId::new("prod", "odd")];
    let described = ecs(&rule).describe_services("prod", &ids).await.unwrap();
    let told: Vec<_> = described.values().map(|status| status.as_ref().unwrap_err().to_string()).collect();
    assert_eq!(
        told,
        [
            "ecs:DescribeServices failed: service prod/gone does not exist",
            "ecs:DescribeServices failed: service prod/odd: ACCESS_DENIED",
        ]
    );
}

#[tokio::test]
async fn a_queue_attribute_that_is_missing_is_an_error_and_not_zero() {
    let rule = mock!(aws_sdk_sqs::Client::get_queue_attributes).then_output(|| {
        GetQueueAttributesOutput::builder()
            .attributes(QueueAttributeName::ApproximateNumberOfMessages, "5")
            .attributes(QueueAttributeName::ApproximateNumberOfMessagesDelayed, "0")
            .build()
    });
    let error = sqs(&rule).queue_depth("https://sqs/123456789012/orders").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    assert!(error.message.ends_with("no ApproximateNumberOfMessagesNotVisible"), "{error}");
}

#[tokio::test]
async fn of_a_batch_of_shards_each_that_was_not_sent_is_an_error_of_its_own() {
    use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
    use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
    let rule = mock!(aws_sdk_sqs::Client::send_message_batch)
        .match_requests(|request| request.entries().len() == 3)
        .then_output(|| {
            let sent =
                SendMessageBatchResultEntry::builder().id("2").message_id("m").md5_of_message_body("0");
            let failed = BatchResultErrorEntry::builder().id("0").sender_fault(false).code("InternalError");
            SendMessageBatchOutput::builder()
                .successful(sent.build().unwrap())
                .failed(failed.message("try later").build().unwrap())
                .build()
                .unwrap()
        });
    let rules = MockResponseInterceptor::new().with_rule(&rule);
    let config = aws_sdk_sqs::config::Builder::from(&config()).interceptor(rules).build();
    let queue = ShardQueue::new(aws_sdk_sqs::Client::from_conf(config), "https://sqs/123456789012/shards");
    let shards = ["a", "b", "c"].map(|name| Shard::by_hand(vec![ServiceId::new("prod", name)]));
    let outcomes = queue.send(&shards).await.unwrap();
    let told: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(ToString::to_string)).collect();
    let failed = |what: &str| Err(format!("sqs:SendMessage failed: {what} (the next look tries again)"));
    assert_eq!(
        told,
        [failed("InternalError: try later"), failed("the answer says nothing of it"), Ok(&())],
        "whatever the order in which the answer tells them"
    );
}

fn item(service: &str) -> impl IntoIterator<Item = (String, AttributeValue)> + use<> {
    [
        ("service".to_owned(), AttributeValue::S(service.to_owned())),
        ("version".to_owned(), AttributeValue::N("7".to_owned())),
        ("memory".to_owned(), AttributeValue::S(r#"{"desired":3}"#.to_owned())),
    ]
}

fn left_for_later(service: &str) -> KeysAndAttributes {
    let key = [("service".to_owned(), AttributeValue::S(service.to_owned()))];
    KeysAndAttributes::builder().keys(key.into_iter().collect()).build().unwrap()
}

#[tokio::test]
async fn keys_that_were_left_unprocessed_are_read_again_after_a_wait() {
    let rule = mock!(aws_sdk_dynamodb::Client::batch_get_item)
        .sequence()
        .output(|| {
            BatchGetItemOutput::builder()
                .responses("trimtab", vec![item("prod/a").into_iter().collect()])
                .unprocessed_keys("trimtab", left_for_later("prod/b"))
                .build()
        })
        .output(|| {
            BatchGetItemOutput::builder()
                .responses("trimtab", vec![item("prod/b").into_iter().collect()])
                .build()
        })
        .build();
    let clock = Arc::new(StoppedClock::default());
    let ids = [ServiceId::new("prod", "a"), ServiceId::new("prod", "b")];
    let loaded = dynamodb(&rule, clock.clone()).load(&ids).await.unwrap();
    let memory = Memory { desired: Some(3), ..Memory::default() };
    let versioned = || crate::control::ports::Versioned { version: 7, memory: memory.clone() };
    assert_eq!(loaded, BTreeMap::from(ids.map(|id| (id, versioned()))));
    assert_eq!(*clock.waits.lock().unwrap(), [Duration::from_millis(50)]);
}

#[tokio::test]
async fn a_table_that_never_gives_a_key_is_a_fault_and_no_fresh_memory() {
    let rule = mock!(aws_sdk_dynamodb::Client::batch_get_item).then_output(|| {
        BatchGetItemOutput::builder().unprocessed_keys("trimtab", left_for_later("prod/a")).build()
    });
    let store = dynamodb(&rule, Arc::new(StoppedClock::default()));
    let error = store.load(&[ServiceId::new("prod", "a")]).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Throttled);
    assert_eq!(rule.num_calls(), 5);
}

/// The list is what the role's policy is checked against.
#[test]
fn every_operation_that_the_adapters_name_is_in_the_list() {
    let mut named = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("src/aws/mod.rs") && !path.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let constants =
                    source.lines().filter(|line| line.starts_with("const ") && line.contains(": &str"));
                let values = constants.filter_map(|line| line.split('"').nth(1));
                named.extend(values.filter(|value| value.contains(':')).map(ToOwned::to_owned));
            }
        }
    }
    let listed: BTreeSet<_> = OPERATIONS.iter().chain(CLI_OPERATIONS).map(ToString::to_string).collect();
    assert_eq!(named, listed);
    assert!(OPERATIONS.is_sorted() && CLI_OPERATIONS.is_sorted(), "the lists are in order");
}
