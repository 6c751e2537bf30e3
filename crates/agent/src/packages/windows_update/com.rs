//! The Windows Update Agent over COM: each call of `agent::UpdateAgent` as WUA's interfaces have it, values copied out at
//! once. It decides nothing. The only file of the project that needs `unsafe`: the bindings mark every COM call so.
//! Source: WUA's published interfaces (IUpdateSession3, IUpdateSearcher, IUpdate3, IUpdateInstaller and theirs).

#![expect(unsafe_code, reason = "COM calls are unsafe in the bindings; each block says why it is sound")]

use std::collections::HashMap;

use windows::Win32::Foundation::{DECIMAL, VARIANT_TRUE};
use windows::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows::Win32::System::SystemInformation::GetTickCount64;
use windows::Win32::System::UpdateAgent::{
    ICategory, ICategoryCollection, ISearchResult, IStringCollection, ISystemInformation, IUpdate, IUpdate2,
    IUpdate3, IUpdateCollection, IUpdateHistoryEntry, IUpdateIdentity, IUpdateInstaller, IUpdateInstaller2,
    IUpdateService, IUpdateService2, IUpdateServiceManager, IUpdateSession, IUpdateSession2,
    IWindowsUpdateAgentInfo, SystemInformation, UpdateCollection, UpdateServiceManager, UpdateSession,
    WindowsUpdateAgentInfo, irbAlwaysRequiresReboot, irbNeverReboots, uoUninstallation, utDriver,
};
use windows::Win32::System::Variant::{VARIANT, VT_BSTR};
use windows::core::{BSTR, Error, GUID, Interface};

use super::agent::{
    Ask, Category, Found, HistoryEntry, ItemResult, Operation, RestartBehaviour, ResultCode, Service, Update,
    UpdateAgent, UpdateKey, UpdateKind, time_of,
};
use super::codes::{Hresult, UpdateError};

const APPLICATION: &str = "fettle-agent";
/// Titles and product names in English, as the catalogue knows them.
const ENGLISH: u32 = 0x0409;

type Com<T> = windows::core::Result<T>;

/// A session with this machine's Windows Update Agent, for the thread that opened it.
pub struct Wua {
    session: IUpdateSession,
    /// What the last search found, for the calls that name it.
    found: HashMap<UpdateKey, IUpdate>,
    /// Dropped last: fields are dropped in order.
    _apartment: Apartment,
}

/// This thread's use of COM.
struct Apartment {
    /// Apartments belong to threads, so this must not be sent to another.
    _of_this_thread: std::marker::PhantomData<*const ()>,
}

impl Apartment {
    fn enter() -> Com<Self> {
        // SAFETY: no argument points anywhere; each success is matched by the CoUninitialize in `drop`, on this thread.
        unsafe { CoInitializeEx(None, COINIT_MULTITHREADED).ok()? };
        Ok(Self { _of_this_thread: std::marker::PhantomData })
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: matches the successful CoInitializeEx of `enter`; `Wua` drops its interfaces before this field.
        unsafe { CoUninitialize() };
    }
}

impl Wua {
    pub fn open() -> Result<Self, UpdateError> {
        let apartment = Apartment::enter().map_err(during("start COM"))?;
        let session: IUpdateSession = create(&UpdateSession).map_err(during("open a session"))?;
        // SAFETY: the session is a live interface, the text lives through the call.
        unsafe { session.SetClientApplicationID(&BSTR::from(APPLICATION)) }
            .map_err(during("open a session"))?;
        let english = session.cast::<IUpdateSession2>().and_then(|session| {
            // SAFETY: a live interface and a plain number.
            unsafe { session.SetUserLocale(ENGLISH) }
        });
        if let Err(error) = english {
            tracing::warn!(%error, "titles of updates come in the system's language; products may not be recognised");
        }
        Ok(Self { session, found: HashMap::new(), _apartment: apartment })
    }

    fn known(&self, key: &UpdateKey, during: &'static str) -> Result<IUpdate, UpdateError> {
        let unknown = || UpdateError::new(during, Hresult(0x8024_0003));
        self.found.get(key).cloned().ok_or_else(unknown)
    }

    fn collection(
        &self,
        key: &UpdateKey,
        during_what: &'static str,
    ) -> Result<IUpdateCollection, UpdateError> {
        let update = self.known(key, during_what)?;
        let one = || -> Com<IUpdateCollection> {
            let collection: IUpdateCollection = create(&UpdateCollection)?;
            // SAFETY: both are live interfaces; the collection takes a reference of its own.
            unsafe { collection.Add(&update)? };
            Ok(collection)
        };
        one().map_err(during(during_what))
    }

    fn installer(&self) -> Com<IUpdateInstaller> {
        // SAFETY: the session is a live interface.
        let installer = unsafe { self.session.CreateUpdateInstaller()? };
        // SAFETY: a live interface and a plain value.
        unsafe { installer.SetAllowSourcePrompts(false.into())? };
        if let Ok(quiet) = installer.cast::<IUpdateInstaller2>() {
            // SAFETY: a live interface and a plain value.
            unsafe { quiet.SetForceQuiet(VARIANT_TRUE)? };
        }
        Ok(installer)
    }
}

impl UpdateAgent for Wua {
    fn search(&mut self, criteria: &str, whom: Ask) -> Result<Found, UpdateError> {
        let search = || -> Com<ISearchResult> {
            // SAFETY: the session is a live interface, the text lives through the call. Which server is asked is left
            // to the machine's policy, the default of a new searcher.
            unsafe {
                let searcher = self.session.CreateUpdateSearcher()?;
                searcher.SetOnline((whom == Ask::Server).into())?;
                searcher.Search(&BSTR::from(criteria))
            }
        };
        let result = search().map_err(during("search"))?;
        let read = read_search(&result).map_err(during("read what the search found"))?;
        let (updates, found) =
            read.into_iter().map(|(update, it)| (update.clone(), (update.key, it))).unzip();
        self.found = found;
        let warnings = read_warnings(&result).map_err(during("read what the search found"))?;
        Ok(Found { updates, warnings })
    }

    fn accept_licence(&mut self, key: &UpdateKey) -> Result<(), UpdateError> {
        let update = self.known(key, "accept the licence")?;
        // SAFETY: the update is a live interface.
        unsafe { update.AcceptEula() }.map_err(during("accept the licence"))
    }

    fn download(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError> {
        let collection = self.collection(key, "download")?;
        let download = || -> Com<ItemResult> {
            // SAFETY: all are live interfaces; the collection holds one update, so index 0 exists in the result.
            unsafe {
                let downloader = self.session.CreateUpdateDownloader()?;
                downloader.SetUpdates(&collection)?;
                let result = downloader.Download()?.GetUpdateResult(0)?;
                Ok(ItemResult {
                    code: ResultCode::of(result.ResultCode()?.0),
                    hresult: hresult(result.HResult()?),
                    restart_needed: false,
                })
            }
        };
        download().map_err(during("download"))
    }

    fn install(&mut self, key: &UpdateKey) -> Result<ItemResult, UpdateError> {
        let collection = self.collection(key, "install")?;
        let install = || -> Com<ItemResult> {
            let installer = self.installer()?;
            // SAFETY: all are live interfaces; the collection holds one update, so index 0 exists in the result.
            unsafe {
                installer.SetUpdates(&collection)?;
                let whole = installer.Install()?;
                let result = whole.GetUpdateResult(0)?;
                Ok(ItemResult {
                    code: ResultCode::of(result.ResultCode()?.0),
                    hresult: hresult(result.HResult()?),
                    restart_needed: whole.RebootRequired()?.as_bool() || result.RebootRequired()?.as_bool(),
                })
            }
        };
        install().map_err(during("install"))
    }

    fn restart_comes_first(&mut self) -> Result<bool, UpdateError> {
        let asked = self.installer().and_then(|installer| {
            // SAFETY: the installer is a live interface.
            unsafe { installer.RebootRequiredBeforeInstallation() }
        });
        asked.map(|answer| answer.as_bool()).map_err(during("ask whether a restart comes first"))
    }

    fn restart_is_needed(&mut self) -> Result<bool, UpdateError> {
        let asked = create::<ISystemInformation>(&SystemInformation).and_then(|information| {
            // SAFETY: a live interface.
            unsafe { information.RebootRequired() }
        });
        asked.map(|answer| answer.as_bool()).map_err(during("ask whether a restart is needed"))
    }

    fn history(&mut self, at_most: u32) -> Result<Vec<HistoryEntry>, UpdateError> {
        let read = || -> Com<Vec<HistoryEntry>> {
            // SAFETY: the session is a live interface; the range asked for lies within what the agent counted, and
            // indices stay below the collection's own count.
            unsafe {
                let searcher = self.session.CreateUpdateSearcher()?;
                let count = searcher.GetTotalHistoryCount()?.min(i32::try_from(at_most).unwrap_or(i32::MAX));
                if count <= 0 {
                    return Ok(Vec::new());
                }
                let entries = searcher.QueryHistory(0, count)?;
                (0..entries.Count()?).map(|index| read_entry(&entries.get_Item(index)?)).collect()
            }
        };
        read().map_err(during("read the history"))
    }

    fn services(&mut self) -> Result<Vec<Service>, UpdateError> {
        let read = || -> Com<Vec<Service>> {
            let manager: IUpdateServiceManager = create(&UpdateServiceManager)?;
            // SAFETY: live interfaces; indices stay below the collection's own count.
            unsafe {
                let services = manager.Services()?;
                (0..services.Count()?).map(|index| read_service(&services.get_Item(index)?)).collect()
            }
        };
        read().map_err(during("read the update services"))
    }

    fn version(&mut self) -> Result<String, UpdateError> {
        let read = || -> Com<String> {
            let information: IWindowsUpdateAgentInfo = create(&WindowsUpdateAgentInfo)?;
            let wanted = VARIANT::from(BSTR::from("ProductVersionString"));
            // SAFETY: a live interface; the variant lives through the call.
            let answer = unsafe { information.GetInfo(&wanted)? };
            // SAFETY: the tag of the union is looked at before the text that it says is there.
            unsafe {
                let tagged = &answer.Anonymous.Anonymous;
                match tagged.vt {
                    VT_BSTR => Ok(tagged.Anonymous.bstrVal.to_string()),
                    _ => Ok(String::new()),
                }
            }
        };
        read().map_err(during("ask for the agent's version"))
    }
}

/// The only call here that is not WUA's.
pub fn milliseconds_since_boot() -> u64 {
    // SAFETY: reads a counter; no argument points anywhere.
    unsafe { GetTickCount64() }
}

fn create<T: Interface>(class: &GUID) -> Com<T> {
    // SAFETY: every caller holds an `Apartment` of this thread; the class is one of WUA's and the interface its own.
    unsafe { CoCreateInstance(class, None, CLSCTX_INPROC_SERVER) }
}

fn during(what: &'static str) -> impl Fn(Error) -> UpdateError {
    move |error| UpdateError { hresult: hresult(error.code().0), message: error.message(), during: what }
}

/// The bits are the same; COM writes them signed.
fn hresult(code: i32) -> Hresult {
    Hresult(u32::from_ne_bytes(code.to_ne_bytes()))
}

/// Properties that an update need not have come as null, which the bindings tell as an error without a failure code.
fn optional<T>(property: Com<T>) -> Com<Option<T>> {
    match property {
        Ok(value) => Ok(Some(value)),
        Err(error) if !hresult(error.code().0).is_failure() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_search(result: &ISearchResult) -> Com<Vec<(Update, IUpdate)>> {
    // SAFETY: live interfaces; indices stay below the collection's own count.
    unsafe {
        let updates = result.Updates()?;
        (0..updates.Count()?)
            .map(|index| {
                let update = updates.get_Item(index)?;
                Ok((read_update(&update)?, update))
            })
            .collect()
    }
}

fn read_warnings(result: &ISearchResult) -> Com<Vec<UpdateError>> {
    // SAFETY: live interfaces; indices stay below the collection's own count.
    unsafe {
        let Some(warnings) = optional(result.Warnings())? else { return Ok(Vec::new()) };
        let read = |index| {
            let warning = warnings.get_Item(index)?;
            let message = warning.Message()?.to_string();
            Ok(UpdateError { hresult: hresult(warning.HResult()?), message, during: "search" })
        };
        (0..warnings.Count()?).map(read).collect()
    }
}

fn read_update(update: &IUpdate) -> Com<Update> {
    let more = update.cast::<IUpdate2>()?;
    let newest = update.cast::<IUpdate3>().ok();
    // SAFETY: all are live interfaces of one update; every value is copied out before its owner is released.
    unsafe {
        let (restart, may_ask) = match optional(update.InstallationBehavior())? {
            None => (RestartBehaviour::default(), false),
            Some(behaviour) => {
                let restart = match behaviour.RebootBehavior()? {
                    how if how == irbNeverReboots => RestartBehaviour::Never,
                    how if how == irbAlwaysRequiresReboot => RestartBehaviour::Always,
                    _ => RestartBehaviour::Possible,
                };
                (restart, behaviour.CanRequestUserInput()?.as_bool())
            }
        };
        Ok(Update {
            key: read_key(&update.Identity()?)?,
            title: update.Title()?.to_string(),
            kind: if update.Type()? == utDriver { UpdateKind::Driver } else { UpdateKind::Software },
            kb_article_ids: texts(optional(update.KBArticleIDs())?)?,
            bulletin_ids: texts(optional(update.SecurityBulletinIDs())?)?,
            cve_ids: texts(optional(more.CveIDs())?)?,
            superseded_ids: texts(optional(update.SupersededUpdateIDs())?)?,
            msrc_severity: update.MsrcSeverity()?.to_string(),
            categories: read_categories(&update.Categories()?)?,
            bundled_kb_article_ids: bundled(optional(update.BundledUpdates())?)?,
            deployed_at: time_of(update.LastDeploymentChangeTime()?),
            is_installed: update.IsInstalled()?.as_bool(),
            is_hidden: update.IsHidden()?.as_bool(),
            is_downloaded: update.IsDownloaded()?.as_bool(),
            is_optional: match newest {
                Some(newest) => newest.BrowseOnly()?.as_bool(),
                None => false,
            },
            awaits_restart: more.RebootRequired()?.as_bool(),
            needs_licence: !update.EulaAccepted()?.as_bool(),
            restart,
            may_ask,
            download_bytes: whole_bytes(&update.MaxDownloadSize()?),
        })
    }
}

fn read_key(identity: &IUpdateIdentity) -> Com<UpdateKey> {
    // SAFETY: a live interface.
    unsafe {
        let id = identity.UpdateID()?.to_string().to_ascii_lowercase();
        Ok(UpdateKey { id, revision: identity.RevisionNumber()? })
    }
}

/// The update's own categories, and the families that its products belong to.
fn read_categories(categories: &ICategoryCollection) -> Com<Vec<Category>> {
    let mut read = vec![];
    // SAFETY: live interfaces; indices stay below the collection's own count.
    unsafe {
        for index in 0..categories.Count()? {
            let category = categories.get_Item(index)?;
            read.push(read_category(&category)?);
            if let Some(parent) = optional(category.Parent())? {
                let parent = read_category(&parent)?;
                if parent.kind == "ProductFamily" && !read.contains(&parent) {
                    read.push(parent);
                }
            }
        }
    }
    Ok(read)
}

fn read_category(category: &ICategory) -> Com<Category> {
    // SAFETY: a live interface.
    unsafe {
        Ok(Category {
            id: category.CategoryID()?.to_string().to_ascii_lowercase(),
            name: category.Name()?.to_string(),
            kind: category.Type()?.to_string(),
        })
    }
}

fn bundled(updates: Option<IUpdateCollection>) -> Com<Vec<String>> {
    let Some(updates) = updates else { return Ok(Vec::new()) };
    let mut articles = vec![];
    // SAFETY: live interfaces; indices stay below the collection's own count.
    unsafe {
        for index in 0..updates.Count()? {
            articles.extend(texts(optional(updates.get_Item(index)?.KBArticleIDs())?)?);
        }
    }
    Ok(articles)
}

fn texts(list: Option<IStringCollection>) -> Com<Vec<String>> {
    let Some(list) = list else { return Ok(Vec::new()) };
    // SAFETY: a live interface; indices stay below the collection's own count.
    unsafe { (0..list.Count()?).map(|index| Ok(list.get_Item(index)?.to_string())).collect() }
}

/// Sizes are whole and not negative; what lies above 64 bits is no size.
fn whole_bytes(size: &DECIMAL) -> u64 {
    // SAFETY: both views of each union are plain numbers of the same width, valid for every bit pattern.
    let (scale, low) = unsafe { (size.Anonymous1.Anonymous.scale, size.Anonymous2.Lo64) };
    if scale == 0 && size.Hi32 == 0 { low } else { 0 }
}

fn read_entry(entry: &IUpdateHistoryEntry) -> Com<HistoryEntry> {
    // SAFETY: live interfaces.
    unsafe {
        let operation = entry.Operation()?;
        Ok(HistoryEntry {
            id: read_key(&entry.UpdateIdentity()?)?.id,
            title: entry.Title()?.to_string(),
            installed_at: time_of(entry.Date()?),
            operation: if operation == uoUninstallation {
                Operation::Uninstallation
            } else {
                Operation::Installation
            },
            code: ResultCode::of(entry.ResultCode()?.0),
            hresult: hresult(entry.HResult()?),
        })
    }
}

fn read_service(service: &IUpdateService) -> Com<Service> {
    // SAFETY: live interfaces.
    unsafe {
        let is_default = match service.cast::<IUpdateService2>() {
            Ok(newer) => newer.IsDefaultAUService()?.as_bool(),
            Err(_) => false,
        };
        Ok(Service {
            id: service.ServiceID()?.to_string().to_ascii_lowercase(),
            name: service.Name()?.to_string(),
            url: service.ServiceUrl()?.to_string(),
            is_managed: service.IsManaged()?.as_bool(),
            is_default,
        })
    }
}
