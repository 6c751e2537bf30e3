//! A stand-in's session and what is made from it: searcher, downloader, installer, and the classes beside it.

use std::cell::RefCell;

use agent::packages::windows_update::agent::ItemResult;
use windows::Win32::Foundation::{E_NOTIMPL, HWND, VARIANT_BOOL};
use windows::Win32::System::Com::{DISPATCH_FLAGS, DISPPARAMS, EXCEPINFO, IDispatch_Impl, ITypeInfo};
use windows::Win32::System::UpdateAgent::*;
use windows::Win32::System::Variant::VARIANT;
use windows::core::{BSTR, Error, GUID, HRESULT, IUnknown, PCWSTR, Ref, Result, implement};

use crate::lists::{Collection, History, Services, Warnings};
use crate::register::text_of;
use crate::update::OneUpdate;
use crate::world::{self, bstr, number, signed};

#[implement(IUpdateSession2)]
pub struct Session;

#[implement(IUpdateSearcher)]
struct Searcher;

#[implement(ISearchResult)]
struct SearchResult;

/// Ids of the updates it was given.
#[implement(IUpdateDownloader)]
#[derive(Default)]
struct Downloader(RefCell<Vec<String>>);

#[implement(IDownloadResult)]
struct Done(Vec<ItemResult>);

#[implement(IUpdateDownloadResult)]
struct One(ItemResult);

#[implement(IUpdateInstaller2)]
#[derive(Default)]
struct Installer(RefCell<Vec<String>>);

#[implement(IInstallationResult)]
struct Installed(Vec<ItemResult>);

#[implement(IUpdateInstallationResult)]
struct OneInstalled(ItemResult);

#[implement(IUpdateServiceManager)]
pub struct Manager;

#[implement(ISystemInformation)]
pub struct System;

#[implement(IWindowsUpdateAgentInfo)]
pub struct Information;

fn ids(updates: &IUpdateCollection) -> Result<Vec<String>> {
    crate::register::ids(updates)
}

impl IUpdateSession_Impl for Session_Impl {
    fn SetClientApplicationID(&self, value: &BSTR) -> Result<()> {
        world::note(format!("application {value}"));
        Ok(())
    }
    fn CreateUpdateSearcher(&self) -> Result<IUpdateSearcher> {
        Ok(Searcher.into())
    }
    fn CreateUpdateDownloader(&self) -> Result<IUpdateDownloader> {
        Ok(Downloader::default().into())
    }
    fn CreateUpdateInstaller(&self) -> Result<IUpdateInstaller> {
        Ok(IUpdateInstaller2::from(Installer::default()).into())
    }
    absent! {
        ClientApplicationID() -> BSTR;
        ReadOnly() -> VARIANT_BOOL;
        WebProxy() -> IWebProxy;
        SetWebProxy(Ref<IWebProxy>) -> ();
    }
}

impl IUpdateSession2_Impl for Session_Impl {
    fn SetUserLocale(&self, lcid: u32) -> Result<()> {
        world::note(format!("locale {lcid:#06x}"));
        Ok(())
    }
    absent! {
        UserLocale() -> u32;
    }
}

impl IUpdateSearcher_Impl for Searcher_Impl {
    fn SetOnline(&self, value: VARIANT_BOOL) -> Result<()> {
        world::note(format!("online {}", value.as_bool()));
        Ok(())
    }
    fn Search(&self, criteria: &BSTR) -> Result<ISearchResult> {
        world::note(format!("search {criteria}"));
        match world::with(|world| world.search_fails) {
            Some(code) => Err(Error::from_hresult(HRESULT(signed(code)))),
            None => Ok(SearchResult.into()),
        }
    }
    fn GetTotalHistoryCount(&self) -> Result<i32> {
        Ok(world::with(|world| i32::try_from(world.history.len()).unwrap()))
    }
    fn QueryHistory(&self, startindex: i32, count: i32) -> Result<IUpdateHistoryEntryCollection> {
        assert!(startindex == 0 && count > 0, "the range {startindex}, {count}");
        let entries = world::with(|world| world.history.iter().take(count as usize).cloned().collect());
        Ok(History(entries).into())
    }
    absent! {
        CanAutomaticallyUpgradeService() -> VARIANT_BOOL;
        SetCanAutomaticallyUpgradeService(VARIANT_BOOL) -> ();
        ClientApplicationID() -> BSTR;
        SetClientApplicationID(&BSTR) -> ();
        IncludePotentiallySupersededUpdates() -> VARIANT_BOOL;
        SetIncludePotentiallySupersededUpdates(VARIANT_BOOL) -> ();
        ServerSelection() -> ServerSelection;
        SetServerSelection(ServerSelection) -> ();
        BeginSearch(&BSTR, Ref<IUnknown>, &VARIANT) -> ISearchJob;
        EndSearch(Ref<ISearchJob>) -> ISearchResult;
        EscapeString(&BSTR) -> BSTR;
        Online() -> VARIANT_BOOL;
        ServiceID() -> BSTR;
        SetServiceID(&BSTR) -> ();
    }
}

impl ISearchResult_Impl for SearchResult_Impl {
    fn ResultCode(&self) -> Result<OperationResultCode> {
        Ok(orcSucceeded)
    }
    fn Updates(&self) -> Result<IUpdateCollection> {
        let updates = world::with(|world| world.updates.clone());
        let updates = updates.into_iter().map(|update| IUpdate3::from(OneUpdate(update)).into()).collect();
        Ok(Collection(RefCell::new(updates)).into())
    }
    fn Warnings(&self) -> Result<IUpdateExceptionCollection> {
        Ok(Warnings(world::with(|world| world.warnings.clone())).into())
    }
    absent! {
        RootCategories() -> ICategoryCollection;
    }
}

impl IUpdateDownloader_Impl for Downloader_Impl {
    fn SetUpdates(&self, value: Ref<IUpdateCollection>) -> Result<()> {
        *self.0.borrow_mut() = ids(value.ok()?)?;
        Ok(())
    }
    fn Download(&self) -> Result<IDownloadResult> {
        let done = self.0.borrow().iter().map(|id| world::download(id)).collect();
        Ok(Done(done).into())
    }
    absent! {
        ClientApplicationID() -> BSTR;
        SetClientApplicationID(&BSTR) -> ();
        IsForced() -> VARIANT_BOOL;
        SetIsForced(VARIANT_BOOL) -> ();
        Priority() -> DownloadPriority;
        SetPriority(DownloadPriority) -> ();
        Updates() -> IUpdateCollection;
        BeginDownload(Ref<IUnknown>, Ref<IUnknown>, &VARIANT) -> IDownloadJob;
        EndDownload(Ref<IDownloadJob>) -> IDownloadResult;
    }
}

impl IDownloadResult_Impl for Done_Impl {
    fn GetUpdateResult(&self, updateindex: i32) -> Result<IUpdateDownloadResult> {
        Ok(One(self.0[usize::try_from(updateindex).unwrap()]).into())
    }
    absent! {
        HResult() -> i32;
        ResultCode() -> OperationResultCode;
    }
}

impl IUpdateDownloadResult_Impl for One_Impl {
    fn HResult(&self) -> Result<i32> {
        Ok(signed(self.0.hresult))
    }
    fn ResultCode(&self) -> Result<OperationResultCode> {
        Ok(number(self.0.code))
    }
}

impl IUpdateInstaller_Impl for Installer_Impl {
    fn SetUpdates(&self, value: Ref<IUpdateCollection>) -> Result<()> {
        *self.0.borrow_mut() = ids(value.ok()?)?;
        Ok(())
    }
    fn SetAllowSourcePrompts(&self, value: VARIANT_BOOL) -> Result<()> {
        assert!(!value.as_bool(), "nobody is there to be asked");
        Ok(())
    }
    fn Install(&self) -> Result<IInstallationResult> {
        let done = self.0.borrow().iter().map(|id| world::install(id)).collect();
        Ok(Installed(done).into())
    }
    fn RebootRequiredBeforeInstallation(&self) -> Result<VARIANT_BOOL> {
        Ok(world::with(|world| world.restart_first).into())
    }
    absent! {
        ClientApplicationID() -> BSTR;
        SetClientApplicationID(&BSTR) -> ();
        IsForced() -> VARIANT_BOOL;
        SetIsForced(VARIANT_BOOL) -> ();
        ParentHwnd() -> HWND;
        SetParentHwnd(HWND) -> ();
        SetParentWindow(Ref<IUnknown>) -> ();
        ParentWindow() -> IUnknown;
        Updates() -> IUpdateCollection;
        BeginInstall(Ref<IUnknown>, Ref<IUnknown>, &VARIANT) -> IInstallationJob;
        BeginUninstall(Ref<IUnknown>, Ref<IUnknown>, &VARIANT) -> IInstallationJob;
        EndInstall(Ref<IInstallationJob>) -> IInstallationResult;
        EndUninstall(Ref<IInstallationJob>) -> IInstallationResult;
        RunWizard(&BSTR) -> IInstallationResult;
        IsBusy() -> VARIANT_BOOL;
        Uninstall() -> IInstallationResult;
        AllowSourcePrompts() -> VARIANT_BOOL;
    }
}

impl IUpdateInstaller2_Impl for Installer_Impl {
    fn SetForceQuiet(&self, value: VARIANT_BOOL) -> Result<()> {
        assert!(value.as_bool());
        Ok(())
    }
    absent! {
        ForceQuiet() -> VARIANT_BOOL;
    }
}

impl IInstallationResult_Impl for Installed_Impl {
    fn RebootRequired(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.iter().any(|one| one.restart_needed).into())
    }
    fn GetUpdateResult(&self, updateindex: i32) -> Result<IUpdateInstallationResult> {
        Ok(OneInstalled(self.0[usize::try_from(updateindex).unwrap()]).into())
    }
    absent! {
        HResult() -> i32;
        ResultCode() -> OperationResultCode;
    }
}

impl IUpdateInstallationResult_Impl for OneInstalled_Impl {
    fn HResult(&self) -> Result<i32> {
        Ok(signed(self.0.hresult))
    }
    fn RebootRequired(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.restart_needed.into())
    }
    fn ResultCode(&self) -> Result<OperationResultCode> {
        Ok(number(self.0.code))
    }
}

impl IUpdateServiceManager_Impl for Manager_Impl {
    fn Services(&self) -> Result<IUpdateServiceCollection> {
        Ok(Services(world::with(|world| world.services.clone())).into())
    }
    absent! {
        AddService(&BSTR, &BSTR) -> IUpdateService;
        RegisterServiceWithAU(&BSTR) -> ();
        RemoveService(&BSTR) -> ();
        UnregisterServiceWithAU(&BSTR) -> ();
        AddScanPackageService(&BSTR, &BSTR, i32) -> IUpdateService;
        SetOption(&BSTR, &VARIANT) -> ();
    }
}

impl ISystemInformation_Impl for System_Impl {
    fn RebootRequired(&self) -> Result<VARIANT_BOOL> {
        Ok(world::with(|world| world.needs_restart()).into())
    }
    absent! {
        OemHardwareSupportLink() -> BSTR;
    }
}

impl IWindowsUpdateAgentInfo_Impl for Information_Impl {
    fn GetInfo(&self, varinfoidentifier: &VARIANT) -> Result<VARIANT> {
        assert_eq!(text_of(varinfoidentifier), "ProductVersionString");
        Ok(VARIANT::from(bstr("10.0.17763.1")))
    }
}

no_dispatch!(
    Session_Impl,
    Searcher_Impl,
    SearchResult_Impl,
    Downloader_Impl,
    Done_Impl,
    One_Impl,
    Installer_Impl,
    Installed_Impl,
    OneInstalled_Impl,
    Manager_Impl,
    System_Impl,
    Information_Impl,
);
