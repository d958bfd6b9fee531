//! Scalable targets with their policies and scheduled actions as service entries.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Remark;
use super::aas::{
    Configuration, DESIRED_COUNT, ScalableTarget, ScalingPolicy, ScheduledAction, SuspendedState, Told,
};
use super::alarms::Alarms;
use super::entry::{Damping, Draft, Entry, Item, Mode, Tolerance, USUAL_TOLERANCE};
use super::policies;
use super::schedules::{self, Scheduled};
use super::write::Node;
use crate::model::ServiceId;

/// A service with all that AAS has of it.
struct Registered<'a> {
    target: &'a Told<ScalableTarget>,
    policies: Vec<&'a Told<ScalingPolicy>>,
    actions: Vec<&'a Told<ScheduledAction>>,
}

/// Everything that can be carried over, and what cannot.
pub(super) fn draft(configuration: &Configuration, wanted: &[ServiceId], now: Timestamp) -> Draft {
    let mut fleet = Fleet { wanted, services: BTreeMap::new(), others: Vec::new() };
    for unread in &configuration.unread {
        fleet.others.push(Remark { service: None, item: "input".to_owned(), remark: unread.clone() });
    }
    for target in &configuration.targets {
        fleet.register(target);
    }
    for policy in &configuration.policies {
        let ScalingPolicy { resource_id, scalable_dimension, policy_name, .. } = &policy.value;
        let label = policies::label(&policy.value);
        if let Some(registered) = fleet.find(&label, resource_id, Some(scalable_dimension)) {
            match registered.policies.iter().find(|other| other.value.policy_name == *policy_name) {
                None => registered.policies.push(policy),
                Some(other) if *other != policy => fleet.say_twice(&label, resource_id),
                Some(_) => {}
            }
        }
    }
    for action in &configuration.actions {
        let ScheduledAction { resource_id, scalable_dimension, scheduled_action_name: name, .. } =
            &action.value;
        let label = schedules::label(&action.value);
        if let Some(registered) = fleet.find(&label, resource_id, scalable_dimension.as_deref()) {
            match registered.actions.iter().find(|other| other.value.scheduled_action_name == *name) {
                None => registered.actions.push(action),
                Some(other) if *other != action => fleet.say_twice(&label, resource_id),
                Some(_) => {}
            }
        }
    }
    let alarms = Alarms::new(configuration.alarms.as_deref());
    let Fleet { services, others, .. } = fleet;
    let entries = services.into_iter().map(|(service, registered)| entry(service, &registered, &alarms, now));
    Draft { entries: entries.collect(), others }
}

/// The services that are wanted, and what is said of everything else.
struct Fleet<'a> {
    wanted: &'a [ServiceId],
    services: BTreeMap<ServiceId, Registered<'a>>,
    others: Vec<Remark>,
}

impl<'a> Fleet<'a> {
    fn register(&mut self, target: &'a Told<ScalableTarget>) {
        let ScalableTarget { resource_id, scalable_dimension, .. } = &target.value;
        match service_of(resource_id, Some(scalable_dimension)) {
            Ok(service) if self.is_wanted(&service) => {
                let registered = Registered { target, policies: Vec::new(), actions: Vec::new() };
                let first = self.services.entry(service).or_insert(registered).target;
                if first != target {
                    self.say_twice("scalable target", resource_id);
                }
            }
            Ok(_) => {}
            Err(remark) => {
                let item = format!("scalable target {resource_id:?}");
                self.others.push(Remark { service: None, item, remark });
            }
        }
    }

    /// The service that something belongs to; where there is none, that is said.
    fn find(&mut self, label: &str, resource: &str, dimension: Option<&str>) -> Option<&mut Registered<'a>> {
        match service_of(resource, dimension) {
            Ok(service) if !self.is_wanted(&service) => None,
            Ok(service) => {
                if !self.services.contains_key(&service) {
                    let remark =
                        "the service has no scalable target here: add what describe-scalable-targets prints";
                    let (item, remark) = (label.to_owned(), remark.to_owned());
                    self.others.push(Remark { service: Some(service.clone()), item, remark });
                }
                self.services.get_mut(&service)
            }
            Err(remark) => {
                self.others.push(Remark { service: None, item: format!("{label} of {resource:?}"), remark });
                None
            }
        }
    }

    /// Says that something is there a second time, and differs.
    fn say_twice(&mut self, label: &str, resource: &str) {
        let service = service_of(resource, None).ok();
        let remark = "it is told twice, and differs; the first is taken".to_owned();
        self.others.push(Remark { service, item: label.to_owned(), remark });
    }

    fn is_wanted(&self, service: &ServiceId) -> bool {
        self.wanted.is_empty() || self.wanted.contains(service)
    }
}

/// The ECS service of a resource, or why there is none.
fn service_of(resource_id: &str, dimension: Option<&str>) -> Result<ServiceId, String> {
    if let Some(other) = dimension.filter(|dimension| *dimension != DESIRED_COUNT) {
        return Err(format!("its dimension is {other:?}; trimtab scales the desired count of ECS services"));
    }
    let name = resource_id.strip_prefix("service/").ok_or("it is no ECS service")?;
    name.parse().map_err(|_| "it is not named as an ECS service: service/CLUSTER/SERVICE".to_owned())
}

fn entry(service: ServiceId, registered: &Registered<'_>, alarms: &Alarms<'_>, now: Timestamp) -> Entry {
    let target = &registered.target.value;
    let capacity = [("min", target.min_capacity), ("max", target.max_capacity)]
        .map(|(key, count)| (key, Node::word(count.to_string())));
    let mut entry = Entry {
        service,
        mode: Mode::Shadow,
        capacity: capacity.to_vec(),
        policies: Vec::new(),
        predictive: None,
        schedules: Vec::new(),
        damping: Damping::default(),
        remarks: Vec::new(),
    };
    for key in &registered.target.unknown {
        entry.lose("scalable target", &unknown_key(key));
    }
    add_policies(&mut entry, &registered.policies, alarms);
    add_schedules(&mut entry, target, &registered.actions, now);
    suspend(&mut entry, target.suspended_state.unwrap_or_default());
    entry
}

fn add_policies(entry: &mut Entry, told: &[&Told<ScalingPolicy>], alarms: &Alarms<'_>) {
    let mut tolerances = Vec::new();
    let mut aggregations = BTreeMap::new();
    let tracked: Vec<_> = told.iter().filter_map(|policy| policy.value.target_tracking.clone()).collect();
    for Told { value: policy, unknown } in told {
        let label = policies::label(policy);
        let carried = match (&policy.target_tracking, &policy.step_scaling, &policy.predictive) {
            (Some(tracking), None, None) => {
                policies::target_tracking(policy, tracking, alarms).map(|(item, tolerance)| {
                    tolerances.push((label.clone(), tolerance));
                    vec![item]
                })
            }
            (None, Some(steps), None) => policies::step_scaling(policy, steps, alarms, &mut aggregations),
            (None, None, Some(predictive)) => match &entry.predictive {
                None => {
                    let mut item = policies::predictive(policy, predictive, &tracked);
                    item.lost.extend(unknown.iter().map(|key| unknown_key(key)));
                    entry.predictive = Some(item);
                    continue;
                }
                Some(first) => Err(format!("a service has one forecast here, that of {}", first.label)),
            },
            _ => Err(format!("its type {:?} has no configuration that is known", policy.policy_type)),
        };
        match carried {
            Ok(mut items) => {
                if let Some(first) = items.first_mut() {
                    first.lost.extend(unknown.iter().map(|key| unknown_key(key)));
                }
                entry.policies.append(&mut items);
            }
            Err(why) => entry.lose(&label, &why),
        }
    }
    entry.damping.tolerance = common_tolerance(entry, &tolerances);
    if told.iter().any(|policy| scales_in_by_steps(&policy.value))
        && tracked.iter().any(|tracking| !tracking.disable_scale_in.unwrap_or(false))
    {
        let text = "scale-in by a step policy while a target-tracking policy is not ready for it: \
                    all policies must agree to scale-in here";
        entry.lose("policies", text);
    }
}

/// A service has one tolerance in each direction. Where its policies have several, that which scales out first and in last.
fn common_tolerance(entry: &mut Entry, tolerances: &[(String, Tolerance)]) -> Tolerance {
    let out = tolerances.iter().map(|(_, tolerance)| tolerance.out).reduce(f64::min);
    let scale_in = tolerances.iter().map(|(_, tolerance)| tolerance.scale_in).reduce(f64::max);
    let common = Tolerance {
        out: out.unwrap_or(USUAL_TOLERANCE.out),
        scale_in: scale_in.unwrap_or(USUAL_TOLERANCE.scale_in),
    };
    for (label, own) in tolerances.iter().filter(|(_, own)| *own != common) {
        let text = format!(
            "alarms {} over and {} under the target: a service has one tolerance, here {} and {}",
            percent(own.out),
            percent(own.scale_in),
            percent(common.out),
            percent(common.scale_in)
        );
        entry.lose(label, &text);
    }
    common
}

fn percent(share: f64) -> String {
    let percent = (share * 1e6).round() / 1e4;
    format!("{percent} %")
}

fn scales_in_by_steps(policy: &ScalingPolicy) -> bool {
    let steps = policy.step_scaling.as_ref();
    steps.is_some_and(|steps| {
        let is_exact = steps.adjustment_type.as_deref() == Some("ExactCapacity");
        is_exact || steps.step_adjustments.iter().any(|step| step.scaling_adjustment < 0)
    })
}

fn add_schedules(
    entry: &mut Entry,
    target: &ScalableTarget,
    told: &[&Told<ScheduledAction>],
    now: Timestamp,
) {
    let mut carried: Vec<Scheduled> = Vec::new();
    for Told { value: action, unknown } in told {
        match schedules::scheduled(action, now) {
            Ok(mut scheduled) => {
                scheduled.item.lost.extend(unknown.iter().map(|key| unknown_key(key)));
                carried.push(scheduled);
            }
            Err(why) => entry.lose(&schedules::label(action), &why),
        }
    }
    for changed in schedules::changed_by_hand(target, &carried) {
        entry.lose("scalable target", &changed);
    }
    entry.schedules = carried.into_iter().map(|scheduled| scheduled.item).collect();
}

/// Carries over what is suspended: a direction as one in which the policies change nothing, and all as a pause.
fn suspend(entry: &mut Entry, suspended: SuspendedState) {
    let SuspendedState {
        dynamic_scaling_in_suspended,
        dynamic_scaling_out_suspended,
        scheduled_scaling_suspended,
    } = suspended;
    let has_policies = !entry.policies.is_empty() || entry.predictive.is_some();
    let are_policies_off = !has_policies || dynamic_scaling_in_suspended && dynamic_scaling_out_suspended;
    let are_schedules_off = entry.schedules.is_empty() || scheduled_scaling_suspended;
    let any = dynamic_scaling_in_suspended || dynamic_scaling_out_suspended || scheduled_scaling_suspended;
    if any && are_policies_off && are_schedules_off {
        entry.mode = Mode::Paused;
        return;
    }
    entry.damping.suspended_in = dynamic_scaling_in_suspended;
    entry.damping.suspended_out = dynamic_scaling_out_suspended;
    if scheduled_scaling_suspended {
        for Item { label, .. } in std::mem::take(&mut entry.schedules) {
            let text = "scheduled scaling is suspended; import again when it is resumed, or write it by hand";
            entry.lose(&label, text);
        }
    }
}

fn unknown_key(key: &str) -> String {
    format!("{key}: unknown key")
}
