//! Where metrics are kept. There is one place per process, which all services in it share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::metrics::describe;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The recorder that this crate installed.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

static INSTALLED: Mutex<Option<Recorder>> = Mutex::new(None);

/// For what somebody waits for: few, since each task that is called has a series for each.
const SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];

/// For what nobody waits for.
const LONG_SECONDS: [f64; 8] = [0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 86400.0];

/// How often what was measured is summed up when nobody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, or finds the one that is there.
pub(crate) fn install(problems: &mut Vec<String>) -> Option<Recorder> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorder) = &*installed {
        return Some(recorder.clone());
    }
    // Of two that match, a prefix counts more than a suffix.
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(
                Matcher::Prefix("tasks_job_attempt_".to_owned()),
                &LONG_SECONDS,
            )
        });
    let recorder = match builder {
        Ok(builder) => builder.build_recorder(),
        Err(error) => {
            problems.push(format!("the metrics cannot be set up: {error}"));
            return None;
        }
    };
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        problems.push(
            "`with_monitoring` installs a recorder of `metrics`, and this program has installed one already: leave one of \
             them out; without `with_monitoring`, serve the metrics yourself"
                .to_owned(),
        );
        return None;
    }
    describe();
    let recorder = Recorder(handle);
    *installed = Some(recorder.clone());
    let own = recorder.clone();
    let upkeep = std::thread::Builder::new().name("tasks-metrics".to_owned());
    // It ends with the process.
    let started = upkeep.spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            own.0.run_upkeep();
        }
    });
    if let Err(error) = started {
        problems.push(format!(
            "the thread for the metrics cannot be started: {error}"
        ));
        return None;
    }
    Some(recorder)
}

impl Recorder {
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }
}
