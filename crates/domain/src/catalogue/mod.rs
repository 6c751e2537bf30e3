//! Releases, products and property values per operating system: read from `os.json`, so that
//! a new release is a line of data. What the values mean is `baseline`'s and `patch`'s.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::os::{Family, OperatingSystem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// `ID` in os-release.
    release_ids: Vec<String>,
    /// `PlatformName` as agents report it.
    platform_names: Vec<String>,
    /// How the product string is made of the version.
    product: String,
    /// Version prefixes that tell systems of one name apart; empty: any version.
    pub versions: Vec<String>,
    products: Vec<String>,
    /// Systems that go by another name and are patched as this one is.
    #[serde(default)]
    derivatives: Vec<Derivative>,
    #[serde(default)]
    windows_products: Vec<WindowsProduct>,
    classifications: Vec<String>,
    /// PRIORITY on the Debian family, MSRC_SEVERITY on Windows.
    severities: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Derivative {
    release_ids: Vec<String>,
    platform_names: Vec<String>,
    product: String,
}

/// What a system or a derivative is called.
pub struct Names {
    pub release_ids: &'static [String],
    pub platform_names: &'static [String],
    product: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowsProduct {
    name: String,
    family: String,
    patch_set: PatchSet,
    /// What Microsoft Update calls it, where that is not the name with spaces.
    #[serde(default)]
    titles: Vec<String>,
}

/// Patches of the system itself, or of Microsoft's applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PatchSet {
    Os,
    Application,
}

/// What DescribePatchProperties can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    Product,
    ProductFamily,
    Classification,
    MsrcSeverity,
    Priority,
    Severity,
}

static SYSTEMS: LazyLock<BTreeMap<OperatingSystem, System>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("os.json")).expect("os.json is part of the build and tested")
});

pub fn system(os: OperatingSystem) -> &'static System {
    SYSTEMS.get(&os).expect("os.json holds every operating system, as a test checks")
}

/// The known values, in catalogue order; `None` when that system has no such property.
/// Without a `patch_set` Windows answers for both.
pub fn property_values(
    os: OperatingSystem,
    property: Property,
    patch_set: Option<PatchSet>,
) -> Option<Vec<&'static str>> {
    let system = system(os);
    let family = os.family();
    let texts = |list: &'static [String]| Some(list.iter().map(String::as_str).collect());
    match property {
        Property::Product if family == Family::Windows => {
            Some(system.windows_products(patch_set).map(|p| p.name.as_str()).collect())
        }
        Property::ProductFamily if family == Family::Windows => {
            let mut families: Vec<&str> =
                system.windows_products(patch_set).map(|p| p.family.as_str()).collect();
            families.dedup();
            Some(families)
        }
        Property::Product => texts(&system.products),
        Property::Classification if family != Family::Debian && family.tells_security_apart() => {
            texts(&system.classifications)
        }
        Property::MsrcSeverity if family == Family::Windows => texts(&system.severities),
        Property::Priority if family == Family::Debian => texts(&system.severities),
        Property::Severity if matches!(family, Family::Rpm | Family::Suse) => texts(&system.severities),
        _ => None,
    }
}

/// The family that a Windows product belongs to, where the catalogue knows the product.
pub fn windows_family(product: &str) -> Option<&'static str> {
    let systems = &system(OperatingSystem::Windows).windows_products;
    systems.iter().find(|p| p.name.eq_ignore_ascii_case(product)).map(|p| p.family.as_str())
}

/// Name and family of the product that Microsoft Update calls so: `Windows Server 2019`, `Office 2016`.
pub fn windows_product_titled(title: &str) -> Option<(&'static str, &'static str)> {
    let compact = |text: &str| text.split_whitespace().collect::<String>().to_ascii_lowercase();
    let wanted = compact(title);
    let known = &system(OperatingSystem::Windows).windows_products;
    let is_it = |p: &&WindowsProduct| {
        compact(&p.name) == wanted || p.titles.iter().any(|title| compact(title) == wanted)
    };
    known.iter().find(is_it).map(|p| (p.name.as_str(), p.family.as_str()))
}

/// Whether a Windows product is the system or an application, where the catalogue knows it.
pub fn windows_patch_set(product: &str) -> Option<PatchSet> {
    let known = &system(OperatingSystem::Windows).windows_products;
    known.iter().find(|p| p.name.eq_ignore_ascii_case(product)).map(|p| p.patch_set)
}

/// `Microsoft Windows Server 2019 Datacenter` to `WindowsServer2019`: the longest product
/// name that the platform name begins with once vendor, edition and spaces are gone.
pub fn windows_product(platform_name: &str) -> String {
    let compact: String = platform_name.split_whitespace().collect();
    let compact = compact.strip_prefix("Microsoft").unwrap_or(&compact).to_owned();
    let known = system(OperatingSystem::Windows).windows_products(Some(PatchSet::Os));
    let best = known.filter(|p| compact.starts_with(&p.name)).max_by_key(|p| p.name.len());
    best.map(|p| p.name.clone()).unwrap_or(compact)
}

impl System {
    /// Told apart from systems of the same name by this version.
    pub fn names_version(&self, version: &str) -> bool {
        self.versions.iter().any(|known| match known.strip_suffix('.') {
            Some(_) => version.starts_with(known),
            None => version.split('.').next() == Some(known),
        })
    }

    /// The system's own names, then those of its derivatives.
    pub fn names(&'static self) -> impl Iterator<Item = Names> {
        let own = Names {
            release_ids: &self.release_ids,
            platform_names: &self.platform_names,
            product: &self.product,
        };
        let derived = self.derivatives.iter().map(|derivative| Names {
            release_ids: &derivative.release_ids,
            platform_names: &derivative.platform_names,
            product: &derivative.product,
        });
        std::iter::once(own).chain(derived)
    }

    /// Written as this system's products are, whether or not the catalogue lists that version.
    pub fn is_product_form(&self, text: &str) -> bool {
        let Some((prefix, _)) = self.product.split_once('{') else { return false };
        let (head, version) = match (text.get(..prefix.len()), text.get(prefix.len()..)) {
            (Some(head), Some(version)) => (head, version),
            _ => return false,
        };
        !prefix.is_empty()
            && head.eq_ignore_ascii_case(prefix)
            && version.starts_with(|c: char| c.is_ascii_digit())
            && version.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'x')
    }

    fn windows_products(
        &'static self,
        set: Option<PatchSet>,
    ) -> impl Iterator<Item = &'static WindowsProduct> {
        self.windows_products.iter().filter(move |p| set.is_none_or(|set| set == p.patch_set))
    }
}

impl Names {
    pub fn product_of(&self, version: &str) -> String {
        let major = version.split('.').next().unwrap_or_default();
        let with_minor = match version {
            "" => String::new(),
            _ if version.contains('.') => version.to_owned(),
            _ => format!("{version}.0"),
        };
        self.product
            .replace("{version}", version)
            .replace("{major}", major)
            .replace("{major.minor}", &with_minor)
            .replace("{branch}", &branch(version))
    }
}

/// Alpine's: `3.19` of 3.19.1, `Edge` of what becomes the next release (3.20_alpha20240329).
fn branch(version: &str) -> String {
    if version.contains("_alpha") {
        return "Edge".to_owned();
    }
    let numbers = version.split('_').next().unwrap_or_default();
    numbers.split('.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_described() {
        for os in OperatingSystem::ALL {
            assert!(system(os).names().all(|names| !names.release_ids.is_empty()), "{os}");
            for derivative in system(os).names().skip(1) {
                let product = derivative.product_of("1.2");
                assert!(system(os).products.contains(&product), "{os}: PRODUCT can be {product}");
            }
            let products = property_values(os, Property::Product, None).unwrap();
            assert!(!products.is_empty(), "{os}");
        }
    }

    #[test]
    fn knows_products_by_their_titles() {
        let rows = [
            ("Windows Server 2019", Some(("WindowsServer2019", "Windows"))),
            ("Microsoft Server operating system-21H2", Some(("WindowsServer2022", "Windows"))),
            ("Office 2016", Some(("Office 2016", "Office"))),
            ("microsoft defender antivirus", Some(("MicrosoftDefenderAntivirus", "Windows"))),
            ("Windows Server 2012", Some(("WindowsServer2012", "Windows"))),
            ("Forefront", None),
        ];
        for (title, expected) in rows {
            assert_eq!(windows_product_titled(title), expected, "{title}");
        }
    }

    #[test]
    fn properties_depend_on_the_system() {
        use OperatingSystem::{AlpineLinux, ArchLinux, Debian, RedhatEnterpriseLinux, Windows};
        let priorities = ["Required", "Important", "Standard", "Optional", "Extra"];
        assert_eq!(property_values(Debian, Property::Priority, None).unwrap(), priorities);
        assert_eq!(property_values(Debian, Property::Severity, None), None);
        assert_eq!(property_values(Debian, Property::Classification, None), None);
        assert_eq!(property_values(RedhatEnterpriseLinux, Property::MsrcSeverity, None), None);
        assert!(property_values(ArchLinux, Property::Product, None).unwrap().contains(&"ManjaroLinux"));
        for property in [Property::Classification, Property::Severity, Property::Priority] {
            assert_eq!(property_values(AlpineLinux, property, None), None, "{property:?}");
        }
        let families = property_values(Windows, Property::ProductFamily, Some(PatchSet::Os));
        assert_eq!(families.unwrap(), ["Windows"]);
        let applications = property_values(Windows, Property::Product, Some(PatchSet::Application));
        assert!(applications.unwrap().contains(&"Office 2016"));
        assert_eq!(windows_family("Office 2016"), Some("Office"));
    }
}
