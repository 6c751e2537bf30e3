//! Commands in a build that is on probation: what counts of them, and the one that brought the build, which is held until that
//! is decided. Deciding is `update`'s. Source: docs/decisions, probation of builds.

use super::{Commands, Mode};
use crate::update::probation::Probation;

pub(super) const HELD: &str = "cancelled while the new build of the agent was on probation, which goes on: the agent stays with the build \
                    if that passes, and else goes back";

impl Commands {
    /// With something to show before this program gets its place.
    pub fn on(self, probation: Option<Probation>) -> Self {
        Self { probation, ..self }
    }

    /// Whether it is the command that brought the build which is on probation, and has not ended.
    pub(super) fn holds(&self, job_id: &str) -> bool {
        self.probation.as_ref().is_some_and(|probation| probation.is_of(job_id))
            && self.journal.leftovers().iter().any(|leftover| leftover.resumed() == Some(job_id))
    }

    /// Whether it stays suspended although it was cancelled: this build stops, and takes it up again when it is started anew.
    pub(super) fn goes_on_later(&self, job_id: &str) -> bool {
        self.mode == Mode::Stopping && self.holds(job_id)
    }

    /// The build then has no command to take up.
    pub(super) fn called_off(&mut self, job_id: &str) {
        if let Some(probation) = &mut self.probation
            && probation.is_of(job_id)
        {
            probation.worked();
        }
    }

    pub(super) fn end_of_probation(&mut self) {
        let is_connected = self.link.as_ref().is_some_and(|link| !link.is_closed());
        if self.mode == Mode::Working
            && let Some(probation) = &mut self.probation
            && probation.has_passed(is_connected)
        {
            tracing::info!("the probation of this build is passed");
            self.mode = Mode::Exchanging;
        }
    }
}
