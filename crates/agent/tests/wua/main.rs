//! The COM adapter against a stand-in for the Windows Update Agent that this process registers with COM, so that the
//! adapter's own CoCreateInstance meets it with no switch for tests. It proves vtable calls, strings, variants, dates
//! and error codes; it cannot prove what Microsoft's agent does. Runs under wine (`make windows`) and on Windows.

#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    unsafe_code,
    reason = "COM objects are made of unsafe code; what is written by hand says why it is sound"
)]

#[macro_use]
mod macros;
mod adapter;
mod lists;
mod register;
mod session;
mod update;
mod world;
