//! From Microsoft Update's categories to the words of baselines: classifications by their ids, which are the same in
//! every language, products and families by the catalogue. Source: WUA's published classification ids; spec 1.4.

use domain::catalogue::windows_product_titled;

use super::agent::{Category, Update, UpdateKind};

const CLASSIFICATION: &str = "UpdateClassification";
const PRODUCT: &str = "Product";
const FAMILY: &str = "ProductFamily";
const DRIVERS: &str = "Drivers";

/// Id of the category, and how baselines and documents write it.
const CLASSIFICATIONS: [(&str, &str); 14] = [
    ("5c9376ab-8ce6-464a-b136-22113dd69801", "Application"),
    ("434de588-ed14-48f5-8eed-a15e09a991f6", "Connectors"),
    ("e6cf1350-c01b-414d-a61f-263d14d133b4", "CriticalUpdates"),
    ("e0789628-ce08-4437-be74-2495b842f43b", "DefinitionUpdates"),
    ("e140075d-8433-45c3-ad87-e72345b36078", "DeveloperKits"),
    ("ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0", DRIVERS),
    ("b54e7d24-7add-428f-8b75-90a396fa584f", "FeaturePacks"),
    ("9511d615-35b2-47bb-927f-f73d8e9260bb", "Guidance"),
    ("0fa1201d-4330-4fa8-8ae9-b877473b6441", "SecurityUpdates"),
    ("68c5b0a3-d1a6-4553-ae49-01d3a7827828", "ServicePacks"),
    ("b4832bd8-e735-4761-8daf-37f882276dab", "Tools"),
    ("28bc880e-0592-4cbf-8f95-c79b17911d5f", "UpdateRollups"),
    ("cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83", "Updates"),
    ("3689bdc8-b205-4af4-8d4a-a63924c5e9d5", "Upgrades"),
];

/// As baselines write it; empty where the update has none. A driver is one whatever its categories say.
pub fn classification(update: &Update) -> String {
    let named = update.categories.iter().find(|category| category.kind == CLASSIFICATION);
    match named {
        Some(category) => word_of(category),
        None if update.kind == UpdateKind::Driver => DRIVERS.to_owned(),
        None => String::new(),
    }
}

fn word_of(category: &Category) -> String {
    let known = CLASSIFICATIONS.iter().find(|(id, _)| category.id.eq_ignore_ascii_case(id));
    known.map_or_else(|| compact(&category.name), |(_, word)| (*word).to_owned())
}

/// Products and families, each sorted and once. A product the catalogue does not know keeps Microsoft's title.
pub fn products(update: &Update) -> (Vec<String>, Vec<String>) {
    let mut products = vec![];
    let mut families = vec![];
    for category in &update.categories {
        match (category.kind.as_str(), windows_product_titled(&category.name)) {
            (PRODUCT, Some((product, family))) => {
                products.push(product.to_owned());
                families.push(family.to_owned());
            }
            (PRODUCT, None) => products.push(unknown_product(&category.name)),
            (FAMILY, _) => families.push(category.name.clone()),
            _ => {}
        }
    }
    for list in [&mut products, &mut families] {
        list.sort();
        list.dedup();
    }
    (products, families)
}

/// Baselines write systems without spaces (`Windows11`), applications with.
fn unknown_product(title: &str) -> String {
    if title.starts_with("Windows ") { compact(title) } else { title.to_owned() }
}

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(categories: &[(&str, &str, &str)]) -> Update {
        let category = |(id, name, kind): &(&str, &str, &str)| Category {
            id: (*id).into(),
            name: (*name).into(),
            kind: (*kind).into(),
        };
        Update { categories: categories.iter().map(category).collect(), ..Update::default() }
    }

    #[test]
    fn classifications_go_by_id_not_by_language() {
        let security = "0fa1201d-4330-4fa8-8ae9-b877473b6441";
        let rows = [
            (security, "Sicherheitsupdates", "SecurityUpdates"),
            (&security.to_uppercase(), "Security Updates", "SecurityUpdates"),
            ("00000000-0000-0000-0000-000000000000", "New Sort of Thing", "NewSortofThing"),
        ];
        for (id, name, expected) in rows {
            assert_eq!(classification(&update(&[(id, name, CLASSIFICATION)])), expected);
        }
        assert_eq!(classification(&update(&[("x", "Windows Server 2019", PRODUCT)])), "");
        let driver = Update { kind: UpdateKind::Driver, ..Update::default() };
        assert_eq!(classification(&driver), "Drivers");
    }

    #[test]
    fn every_classification_of_baselines_has_an_id() {
        use domain::catalogue::{Property, property_values};
        use domain::os::OperatingSystem::Windows;
        for word in property_values(Windows, Property::Classification, None).unwrap() {
            assert!(CLASSIFICATIONS.iter().any(|(_, known)| *known == word), "{word}");
        }
    }

    #[test]
    fn products_and_families_are_the_catalogues() {
        let update = update(&[
            ("1", "Windows Server 2019", PRODUCT),
            ("2", "Microsoft Server operating system-21H2", PRODUCT),
            ("3", "Windows 11", PRODUCT),
            ("4", "Forefront TMG", PRODUCT),
            ("5", "Windows", FAMILY),
            ("6", "Microsoft", "Company"),
        ]);
        let (products, families) = products(&update);
        assert_eq!(products, ["Forefront TMG", "Windows11", "WindowsServer2019", "WindowsServer2022"]);
        assert_eq!(families, ["Windows"]);
    }
}
