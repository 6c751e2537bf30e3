//! The signals that end a program in order: Ctrl-C, and the one with which service managers stop a service.

use std::io;

/// Heard from the moment this is made: a signal that comes while nobody waits is not lost.
pub struct StopSignal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(unix)]
impl StopSignal {
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(windows)]
impl StopSignal {
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    pub async fn received(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_nobody_waits_is_heard() {
        let mut stop = StopSignal::listen().unwrap();
        let mut early = Box::pin(stop.received());
        assert!(tokio::time::timeout(Duration::ZERO, &mut early).await.is_err(), "nobody sent a signal");
        drop(early);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(Duration::from_secs(30), stop.received()).await.unwrap();
    }
}
