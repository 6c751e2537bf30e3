//! What a stand-in leaves out, without a page for each method.

/// Methods that the adapter does not call: they answer E_NOTIMPL.
macro_rules! absent {
    ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $(_: $argument),*) -> Result<$answer> {
            Err(E_NOTIMPL.into())
        })*
    };
}

/// WUA's interfaces are dual; the adapter calls vtables alone.
macro_rules! no_dispatch {
    ($($object:ident),* $(,)?) => {
        $(impl IDispatch_Impl for $object {
            absent! {
                GetTypeInfoCount() -> u32;
                GetTypeInfo(u32, u32) -> ITypeInfo;
                GetIDsOfNames(*const GUID, *const PCWSTR, u32, u32, *mut i32) -> ();
                Invoke(
                    i32, *const GUID, u32, DISPATCH_FLAGS, *const DISPPARAMS, *mut VARIANT, *mut EXCEPINFO, *mut u32
                ) -> ();
            }
        })*
    };
}
