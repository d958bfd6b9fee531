//! What the integration tests share: a local AWS API server, one for each test binary, and the function as a process.

pub(crate) mod runtime_api;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use aws_config::Region;
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use trimtab::aws::{AwsCloud, SdkConfig, config_loader};

/// The region of all tests.
pub(crate) const REGION: &str = "eu-central-1";
/// The account that the local server plays.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The URL of the local AWS API server, started at the first call.
pub(crate) fn endpoint() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    format!("http://127.0.0.1:{}", SERVER.get_or_init(Server::start).port)
}

/// The configuration that the function has, pointed at the local server.
pub(crate) async fn config() -> SdkConfig {
    config_at(&endpoint()).await
}

/// The configuration that the function has, pointed at `endpoint`.
pub(crate) async fn config_at(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    config_loader()
        .endpoint_url(endpoint)
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await
}

/// The adapters, pointed at the local server.
pub(crate) async fn cloud() -> AwsCloud {
    AwsCloud::new(config().await)
}

/// The server's process. It ends when its standard input closes, and that ends with this process.
struct Server {
    port: u16,
    _process: Child,
}

impl Server {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/venv/bin/python");
        assert!(python.exists(), "{} is missing: run tests/setup once", python.display());
        let mut server = Command::new(python)
            .arg(root.join("tests/support/moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the local AWS API server starts");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("is piped")).read_line(&mut line).expect("is text");
        let port = line.trim().strip_prefix("listening on ").and_then(|port| port.parse().ok());
        let port =
            port.unwrap_or_else(|| panic!("the local AWS API server said {line:?}: run tests/setup again"));
        Self { port, _process: server }
    }
}
