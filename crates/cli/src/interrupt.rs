//! Ctrl-C while a command waits for others: the first ends the waiting, so that the command can say what goes on without
//! it; the second, and one while nobody waits, ends the program. Catching the signal is the program's.

use std::sync::atomic::{AtomicU8, Ordering};

const NOBODY_WAITS: u8 = 0;
const WAITING: u8 = 1;
const ASKED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(NOBODY_WAITS);

/// Somebody waits, and looks from time to time.
pub struct Interrupt(());

impl Interrupt {
    pub fn watch() -> Self {
        STATE.store(WAITING, Ordering::SeqCst);
        Self(())
    }

    pub fn was_asked(&self) -> bool {
        STATE.load(Ordering::SeqCst) == ASKED
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        STATE.store(NOBODY_WAITS, Ordering::SeqCst);
    }
}

/// Ctrl-C was pressed: false when nobody takes it up, so that the program is to end.
pub fn ask() -> bool {
    STATE.compare_exchange(WAITING, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_one_while_somebody_waits_is_taken_up() {
        assert!(!ask());
        let interrupt = Interrupt::watch();
        assert!(!interrupt.was_asked());
        assert!(ask());
        assert!(interrupt.was_asked());
        assert!(!ask(), "the second ends the program");
        drop(interrupt);
        assert!(!ask());
    }
}
