//! The metrics of the program as instruments of OpenTelemetry.
//!
//! Counters and gauges are numbers that are read when metrics are pushed; a value of a histogram is
//! handed on as it comes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// Gives the upper bounds of a histogram's buckets by its name.
pub(crate) type Buckets = fn(&str) -> &'static [f64];

/// Unit and meaning of a metric.
type Description = (&'static str, String);

/// Makes an instrument for each metric.
pub(super) struct Instruments {
    meter: Meter,
    buckets: Buckets,
    descriptions: Mutex<HashMap<KeyName, Description>>,
}

impl Instruments {
    /// A recorder that makes them with `meter`.
    pub(super) fn recorder(meter: Meter, buckets: Buckets) -> impl Recorder + Sync + 'static {
        let instruments = Arc::new(Self { meter, buckets, descriptions: Mutex::default() });
        InstrumentRecorder { registry: Registry::new(Arc::clone(&instruments)), instruments }
    }

    fn describe(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        let unit = match unit {
            Some(Unit::Seconds) => "s",
            Some(Unit::Bytes) => "By",
            Some(_) | None => "",
        };
        let mut descriptions = self.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
        descriptions.insert(name, (unit, meaning.into_owned()));
    }

    fn description(&self, key: &Key) -> Description {
        let descriptions = self.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
        descriptions.get(key.name()).cloned().unwrap_or_default()
    }
}

impl Storage<Key> for Instruments {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Values>;

    fn counter(&self, key: &Key) -> Self::Counter {
        let (unit, meaning) = self.description(key);
        let (value, labels) = (Arc::new(AtomicU64::new(0)), labels(key));
        let read = Arc::clone(&value);
        let instrument = self.meter.u64_observable_counter(key.name().to_owned());
        let instrument = instrument.with_unit(unit).with_description(meaning);
        // The meter keeps it.
        let _kept = instrument.with_callback(move |to| to.observe(read.load(Ordering::Relaxed), &labels)).build();
        value
    }

    fn gauge(&self, key: &Key) -> Self::Gauge {
        let (unit, meaning) = self.description(key);
        let (bits, labels) = (Arc::new(AtomicU64::new(0)), labels(key));
        let read = Arc::clone(&bits);
        let instrument = self.meter.f64_observable_gauge(key.name().to_owned());
        let instrument = instrument.with_unit(unit).with_description(meaning);
        let observe = move |to: &dyn opentelemetry::metrics::AsyncInstrument<f64>| {
            to.observe(f64::from_bits(read.load(Ordering::Relaxed)), &labels);
        };
        // The meter keeps it.
        let _kept = instrument.with_callback(observe).build();
        bits
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let (unit, meaning) = self.description(key);
        let instrument = self.meter.f64_histogram(key.name().to_owned());
        let instrument = instrument.with_unit(unit).with_description(meaning);
        let instrument = instrument.with_boundaries((self.buckets)(key.name()).to_vec()).build();
        Arc::new(Values { instrument, labels: labels(key) })
    }
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

/// The values of a histogram.
pub(super) struct Values {
    instrument: opentelemetry::metrics::Histogram<f64>,
    labels: Vec<KeyValue>,
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.instrument.record(value, &self.labels);
    }
}

/// Finds the instrument of a metric, which is made once.
struct InstrumentRecorder {
    registry: Registry<Key, Arc<Instruments>>,
    instruments: Arc<Instruments>,
}

impl Recorder for InstrumentRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.instruments.describe(name, unit, meaning);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.instruments.describe(name, unit, meaning);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.instruments.describe(name, unit, meaning);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registry.get_or_create_counter(key, |counter| Arc::clone(counter).into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registry.get_or_create_gauge(key, |gauge| Arc::clone(gauge).into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registry.get_or_create_histogram(key, |histogram| Arc::clone(histogram).into())
    }
}
