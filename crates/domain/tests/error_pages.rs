//! Each failure code has a page, and each page a code.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::Path;

use domain::patch::FailureCode;

#[test]
fn every_failure_code_has_its_page_and_every_page_its_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let code = name.strip_suffix(".md").unwrap_or_else(|| panic!("{name} is no page")).to_owned();
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(text.starts_with(&format!("# {code}: ")), "{name} does not begin with its code");
        for section in ["\n## What happened\n", "\n## How to see it\n", "\n## What to do\n"] {
            assert!(text.contains(section), "{name} has no section `{}`", section.trim());
        }
        pages.insert(code);
    }
    let codes: BTreeSet<_> = FailureCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(pages, codes);
}
