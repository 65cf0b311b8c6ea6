//! Where metrics are kept. There is one place per process, which all services in it share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The recorder that this crate installed.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

static INSTALLED: Mutex<Option<Recorder>> = Mutex::new(None);

/// From a tenth of a millisecond to a minute.
const SECONDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// How often what was measured is summed up when nobody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, or finds the one that is there.
pub(crate) fn install(problems: &mut Vec<String>) -> Option<Recorder> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorder) = &*installed {
        return Some(recorder.clone());
    }
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &SECONDS);
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
