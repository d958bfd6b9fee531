//! The ports on the real AWS APIs. The only place that names an AWS type.

#[cfg(feature = "cli")]
mod application_auto_scaling;
mod clock;
mod cloudwatch;
mod dynamodb;
mod ecs;
mod error;
mod http;
mod lazy;
mod policy_source;
mod shards;
mod sqs;

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion};
pub use aws_config::{ConfigLoader, SdkConfig};

#[cfg(feature = "cli")]
pub use self::application_auto_scaling::ApplicationAutoScalingApi;
pub use self::clock::SystemClock;
pub use self::cloudwatch::CloudWatchApi;
pub use self::dynamodb::DynamoDbStore;
pub use self::ecs::EcsApi;
use self::http::SharedConnectors;
pub use self::lazy::Lazy;
pub use self::policy_source::{PolicyFile, policy_source};
pub use self::shards::ShardQueue;
pub use self::sqs::SqsApi;
use crate::control::ports::Clock;

/// Every call that the function's adapters make, as the IAM action that it needs.
pub const OPERATIONS: &[&str] = &[
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "dynamodb:BatchGetItem",
    "dynamodb:PutItem",
    "ecs:DescribeServices",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:UpdateService",
    "s3:GetObject",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:SendMessage",
    "ssm:GetParameter",
];

/// The calls that only the command line makes beside those, likewise.
pub const CLI_OPERATIONS: &[&str] = &[
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingActivities",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
];

/// The settings of every call: waits short enough for a look that has a minute, and the SDK's standard three attempts.
/// All else is read from the environment, as every AWS SDK does.
pub fn config_loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .http_client(SharedConnectors::default());
    match AppName::new(env!("CARGO_PKG_NAME")) {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}

/// Reads region, credentials and endpoints from the environment.
pub async fn load_config() -> SdkConfig {
    config_loader().load().await
}

/// AWS in one region of one account. An adapter costs nothing before its first call, which builds its client.
#[derive(Clone, Debug)]
pub struct AwsCloud {
    config: SdkConfig,
}

impl AwsCloud {
    /// Speaks to AWS as the configuration says.
    pub fn new(config: SdkConfig) -> Self {
        Self { config }
    }

    /// The same, with one attempt a call: for callers that try again themselves.
    pub fn without_retries(&self) -> Self {
        let config = self.config.clone().into_builder().retry_config(RetryConfig::disabled());
        Self { config: config.build() }
    }

    /// Amazon ECS.
    pub fn ecs(&self) -> EcsApi {
        EcsApi::new(self.client(aws_sdk_ecs::Client::new))
    }

    /// Application Auto Scaling, with the alarms that it works by.
    #[cfg(feature = "cli")]
    pub fn application_auto_scaling(&self) -> ApplicationAutoScalingApi {
        let client = aws_sdk_applicationautoscaling::Client::new(&self.config);
        ApplicationAutoScalingApi::new(client, aws_sdk_cloudwatch::Client::new(&self.config))
    }

    /// Amazon CloudWatch.
    pub fn cloudwatch(&self) -> CloudWatchApi {
        CloudWatchApi::new(self.client(aws_sdk_cloudwatch::Client::new))
    }

    /// Amazon SQS. Keep it: it remembers the URLs of queues.
    pub fn sqs(&self) -> SqsApi {
        SqsApi::new(self.client(aws_sdk_sqs::Client::new))
    }

    /// The queue that shards go to, by its URL.
    pub fn shards(&self, url: impl Into<String>) -> ShardQueue {
        ShardQueue::new(aws_sdk_sqs::Client::new(&self.config), url)
    }

    /// Memories in a DynamoDB table; the clock says when they expire.
    pub fn dynamodb(&self, table: impl Into<String>, clock: Arc<dyn Clock>) -> DynamoDbStore {
        DynamoDbStore::new(self.client(aws_sdk_dynamodb::Client::new), table, clock)
    }

    /// An S3 client. Local servers know buckets by path only, AWS knows both.
    fn s3_client(&self) -> Lazy<aws_sdk_s3::Client> {
        self.client(|config| {
            let local = config.endpoint_url().is_some();
            let config = aws_sdk_s3::config::Builder::from(config).force_path_style(local).build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    fn ssm_client(&self) -> Lazy<aws_sdk_ssm::Client> {
        self.client(aws_sdk_ssm::Client::new)
    }

    fn client<C: 'static>(&self, build: fn(&SdkConfig) -> C) -> Lazy<C> {
        let config = self.config.clone();
        Lazy::new(move || build(&config))
    }
}

#[cfg(test)]
mod tests;
