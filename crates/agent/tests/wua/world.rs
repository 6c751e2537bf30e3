//! What the stand-in pretends: one world per thread, since each test has a thread of its own and COM calls stay on it.

use std::cell::RefCell;
use std::collections::HashMap;

use agent::packages::windows_update::agent::{
    Category, HistoryEntry, ItemResult, ResultCode, Service, Update,
};
use agent::packages::windows_update::codes::{Hresult, UpdateError};
use api::Timestamp;
use windows::Win32::System::UpdateAgent::OperationResultCode;
use windows::core::BSTR;

#[derive(Default)]
pub struct World {
    pub updates: Vec<Update>,
    pub history: Vec<HistoryEntry>,
    pub services: Vec<Service>,
    pub warnings: Vec<UpdateError>,
    pub search_fails: Option<Hresult>,
    /// By update id; what is not named succeeds.
    pub downloads: HashMap<String, ItemResult>,
    pub installs: HashMap<String, ItemResult>,
    pub restart_first: bool,
    pub calls: Vec<String>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

pub fn with<T>(act: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(act)
}

pub fn note(call: String) {
    with(|world| world.calls.push(call));
}

pub const OK: ItemResult =
    ItemResult { code: ResultCode::Succeeded, hresult: Hresult::OK, restart_needed: false };

impl World {
    pub fn update(&mut self, id: &str) -> &mut Update {
        self.updates.iter_mut().find(|update| update.key.id == id).unwrap()
    }

    pub fn needs_restart(&self) -> bool {
        self.restart_first || self.updates.iter().any(|update| update.awaits_restart)
    }

    pub fn restart(&mut self) {
        self.restart_first = false;
        for update in self.updates.iter_mut().filter(|update| update.awaits_restart) {
            update.awaits_restart = false;
            update.is_installed = true;
        }
    }
}

pub fn download(id: &str) -> ItemResult {
    note(format!("download {id}"));
    with(|world| {
        let result = world.downloads.get(id).copied().unwrap_or(OK);
        world.update(id).is_downloaded = result.succeeded();
        result
    })
}

pub fn install(id: &str) -> ItemResult {
    note(format!("install {id}"));
    with(|world| {
        let result = world.installs.get(id).copied().unwrap_or(OK);
        let update = world.update(id);
        assert!(update.is_downloaded && !update.needs_licence, "{id}");
        update.awaits_restart = result.succeeded() && result.restart_needed;
        update.is_installed = result.succeeded() && !result.restart_needed;
        world.restart_first |= result.restart_needed;
        result
    })
}

pub fn windows_family() -> Category {
    Category {
        id: "6964aab4-c5b5-43bd-a17d-ffb4346a8e1d".to_owned(),
        name: "Windows".to_owned(),
        kind: "ProductFamily".to_owned(),
    }
}

pub fn bstr(text: &str) -> BSTR {
    BSTR::from(text)
}

pub fn signed(code: Hresult) -> i32 {
    i32::from_ne_bytes(code.0.to_ne_bytes())
}

/// Days since 1899-12-30; none is zero.
pub fn com_date(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.as_seconds() as f64 / 86_400.0 + 25_569.0)
}

pub fn number(code: ResultCode) -> OperationResultCode {
    OperationResultCode(match code {
        ResultCode::NotStarted => 0,
        ResultCode::InProgress => 1,
        ResultCode::Succeeded => 2,
        ResultCode::SucceededWithErrors => 3,
        ResultCode::Failed => 4,
        ResultCode::Aborted => 5,
        ResultCode::Unknown(number) => number,
    })
}
