//! A stand-in's updates: IUpdate3 over the plain value that the adapter is expected to read.

use std::cell::RefCell;

use agent::packages::windows_update::agent::{RestartBehaviour, Update, UpdateKey, UpdateKind};
use windows::Win32::Foundation::{DECIMAL, E_NOTIMPL, VARIANT_BOOL};
use windows::Win32::System::Com::{DISPATCH_FLAGS, DISPPARAMS, EXCEPINFO, IDispatch_Impl, ITypeInfo};
use windows::Win32::System::UpdateAgent::*;
use windows::Win32::System::Variant::VARIANT;
use windows::core::{BSTR, Error, GUID, PCWSTR, Ref, Result, implement};

use crate::lists::{Categories, Collection, strings};
use crate::world::{self, bstr, com_date};

#[implement(IUpdate3)]
pub struct OneUpdate(pub Update);

#[implement(IUpdateIdentity)]
pub struct Identity(pub UpdateKey);

#[implement(IInstallationBehavior)]
struct Behaviour(Update);

impl IUpdate_Impl for OneUpdate_Impl {
    fn Title(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.title))
    }
    fn BundledUpdates(&self) -> Result<IUpdateCollection> {
        Ok({
            let child = |kb: &String| Update { kb_article_ids: vec![kb.clone()], ..Update::default() };
            let children: Vec<IUpdate> = self
                .0
                .bundled_kb_article_ids
                .iter()
                .map(|kb| IUpdate3::from(OneUpdate(child(kb))).into())
                .collect();
            Collection(RefCell::new(children)).into()
        })
    }
    fn Categories(&self) -> Result<ICategoryCollection> {
        Ok(Categories(self.0.categories.clone()).into())
    }
    fn EulaAccepted(&self) -> Result<VARIANT_BOOL> {
        Ok((!self.0.needs_licence).into())
    }
    fn Identity(&self) -> Result<IUpdateIdentity> {
        Ok(Identity(self.0.key.clone()).into())
    }
    fn InstallationBehavior(&self) -> Result<IInstallationBehavior> {
        match self.0.restart {
            // As WUA does for updates without an installer of their own: success, and no object.
            RestartBehaviour::Possible if !self.0.may_ask => Err(Error::empty()),
            _ => Ok(Behaviour(self.0.clone()).into()),
        }
    }
    fn IsDownloaded(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_downloaded.into())
    }
    fn IsHidden(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_hidden.into())
    }
    fn IsInstalled(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_installed.into())
    }
    fn LastDeploymentChangeTime(&self) -> Result<f64> {
        Ok(com_date(self.0.deployed_at))
    }
    fn MaxDownloadSize(&self) -> Result<DECIMAL> {
        let mut size = DECIMAL::default();
        size.Anonymous2.Lo64 = self.0.download_bytes;
        Ok(size)
    }
    fn MsrcSeverity(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.msrc_severity))
    }
    fn SecurityBulletinIDs(&self) -> Result<IStringCollection> {
        Ok(strings(&self.0.bulletin_ids))
    }
    fn SupersededUpdateIDs(&self) -> Result<IStringCollection> {
        Ok(strings(&self.0.superseded_ids))
    }
    fn Type(&self) -> Result<UpdateType> {
        Ok(if self.0.kind == UpdateKind::Driver { utDriver } else { utSoftware })
    }
    fn KBArticleIDs(&self) -> Result<IStringCollection> {
        Ok(strings(&self.0.kb_article_ids))
    }
    fn AcceptEula(&self) -> Result<()> {
        world::note(format!("licence {}", self.0.key.id));
        world::with(|world| world.update(&self.0.key.id).needs_licence = false);
        Ok(())
    }
    absent! {
        AutoSelectOnWebSites() -> VARIANT_BOOL;
        CanRequireSource() -> VARIANT_BOOL;
        Deadline() -> VARIANT;
        DeltaCompressedContentAvailable() -> VARIANT_BOOL;
        DeltaCompressedContentPreferred() -> VARIANT_BOOL;
        Description() -> BSTR;
        EulaText() -> BSTR;
        HandlerID() -> BSTR;
        Image() -> IImageInformation;
        IsBeta() -> VARIANT_BOOL;
        SetIsHidden(VARIANT_BOOL) -> ();
        IsMandatory() -> VARIANT_BOOL;
        IsUninstallable() -> VARIANT_BOOL;
        Languages() -> IStringCollection;
        MinDownloadSize() -> DECIMAL;
        MoreInfoUrls() -> IStringCollection;
        RecommendedCpuSpeed() -> i32;
        RecommendedHardDiskSpace() -> i32;
        RecommendedMemory() -> i32;
        ReleaseNotes() -> BSTR;
        SupportUrl() -> BSTR;
        UninstallationNotes() -> BSTR;
        UninstallationBehavior() -> IInstallationBehavior;
        UninstallationSteps() -> IStringCollection;
        DeploymentAction() -> DeploymentAction;
        CopyFromCache(&BSTR, VARIANT_BOOL) -> ();
        DownloadPriority() -> DownloadPriority;
        DownloadContents() -> IUpdateDownloadContentCollection;
    }
}

impl IUpdate2_Impl for OneUpdate_Impl {
    fn RebootRequired(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.awaits_restart.into())
    }
    fn CveIDs(&self) -> Result<IStringCollection> {
        Ok(strings(&self.0.cve_ids))
    }
    absent! {
        IsPresent() -> VARIANT_BOOL;
        CopyToCache(Ref<IStringCollection>) -> ();
    }
}

impl IUpdate3_Impl for OneUpdate_Impl {
    fn BrowseOnly(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_optional.into())
    }
}

impl IUpdateIdentity_Impl for Identity_Impl {
    fn RevisionNumber(&self) -> Result<i32> {
        Ok(self.0.revision)
    }
    fn UpdateID(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.id.to_uppercase()))
    }
}

impl IInstallationBehavior_Impl for Behaviour_Impl {
    fn CanRequestUserInput(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.may_ask.into())
    }
    fn RebootBehavior(&self) -> Result<InstallationRebootBehavior> {
        Ok(match self.0.restart {
            RestartBehaviour::Never => irbNeverReboots,
            RestartBehaviour::Always => irbAlwaysRequiresReboot,
            RestartBehaviour::Possible => irbCanRequestReboot,
        })
    }
    absent! {
        Impact() -> InstallationImpact;
        RequiresNetworkConnectivity() -> VARIANT_BOOL;
    }
}

no_dispatch!(OneUpdate_Impl, Identity_Impl, Behaviour_Impl);
