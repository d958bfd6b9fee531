//! The imported policies decide as Application Auto Scaling does: its documented examples, through the engine.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::engine::decide;
use crate::model::{AlarmState, AlarmStatus, Memory, Name, Observation, Point, ServiceStatus, TaskCount};

/// A service under the imported policies, look by look; what is decided is there at the next look.
struct Run {
    target: ScalableTarget,
    memory: Memory,
    desired: TaskCount,
}

impl Run {
    fn new(documents: &[Value], desired: TaskCount) -> Self {
        Self { target: target(documents).0, memory: Memory::default(), desired }
    }

    fn look(
        &mut self,
        second: i64,
        metrics: BTreeMap<Name, Vec<Point>>,
        alarms: BTreeMap<Name, AlarmStatus>,
    ) -> TaskCount {
        let now = now() + SignedDuration::from_secs(second);
        let service = ServiceStatus::steady(self.desired);
        let observation = Observation { now, service, metrics, alarms, queues: BTreeMap::new() };
        let decision = decide(&self.target, &observation, std::mem::take(&mut self.memory));
        (self.memory, self.desired) = (decision.memory, decision.to);
        self.desired
    }

    /// Looks at points of a minute of the processor time, of which the last ended half a minute ago.
    fn cpu(&mut self, second: i64, values: &[f64]) -> TaskCount {
        let newest = now() + SignedDuration::from_secs(second - 90);
        let points = values
            .iter()
            .rev()
            .zip(0..)
            .map(|(value, ago)| Point { start: newest - SignedDuration::from_secs(60 * ago), value: *value });
        let mut points: Vec<Point> = points.collect();
        points.reverse();
        self.look(second, [("ECSServiceAverageCPUUtilization".into(), points)].into(), BTreeMap::new())
    }

    /// Looks at an alarm on each side of a threshold of 50.
    fn alarms(&mut self, second: i64, value: f64) -> TaskCount {
        let status = |is_breached: bool| AlarmStatus {
            state: if is_breached { AlarmState::Alarm } else { AlarmState::Ok },
            threshold: Some(50.0),
            value: Some(value),
            since: None,
        };
        let alarms = [("high".into(), status(50.0 < value)), ("low".into(), status(value < 50.0))];
        self.look(second, BTreeMap::new(), alarms.into())
    }
}

#[test]
fn target_tracking_scales_out_after_three_points_over_and_in_after_fifteen_a_tenth_under() {
    let documents = [targets(), policies(&[cpu(60.0)])];
    // (case, points, wanted of 10)
    let cases: &[(&str, &[f64], TaskCount)] = &[
        ("in proportion, rounded up", &[71.2; 3], 12),
        ("at the target is not over it", &[60.0; 3], 10),
        ("two points wait", &[60.0, 90.0, 90.0], 10),
        ("three points do not", &[90.0; 3], 15),
        ("the ceiling ends it", &[200.0; 3], 20),
        ("a tenth under is not under", &[54.0; 15], 10),
        ("fourteen points wait", &[30.0; 14], 10),
        ("fifteen points do not, and there is no rate limit", &[12.0; 15], 2),
        ("scale-in does not push it back over: ceil(8.98) is 9", &[53.9; 15], 9),
        (
            "the highest of the points decides",
            &[30.0, 42.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0],
            7,
        ),
    ];
    for (case, points, wanted) in cases {
        assert_eq!(Run::new(&documents, 10).cpu(0, points), *wanted, "{case}");
    }
}

#[test]
fn cooldowns_are_of_five_minutes_and_let_a_larger_need_through() {
    let documents = [targets(), policies(&[cpu(60.0)])];
    let mut run = Run::new(&documents, 4);
    assert_eq!(run.cpu(0, &[90.0; 3]), 6, "two more");
    assert_eq!(
        run.cpu(240, &[80.0; 3]),
        6,
        "two more again: in the cooldown only a larger need goes through"
    );
    assert_eq!(run.cpu(300, &[80.0; 3]), 8, "the cooldown is over");
    let mut run = Run::new(&documents, 10);
    assert_eq!(run.cpu(0, &[30.0; 15]), 5);
    assert_eq!(run.cpu(240, &[30.0; 15]), 5, "the scale-in cooldown");
    assert_eq!(run.cpu(250, &[90.0; 3]), 8, "a scale-out goes through it");
}

#[test]
fn disabled_scale_in_and_several_policies() {
    let mut held = cpu(60.0);
    held["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] = json!(true);
    assert_eq!(Run::new(&[targets(), policies(&[held])], 10).cpu(0, &[10.0; 15]), 10);
    let memory = json!({ "TargetValue": 50, "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageMemoryUtilization" } });
    let both = [targets(), policies(&[cpu(60.0), tracking("memory", memory)])];
    assert_eq!(Run::new(&both, 10).cpu(0, &[10.0; 15]), 10, "scale-in needs both, and one cannot tell");
    assert_eq!(Run::new(&both, 10).cpu(0, &[90.0; 3]), 15, "scale-out needs one");
}

#[test]
fn the_documented_example_of_step_scaling() {
    let ladder = |steps: [Value; 3]| json!({ "AdjustmentType": "PercentChangeInCapacity", "Cooldown": 0, "StepAdjustments": steps });
    let out = ladder([
        step(Some(0.0), Some(10.0), 0),
        step(Some(10.0), Some(20.0), 10),
        step(Some(20.0), None, 30),
    ]);
    let scale_in = ladder([
        step(Some(-10.0), Some(0.0), 0),
        step(Some(-20.0), Some(-10.0), -10),
        step(None, Some(-20.0), -30),
    ]);
    let list = [stepping("out", &["high"], out), stepping("in", &["low"], scale_in)];
    let mut run = Run::new(&[targets(), policies(&list)], 10);
    let counts =
        [(0, 60.0), (60, 70.0), (120, 40.0), (180, 30.0)].map(|(second, value)| run.alarms(second, value));
    assert_eq!(counts, [11, 14, 13, 10]);
}

#[test]
fn step_adjustments_round_and_wait_as_documented() {
    let one = |kind: &str, change: i32, more: Value| {
        let mut settings =
            json!({ "AdjustmentType": kind, "StepAdjustments": [step(Some(0.0), None, change)] });
        extend(&mut settings, more);
        [targets(), policies(&[stepping("steps", &["high"], settings)])]
    };
    // (type, change, more, tasks, wanted)
    let cases = [
        ("PercentChangeInCapacity", 25, json!({ "MinAdjustmentMagnitude": 2 }), 4, 6),
        ("PercentChangeInCapacity", 127, json!({}), 4, 9),
        ("PercentChangeInCapacity", 17, json!({}), 4, 5),
        ("ChangeInCapacity", 30, json!({}), 4, 20),
        ("ExactCapacity", 17, json!({}), 4, 17),
    ];
    for (kind, change, more, tasks, wanted) in cases {
        assert_eq!(Run::new(&one(kind, change, more), tasks).alarms(0, 60.0), wanted, "{kind} {change}");
    }
    let ladder = json!([step(Some(0.0), Some(20.0), 2), step(Some(20.0), None, 3)]);
    let mut run = Run::new(&one("ChangeInCapacity", 0, json!({ "StepAdjustments": ladder })), 4);
    let counts =
        [(0, 60.0), (60, 60.0), (240, 80.0), (360, 60.0)].map(|(second, value)| run.alarms(second, value));
    assert_eq!(
        counts,
        [6, 6, 7, 7],
        "in the cooldown of five minutes a larger step adds the difference, and begins it anew"
    );
}

#[test]
fn scheduled_actions_hold_what_they_set_last() {
    let set = |min: u32, max: u32| json!({ "ScalableTargetAction": { "MinCapacity": min, "MaxCapacity": max }, "Timezone": "Europe/Berlin" });
    // Berlin is an hour ahead of UTC in November, so it is 13:00 there.
    let list =
        [action("up", "cron(30 14 * * ? *)", set(8, 30)), action("down", "cron(0 20 * * ? *)", set(2, 4))];
    let mut run = Run::new(&[targets(), actions(&list)], 3);
    let mut look = |second| run.look(second, BTreeMap::new(), BTreeMap::new());
    assert_eq!(look(0), 3, "since last evening from 2 to 4");
    assert_eq!(look(5400), 8, "raised to the floor at 14:30");
    assert_eq!(look(7 * 3600), 4, "brought to the ceiling at 20:00");
}
