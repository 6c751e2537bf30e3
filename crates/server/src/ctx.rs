//! What a handler knows beside its request.

use std::sync::Arc;

use api::Timestamp;
use domain::ids::{AccountId, Region};
use store::Store;

use crate::app::App;
use crate::caller::Caller;
use crate::sign_in::Browser;

/// One request's surroundings, made after authentication.
pub struct Ctx {
    pub app: Arc<App>,
    pub store: Store,
    pub account: AccountId,
    pub region: Region,
    pub caller: Caller,
    /// Read once: a request happens at one moment.
    pub now: Timestamp,
    pub request_id: String,
    /// This server as the client addressed it: `http://127.0.0.1:4510`.
    pub endpoint: String,
    /// Who sent the request, where the signature does not say.
    pub browser: Arc<Browser>,
}

impl Ctx {
    /// For work that nobody requested at this moment: schedules.
    pub fn of_job(app: &Arc<App>, (account, region): (&AccountId, &Region), now: Timestamp) -> Self {
        Self {
            app: Arc::clone(app),
            store: app.store(),
            account: account.clone(),
            region: region.clone(),
            caller: Caller::Anonymous,
            now,
            request_id: String::new(),
            endpoint: String::new(),
            browser: Arc::default(),
        }
    }
}
