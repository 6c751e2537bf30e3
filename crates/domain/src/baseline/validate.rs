//! What a baseline must fulfil beyond the model's own constraints; every refusal names the place
//! and what was expected there. Values come from `catalogue`.
//! Source: spec patch-manager 1.1 to 1.4 and 1.8.

use crate::catalogue::{self, PatchSet, Property};
use crate::os::{Family, OperatingSystem};

use super::{ApprovalDate, BaselineRules, Filter, FilterGroup, FilterKey};

const MAX_RULES: usize = 10;
const MAX_FILTERS: usize = 4;
const MAX_VALUES: usize = 20;
const MAX_LISTED: usize = 50;
const MAX_SOURCES: usize = 20;
const MAX_DELAY_DAYS: u32 = 360;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    #[error("{place}: key {key} does not apply to {os}; expected one of {expected}")]
    FilterKey { place: String, key: FilterKey, os: OperatingSystem, expected: String },
    #[error("{place}: `{value}` is not a value of {key} on {os}; expected {expected}")]
    FilterValue { place: String, key: FilterKey, value: String, os: OperatingSystem, expected: String },
    #[error("{place}: {key} has no values")]
    NoValues { place: String, key: FilterKey },
    #[error(
        "{place}: product `{product}` belongs to the family `{family}`, which PRODUCT_FAMILY does not name"
    )]
    ProductFamily { place: String, product: String, family: String },
    #[error("{place}: a filter on PATCH_SET APPLICATION needs a filter on PRODUCT as well")]
    ApplicationWithoutProduct { place: String },
    #[error("{place}: expected exactly one of ApproveAfterDays and ApproveUntilDate")]
    ApprovalDate { place: String },
    #[error("{place}.ApproveAfterDays: {days} is more than {MAX_DELAY_DAYS}")]
    ApprovalDelay { place: String, days: u32 },
    #[error("{place}.ApproveUntilDate: {error}")]
    ApprovalDay { place: String, error: super::InvalidDay },
    #[error("Sources: {os} has no alternative repositories; they exist on Linux only")]
    SourcesNotSupported { os: OperatingSystem },
    #[error("Sources: two sources are named `{name}`")]
    DuplicateSource { name: String },
    #[error("Sources[{index}].Configuration: expected {expected} on {os}")]
    SourceConfiguration { index: usize, os: OperatingSystem, expected: &'static str },
    #[error("{place}: {count} entries; at most {limit} are allowed")]
    TooMany { place: String, count: usize, limit: usize },
    #[error("{place}: an entry has 1 to 100 characters")]
    ListedName { place: String },
    #[error("Name: names beginning with `AWS-` or `Fettle-` are kept for provided baselines, got `{name}`")]
    ReservedName { name: String },
    #[error("Name: required when a baseline is replaced")]
    NameRequired,
    #[error("{field}: `{value}` is not known here; expected {expected}")]
    UnknownValue { field: &'static str, value: String, expected: String },
}

impl BaselineRules {
    /// Checks the whole; the first broken rule is returned.
    pub fn validate(&self) -> Result<(), BaselineError> {
        let os = self.operating_system;
        check_filters(os, "GlobalFilters", &self.global_filters)?;
        at_most("ApprovalRules.PatchRules", self.approval_rules.patch_rules.len(), MAX_RULES)?;
        for (index, rule) in self.approval_rules.patch_rules.iter().enumerate() {
            let place = format!("ApprovalRules.PatchRules[{index}]");
            check_filters(os, &format!("{place}.PatchFilterGroup"), &rule.filters)?;
            check_approval(os, place, rule.approval.as_ref())?;
        }
        check_list("ApprovedPatches", &self.approved_patches)?;
        check_list("RejectedPatches", &self.rejected_patches)?;
        self.check_sources()
    }

    fn check_sources(&self) -> Result<(), BaselineError> {
        let os = self.operating_system;
        at_most("Sources", self.sources.len(), MAX_SOURCES)?;
        if !self.sources.is_empty() && !os.is_linux() {
            return Err(BaselineError::SourcesNotSupported { os });
        }
        for (index, source) in self.sources.iter().enumerate() {
            if self.sources[..index].iter().any(|earlier| earlier.name == source.name) {
                return Err(BaselineError::DuplicateSource { name: source.name.clone() });
            }
            if let Some(expected) = missing_form(os.family(), source.configuration.trim()) {
                return Err(BaselineError::SourceConfiguration { index, os, expected });
            }
        }
        Ok(())
    }
}

/// What a source's configuration should have been; `None` where it is.
fn missing_form(family: Family, text: &str) -> Option<&'static str> {
    let is_one_line = text.lines().count() == 1;
    let (is_right, expected) = match family {
        Family::Debian => (is_one_line && text.starts_with("deb "), "one line beginning with `deb `"),
        Family::Alpine => {
            (is_one_line && !text.starts_with(['[', '#']), "one line as in /etc/apk/repositories")
        }
        Family::Arch => (text.starts_with('['), "a section as in pacman.conf, beginning with `[`"),
        Family::Rpm | Family::Suse | Family::Windows | Family::MacOs => (true, ""),
    };
    (!is_right).then_some(expected)
}

/// A name for an account's own baseline.
pub(super) fn check_name(name: &str) -> Result<(), BaselineError> {
    match name.starts_with("AWS-") || name.starts_with("Fettle-") {
        true => Err(BaselineError::ReservedName { name: name.to_owned() }),
        false => Ok(()),
    }
}

fn at_most(place: &str, count: usize, limit: usize) -> Result<(), BaselineError> {
    match count > limit {
        true => Err(BaselineError::TooMany { place: place.to_owned(), count, limit }),
        false => Ok(()),
    }
}

fn check_list(place: &str, names: &[String]) -> Result<(), BaselineError> {
    at_most(place, names.len(), MAX_LISTED)?;
    match names.iter().all(|name| (1..=100).contains(&name.chars().count())) {
        true => Ok(()),
        false => Err(BaselineError::ListedName { place: place.to_owned() }),
    }
}

fn check_approval(
    os: OperatingSystem,
    place: String,
    approval: Option<&ApprovalDate>,
) -> Result<(), BaselineError> {
    match approval {
        Some(ApprovalDate::AfterDays(days)) if *days > MAX_DELAY_DAYS => {
            Err(BaselineError::ApprovalDelay { place, days: *days })
        }
        None if os.family() != Family::Debian => Err(BaselineError::ApprovalDate { place }),
        _ => Ok(()),
    }
}

/// The keys that baselines of a family may filter on.
pub(super) fn keys_of(family: Family) -> &'static [FilterKey] {
    match family {
        Family::Rpm | Family::Suse => &[FilterKey::Product, FilterKey::Classification, FilterKey::Severity],
        Family::Debian => &[FilterKey::Product, FilterKey::Priority, FilterKey::Section],
        Family::MacOs => &[FilterKey::Product, FilterKey::Classification],
        Family::Alpine | Family::Arch => &[FilterKey::Product, FilterKey::Repository],
        Family::Windows => &[
            FilterKey::PatchSet,
            FilterKey::Product,
            FilterKey::ProductFamily,
            FilterKey::Classification,
            FilterKey::MsrcSeverity,
        ],
    }
}

fn check_filters(os: OperatingSystem, place: &str, group: &FilterGroup) -> Result<(), BaselineError> {
    at_most(place, group.patch_filters.len(), MAX_FILTERS)?;
    let patch_set = patch_set_of(group);
    for filter in &group.patch_filters {
        check_filter(os, place, filter, patch_set)?;
    }
    if os == OperatingSystem::Windows {
        check_windows(place, group, patch_set)?;
    }
    Ok(())
}

fn values_of(group: &FilterGroup, key: FilterKey) -> Option<&[String]> {
    group.patch_filters.iter().find(|filter| filter.key == key).map(|filter| filter.values.as_slice())
}

/// Windows rules are about the system unless they say APPLICATION.
fn patch_set_of(group: &FilterGroup) -> PatchSet {
    match values_of(group, FilterKey::PatchSet) {
        Some(values) if values.iter().any(|value| value == "APPLICATION") => PatchSet::Application,
        _ => PatchSet::Os,
    }
}

fn check_filter(
    os: OperatingSystem,
    place: &str,
    filter: &Filter,
    patch_set: PatchSet,
) -> Result<(), BaselineError> {
    let (place, key) = (place.to_owned(), filter.key);
    let keys = keys_of(os.family());
    if !keys.contains(&key) {
        let expected = keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
        return Err(BaselineError::FilterKey { place, key, os, expected });
    }
    if filter.values.is_empty() {
        return Err(BaselineError::NoValues { place, key });
    }
    at_most(&place, filter.values.len(), MAX_VALUES)?;
    for value in &filter.values {
        if let Err(expected) = check_value(os, key, value, patch_set) {
            return Err(BaselineError::FilterValue { place, key, value: value.clone(), os, expected });
        }
    }
    Ok(())
}

/// On refusal: what was expected.
fn check_value(os: OperatingSystem, key: FilterKey, value: &str, set: PatchSet) -> Result<(), String> {
    let property = match key {
        FilterKey::PatchSet => return one_of(value, &["OS", "APPLICATION"]),
        FilterKey::Section | FilterKey::Repository => return length_only(value),
        // Microsoft's application titles are an open list.
        FilterKey::Product | FilterKey::ProductFamily if set == PatchSet::Application => {
            return length_only(value);
        }
        FilterKey::Product => Property::Product,
        FilterKey::ProductFamily => Property::ProductFamily,
        FilterKey::Classification => Property::Classification,
        FilterKey::MsrcSeverity => Property::MsrcSeverity,
        FilterKey::Severity => Property::Severity,
        FilterKey::Priority => Property::Priority,
    };
    // A release newer than the catalogue still has a product string that we can tell.
    if key == FilterKey::Product && catalogue::system(os).is_product_form(value) {
        return Ok(());
    }
    // Publishers write either word for the same thing, and advisories exist without one.
    if key == FilterKey::Severity
        && ["Medium", "Moderate", "None"].iter().any(|s| s.eq_ignore_ascii_case(value))
    {
        return Ok(());
    }
    one_of(value, &catalogue::property_values(os, property, None).unwrap_or_default())
}

fn length_only(value: &str) -> Result<(), String> {
    match (1..=64).contains(&value.chars().count()) {
        true => Ok(()),
        false => Err("1 to 64 characters".to_owned()),
    }
}

fn one_of(value: &str, expected: &[&str]) -> Result<(), String> {
    match value == "*" || expected.iter().any(|known| known.eq_ignore_ascii_case(value)) {
        true => Ok(()),
        false => Err(format!("* or one of {}", expected.join(", "))),
    }
}

fn check_windows(place: &str, group: &FilterGroup, patch_set: PatchSet) -> Result<(), BaselineError> {
    let place = place.to_owned();
    let products = values_of(group, FilterKey::Product);
    if patch_set == PatchSet::Application && products.is_none() {
        return Err(BaselineError::ApplicationWithoutProduct { place });
    }
    let (Some(products), Some(families)) = (products, values_of(group, FilterKey::ProductFamily)) else {
        return Ok(());
    };
    let is_named = |family: &str| families.iter().any(|f| f == "*" || f.eq_ignore_ascii_case(family));
    for product in products {
        match catalogue::windows_family(product) {
            Some(family) if !is_named(family) => {
                let (product, family) = (product.clone(), family.to_owned());
                return Err(BaselineError::ProductFamily { place, product, family });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{ApprovalRules, Rule, Source};
    use super::*;
    use crate::compliance::ComplianceLevel;

    /// System, filters, delay in days, part of the expected refusal.
    type Row<'a> = (OperatingSystem, &'a [(FilterKey, &'a [&'a str])], Option<u32>, &'a str);

    fn with_rule(os: OperatingSystem, filters: &[(FilterKey, &[&str])], days: Option<u32>) -> BaselineRules {
        let patch_filters = filters.iter().map(|(key, values)| Filter::new(*key, values)).collect();
        let rule = Rule {
            filters: FilterGroup { patch_filters },
            compliance_level: ComplianceLevel::Unspecified,
            approval: days.map(ApprovalDate::AfterDays),
            enable_non_security: false,
        };
        let approval_rules = ApprovalRules { patch_rules: vec![rule] };
        BaselineRules { approval_rules, ..BaselineRules::empty(os) }
    }

    #[test]
    fn rules_fit_their_system() {
        use FilterKey::*;
        use OperatingSystem as Os;
        let rows: &[Row] = &[
            (Os::Debian, &[(Priority, &["Required"]), (Section, &["libs"])], None, ""),
            (Os::Debian, &[(Product, &["Debian12", "debian13", "Debian99", "*"])], Some(0), ""),
            (Os::Debian, &[(Product, &["Ubuntu22.04"])], None, "`Ubuntu22.04` is not a value of PRODUCT"),
            (Os::Debian, &[(Product, &["Debian"])], None, "`Debian` is not a value of PRODUCT"),
            (Os::Debian, &[(Severity, &["Critical"])], None, "key SEVERITY does not apply to DEBIAN"),
            (Os::Ubuntu, &[(Priority, &["Urgent"])], None, "expected * or one of Required, Important"),
            (Os::Ubuntu, &[(Priority, &[])], None, "PRIORITY has no values"),
            (Os::CentOs, &[(Severity, &["Critical", "moderate"])], Some(7), ""),
            (Os::CentOs, &[(Severity, &["*"])], None, "exactly one of ApproveAfterDays"),
            (Os::CentOs, &[(Priority, &["Required"])], Some(7), "key PRIORITY does not apply"),
            (Os::Suse, &[(Classification, &["Security"])], Some(361), "361 is more than 360"),
            (Os::MacOs, &[(Severity, &["*"])], Some(0), "key SEVERITY does not apply"),
            (
                Os::ArchLinux,
                &[(Product, &["ArchLinux", "ManjaroLinux"]), (Repository, &["core"])],
                Some(0),
                "",
            ),
            (Os::ArchLinux, &[(Product, &["ArchLinux2"])], Some(0), "`ArchLinux2` is not a value of PRODUCT"),
            (Os::ArchLinux, &[(Repository, &["core"])], None, "exactly one of ApproveAfterDays"),
            (Os::ArchLinux, &[(Severity, &["*"])], Some(0), "expected one of PRODUCT, REPOSITORY"),
            (Os::AlpineLinux, &[(Product, &["AlpineLinux3.99", "AlpineLinuxEdge"])], Some(0), ""),
            (Os::AlpineLinux, &[(Repository, &[""])], Some(0), "1 to 64 characters"),
            (Os::Debian, &[(Repository, &["main"])], None, "key REPOSITORY does not apply to DEBIAN"),
            (Os::Windows, &[(Product, &["WindowsServer2022"]), (MsrcSeverity, &["Critical"])], Some(7), ""),
            (Os::Windows, &[(PatchSet, &["APPLICATION"])], Some(7), "needs a filter on PRODUCT"),
            (
                Os::Windows,
                &[
                    (PatchSet, &["APPLICATION"]),
                    (ProductFamily, &["SQL Server"]),
                    (Product, &["Office 2016"]),
                ],
                Some(7),
                "belongs to the family `Office`",
            ),
        ];
        for (os, filters, days, expected) in rows {
            let result = with_rule(*os, filters, *days).validate();
            match result {
                Ok(()) => assert_eq!(*expected, "", "{os} {filters:?}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!expected.is_empty() && text.contains(expected), "{os} {filters:?}: {text}");
                    assert!(text.starts_with("ApprovalRules.PatchRules[0]"), "{text}");
                }
            }
        }
    }

    #[test]
    fn lists_and_sources_have_limits() {
        let source = |name: &str, configuration: &str| Source {
            name: name.to_owned(),
            products: vec!["*".to_owned()],
            configuration: configuration.to_owned(),
        };
        let deb = "deb http://mirror.example.org/debian bookworm main";
        let rows = [
            (OperatingSystem::Debian, vec![source("one", deb)], ""),
            (
                OperatingSystem::Debian,
                vec![source("one", deb), source("one", deb)],
                "two sources are named `one`",
            ),
            (
                OperatingSystem::Ubuntu,
                vec![source("one", "[main]\nenabled=1")],
                "one line beginning with `deb `",
            ),
            (OperatingSystem::CentOs, vec![source("one", "[main]\nenabled=1")], ""),
            (OperatingSystem::Windows, vec![source("one", deb)], "exist on Linux only"),
            (
                OperatingSystem::ArchLinux,
                vec![source("one", "[core]\nServer = https://mirror.example.org/$repo/os/$arch")],
                "",
            ),
            (OperatingSystem::ArchLinux, vec![source("one", deb)], "a section as in pacman.conf"),
            (
                OperatingSystem::AlpineLinux,
                vec![source("one", "https://mirror.example.org/alpine/v3.22/main")],
                "",
            ),
            (OperatingSystem::AlpineLinux, vec![source("one", "[a]\nb=c")], "as in /etc/apk/repositories"),
        ];
        for (os, sources, expected) in rows {
            let result = BaselineRules { sources, ..BaselineRules::empty(os) }.validate();
            let text = result.map_err(|error| error.to_string()).err().unwrap_or_default();
            assert_eq!(text.is_empty(), expected.is_empty(), "{text}");
            assert!(text.contains(expected), "{text}");
        }
        let mut long = BaselineRules::empty(OperatingSystem::Debian);
        long.approved_patches = vec!["x".to_owned(); 51];
        assert!(matches!(long.validate(), Err(BaselineError::TooMany { count: 51, .. })));
        long.approved_patches = vec![String::new()];
        assert!(matches!(long.validate(), Err(BaselineError::ListedName { .. })));
    }
}
