//! How high a failure rate may be, given what was seen of it: the upper bound of Clopper and Pearson, one-sided. It is exact
//! in the sense that the true rate is above it in at most 1 of 20 cases at 95 %, however few nodes there are.
//! What a bound must not be above is the plan's.

/// Hundredths of a percent.
const WHOLE: f64 = 10_000.0;
/// Halvings: far below a hundredth of a percent.
const HALVINGS: u32 = 60;
/// What halving leaves above a whole number.
const ROUNDING: f64 = 1e-6;

/// The failure rate that `failed` of `ended` does not rule out, in hundredths of a percent, rounded up. Of nobody nothing is
/// known: 100 %.
pub fn upper_bound(failed: u32, ended: u32, confidence_percent: u8) -> u32 {
    if failed >= ended {
        return 10_000;
    }
    let doubt = 1.0 - f64::from(confidence_percent) / 100.0;
    let likelihood = AtMost::new(failed, ended);
    let (mut low, mut high) = (f64::from(failed) / f64::from(ended), 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        match likelihood.at(middle) > doubt {
            true => low = middle,
            false => high = middle,
        }
    }
    // Within 0 and 10,000 by its making.
    (high * WHOLE - ROUNDING).ceil() as u32
}

/// How many nodes it takes, none of which fails, for the bound not to be above `max_percent`.
pub fn nodes_needed(max_percent: u8, confidence_percent: u8) -> u32 {
    let doubt = 1.0 - f64::from(confidence_percent) / 100.0;
    let rate = f64::from(max_percent) / 100.0;
    let estimate = (doubt.ln() / (1.0 - rate).ln()).floor() as u32;
    let is_enough = |nodes: &u32| upper_bound(0, *nodes, confidence_percent) <= u32::from(max_percent) * 100;
    // The estimate is off by rounding only.
    (estimate.saturating_sub(2).max(1)..).find(is_enough).unwrap_or(u32::MAX)
}

/// How likely at most `failed` of `ended` are, by the rate.
struct AtMost {
    failed: u32,
    ended: u32,
    /// The logarithm of the number of ways to choose the failed.
    ways: f64,
}

impl AtMost {
    fn new(failed: u32, ended: u32) -> Self {
        let way = |i: u32| (f64::from(ended - failed + i) / f64::from(i)).ln();
        Self { failed, ended, ways: (1..=failed).map(way).sum() }
    }

    /// For rates from failed/ended on, where no term is greater than the last one: the others are added as shares of it.
    fn at(&self, rate: f64) -> f64 {
        let (failed, ended) = (f64::from(self.failed), f64::from(self.ended));
        let last =
            self.ways + failed * ln_of(rate, failed) + (ended - failed) * ln_of(1.0 - rate, ended - failed);
        let odds = (1.0 - rate) / rate;
        let (mut sum, mut share) = (1.0, 1.0);
        for i in (1..=self.failed).rev() {
            share *= f64::from(i) / f64::from(self.ended - i + 1) * odds;
            sum += share;
            if share < 1e-18 {
                break;
            }
        }
        last.exp() * sum
    }
}

/// Nothing to the power of nothing is one.
fn ln_of(rate: f64, times: f64) -> f64 {
    if times == 0.0 { 0.0 } else { rate.ln() }
}
