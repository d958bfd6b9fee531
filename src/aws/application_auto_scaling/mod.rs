//! Application Auto Scaling: what is registered there, to be carried over, and what it did. For the command line alone: the
//! function asks nothing of it.

use std::collections::BTreeSet;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::primitives::DateTime;
use aws_sdk_applicationautoscaling::types as sdk;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use aws_sdk_cloudwatch::types::{AlarmType, MetricAlarm as SdkMetricAlarm};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::error::port_error;
use crate::control::ports::{ALARMS_PER_DESCRIBE, PortError};
use crate::import::aas::{
    AlarmName, Configuration, CustomizedMetric, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat,
    PredefinedMetric, Predictive, PredictiveMetric, ScalableTarget, ScalableTargetAction, ScalingPolicy,
    ScheduledAction, StepAdjustment, StepScaling, SuspendedState, TargetTracking,
};
use crate::model::ServiceId;
use crate::shadow::ScalingActivity;

const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
const DESCRIBE_TARGETS: &str = "application-autoscaling:DescribeScalableTargets";
const DESCRIBE_POLICIES: &str = "application-autoscaling:DescribeScalingPolicies";
const DESCRIBE_ACTIVITIES: &str = "application-autoscaling:DescribeScalingActivities";
const DESCRIBE_ACTIONS: &str = "application-autoscaling:DescribeScheduledActions";

/// Resources in one `DescribeScalableTargets` call, at most.
const RESOURCES_PER_DESCRIBE: usize = 50;
/// The most results of a page.
const RESULTS_PER_PAGE: i32 = 50;
/// Calls under way at once. AAS allows few in a second, and the SDK waits where it is asked to.
const CALLS_AT_ONCE: usize = 4;

/// Application Auto Scaling in one region of one account, with the alarms of CloudWatch that it works by.
#[derive(Clone, Debug)]
pub struct ApplicationAutoScalingApi {
    client: Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
}

impl ApplicationAutoScalingApi {
    /// Speaks to AAS and CloudWatch through these clients.
    pub fn new(client: Client, cloudwatch: aws_sdk_cloudwatch::Client) -> Self {
        Self { client, cloudwatch }
    }

    /// All that AAS has of these services; of every ECS service where none is named.
    ///
    /// # Errors
    /// Those of AAS's calls. Alarms that CloudWatch does not tell are `unread`: AAS's usual ones are assumed then.
    pub async fn configuration(&self, services: &[ServiceId]) -> Result<Configuration, PortError> {
        let resources: Vec<String> = services.iter().map(resource_id).collect();
        let mut configuration = Configuration {
            targets: self.targets(&resources).await?.into_iter().map(|one| target(one).into()).collect(),
            policies: self.policies(&resources).await?.into_iter().map(|one| policy(one).into()).collect(),
            actions: self.actions(&resources).await?.into_iter().map(|one| action(one).into()).collect(),
            ..Configuration::default()
        };
        let policies = configuration.policies.iter();
        let names: BTreeSet<String> =
            policies.flat_map(|policy| &policy.value.alarms).map(|alarm| alarm.alarm_name.clone()).collect();
        match self.alarms(&names).await {
            Ok(alarms) => configuration.alarms = Some(alarms),
            Err(error) => configuration
                .unread
                .push(format!("the alarms, so AAS's usual numbers of points are assumed: {error}")),
        }
        Ok(configuration)
    }

    /// What AAS did to a service since a time, the newest first. AAS keeps six weeks of it.
    ///
    /// # Errors
    /// Those of AAS's calls.
    pub async fn activities(
        &self,
        service: &ServiceId,
        since: Timestamp,
    ) -> Result<Vec<ScalingActivity>, PortError> {
        let describe = self.client.describe_scaling_activities().service_namespace(ServiceNamespace::Ecs);
        let describe = describe.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let describe = describe.resource_id(resource_id(service)).max_results(RESULTS_PER_PAGE);
        let mut pages = describe.into_paginator().items().send();
        let mut activities = Vec::new();
        while let Some(activity) = pages.next().await {
            let activity = activity.map_err(|error| port_error(DESCRIBE_ACTIVITIES, error))?;
            let Some(start_time) = timestamp(&activity.start_time) else { continue };
            if start_time < since {
                break; // they come in the order of their start, the newest first
            }
            activities.push(ScalingActivity {
                resource_id: activity.resource_id,
                description: activity.description,
                start_time,
                status_code: activity.status_code.as_str().to_owned(),
            });
        }
        Ok(activities)
    }

    async fn targets(&self, resources: &[String]) -> Result<Vec<sdk::ScalableTarget>, PortError> {
        let describe = |names: Option<Vec<String>>| {
            let describe = self.client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
            let describe = describe.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
            describe.max_results(RESULTS_PER_PAGE).set_resource_ids(names)
        };
        let calls: Vec<_> = if resources.is_empty() {
            vec![describe(None)]
        } else {
            resources.chunks(RESOURCES_PER_DESCRIBE).map(|names| describe(Some(names.to_vec()))).collect()
        };
        let pages = calls.into_iter().map(|call| call.into_paginator().items().send().collect());
        let lists: Result<Vec<Vec<_>>, _> = stream::iter(pages).buffered(CALLS_AT_ONCE).try_collect().await;
        Ok(lists.map_err(|error| port_error(DESCRIBE_TARGETS, error))?.concat())
    }

    async fn policies(&self, resources: &[String]) -> Result<Vec<sdk::ScalingPolicy>, PortError> {
        let pages = each_or_all(resources).into_iter().map(|resource| {
            let describe = self.client.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs);
            let describe = describe.set_resource_id(resource).max_results(RESULTS_PER_PAGE);
            describe.into_paginator().items().send().collect()
        });
        let lists: Result<Vec<Vec<_>>, _> = stream::iter(pages).buffered(CALLS_AT_ONCE).try_collect().await;
        Ok(lists.map_err(|error| port_error(DESCRIBE_POLICIES, error))?.concat())
    }

    async fn actions(&self, resources: &[String]) -> Result<Vec<sdk::ScheduledAction>, PortError> {
        let pages = each_or_all(resources).into_iter().map(|resource| {
            let describe = self.client.describe_scheduled_actions().service_namespace(ServiceNamespace::Ecs);
            let describe = describe.set_resource_id(resource).max_results(RESULTS_PER_PAGE);
            describe.into_paginator().items().send().collect()
        });
        let lists: Result<Vec<Vec<_>>, _> = stream::iter(pages).buffered(CALLS_AT_ONCE).try_collect().await;
        Ok(lists.map_err(|error| port_error(DESCRIBE_ACTIONS, error))?.concat())
    }

    async fn alarms(&self, names: &BTreeSet<String>) -> Result<Vec<MetricAlarm>, PortError> {
        let names: Vec<String> = names.iter().cloned().collect();
        let pages = names.chunks(ALARMS_PER_DESCRIBE).map(|names| {
            let describe = self.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec()));
            let describe = describe.alarm_types(AlarmType::MetricAlarm);
            describe.into_paginator().send().collect::<Result<Vec<_>, _>>()
        });
        let pages: Result<Vec<Vec<_>>, _> = stream::iter(pages).buffered(CALLS_AT_ONCE).try_collect().await;
        let pages = pages.map_err(|error| port_error(DESCRIBE_ALARMS, error))?.concat();
        Ok(pages.iter().flat_map(|page| page.metric_alarms().iter().filter_map(alarm)).collect())
    }
}

/// Each resource, or none to ask for all.
fn each_or_all(resources: &[String]) -> Vec<Option<String>> {
    if resources.is_empty() { vec![None] } else { resources.iter().cloned().map(Some).collect() }
}

fn resource_id(service: &ServiceId) -> String {
    format!("service/{service}")
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

fn target(target: sdk::ScalableTarget) -> ScalableTarget {
    ScalableTarget {
        resource_id: target.resource_id,
        scalable_dimension: target.scalable_dimension.as_str().to_owned(),
        min_capacity: target.min_capacity.into(),
        max_capacity: target.max_capacity.into(),
        suspended_state: target.suspended_state.map(|state| SuspendedState {
            dynamic_scaling_in_suspended: state.dynamic_scaling_in_suspended.unwrap_or(false),
            dynamic_scaling_out_suspended: state.dynamic_scaling_out_suspended.unwrap_or(false),
            scheduled_scaling_suspended: state.scheduled_scaling_suspended.unwrap_or(false),
        }),
    }
}

fn policy(policy: sdk::ScalingPolicy) -> ScalingPolicy {
    let alarms = policy.alarms.unwrap_or_default();
    ScalingPolicy {
        policy_name: policy.policy_name,
        resource_id: policy.resource_id,
        scalable_dimension: policy.scalable_dimension.as_str().to_owned(),
        policy_type: policy.policy_type.as_str().to_owned(),
        target_tracking: policy.target_tracking_scaling_policy_configuration.map(tracking),
        step_scaling: policy.step_scaling_policy_configuration.map(steps),
        predictive: policy.predictive_scaling_policy_configuration.map(predictive),
        alarms: alarms.into_iter().map(|alarm| AlarmName { alarm_name: alarm.alarm_name }).collect(),
    }
}

fn tracking(tracking: sdk::TargetTrackingScalingPolicyConfiguration) -> TargetTracking {
    TargetTracking {
        target_value: tracking.target_value,
        predefined: tracking.predefined_metric_specification.map(|metric| PredefinedMetric {
            predefined_metric_type: metric.predefined_metric_type.as_str().to_owned(),
            resource_label: metric.resource_label,
        }),
        customized: tracking.customized_metric_specification.map(customized),
        scale_out_cooldown: tracking.scale_out_cooldown.map(i64::from),
        scale_in_cooldown: tracking.scale_in_cooldown.map(i64::from),
        disable_scale_in: tracking.disable_scale_in,
    }
}

fn customized(metric: sdk::CustomizedMetricSpecification) -> CustomizedMetric {
    let dimensions = metric.dimensions.unwrap_or_default().into_iter();
    let math = |entry: sdk::TargetTrackingMetricDataQuery| MetricDataQuery {
        id: entry.id,
        expression: entry.expression,
        label: entry.label,
        metric_stat: entry.metric_stat.map(metric_stat),
        return_data: entry.return_data,
    };
    CustomizedMetric {
        metric_name: metric.metric_name,
        namespace: metric.namespace,
        dimensions: dimensions.map(|one| Dimension { name: one.name, value: one.value }).collect(),
        statistic: metric.statistic.map(|statistic| statistic.as_str().to_owned()),
        unit: metric.unit,
        metrics: metric.metrics.unwrap_or_default().into_iter().map(math).collect(),
    }
}

fn metric_stat(stat: sdk::TargetTrackingMetricStat) -> MetricStat {
    let metric = stat.metric.map(|metric| {
        let dimensions = metric.dimensions.unwrap_or_default().into_iter();
        Metric {
            namespace: metric.namespace,
            metric_name: metric.metric_name,
            dimensions: dimensions.map(|one| Dimension { name: one.name, value: one.value }).collect(),
        }
    });
    MetricStat { metric: metric.unwrap_or_default(), stat: stat.stat, unit: stat.unit }
}

fn steps(steps: sdk::StepScalingPolicyConfiguration) -> StepScaling {
    let step = |step: sdk::StepAdjustment| StepAdjustment {
        metric_interval_lower_bound: step.metric_interval_lower_bound,
        metric_interval_upper_bound: step.metric_interval_upper_bound,
        scaling_adjustment: step.scaling_adjustment.into(),
    };
    StepScaling {
        adjustment_type: steps.adjustment_type.map(|kind| kind.as_str().to_owned()),
        step_adjustments: steps.step_adjustments.unwrap_or_default().into_iter().map(step).collect(),
        min_adjustment_magnitude: steps.min_adjustment_magnitude.map(i64::from),
        cooldown: steps.cooldown.map(i64::from),
        metric_aggregation_type: steps.metric_aggregation_type.map(|how| how.as_str().to_owned()),
    }
}

fn predictive(forecast: sdk::PredictiveScalingPolicyConfiguration) -> Predictive {
    let named =
        |predefined_metric_type, resource_label| PredefinedMetric { predefined_metric_type, resource_label };
    let metric = |metric: sdk::PredictiveScalingMetricSpecification| PredictiveMetric {
        target_value: metric.target_value,
        pair: metric
            .predefined_metric_pair_specification
            .map(|pair| named(pair.predefined_metric_type, pair.resource_label)),
        scaling: metric
            .predefined_scaling_metric_specification
            .map(|scaling| named(scaling.predefined_metric_type, scaling.resource_label)),
        load: metric
            .predefined_load_metric_specification
            .map(|load| named(load.predefined_metric_type, load.resource_label)),
        ..PredictiveMetric::default() // described metrics are told as such, whatever they are
    };
    Predictive {
        metric_specifications: forecast.metric_specifications.into_iter().map(metric).collect(),
        mode: forecast.mode.map(|mode| mode.as_str().to_owned()),
        scheduling_buffer_time: forecast.scheduling_buffer_time.map(i64::from),
        max_capacity_breach_behavior: forecast
            .max_capacity_breach_behavior
            .map(|how| how.as_str().to_owned()),
        max_capacity_buffer: forecast.max_capacity_buffer.map(i64::from),
    }
}

fn action(action: sdk::ScheduledAction) -> ScheduledAction {
    ScheduledAction {
        scheduled_action_name: action.scheduled_action_name,
        resource_id: action.resource_id,
        scalable_dimension: action.scalable_dimension.map(|dimension| dimension.as_str().to_owned()),
        schedule: action.schedule,
        timezone: action.timezone,
        start_time: action.start_time.as_ref().and_then(timestamp),
        end_time: action.end_time.as_ref().and_then(timestamp),
        creation_time: timestamp(&action.creation_time),
        scalable_target_action: action.scalable_target_action.map(|bounds| ScalableTargetAction {
            min_capacity: bounds.min_capacity.map(i64::from),
            max_capacity: bounds.max_capacity.map(i64::from),
        }),
    }
}

fn alarm(alarm: &SdkMetricAlarm) -> Option<MetricAlarm> {
    let count = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok());
    let math_period =
        alarm.metrics().iter().find_map(|entry| entry.metric_stat()?.period().or(entry.period()));
    Some(MetricAlarm {
        alarm_name: alarm.alarm_name()?.to_owned(),
        comparison_operator: alarm.comparison_operator().map(|operator| operator.as_str().to_owned()),
        threshold: alarm.threshold(),
        evaluation_periods: count(alarm.evaluation_periods()),
        datapoints_to_alarm: count(alarm.datapoints_to_alarm()),
        period: count(alarm.period().or(math_period)),
        metric_name: alarm.metric_name().map(ToOwned::to_owned),
    })
}

#[cfg(test)]
mod tests;
