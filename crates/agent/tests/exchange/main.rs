//! Programs that take each other's place while they run, as an agent's builds do on Windows: a running program is renamed, the process
//! stays and starts the one that has the place, that one gives it to a third, and what is left over goes when nobody runs it.
//! The programs are copies of this one. Runs under wine (`make windows`) and on Windows; it cannot prove what a service manager does.

#![cfg_attr(windows, expect(clippy::unwrap_used, reason = "a test that cannot go on fails"))]
#![cfg_attr(windows, expect(clippy::print_stdout, reason = "says what was tested"))]

#[cfg(windows)]
mod windows;

/// Elsewhere a program's file is replaced, and a process becomes another program.
#[cfg(not(windows))]
fn main() {}

#[cfg(windows)]
fn main() -> std::process::ExitCode {
    windows::main()
}
