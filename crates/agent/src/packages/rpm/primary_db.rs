//! yum's form of `primary`: an SQLite file with the same content, which yum unpacks beside its cache.

use std::collections::HashMap;
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::evr;
use super::primary::{Interest, Offer, Relation};
use super::sqlite::{Row, Sqlite, Table};

/// The same as [`super::primary::read`], in the order of the packages' keys.
pub fn read(root: &Root, path: &Path, interest: Interest<'_>) -> Result<Vec<Offer>, ScanError> {
    let Some(database) = Sqlite::open(root, path)? else {
        let reason = "vanished from the cache; refresh the metadata".to_owned();
        return Err(ScanError::Corrupt { path: root.shown(path), reason });
    };
    let mut replaced: HashMap<i64, Vec<Relation>> = HashMap::new();
    let obsoletes = Columns::of(&database, "obsoletes")?;
    database.for_each_row(&obsoletes.table, &mut |row| {
        let name = obsoletes.text(row, "name");
        if let (true, Some(package)) = (interest.installed.contains(name), obsoletes.integer(row, "pkgKey")) {
            let relation = Relation {
                name: name.to_owned(),
                flags: obsoletes.text(row, "flags").to_owned(),
                version: obsoletes.version(row),
            };
            replaced.entry(package).or_default().push(relation);
        }
        Ok(())
    })?;
    let packages = Columns::of(&database, "packages")?;
    let mut offers = Vec::new();
    database.for_each_row(&packages.table, &mut |row| {
        let name = packages.text(row, "name");
        let mut obsoletes = replaced.remove(&row.id).unwrap_or_default();
        // A package that obsoletes its own name means older versions of itself.
        obsoletes.retain(|relation| relation.name != name);
        if interest.has_name(name) || !obsoletes.is_empty() {
            let (version, arch) = (packages.version(row), packages.text(row, "arch").to_owned());
            if version.is_empty() || arch.is_empty() {
                return Err(database.corrupt(format!("`{name}` has no version or no architecture")));
            }
            offers.push(Offer {
                name: name.to_owned(),
                arch,
                version,
                built_at: packages.integer(row, "time_build").filter(|&at| at > 0),
                vendor: packages.text(row, "rpm_vendor").to_owned(),
                obsoletes,
                // Only zypper asks, which has no such files.
                provides: Vec::new(),
                // yum knows no modules.
                provides_modular: false,
            });
        }
        Ok(())
    })?;
    Ok(offers)
}

struct Columns {
    table: Table,
}

impl Columns {
    fn of(database: &Sqlite, name: &str) -> Result<Self, ScanError> {
        let table = database.table(name)?;
        Ok(Self { table: table.ok_or_else(|| database.corrupt(format!("has no table `{name}`")))? })
    }

    /// Empty where it is not set.
    fn text<'r>(&self, row: &Row<'r>, column: &str) -> &'r str {
        self.table.column(column).and_then(|at| row.text(at)).unwrap_or_default()
    }

    fn integer(&self, row: &Row<'_>, column: &str) -> Option<i64> {
        row.integer(self.table.column(column)?)
    }

    fn version(&self, row: &Row<'_>) -> String {
        let (version, release) = (self.text(row, "version"), self.text(row, "release"));
        let epoch = Some(self.text(row, "epoch"));
        if version.is_empty() { String::new() } else { evr::text_of(epoch, version, release) }
    }
}
