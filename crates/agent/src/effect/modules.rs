//! Kernels by their modules: Alpine's and Arch's packages replace a kernel in place, and with it the folder of its modules,
//! so that the running one can load none any more. Tells of kernels whose packages nobody knows.
//! Source: the layout of `/lib/modules`, a folder for each release of a kernel.

use std::fs;
use std::path::Path;

use domain::patch::version_pacman;

/// Within a root.
const MODULES: &str = "lib/modules";
/// What only the kernel's own package brings: others put modules of their own beside it.
const OF_KERNEL: [&str; 2] = ["kernel", "modules.builtin"];

/// The newest kernel of the flavour that runs, where the running one has no modules any more. `None` where its modules are,
/// and where nothing is known of it: in a container, or with a kernel that has no modules.
pub fn replacement(root: &Path, running: &str) -> Option<String> {
    let folder = root.join(MODULES);
    let has_modules = |release: &str| OF_KERNEL.iter().any(|name| folder.join(release).join(name).exists());
    if running.is_empty() || running.contains('/') || has_modules(running) {
        return None;
    }
    let flavour_of_running = flavour(running);
    let names =
        fs::read_dir(&folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let others = names.filter(|name| flavour(name) == flavour_of_running && has_modules(name));
    others.max_by(|a, b| version_pacman::compare(a, b))
}

/// The words in a kernel's release, without numbers: `zen zen` of `6.6.1-zen1-1-zen`.
pub fn flavour(release: &str) -> Vec<String> {
    let words =
        release.split('-').skip(1).map(|part| part.replace(|c: char| c.is_ascii_digit() || c == '.', ""));
    // A candidate is followed by a release of the same flavour.
    words.filter(|word| !word.is_empty() && word != "rc").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_modules_was_replaced() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| fs::create_dir_all(root.path().join(MODULES).join(path)).unwrap();
        let check = |running: &str, expected: Option<&str>| {
            assert_eq!(replacement(root.path(), running).as_deref(), expected, "{running}");
        };
        check("6.6.8-2-MANJARO", None);
        make("6.6.10-1-MANJARO/kernel");
        make("6.6.9-1-MANJARO/kernel");
        make("6.12.60-0-virt/kernel");
        // What is left of a kernel that is gone, and what others built for it.
        make("6.6.8-2-MANJARO/extramodules");
        check("6.6.8-2-MANJARO", Some("6.6.10-1-MANJARO"));
        check("6.6.10-1-MANJARO", None);
        check("6.12.58-0-virt", Some("6.12.60-0-virt"));
        check("6.12.60-0-lts", None);
        check("6.8.0-cloud", None);
        check("", None);
        check("../../etc", None);
    }

    #[test]
    fn flavours_are_words() {
        let check = |release: &str, expected: &[&str]| assert_eq!(flavour(release), expected, "{release}");
        check("6.6.1-arch1-1", &["arch"]);
        check("6.6.1-zen1-1-zen", &["zen", "zen"]);
        check("6.6.0-rc7-1-mainline", &["mainline"]);
        check("6.12.58-0-virt", &["virt"]);
        check("6.6.1", &[]);
    }
}
