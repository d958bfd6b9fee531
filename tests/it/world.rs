//! A small world of its own for each test: a cluster with services, their metrics, alarms and queues, a state table, and
//! a policy file.

use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_ecs::types::{ContainerDefinition, SchedulingStrategy};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use jiff::Timestamp;
use tempfile::TempDir;
use trimtab::aws::{SdkConfig, SystemClock};
use trimtab::control::ports::Clock as _;

use crate::support::runtime_api::Function;
use crate::support::{REGION, config, endpoint};

/// Minutes for which a utilisation is published: more than any default looks back at.
const MINUTES: i64 = 10;

/// A cluster and what belongs to it.
pub(crate) struct World {
    cluster: String,
    sdk: SdkConfig,
    folder: TempDir,
}

impl World {
    /// An empty cluster with an empty state table.
    pub(crate) async fn new(cluster: &str) -> Self {
        let world =
            Self { cluster: cluster.to_owned(), sdk: config().await, folder: tempfile::tempdir().unwrap() };
        let ecs = world.ecs();
        ecs.create_cluster().cluster_name(cluster).send().await.unwrap();
        let container = ContainerDefinition::builder().name("app").image("app").memory(128).build();
        ecs.register_task_definition().family(cluster).container_definitions(container).send().await.unwrap();
        state_table(&aws_sdk_dynamodb::Client::new(&world.sdk), &world.table()).await;
        world
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn table(&self) -> String {
        format!("state-of-{}", self.cluster)
    }

    fn ecs(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.sdk)
    }

    fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(&self.sdk)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    /// A text with this world's cluster in the place of `$CLUSTER`.
    pub(crate) fn named(&self, text: &str) -> String {
        text.replace("$CLUSTER", &self.cluster)
    }

    /// A file of `events/`, with this world's cluster in the place of `prod`.
    pub(crate) fn sample(&self, name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name).with_extension("json");
        fs::read_to_string(path).unwrap().replace("prod", &self.cluster)
    }

    /// A service with this many tasks running. The local server starts tasks at an update only, and lets a deployment
    /// rest that began with none.
    pub(crate) async fn service(&self, name: &str, tasks: i32) {
        self.create_service(name, SchedulingStrategy::Replica).await;
        self.set_desired(name, tasks).await;
    }

    pub(crate) async fn create_service(&self, name: &str, strategy: SchedulingStrategy) {
        let create = self.ecs().create_service().cluster(&self.cluster).service_name(name);
        let create = create.task_definition(&self.cluster).scheduling_strategy(strategy);
        create.desired_count(0).send().await.unwrap();
    }

    pub(crate) async fn set_desired(&self, name: &str, tasks: i32) {
        let update = self.ecs().update_service().cluster(&self.cluster).service(name);
        update.desired_count(tasks).send().await.unwrap();
    }

    /// The desired count that ECS has.
    pub(crate) async fn desired(&self, name: &str) -> i32 {
        let answer = self.ecs().describe_services().cluster(&self.cluster).services(name).send().await;
        answer.unwrap().services()[0].desired_count()
    }

    /// Publishes the service's utilisation of the last minutes.
    pub(crate) async fn cpu(&self, service: &str, percent: f64) {
        let now = SystemClock.now().as_second();
        let minutes = (1..=MINUTES).map(|ago| now - now % 60 - 60 * ago + 30);
        let data = minutes.map(|second| {
            let time = DateTime::from_secs(second);
            let datum = MetricDatum::builder().metric_name("CPUUtilization").timestamp(time).value(percent);
            datum.set_dimensions(Some(self.dimensions(service))).build()
        });
        let put = self.cloudwatch().put_metric_data().namespace("AWS/ECS");
        put.set_metric_data(Some(data.collect())).send().await.unwrap();
    }

    /// Publishes what the service's tasks used in one minute: a sample of each.
    pub(crate) async fn cpu_at(&self, service: &str, minute: Timestamp, percents: &[f64]) {
        let data = percents.iter().map(|percent| {
            let time = DateTime::from_secs(minute.as_second());
            let datum = MetricDatum::builder().metric_name("CPUUtilization").timestamp(time).value(*percent);
            datum.set_dimensions(Some(self.dimensions(service))).build()
        });
        let put = self.cloudwatch().put_metric_data().namespace("AWS/ECS");
        put.set_metric_data(Some(data.collect())).send().await.unwrap();
    }

    fn dimensions(&self, service: &str) -> Vec<Dimension> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        vec![dimension("ClusterName", &self.cluster), dimension("ServiceName", service)]
    }

    /// An alarm on the service's utilisation.
    pub(crate) async fn alarm(&self, name: &str, service: &str, threshold: f64) {
        let alarm = self.cloudwatch().put_metric_alarm().alarm_name(name).namespace("AWS/ECS");
        let alarm = alarm.metric_name("CPUUtilization").set_dimensions(Some(self.dimensions(service)));
        let alarm = alarm.statistic(Statistic::Average).period(60).evaluation_periods(1).threshold(threshold);
        alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
    }

    pub(crate) async fn set_alarm(&self, name: &str, state: StateValue) {
        let set = self.cloudwatch().set_alarm_state().alarm_name(name).state_value(state);
        set.state_reason("by hand").send().await.unwrap();
    }

    /// The URL of a new queue.
    pub(crate) async fn queue(&self, name: &str) -> String {
        let create = self.sqs().create_queue().queue_name(self.named(name));
        create.send().await.unwrap().queue_url.unwrap()
    }

    pub(crate) async fn send(&self, queue: &str, messages: usize) {
        for _ in 0..messages {
            self.sqs().send_message().queue_url(queue).message_body("work").send().await.unwrap();
        }
    }

    /// The bodies of the messages that a queue has, up to ten.
    pub(crate) async fn receive(&self, queue: &str) -> Vec<String> {
        let receive = self.sqs().receive_message().queue_url(queue).max_number_of_messages(10);
        let messages = receive.send().await.unwrap().messages.unwrap_or_default();
        messages.into_iter().map(|message| message.body.unwrap()).collect()
    }

    pub(crate) async fn empty(&self, queue: &str) {
        self.sqs().purge_queue().queue_url(queue).send().await.unwrap();
    }

    pub(crate) async fn put_parameter(&self, name: &str, value: &str) {
        let put = aws_sdk_ssm::Client::new(&self.sdk).put_parameter().name(name).value(value);
        put.r#type(aws_sdk_ssm::types::ParameterType::String).send().await.unwrap();
    }

    /// Writes a file into the world's folder, with this world's cluster in the place of `$CLUSTER`.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, self.named(text)).unwrap();
        path
    }

    /// What the function and the command line are given: this world's AWS, policy file and state table.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("TRIMTAB_POLICY", self.folder().join("trimtab.yaml").display().to_string()),
            ("TRIMTAB_STATE", format!("dynamodb:{}", self.table())),
        ]
    }

    /// The function with this policy file.
    pub(crate) async fn function(&self, policy: &str) -> Function {
        self.file("trimtab.yaml", policy);
        self.function_with(&[]).await
    }

    /// The function with these variables besides the world's own.
    pub(crate) async fn function_with(&self, more: &[(&str, &str)]) -> Function {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(more.iter().copied())
            .collect();
        Function::start(&variables).await
    }
}

/// A table as the template lays it out.
pub(crate) async fn state_table(client: &aws_sdk_dynamodb::Client, name: &str) {
    let key = KeySchemaElement::builder().attribute_name("service").key_type(KeyType::Hash).build().unwrap();
    let attribute = AttributeDefinition::builder()
        .attribute_name("service")
        .attribute_type(ScalarAttributeType::S)
        .build();
    let create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    create.key_schema(key).attribute_definitions(attribute.unwrap()).send().await.unwrap();
}

/// A new bucket. The local server knows buckets by path only.
pub(crate) async fn bucket(name: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config().await).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let region = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuCentral1)
        .build();
    client.create_bucket().bucket(name).create_bucket_configuration(region).send().await.unwrap();
    client
}

pub(crate) async fn upload(client: &aws_sdk_s3::Client, bucket: &str, key: &str, body: &[u8]) {
    let put = client.put_object().bucket(bucket).key(key);
    put.body(ByteStream::from(body.to_vec())).send().await.unwrap();
}
