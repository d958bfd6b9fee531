//! The services that globs select, as ECS lists them. Listings are kept for some minutes, since services come and go
//! rarely and listing shares the rate limit of describing; when a listing fails the last one is used. Those of a large account are
//! renewed in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::control::answer::AnswerError;
use crate::control::controller::Ports;
use crate::control::ports::PortError;
use crate::control::side_by_side::in_order;
use crate::model::duration::{elapsed, format_duration};
use crate::model::{ServiceId, ServicePattern};

use super::{Candidates, listed};

/// How long a listing is used before it is renewed.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// So many pages are listed anew at a look, the oldest listing first: more would hold up what the rest of the look needs of the same
/// rate. A listing that there is none of yet is made whatever it takes.
const PAGES_RENEWED: usize = 100;
const NAMES_PER_PAGE: usize = 100;

/// The clusters, and the services of each cluster, as they were listed last.
#[derive(Debug, Default)]
pub(in crate::control) struct Listings {
    clusters: Kept<String>,
    services: Kept<ServiceId>,
}

impl Listings {
    /// The services of all clusters in which a pattern, and `within` where given, can match.
    pub(super) async fn of_patterns(
        &self,
        patterns: Vec<&ServicePattern>,
        within: Option<&ServicePattern>,
        ports: &Ports,
    ) -> Candidates {
        let patterns: Vec<&ServicePattern> =
            patterns.into_iter().filter(|pattern| overlap(pattern, within)).collect();
        let now = ports.clock.now();
        let mut candidates = Candidates::default();
        let mut clusters: BTreeSet<String> =
            patterns.iter().filter_map(|pattern| pattern.literal_cluster()).map(str::to_owned).collect();
        let globs: Vec<&&ServicePattern> =
            patterns.iter().filter(|pattern| pattern.literal_cluster().is_none()).collect();
        if !globs.is_empty() {
            let renews = self.clusters.renewed([""].into_iter(), now).contains("");
            let all = self.clusters.get("", renews, now, ports.ecs.list_clusters()).await;
            candidates.errors.extend(all.error.map(|error| failed("the clusters", &globs, &error)));
            clusters.extend(
                all.names.into_iter().filter(|name| globs.iter().any(|glob| glob.matches_cluster(name))),
            );
        }
        clusters.retain(|cluster| within.is_none_or(|pattern| pattern.matches_cluster(cluster)));
        let renewed = self.services.renewed(clusters.iter().map(String::as_str), now);
        let listings = clusters.iter().map(|cluster| {
            let renews = renewed.contains(cluster);
            async move {
                let listed = self.services.get(cluster, renews, now, ports.ecs.list_services(cluster)).await;
                (cluster, listed)
            }
        });
        for (cluster, Listed { names, error }) in in_order(listings.collect()).await {
            candidates.services.extend(names);
            let concerned: Vec<&&ServicePattern> =
                patterns.iter().filter(|pattern| pattern.matches_cluster(cluster)).collect();
            candidates
                .errors
                .extend(error.map(|error| failed(&format!("the services of {cluster}"), &concerned, &error)));
        }
        candidates
    }
}

/// Whether both patterns can be of one cluster; two globs may always be.
fn overlap(pattern: &ServicePattern, within: Option<&ServicePattern>) -> bool {
    let Some(within) = within else { return true };
    match (pattern.literal_cluster(), within.literal_cluster()) {
        (Some(cluster), _) => within.matches_cluster(cluster),
        (None, Some(cluster)) => pattern.matches_cluster(cluster),
        (None, None) => true,
    }
}

fn failed(what: &str, patterns: &[&&ServicePattern], error: &str) -> AnswerError {
    AnswerError::world(None, format!("{what}, for {}, cannot be listed: {error}", listed(patterns)))
}

/// Listings by what was listed, each with the time of it.
#[derive(Debug)]
struct Kept<T>(Mutex<BTreeMap<String, (Timestamp, Vec<T>)>>);

struct Listed<T> {
    names: Vec<T>,
    error: Option<String>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// Those of the keys whose listings are to be renewed.
    fn renewed<'a>(&self, keys: impl Iterator<Item = &'a str>, now: Timestamp) -> BTreeSet<String> {
        let kept = self.kept();
        let of = |key: &'a str| kept.get(key).map(|(at, names)| (*at, key, names.len()));
        let mut old: Vec<(Timestamp, &str, usize)> =
            keys.filter_map(of).filter(|(at, ..)| KEPT_FOR <= elapsed(*at, now)).collect();
        old.sort_unstable();
        let mut pages = 0;
        let has_room = |(_, _, names): &(Timestamp, &str, usize)| {
            let before = pages;
            pages += names.div_ceil(NAMES_PER_PAGE).max(1);
            before < PAGES_RENEWED
        };
        old.into_iter().take_while(has_room).map(|(_, key, _)| key.to_owned()).collect()
    }

    /// The last listing under `key` where there is one that is not to be renewed; else the new one that `list` gives; else the last
    /// one and an error.
    async fn get(
        &self,
        key: &str,
        renews: bool,
        now: Timestamp,
        list: impl Future<Output = Result<Vec<T>, PortError>>,
    ) -> Listed<T> {
        let last = self.kept().get(key).cloned();
        if let Some((_, names)) = &last
            && !renews
        {
            return Listed { names: names.clone(), error: None };
        }
        match (list.await, last) {
            (Ok(names), _) => {
                self.kept().insert(key.to_owned(), (now, names.clone()));
                Listed { names, error: None }
            }
            (Err(error), Some((at, names))) => {
                let age = format_duration(elapsed(at, now));
                Listed { names, error: Some(format!("{error}; the listing of {age} ago is used")) }
            }
            (Err(error), None) => Listed {
                names: Vec::new(),
                error: Some(format!("{error}; there is no earlier listing to go by")),
            },
        }
    }

    /// A listing is put in as a whole, so the map is consistent even after a panic elsewhere.
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, Vec<T>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
