//! A stand-in's collections and what is in them: strings, categories, updates, warnings, history, services.

use std::cell::RefCell;

use agent::packages::windows_update::agent::{Category, HistoryEntry, Operation, Service, UpdateKey};
use agent::packages::windows_update::codes::UpdateError;
use windows::Win32::Foundation::{E_NOTIMPL, VARIANT_BOOL};
use windows::Win32::System::Com::{DISPATCH_FLAGS, DISPPARAMS, EXCEPINFO, IDispatch_Impl, ITypeInfo};
use windows::Win32::System::UpdateAgent::*;
use windows::Win32::System::Variant::VARIANT;
use windows::core::{BSTR, Error, GUID, HRESULT, IUnknown, PCWSTR, Ref, Result, implement};

use crate::update::Identity;
use crate::world::{bstr, com_date, number, signed};

const INVALID_INDEX: HRESULT = HRESULT(0x8024_0007_u32 as i32);

#[implement(IStringCollection)]
struct Strings(Vec<String>);

#[implement(ICategoryCollection)]
pub struct Categories(pub Vec<Category>);

#[implement(ICategory)]
struct OneCategory(Category);

#[implement(IUpdateCollection)]
pub struct Collection(pub RefCell<Vec<IUpdate>>);

#[implement(IUpdateExceptionCollection)]
pub struct Warnings(pub Vec<UpdateError>);

#[implement(IUpdateException)]
struct Warning(UpdateError);

#[implement(IUpdateHistoryEntryCollection)]
pub struct History(pub Vec<HistoryEntry>);

#[implement(IUpdateHistoryEntry)]
struct Entry(HistoryEntry);

#[implement(IUpdateServiceCollection)]
pub struct Services(pub Vec<Service>);

#[implement(IUpdateService2)]
struct OneService(Service);

pub fn strings(texts: &[String]) -> IStringCollection {
    Strings(texts.to_vec()).into()
}

fn at<T>(list: &[T], index: i32) -> Result<&T> {
    let found = usize::try_from(index).ok().and_then(|index| list.get(index));
    found.ok_or_else(|| Error::from_hresult(INVALID_INDEX))
}

fn count<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap()
}

impl IStringCollection_Impl for Strings_Impl {
    fn get_Item(&self, index: i32) -> Result<BSTR> {
        at(&self.0, index).map(|text| bstr(text))
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0))
    }
    absent! {
        put_Item(i32, &BSTR) -> ();
        _NewEnum() -> IUnknown;
        ReadOnly() -> VARIANT_BOOL;
        Add(&BSTR) -> i32;
        Clear() -> ();
        Copy() -> IStringCollection;
        Insert(i32, &BSTR) -> ();
        RemoveAt(i32) -> ();
    }
}

impl ICategoryCollection_Impl for Categories_Impl {
    fn get_Item(&self, index: i32) -> Result<ICategory> {
        at(&self.0, index).map(|category| OneCategory(category.clone()).into())
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0))
    }
    absent! {
        _NewEnum() -> IUnknown;
    }
}

impl ICategory_Impl for OneCategory_Impl {
    fn Name(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.name))
    }
    fn CategoryID(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.id))
    }
    fn Parent(&self) -> Result<ICategory> {
        // The families of this stand-in's products.
        match (self.0.kind.as_str(), self.0.name.starts_with("Windows")) {
            ("Product", true) => Ok(OneCategory(crate::world::windows_family()).into()),
            _ => Err(Error::empty()),
        }
    }
    fn Type(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.kind))
    }
    absent! {
        Children() -> ICategoryCollection;
        Description() -> BSTR;
        Image() -> IImageInformation;
        Order() -> i32;
        Updates() -> IUpdateCollection;
    }
}

impl IUpdateCollection_Impl for Collection_Impl {
    fn get_Item(&self, index: i32) -> Result<IUpdate> {
        at(&self.0.borrow(), index).cloned()
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0.borrow()))
    }
    fn Add(&self, value: Ref<IUpdate>) -> Result<i32> {
        self.0.borrow_mut().push(value.ok()?.clone());
        Ok(count(&self.0.borrow()) - 1)
    }
    absent! {
        put_Item(i32, Ref<IUpdate>) -> ();
        _NewEnum() -> IUnknown;
        ReadOnly() -> VARIANT_BOOL;
        Clear() -> ();
        Copy() -> IUpdateCollection;
        Insert(i32, Ref<IUpdate>) -> ();
        RemoveAt(i32) -> ();
    }
}

impl IUpdateExceptionCollection_Impl for Warnings_Impl {
    fn get_Item(&self, index: i32) -> Result<IUpdateException> {
        at(&self.0, index).map(|warning| Warning(warning.clone()).into())
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0))
    }
    absent! {
        _NewEnum() -> IUnknown;
    }
}

impl IUpdateException_Impl for Warning_Impl {
    fn Message(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.message))
    }
    fn HResult(&self) -> Result<i32> {
        Ok(signed(self.0.hresult))
    }
    absent! {
        Context() -> UpdateExceptionContext;
    }
}

impl IUpdateHistoryEntryCollection_Impl for History_Impl {
    fn get_Item(&self, index: i32) -> Result<IUpdateHistoryEntry> {
        at(&self.0, index).map(|entry| Entry(entry.clone()).into())
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0))
    }
    absent! {
        _NewEnum() -> IUnknown;
    }
}

impl IUpdateHistoryEntry_Impl for Entry_Impl {
    fn Operation(&self) -> Result<UpdateOperation> {
        Ok(if self.0.operation == Operation::Installation { uoInstallation } else { uoUninstallation })
    }
    fn ResultCode(&self) -> Result<OperationResultCode> {
        Ok(number(self.0.code))
    }
    fn HResult(&self) -> Result<i32> {
        Ok(signed(self.0.hresult))
    }
    fn Date(&self) -> Result<f64> {
        Ok(com_date(self.0.installed_at))
    }
    fn UpdateIdentity(&self) -> Result<IUpdateIdentity> {
        Ok(Identity(UpdateKey { id: self.0.id.clone(), revision: 1 }).into())
    }
    fn Title(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.title))
    }
    absent! {
        Description() -> BSTR;
        UnmappedResultCode() -> i32;
        ClientApplicationID() -> BSTR;
        ServerSelection() -> ServerSelection;
        ServiceID() -> BSTR;
        UninstallationSteps() -> IStringCollection;
        UninstallationNotes() -> BSTR;
        SupportUrl() -> BSTR;
    }
}

impl IUpdateServiceCollection_Impl for Services_Impl {
    fn get_Item(&self, index: i32) -> Result<IUpdateService> {
        at(&self.0, index).map(|service| IUpdateService2::from(OneService(service.clone())).into())
    }
    fn Count(&self) -> Result<i32> {
        Ok(count(&self.0))
    }
    absent! {
        _NewEnum() -> IUnknown;
    }
}

impl IUpdateService_Impl for OneService_Impl {
    fn Name(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.name))
    }
    fn IsManaged(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_managed.into())
    }
    fn ServiceID(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.id))
    }
    fn ServiceUrl(&self) -> Result<BSTR> {
        Ok(bstr(&self.0.url))
    }
    absent! {
        ContentValidationCert() -> VARIANT;
        ExpirationDate() -> f64;
        IsRegisteredWithAU() -> VARIANT_BOOL;
        IssueDate() -> f64;
        OffersWindowsUpdates() -> VARIANT_BOOL;
        RedirectUrls() -> IStringCollection;
        IsScanPackageService() -> VARIANT_BOOL;
        CanRegisterWithAU() -> VARIANT_BOOL;
        SetupPrefix() -> BSTR;
    }
}

impl IUpdateService2_Impl for OneService_Impl {
    fn IsDefaultAUService(&self) -> Result<VARIANT_BOOL> {
        Ok(self.0.is_default.into())
    }
}

no_dispatch!(
    Strings_Impl,
    Categories_Impl,
    OneCategory_Impl,
    Collection_Impl,
    Warnings_Impl,
    Warning_Impl,
    History_Impl,
    Entry_Impl,
    Services_Impl,
    OneService_Impl,
);
