//! Maintenance windows: what one is, when it opens, what its tasks do and in which order, and how a run ends.
//! Carrying it out is the server's; expressions of schedules are `schedule`'s. Source: spec systems-manager 4.

mod automation;
mod command;
mod cover;
mod opening;
mod plan;
mod pseudo;
mod run;
mod status;
mod task;
#[cfg(test)]
mod tests;
mod webhook;

pub use automation::automation_request;
pub use command::{RunNames, command_request, shown_parameters};
pub use cover::{TagsOfNodes, contains, covers, named_nodes};
pub use opening::{Opening, opening};
pub use plan::{MAX_RESOURCES, NodesOfTargets, PlannedInvocation, plan};
pub use run::{Act, Piece, Reason, Run, RunningTask, next_acts};
pub use status::ExecutionStatus;
pub use task::{TaskError, WINDOW_TARGET_IDS, check_task};
pub use webhook::{WebhookCall, webhook_call, webhook_name};

use api::Timestamp;
use api::ssm;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::ids::WindowId;
use crate::schedule::{self, Calendar, Schedule, ScheduleError};

const HOUR_SECONDS: i64 = 3600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub id: WindowId,
    pub settings: Settings,
    pub enabled: bool,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// The creation, or the last change of what decides when it opens.
    pub schedule_changed_at: Timestamp,
}

/// What a request says of a window, as the model has bounded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub name: String,
    pub description: Option<String>,
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    pub schedule: String,
    pub schedule_timezone: Option<String>,
    pub schedule_offset: Option<i32>,
    pub duration_hours: i32,
    pub cutoff_hours: i32,
    pub allow_unassociated_targets: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error("Cutoff {cutoff} is not smaller than Duration {duration}: no task would ever start")]
    Cutoff { cutoff: i32, duration: i32 },
    #[error("EndDate {end} is not after StartDate {start}")]
    Dates { start: String, end: String },
    #[error("ScheduleOffset needs a cron expression, `{0}` is none")]
    Offset(String),
}

impl Settings {
    pub fn check(&self, zones: &TimeZoneDatabase) -> Result<(), WindowError> {
        if self.cutoff_hours >= self.duration_hours {
            return Err(WindowError::Cutoff { cutoff: self.cutoff_hours, duration: self.duration_hours });
        }
        let calendar = self.calendar(zones, Timestamp::EPOCH)?;
        if self.schedule_offset.is_some() && !calendar.schedule.is_cron() {
            return Err(WindowError::Offset(self.schedule.clone()));
        }
        match (calendar.starts_at, calendar.ends_at) {
            (Some(start), Some(end)) if end <= start => Err(WindowError::Dates {
                start: self.start_date.clone().unwrap_or_default(),
                end: self.end_date.clone().unwrap_or_default(),
            }),
            _ => Ok(()),
        }
    }

    /// The zone that the window was given; without one schedules are in UTC.
    fn zone(&self, zones: &TimeZoneDatabase) -> Result<Option<TimeZone>, WindowError> {
        let name = self.schedule_timezone.as_deref();
        Ok(name.map(|name| schedule::zone(name, zones)).transpose()?)
    }

    fn calendar(&self, zones: &TimeZoneDatabase, counts_from: Timestamp) -> Result<Calendar, WindowError> {
        let schedule = Schedule::parse_for_window(&self.schedule)?;
        let zone = self.zone(zones)?.unwrap_or(TimeZone::UTC);
        let date =
            |text: &Option<String>| text.as_deref().map(|text| schedule::parse_date(text, &zone)).transpose();
        Ok(Calendar {
            schedule,
            offset_days: self.schedule_offset.and_then(|days| u8::try_from(days).ok()).unwrap_or_default(),
            counts_from,
            starts_at: date(&self.start_date)?,
            ends_at: date(&self.end_date)?,
            zone,
        })
    }

    /// What decides when a window opens.
    pub fn has_schedule_of(&self, other: &Self) -> bool {
        let of = |settings: &Self| {
            let Self { schedule, schedule_timezone, schedule_offset, start_date, end_date, .. } =
                settings.clone();
            (schedule, schedule_timezone, schedule_offset, start_date, end_date)
        };
        of(self) == of(other)
    }
}

impl Window {
    pub fn calendar(&self, zones: &TimeZoneDatabase) -> Result<Calendar, WindowError> {
        self.settings.calendar(zones, self.schedule_changed_at)
    }

    /// When it opens next after `now`: never while it is disabled.
    pub fn next_after(
        &self,
        now: Timestamp,
        zones: &TimeZoneDatabase,
    ) -> Result<Option<Timestamp>, WindowError> {
        if !self.enabled {
            return Ok(None);
        }
        Ok(self.calendar(zones)?.next_after(now))
    }

    /// As `NextExecutionTime` and `ExecutionTime` show a moment.
    pub fn show(&self, at: Timestamp, zones: &TimeZoneDatabase) -> Result<String, WindowError> {
        Ok(schedule::show(at, self.settings.zone(zones)?.as_ref()))
    }

    /// No task starts from then on.
    pub fn cutoff_of(&self, due: Timestamp) -> Timestamp {
        let hours = self.settings.duration_hours - self.settings.cutoff_hours;
        due.plus_seconds(i64::from(hours) * HOUR_SECONDS)
    }

    pub fn end_of(&self, due: Timestamp) -> Timestamp {
        due.plus_seconds(i64::from(self.settings.duration_hours) * HOUR_SECONDS)
    }

    pub fn to_identity(&self, next: Option<String>) -> ssm::MaintenanceWindowIdentity {
        let settings = self.settings.clone();
        ssm::MaintenanceWindowIdentity {
            window_id: Some(self.id.to_string()),
            name: Some(settings.name),
            description: settings.description,
            enabled: Some(self.enabled),
            duration: Some(settings.duration_hours),
            cutoff: Some(settings.cutoff_hours),
            schedule: Some(settings.schedule),
            schedule_timezone: settings.schedule_timezone,
            schedule_offset: settings.schedule_offset,
            end_date: settings.end_date,
            start_date: settings.start_date,
            next_execution_time: next,
        }
    }

    pub fn to_get_result(&self, next: Option<String>) -> ssm::GetMaintenanceWindowResult {
        let settings = self.settings.clone();
        ssm::GetMaintenanceWindowResult {
            window_id: Some(self.id.to_string()),
            name: Some(settings.name),
            description: settings.description,
            start_date: settings.start_date,
            end_date: settings.end_date,
            schedule: Some(settings.schedule),
            schedule_timezone: settings.schedule_timezone,
            schedule_offset: settings.schedule_offset,
            next_execution_time: next,
            duration: Some(settings.duration_hours),
            cutoff: Some(settings.cutoff_hours),
            allow_unassociated_targets: Some(settings.allow_unassociated_targets),
            enabled: Some(self.enabled),
            created_date: Some(self.created_at),
            modified_date: Some(self.modified_at),
        }
    }

    pub fn to_update_result(&self) -> ssm::UpdateMaintenanceWindowResult {
        let settings = self.settings.clone();
        ssm::UpdateMaintenanceWindowResult {
            window_id: Some(self.id.to_string()),
            name: Some(settings.name),
            description: settings.description,
            start_date: settings.start_date,
            end_date: settings.end_date,
            schedule: Some(settings.schedule),
            schedule_timezone: settings.schedule_timezone,
            schedule_offset: settings.schedule_offset,
            duration: Some(settings.duration_hours),
            cutoff: Some(settings.cutoff_hours),
            allow_unassociated_targets: Some(settings.allow_unassociated_targets),
            enabled: Some(self.enabled),
        }
    }
}
