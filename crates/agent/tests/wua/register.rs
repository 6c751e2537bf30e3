//! Putting the stand-in's classes where COM finds them, and reading what the adapter hands to it.

use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::OnceLock;

use windows::Win32::Foundation::E_NOTIMPL;
use windows::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, CoIncrementMTAUsage, CoRegisterClassObject, IClassFactory, IClassFactory_Impl,
    REGCLS_MULTIPLEUSE,
};
use windows::Win32::System::UpdateAgent::{
    ISystemInformation, IUpdateCollection, IUpdateServiceManager, IUpdateSession2, IWindowsUpdateAgentInfo,
    SystemInformation, UpdateCollection, UpdateServiceManager, UpdateSession, WindowsUpdateAgentInfo,
};
use windows::Win32::System::Variant::{VARIANT, VT_BSTR};
use windows::core::{BOOL, GUID, IUnknown, Interface, Ref, Result, implement};

use crate::lists::Collection;
use crate::session::{Information, Manager, Session, System};

#[implement(IClassFactory)]
struct Factory(fn() -> IUnknown);

impl IClassFactory_Impl for Factory_Impl {
    fn CreateInstance(&self, _: Ref<IUnknown>, interface: *const GUID, out: *mut *mut c_void) -> Result<()> {
        let object = (self.0)();
        // SAFETY: COM passes a valid interface id and a place for the pointer.
        unsafe { object.query(interface, out).ok() }
    }
    absent! {
        LockServer(BOOL) -> ();
    }
}

/// Once per process, for as long as it lives.
pub fn register() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        let classes: [(GUID, fn() -> IUnknown); 5] = [
            (UpdateSession, || IUpdateSession2::from(Session).into()),
            (UpdateCollection, || IUpdateCollection::from(Collection(RefCell::default())).into()),
            (UpdateServiceManager, || IUpdateServiceManager::from(Manager).into()),
            (SystemInformation, || ISystemInformation::from(System).into()),
            (WindowsUpdateAgentInfo, || IWindowsUpdateAgentInfo::from(Information).into()),
        ];
        // SAFETY: keeps the process' multi-threaded apartment, which this thread thereby is in, and its classes alive
        // to the end; no argument points anywhere.
        unsafe { CoIncrementMTAUsage() }.unwrap();
        for (class, make) in classes {
            let factory: IClassFactory = Factory(make).into();
            // SAFETY: class and factory live through the call; COM takes a reference of its own.
            unsafe { CoRegisterClassObject(&class, &factory, CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE) }
                .unwrap();
        }
    });
}

pub fn text_of(variant: &VARIANT) -> String {
    // SAFETY: the tag of the union is looked at before the text that it says is there.
    unsafe {
        assert_eq!(variant.Anonymous.Anonymous.vt, VT_BSTR);
        variant.Anonymous.Anonymous.Anonymous.bstrVal.to_string()
    }
}

/// In lower case, as this project writes update ids.
pub fn ids(updates: &IUpdateCollection) -> Result<Vec<String>> {
    // SAFETY: live interfaces; indices stay below the collection's own count.
    unsafe {
        let id = |index| Ok(updates.get_Item(index)?.Identity()?.UpdateID()?.to_string().to_lowercase());
        (0..updates.Count()?).map(id).collect()
    }
}
