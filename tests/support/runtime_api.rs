//! A Lambda Runtime API on loopback, and a function running behind it as a process.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use trimtab::aws::SystemClock;
use trimtab::control::ports::Clock as _;

/// How long an event may take before the test gives up, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that Lambda lets a function run.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(900);

/// What the function answers: its JSON, or `errorType` and `errorMessage`.
pub(crate) type Answer = Result<Value, (String, String)>;

/// A function as a process that has asked for its first event; ended when this is dropped.
pub(crate) struct Function {
    /// How long an event may take before waiting for its answer is given up.
    pub(crate) patience: Duration,
    /// Its process.
    pub(crate) process: Child,
    events: mpsc::UnboundedSender<Invocation>,
    stdout: JoinHandle<Vec<String>>,
}

struct Invocation {
    event: Vec<u8>,
    timeout: Duration,
    answer: oneshot::Sender<Answer>,
}

struct Runtime {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    waiting: Mutex<(u64, BTreeMap<u64, oneshot::Sender<Answer>>)>,
    asked: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Function {
    /// Starts trimtab with these environment variables and none of the test's own.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_bootstrap")), variables).await.0
    }

    /// Starts a function in any language in the same way, and tells the time from the spawn until it asked for its first
    /// event, which Lambda calls the init.
    pub(crate) async fn start_as(mut command: Command, variables: &[(&str, &str)]) -> (Self, Duration) {
        let (events, receiver) = mpsc::unbounded_channel();
        let (asked, first_asked) = oneshot::channel();
        let runtime = Arc::new(Runtime {
            events: tokio::sync::Mutex::new(receiver),
            waiting: Mutex::new((0, BTreeMap::new())),
            asked: Mutex::new(Some(asked)),
        });
        let address = serve(
            Router::new()
                .route("/2018-06-01/runtime/invocation/next", get(next))
                .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
                .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
                .layer(DefaultBodyLimit::disable())
                .with_state(runtime),
        )
        .await;
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "trimtab")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let began = Instant::now();
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let stdout = tokio::spawn(async move {
            let mut read = Vec::new();
            while let Ok(Some(line)) = lines.next_line().await {
                read.push(line);
            }
            read
        });
        let asked = tokio::select! {
            asked = first_asked => asked.expect("the Runtime API runs"),
            ended = process.wait() => panic!("the function ended before it asked for an event: {ended:?}"),
            () = tokio::time::sleep(PATIENCE) => panic!("no event was asked for within {PATIENCE:?}"),
        };
        (Self { patience: PATIENCE, process, events, stdout }, asked - began)
    }

    /// Hands the function an event and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: impl Into<Vec<u8>>) -> Answer {
        self.invoke_within(event, LONGEST_TIMEOUT).await
    }

    /// The same with a function's timeout, which the function reads as its deadline.
    pub(crate) async fn invoke_within(&mut self, event: impl Into<Vec<u8>>, timeout: Duration) -> Answer {
        let (answer, answered) = oneshot::channel();
        let sent = self.events.send(Invocation { event: event.into(), timeout, answer });
        assert!(sent.is_ok(), "the Runtime API runs");
        tokio::select! {
            answer = answered => answer.expect("the function answers every event"),
            ended = self.process.wait() => panic!("the function ended: {ended:?}"),
            () = tokio::time::sleep(self.patience) => panic!("no answer within {:?}", self.patience),
        }
    }

    /// Ends the process and tells the lines of its standard output.
    pub(crate) async fn stdout(mut self) -> Vec<String> {
        self.process.kill().await.unwrap();
        self.stdout.await.unwrap()
    }
}

/// Serves on a free port of loopback, and says which.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    if let Some(asked) = runtime.asked.lock().unwrap().take() {
        let _ = asked.send(Instant::now());
    }
    let Some(Invocation { event, timeout, answer }) = runtime.events.lock().await.recv().await else {
        return Err(StatusCode::GONE);
    };
    let id = {
        let mut waiting = runtime.waiting.lock().unwrap();
        waiting.0 += 1;
        let id = waiting.0;
        waiting.1.insert(id, answer);
        id
    };
    let deadline = (SystemClock.now() + timeout).as_millisecond();
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", id.to_string()),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:trimtab".to_owned(),
        ),
        ("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    Ok((headers, event))
}

async fn response(
    State(runtime): State<Arc<Runtime>>,
    extract::Path(id): extract::Path<u64>,
    body: Bytes,
) -> StatusCode {
    let answer = serde_json::from_slice(&body).expect("the answer is JSON");
    runtime.settle(id, Ok(answer))
}

async fn error(
    State(runtime): State<Arc<Runtime>>,
    extract::Path(id): extract::Path<u64>,
    body: Bytes,
) -> StatusCode {
    let error: Value = serde_json::from_slice(&body).expect("the error is JSON");
    let text = |key: &str| error[key].as_str().expect("the error has a type and a message").to_owned();
    runtime.settle(id, Err((text("errorType"), text("errorMessage"))))
}

impl Runtime {
    fn settle(&self, id: u64, answer: Answer) -> StatusCode {
        let waiting = self.waiting.lock().unwrap().1.remove(&id);
        match waiting.map(|sender| sender.send(answer)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
