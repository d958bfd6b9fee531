//! The rules of batches, answers and metrics, with a controller that answers what it is told to.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::*;
use crate::control::answer::ServiceDecision;
use crate::model::{Change, ReasonCode, ServiceId};

/// Notes every trigger, and answers with what was prepared, or with one decision.
#[derive(Default)]
struct Stub {
    taken: Mutex<Vec<Trigger>>,
    deadlines: Mutex<Vec<Option<Timestamp>>>,
    /// Looks inside the minute, of ten seconds each.
    later_looks: u32,
    answers: Mutex<VecDeque<Answer>>,
    /// A thousand metrics more with each trigger.
    used: Mutex<Usage>,
}

#[async_trait]
impl Control for Arc<Stub> {
    fn used(&self) -> Usage {
        self.used.lock().unwrap().clone()
    }

    async fn handle(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Watch {
        self.deadlines.lock().unwrap().push(deadline);
        self.taken.lock().unwrap().push(trigger.clone());
        self.used.lock().unwrap().metrics += 1000;
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| decided("checkout", Change::Out));
        Watch { answer, looks: 1 + self.later_looks, waited: 10 * self.later_looks * Duration::from_secs(1) }
    }
}

struct FixedClock;

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {}
}

/// A writer whose text the test reads.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decided(service: &str, change: Change) -> Answer {
    let decision = ServiceDecision {
        service: ServiceId::new("prod", service),
        at: Timestamp::UNIX_EPOCH,
        from: 4,
        to: if change == Change::Out { 6 } else { 4 },
        change,
        applied: change == Change::Out,
        code: ReasonCode::TargetTracking,
        reasons: vec!["r".repeat(1000)],
        running: 4,
        pending: 0,
        recommendations: Vec::new(),
        memory: None,
    };
    Answer { decisions: vec![decision], errors: Vec::new(), ..Answer::default() }
}

fn failed() -> Answer {
    let error = AnswerError::world(None, "ecs:DescribeServices failed: throttled");
    Answer { decisions: Vec::new(), errors: vec![error], ..Answer::default() }
}

/// The answer to an event, and the triggers that the controller saw.
async fn handle_with(
    answers: impl IntoIterator<Item = Answer>,
    event: &Value,
) -> (Result<Value, HandlerError>, Vec<Trigger>) {
    let stub = Arc::new(Stub { answers: Mutex::new(answers.into_iter().collect()), ..Stub::default() });
    let handler = Handler::new(Arc::clone(&stub), Arc::new(FixedClock));
    let answer = handler.handle(event.to_string().as_bytes()).await;
    let taken = std::mem::take(&mut *stub.taken.lock().unwrap());
    (answer, taken)
}

fn sqs(bodies: &[Value]) -> Value {
    let record = |(index, body): (usize, &Value)| {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({ "eventSource": "aws:sqs", "messageId": format!("m{index}"), "body": body })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn alarm(name: &str) -> Value {
    json!({ "AlarmName": name })
}

#[tokio::test]
async fn a_single_event_is_answered_with_decisions_and_errors() {
    let (answer, taken) = handle_with([], &json!({ "action": "tick" })).await;
    let answer = answer.unwrap();
    assert_eq!(taken, [Trigger::Tick]);
    assert_eq!(answer["decisions"][0]["service"], "prod/checkout");
    assert_eq!(answer["errors"], json!([]));
    assert!(answer.get("batchItemFailures").is_none());
}

#[tokio::test]
async fn a_single_event_that_cannot_be_read_fails() {
    let (answer, taken) = handle_with([], &json!({ "action": "tock" })).await;
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), "EventError");
    assert!(error.to_string().starts_with("\"tock\" is not an action"), "{error}");
    assert!(taken.is_empty());
}

#[tokio::test]
async fn of_an_sqs_event_the_bad_and_the_unanswered_records_are_reported_back() {
    let event = sqs(&[alarm("a"), json!("no json"), alarm("b"), alarm("c")]);
    let (answer, taken) = handle_with([decided("checkout", Change::Out), failed()], &event).await;
    let answer = answer.unwrap();
    assert_eq!(taken.len(), 3, "the bad record stops no other");
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "m1" }, { "itemIdentifier": "m2" }]));
    assert_eq!(answer["decisions"].as_array().unwrap().len(), 2);
    let error = answer["errors"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("record m1: the message's body: not valid JSON"), "{error}");
}

#[tokio::test]
async fn a_shard_is_given_to_another_worker_where_nothing_of_it_was_decided_and_not_where_it_is_of_no_use() {
    let shard = |name: &str| json!({ "action": "shard", "services": [format!("prod/{name}")] });
    let partly = || {
        let mut answer = decided("checkout", Change::Hold);
        answer.extend(failed());
        answer
    };
    let dropped = || Answer {
        errors: vec![AnswerError::request(None, "the shard is dropped, because its tick began 2m ago")],
        ..Answer::default()
    };
    // (case, body, answer, whether it is reported back)
    let cases = [
        ("looked at", shard("a"), decided("a", Change::Hold), false),
        ("looked at, with an error", shard("b"), partly(), false),
        ("nothing could be looked at", shard("c"), failed(), true),
        ("too late", shard("d"), dropped(), false),
        ("of services that are gone", shard("e"), Answer::default(), false),
    ];
    for (case, body, answer, is_reported) in cases {
        let (answer, _) = handle_with([answer], &sqs(&[body])).await;
        let failures = answer.unwrap()["batchItemFailures"].as_array().unwrap().len();
        assert_eq!(failures, usize::from(is_reported), "{case}");
    }
    let unreadable = json!({ "action": "shard", "version": 2, "services": ["prod/a"] });
    let (answer, taken) = handle_with([], &sqs(&[unreadable, shard("b")])).await;
    assert_eq!(taken.len(), 1, "one that cannot be read stops no other");
    assert_eq!(answer.unwrap()["batchItemFailures"], json!([{ "itemIdentifier": "m0" }]));
}

#[tokio::test]
async fn an_sqs_event_without_failures_says_so() {
    let (answer, _) = handle_with([], &sqs(&[alarm("a")])).await;
    assert_eq!(answer.unwrap()["batchItemFailures"], json!([]));
}

#[tokio::test]
async fn records_that_ask_for_the_same_look_share_it_and_its_failure() {
    let change = |event: &str| {
        json!({ "source": "aws.ecs", "detail-type": "ECS Service Action",
                "resources": ["arn:aws:ecs:eu-central-1:123456789012:service/prod/checkout"],
                "detail": { "eventName": event } })
    };
    let event = sqs(&[alarm("a"), alarm("a"), change("SERVICE_STEADY_STATE"), change("TASKS_STOPPED")]);
    let (answer, taken) = handle_with([failed()], &event).await;
    assert_eq!(taken.len(), 2);
    let failures = answer.unwrap()["batchItemFailures"].clone();
    assert_eq!(failures, json!([{ "itemIdentifier": "m0" }, { "itemIdentifier": "m1" }]));
}

#[tokio::test]
async fn what_is_set_by_hand_is_set_in_order_and_never_merged() {
    let act = |action: &str| json!({ "action": action, "service": "prod/checkout" });
    let (_, taken) = handle_with([], &sqs(&[act("pause"), act("resume"), act("pause")])).await;
    assert_eq!(taken.len(), 3);
    assert_eq!(taken[0], taken[2]);
}

#[tokio::test]
async fn an_sns_event_fails_only_where_no_record_can_be_read() {
    let sns = |messages: &[&str]| {
        let record = |message: &&str| {
            json!({ "EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "s", "Sns": {
                "Type": "Notification", "MessageId": "1", "TopicArn": "t", "Timestamp": "2026-11-20T10:04:10Z",
                "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "u", "UnsubscribeUrl": "u",
                "Message": message,
            } })
        };
        json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
    };
    let (answer, _) = handle_with([], &sns(&["hello", r#"{"AlarmName": "a"}"#])).await;
    let answer = answer.unwrap();
    assert_eq!(answer["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(
        answer["errors"][0]["error"],
        "record 1: the SNS message: not valid JSON: expected value at line 1 column 1"
    );
    let (answer, _) = handle_with([], &sns(&["hello", "{}"])).await;
    assert_eq!(
        answer.unwrap_err().to_string(),
        "none of the 2 SNS records can be read; the first: the SNS message: not valid JSON: expected value at line 1 \
         column 1"
    );
}

#[tokio::test]
async fn an_ignored_event_leads_to_nothing_and_no_error() {
    let event = json!({ "source": "aws.ecs", "detail-type": "ECS Capacity Provider Change", "detail": {} });
    let (answer, taken) = handle_with([], &event).await;
    assert_eq!(answer.unwrap(), json!({ "decisions": [], "errors": [] }));
    assert!(taken.is_empty());
}

#[tokio::test]
async fn an_answer_too_long_for_lambda_keeps_errors_and_changes_first() {
    let mut all = failed();
    for index in 0..6000 {
        all.extend(decided(&format!("quiet-{index}"), Change::Hold));
    }
    all.extend(decided("checkout", Change::Out));
    let (answer, _) = handle_with([all], &json!({ "action": "tick" })).await;
    let answer = answer.unwrap();
    assert!(answer.to_string().len() <= MAX_ANSWER_BYTES + 100);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["decisions"][0]["service"], "prod/checkout");
    let kept = answer["decisions"].as_array().unwrap().len() as u64;
    assert_eq!(answer["left_out"], 6001 - kept);
}

#[tokio::test]
async fn metrics_are_written_of_work_and_not_of_questions() {
    let cases = [
        (json!({ "action": "tick" }), 1),
        (json!({ "action": "evaluate" }), 1),
        (json!({ "action": "evaluate", "dry_run": true }), 0),
        (json!({ "action": "status" }), 0),
        (sqs(&[json!("no json")]), 1),
    ];
    for (event, lines) in cases {
        let written = Written::default();
        let metrics = Metrics { function: "trimtab".to_owned(), by_service: false };
        let handler = Handler::new(Arc::new(Stub::default()), Arc::new(FixedClock))
            .with_metrics(metrics, Box::new(written.clone()));
        handler.handle(event.to_string().as_bytes()).await.unwrap();
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), lines, "{event}: {text}");
    }
}

#[tokio::test]
async fn what_was_spent_is_told_to_who_asks_for_the_status_and_each_events_part_in_its_metrics() {
    let written = Written::default();
    let metrics = Metrics { function: "trimtab".to_owned(), by_service: false };
    let handler = Handler::new(Arc::new(Stub::default()), Arc::new(FixedClock))
        .with_metrics(metrics, Box::new(written.clone()));
    for _ in 0..2 {
        let answer = handler.handle(br#"{"action": "tick"}"#).await.unwrap();
        assert_eq!(answer.get("spent"), None);
    }
    let status = handler.handle(br#"{"action": "status"}"#).await.unwrap();
    assert_eq!(
        status["spent"],
        json!({
            "since": "1970-01-01T00:00:00Z", "ticks": 2, "calls": {}, "metrics": 3000, "read_units": 0,
            "write_units": 0, "retries": 0, "throttled": 0, "cost_per_month": 438.0,
            "cost_by_part": { "cloudwatch:GetMetricData": 438.0 },
        })
    );
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let figures = (&line["MetricsRequested"], &line["Cost"], &line["CostPerMonth"]);
        assert_eq!(figures, (&json!(1000), &json!(0.01), &json!(438.0)));
    }
}

#[tokio::test]
async fn the_deadline_is_used_for_more_looks_by_an_event_of_its_own_and_not_by_one_of_several() {
    let deadline = Timestamp::from_second(60).unwrap();
    let tick = json!({ "action": "tick" });
    let shard = json!({ "action": "shard", "services": ["prod/checkout"] });
    for (event, given) in [
        (tick.clone(), vec![Some(deadline)]),
        (sqs(std::slice::from_ref(&shard)), vec![Some(deadline)]),
        (sqs(&[tick, shard]), vec![None, None]),
    ] {
        let stub = Arc::new(Stub::default());
        let handler = Handler::new(Arc::clone(&stub), Arc::new(FixedClock));
        handler.handle_until(event.to_string().as_bytes(), Some(deadline)).await.unwrap();
        assert_eq!(*stub.deadlines.lock().unwrap(), given, "{event}");
    }
}

/// Half a minute later at each question.
struct PassingClock(Mutex<i64>);

#[async_trait]
impl Clock for PassingClock {
    fn now(&self) -> Timestamp {
        let mut second = self.0.lock().unwrap();
        *second += 30;
        Timestamp::from_second(*second).unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

#[tokio::test]
async fn the_answer_and_the_metrics_say_how_many_looks_there_were_and_the_duration_is_without_the_waits() {
    // (looks inside the minute, looks told in the answer, looks in the metrics, milliseconds)
    for (later_looks, told, counted, duration) in [(0, Value::Null, 1, 30_000), (2, json!(3), 3, 10_000)] {
        let written = Written::default();
        let stub = Arc::new(Stub { later_looks, ..Stub::default() });
        let metrics = Metrics { function: "trimtab".to_owned(), by_service: false };
        let handler = Handler::new(stub, Arc::new(PassingClock(Mutex::default())))
            .with_metrics(metrics, Box::new(written.clone()));
        let answer = handler.handle(br#"{"action": "tick"}"#).await.unwrap();
        assert_eq!(answer["looks"], told);
        let line: Value = serde_json::from_slice(&written.0.lock().unwrap()).unwrap();
        let figures = (&line["Looks"], &line["Ticks"], &line["Duration"]);
        assert_eq!(figures, (&json!(counted), &json!(1), &json!(duration)));
    }
}

#[tokio::test]
async fn what_is_set_by_hand_and_not_done_is_tried_again_and_what_is_refused_is_not() {
    let pause = json!({ "action": "pause", "service": "prod/checkout" });
    let unremembered = || {
        let error = AnswerError::world(None, "nothing is done, because it could not be remembered");
        Answer { errors: vec![error], ..decided("checkout", Change::Hold) }
    };
    let refused = || Answer {
        decisions: Vec::new(),
        errors: vec![AnswerError::request(None, "no such service")],
        ..Answer::default()
    };

    let (answer, _) = handle_with([unremembered()], &pause).await;
    assert_eq!(answer.unwrap_err().kind(), "UndoneError", "Lambda tries a failed event again");
    let (answer, _) = handle_with([unremembered()], &sqs(std::slice::from_ref(&pause))).await;
    assert_eq!(
        answer.unwrap()["batchItemFailures"],
        json!([{ "itemIdentifier": "m0" }]),
        "and SQS such a message"
    );

    let (answer, _) = handle_with([refused()], &pause).await;
    assert_eq!(answer.unwrap()["errors"][0]["kind"], "request");
    let (answer, _) = handle_with([refused()], &sqs(&[pause])).await;
    assert_eq!(answer.unwrap()["batchItemFailures"], json!([]), "asked again it would be refused again");
}

#[test]
fn an_event_that_asks_in_vain_is_no_error_of_the_fleet() {
    let errors = vec![
        AnswerError::request(None, "the alarm concerns no service"),
        AnswerError::policy(None, "the policy file is wrong"),
        AnswerError::world(None, "the policy file cannot be read"),
    ];
    let answer = Answer { decisions: Vec::new(), errors, ..Answer::default() };
    let report = Report {
        answer: &answer,
        ticks: 0,
        looks: 0,
        at: Timestamp::UNIX_EPOCH,
        duration: Duration::ZERO,
        usage: &Usage::default(),
        dollars: 0.0,
        dollars_per_month: 0.0,
    };
    let metrics = Metrics { function: "trimtab".to_owned(), by_service: false };
    let line: Value = serde_json::from_str(&metrics.lines(&report)[0]).unwrap();
    assert_eq!((&line["Errors"], &line["FleetErrors"]), (&json!(3), &json!(2)));
}
