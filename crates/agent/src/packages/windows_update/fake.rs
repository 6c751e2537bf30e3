//! A Windows Update Agent for tests: a list of updates, what installing each comes to, and an account of the calls.

use std::collections::BTreeMap;

use api::Timestamp;

use super::agent::{
    Ask, Category, Found, HistoryEntry, ItemResult, Operation, ResultCode, Service, Update, UpdateAgent,
    UpdateKey,
};
use super::codes::{Hresult, UpdateError};

#[derive(Default)]
pub struct Fake {
    pub updates: Vec<Update>,
    pub history: Vec<HistoryEntry>,
    /// By update id; what is not named succeeds.
    pub installs: BTreeMap<String, Scripted>,
    pub downloads: BTreeMap<String, Hresult>,
    pub search_fails: Option<Hresult>,
    pub restart_first: bool,
    pub calls: Vec<String>,
}

/// What installing one update does.
#[derive(Clone, Copy)]
pub enum Scripted {
    Fails(Hresult),
    NeedsRestart,
    /// Says that it succeeded, and is offered again.
    Lies,
    /// Succeeds, after which nothing can be installed before a restart.
    BlocksOthers,
}

const OK: ItemResult =
    ItemResult { code: ResultCode::Succeeded, hresult: Hresult::OK, restart_needed: false };

impl Fake {
    pub fn of(updates: Vec<Update>) -> Self {
        Self { updates, ..Self::default() }
    }

    pub fn restart(&mut self) {
        self.restart_first = false;
        for update in self.updates.iter_mut().filter(|update| update.awaits_restart) {
            update.awaits_restart = false;
            update.is_installed = true;
        }
    }

    fn find(&mut self, key: &UpdateKey, during: &'static str) -> Result<&mut Update, UpdateError> {
        self.calls.push(format!("{during} {}", key.id));
        let found = self.updates.iter_mut().find(|update| update.key == *key);
        found.ok_or_else(|| UpdateError::new(during, Hresult(0x8024_0003)))
    }
}

impl UpdateAgent for Fake {
    fn search(&mut self, _criteria: &str, whom: Ask) -> Result<Found, UpdateError> {
        self.calls.push(format!("search {whom:?}"));
        match self.search_fails {
            Some(hresult) => Err(UpdateError::new("search", hresult)),
            None => Ok(Found { updates: self.updates.clone(), warnings: vec![] }),
        }
    }

    fn accept_licence(&mut self, key: &UpdateKey) -> Result<(), UpdateError> {
        self.find(key, "licence")?.needs_licence = false;
        Ok(())
    }

    fn download(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError> {
        let failing = self.downloads.get(&key.id).copied();
        let update = self.find(key, "download")?;
        if let Some(hresult) = failing {
            return Ok(ItemResult { code: ResultCode::Failed, hresult, restart_needed: false });
        }
        update.is_downloaded = true;
        Ok(OK)
    }

    fn install(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError> {
        let script = self.installs.get(&key.id).copied();
        let update = self.find(key, "install")?;
        if update.needs_licence || !update.is_downloaded {
            return Err(UpdateError::new("install", Hresult(0x8024_6007)));
        }
        match script {
            Some(Scripted::Fails(hresult)) => {
                return Ok(ItemResult { code: ResultCode::Failed, hresult, restart_needed: false });
            }
            Some(Scripted::Lies) => {}
            Some(Scripted::NeedsRestart) => {
                update.awaits_restart = true;
                return Ok(ItemResult { restart_needed: true, ..OK });
            }
            Some(Scripted::BlocksOthers) => {
                update.awaits_restart = true;
                self.restart_first = true;
                return Ok(ItemResult { restart_needed: true, ..OK });
            }
            None => update.is_installed = true,
        }
        Ok(OK)
    }

    fn restart_comes_first(&mut self) -> Result<bool, UpdateError> {
        Ok(self.restart_first)
    }

    fn restart_is_needed(&mut self) -> Result<bool, UpdateError> {
        Ok(self.restart_first || self.updates.iter().any(|update| update.awaits_restart))
    }

    fn history(&mut self, at_most: u32) -> Result<Vec<HistoryEntry>, UpdateError> {
        Ok(self.history.iter().take(at_most as usize).cloned().collect())
    }

    fn services(&mut self) -> Result<Vec<Service>, UpdateError> {
        let name = "Windows Update".to_owned();
        Ok(vec![Service { name, is_default: true, ..Service::default() }])
    }

    fn version(&mut self) -> Result<String, UpdateError> {
        Ok("10.0.17763.1".to_owned())
    }
}

/// A security update of Windows Server 2019 that is not installed. Its KB is the title's.
pub fn update(id: &str, title: &str) -> Update {
    let category = |id: &str, name: &str, kind: &str| Category {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
    };
    Update {
        key: UpdateKey { id: id.to_owned(), revision: 1 },
        title: title.to_owned(),
        categories: vec![
            category("0fa1201d-4330-4fa8-8ae9-b877473b6441", "Security Updates", "UpdateClassification"),
            category("f702a48c-919b-45d6-9aef-ca4248d50397", "Windows Server 2019", "Product"),
        ],
        ..Update::default()
    }
}

pub fn entry(id: &str, title: &str, at_seconds: i64, code: ResultCode) -> HistoryEntry {
    HistoryEntry {
        id: id.to_owned(),
        title: title.to_owned(),
        installed_at: Some(Timestamp::from_seconds(at_seconds)),
        operation: Operation::Installation,
        code,
        hresult: Hresult::OK,
    }
}
