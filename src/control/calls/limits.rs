//! How many calls AWS takes. Each limit is of an account in a region, so it is shared with consoles, deployments and all else that
//! calls the same API.

use std::num::NonZeroU32;

/// A token bucket: it holds `burst` calls and gets `per_second` more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The calls that may be made at once.
    pub burst: f64,
    /// The calls a second that may be made for ever.
    pub per_second: f64,
}

/// DescribeServices and ListServices together, ECS's "Service resource read actions".
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub const SERVICE_READS: Rate = Rate { burst: 100.0, per_second: 20.0 };
/// UpdateService, ECS's "Service resource modify actions", with deployments and Application Auto Scaling.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub const SERVICE_UPDATES: Rate = Rate { burst: 50.0, per_second: 5.0 };
/// ListClusters, ECS's "Cluster read actions".
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub const CLUSTER_READS: Rate = Rate { burst: 50.0, per_second: 20.0 };
/// DescribeAlarms: nine a second.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>
pub const ALARMS: Rate = Rate { burst: 9.0, per_second: 9.0 };
/// GetMetricData: five hundred a second.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>
pub const METRIC_DATA: Rate = Rate { burst: 500.0, per_second: 500.0 };
/// GetQueueAttributes and SendMessageBatch, for which AWS names no limit.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const QUEUES: Rate = Rate { burst: 1000.0, per_second: 1000.0 };
/// `BatchGetItem` of a hundred items, one read unit each: a new on-demand table takes 12,000 units a second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html>
pub const STATE_READS: Rate = Rate { burst: 120.0, per_second: 120.0 };
/// `PutItem` of one write unit: a new on-demand table takes 4,000 units a second, one partition of it 1,000.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
pub const STATE_WRITES: Rate = Rate { burst: 1000.0, per_second: 1000.0 };
/// `GetParameter` by default, the slower one of the places of a policy file: forty a second.
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
pub const POLICY_READS: Rate = Rate { burst: 40.0, per_second: 40.0 };

/// Something for each API that is limited by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerApi<T> {
    /// DescribeServices and ListServices.
    pub service_reads: T,
    /// UpdateService.
    pub service_updates: T,
    /// ListClusters.
    pub cluster_reads: T,
    /// DescribeAlarms.
    pub alarms: T,
    /// GetMetricData.
    pub metric_data: T,
    /// GetQueueAttributes and SendMessageBatch.
    pub queues: T,
    /// `BatchGetItem`.
    pub state_reads: T,
    /// `PutItem`.
    pub state_writes: T,
    /// `GetObject` or `GetParameter`.
    pub policy_reads: T,
}

/// How many calls of each API are made at most.
pub type Limits = PerApi<Rate>;

impl<T> PerApi<T> {
    /// Something else for each.
    pub fn map<U>(&self, of: impl Fn(&T) -> U) -> PerApi<U> {
        PerApi {
            service_reads: of(&self.service_reads),
            service_updates: of(&self.service_updates),
            cluster_reads: of(&self.cluster_reads),
            alarms: of(&self.alarms),
            metric_data: of(&self.metric_data),
            queues: of(&self.queues),
            state_reads: of(&self.state_reads),
            state_writes: of(&self.state_writes),
            policy_reads: of(&self.policy_reads),
        }
    }

    /// Each beside its like.
    pub fn zip<'a, U>(&'a self, other: &'a PerApi<U>) -> [(&'a T, &'a U); 9] {
        [
            (&self.service_reads, &other.service_reads),
            (&self.service_updates, &other.service_updates),
            (&self.cluster_reads, &other.cluster_reads),
            (&self.alarms, &other.alarms),
            (&self.metric_data, &other.metric_data),
            (&self.queues, &other.queues),
            (&self.state_reads, &other.state_reads),
            (&self.state_writes, &other.state_writes),
            (&self.policy_reads, &other.policy_reads),
        ]
    }
}

impl Default for Limits {
    /// What AWS documents.
    fn default() -> Self {
        Self {
            service_reads: SERVICE_READS,
            service_updates: SERVICE_UPDATES,
            cluster_reads: CLUSTER_READS,
            alarms: ALARMS,
            metric_data: METRIC_DATA,
            queues: QUEUES,
            state_reads: STATE_READS,
            state_writes: STATE_WRITES,
            policy_reads: POLICY_READS,
        }
    }
}

impl Limits {
    /// What one of `workers` that work at the same time may use, so that all together stay within these: an equal share of burst
    /// and rate. One call at a time is always allowed.
    pub fn shared_by(&self, workers: NonZeroU32) -> Self {
        let workers = f64::from(workers.get());
        self.map(|rate| Rate {
            burst: (rate.burst / workers).max(1.0),
            per_second: rate.per_second / workers,
        })
    }
}
