//! What can go wrong below the store's functions. Absence is not an error: those return `Option`.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    /// Another transaction got in between. The whole transaction may be run again.
    #[error("the transaction met a concurrent one")]
    Conflict,
    /// The database cannot be reached, is shutting down, or its disk is full.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value is not what the schema promises.
    #[error("stored data is not readable: {0}")]
    Corrupt(String),
    #[error("the database refused a statement")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::*;
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Conflict,
            Some(DiskFull | CannotOpen | ReadOnly | SystemIoFailure | OutOfMemory) => {
                Self::Unavailable(error.to_string())
            }
            Some(DatabaseCorrupt | NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Backend(error.into()),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        let Some(state) = error.code() else {
            return Self::Unavailable(error.to_string());
        };
        match *state {
            // In serializable transactions a lost race may also show as a duplicate key.
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::UNIQUE_VIOLATION => Self::Conflict,
            SqlState::DISK_FULL
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW => Self::Unavailable(error.to_string()),
            _ => Self::Backend(error.into()),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
