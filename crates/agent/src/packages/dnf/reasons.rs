//! Why packages were installed, as dnf's own history tells it, or dnf 5's state. yum keeps that in a folder for each package:
//! there every package counts as chosen, as it does where dnf 5 writes in a form that is not known here.
//! Source: libdnf's history database, the reasons of its transactions' items; libdnf5's `packages.toml`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::super::rpm::sqlite::{Row, Sqlite, Table};
use super::config::Main;

/// Of a transaction that came to its end.
const DONE: i64 = 1;
/// What an item was before it was downgraded, obsoleted, upgraded or installed again: another item tells what came of it.
const FORMER: [i64; 4] = [3, 5, 7, 10];
const REMOVED: i64 = 8;
const DEPENDENCY: i64 = 1;
const WEAK_DEPENDENCY: i64 = 4;
/// dnf writes in bursts; between them the file can be read.
const ATTEMPTS: usize = 4;

/// The packages that came because others need or recommend them.
#[derive(Debug, Default)]
pub struct Reasons {
    automatic: HashMap<String, HashSet<String>>,
}

impl Reasons {
    pub fn load(root: &Root, main: &Main) -> Result<Self, ScanError> {
        let state = main.section.get("system_state_dir").filter(|folder| !folder.is_empty());
        let state = Path::new(state.unwrap_or("/usr/lib/sysimage/libdnf5")).join("packages.toml");
        // Where dnf 5 came after dnf 4, it has taken over what that knew.
        if let Some(bytes) = root.read(&state)? {
            return Ok(Self::of_state(&String::from_utf8_lossy(&bytes)));
        }
        let folder = main.section.get("persistdir").filter(|folder| !folder.is_empty());
        let path = Path::new(folder.unwrap_or("/var/lib/dnf")).join("history.sqlite");
        for _ in 0..ATTEMPTS {
            let Some(database) = Sqlite::open(root, &path)? else { return Ok(Self::default()) };
            let read = Self::read(&database);
            // Damage that is seen while somebody writes is no damage.
            if database.is_unchanged(root) {
                return read;
            }
        }
        let reason = "changes while it is read: dnf is at work; scan again when it is done";
        Err(ScanError::Corrupt { path: root.shown(&path), reason: reason.to_owned() })
    }

    pub fn is_automatic(&self, name: &str, arch: &str) -> bool {
        self.automatic.get(name).is_some_and(|archs| archs.contains(arch))
    }

    /// A line for each package: `"acl.x86_64" = {reason = "Dependency"}`.
    fn of_state(text: &str) -> Self {
        let lines = text.lines().map(str::trim).skip_while(|line| *line != "[packages]").skip(1);
        let mut automatic: HashMap<String, HashSet<String>> = HashMap::new();
        for line in lines.take_while(|line| !line.starts_with('[')) {
            let Some((package, properties)) = line.split_once('=') else { continue };
            let properties: String = properties.chars().filter(|character| *character != ' ').collect();
            let is_dependency = ["{reason=\"Dependency\"", "{reason=\"WeakDependency\""]
                .iter()
                .any(|known| properties.starts_with(known));
            let package = package.trim().trim_matches('"');
            if let Some((name, arch)) = package.rsplit_once('.').filter(|_| is_dependency) {
                automatic.entry(name.to_owned()).or_default().insert(arch.to_owned());
            }
        }
        Self { automatic }
    }

    fn read(database: &Sqlite) -> Result<Self, ScanError> {
        // dnf makes the file before its tables.
        let Some(items) = database.table("trans_item")? else { return Ok(Self::default()) };
        let done = transactions(database)?;
        let [transaction, item, action, reason] =
            ["trans_id", "item_id", "action", "reason"].map(|name| column(database, &items, name));
        let (transaction, item, action, reason) = (transaction?, item?, action?, reason?);
        // From an item to its newest reason: later transactions have greater numbers, and later rows.
        let mut newest: HashMap<i64, (i64, i64)> = HashMap::new();
        database.for_each_row(&items, &mut |row| {
            let number = |at| row.integer(at).unwrap_or_default();
            if done.contains(&number(transaction)) && !FORMER.contains(&number(action)) {
                let reason = if number(action) == REMOVED { 0 } else { number(reason) };
                let known = newest.entry(number(item)).or_default();
                *known = (*known).max((number(transaction), reason));
            }
            Ok(())
        })?;
        Self::of_packages(database, &newest)
    }

    /// An item is one version of a package; the newest of all versions tells.
    fn of_packages(database: &Sqlite, newest: &HashMap<i64, (i64, i64)>) -> Result<Self, ScanError> {
        let packages = database.table("rpm")?.ok_or_else(|| database.corrupt("has no table of packages"))?;
        let [item, name, arch] = ["item_id", "name", "arch"].map(|name| column(database, &packages, name));
        let (item, name, arch) = (item?, name?, arch?);
        let mut reasons: HashMap<(String, String), (i64, i64)> = HashMap::new();
        database.for_each_row(&packages, &mut |row| {
            let item = row.integer(item).unwrap_or(row.id);
            if let (Some(found), Some(name), Some(arch)) = (newest.get(&item), row.text(name), row.text(arch))
            {
                let known = reasons.entry((name.to_owned(), arch.to_owned())).or_default();
                *known = (*known).max(*found);
            }
            Ok(())
        })?;
        let mut automatic: HashMap<String, HashSet<String>> = HashMap::new();
        for ((name, arch), (_, reason)) in reasons {
            if reason == DEPENDENCY || reason == WEAK_DEPENDENCY {
                automatic.entry(name).or_default().insert(arch);
            }
        }
        Ok(Self { automatic })
    }
}

/// The numbers of those that were done.
fn transactions(database: &Sqlite) -> Result<HashSet<i64>, ScanError> {
    let table = database.table("trans")?.ok_or_else(|| database.corrupt("has no table of transactions"))?;
    let state = column(database, &table, "state")?;
    let mut done = HashSet::new();
    database.for_each_row(&table, &mut |row: &Row<'_>| {
        if row.integer(state) == Some(DONE) {
            done.insert(row.id);
        }
        Ok(())
    })?;
    Ok(done)
}

fn column(database: &Sqlite, table: &Table, name: &str) -> Result<usize, ScanError> {
    table.column(name).ok_or_else(|| database.corrupt(format!("a table without the column `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dnf_5_tells_in_its_state() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("usr/lib/sysimage/libdnf5");
        std::fs::create_dir_all(&state).unwrap();
        let text = "version = \"1.0\"\n\n[packages]\n\"acl.x86_64\" = {reason = \"Dependency\"}\n\"git.x86_64\" = {reason = \"User\"}\n\
            \"java-1.8.0.noarch\" = {reason = \"Weak Dependency\"}\n\"vim.x86_64\" = {reason = \"Group\"}\nbroken\n\n\
            [other]\n\"zip.x86_64\" = {reason = \"Dependency\"}\n";
        std::fs::write(state.join("packages.toml"), text).unwrap();
        let root = Root::at(folder.path()).unwrap();
        let reasons = Reasons::load(&root, &Main::load(&root).unwrap()).unwrap();
        let is = |name: &str, arch: &str| reasons.is_automatic(name, arch);
        assert!(is("acl", "x86_64") && is("java-1.8.0", "noarch"));
        assert!(!is("acl", "i686") && !is("git", "x86_64") && !is("vim", "x86_64") && !is("zip", "x86_64"));
    }
}
