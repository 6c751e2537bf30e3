//! The table that dnf and yum print before a transaction, read. Rows too wide for it are broken into several lines.

/// What the tool would do with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Anew, or beside others of its name.
    Install,
    Upgrade,
    Downgrade,
    Remove,
    /// Once more at the version that it has.
    Reinstall,
    /// Not to be had, for the reason that its section tells.
    Skip,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub action: Action,
    pub name: String,
    pub arch: String,
    /// `[epoch:]version-release`.
    pub version: String,
    pub repository: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Packages that others take the place of: `name.arch`.
    pub replaced: Vec<String>,
    pub download_bytes: Option<u64>,
    pub disk_bytes: Option<i64>,
}

pub fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Table {
    let mut table = Table::default();
    let mut action = None;
    let mut pending: Vec<&str> = Vec::new();
    let mut is_inside = false;
    for line in lines {
        if line.starts_with("====") {
            is_inside = true;
            continue;
        }
        sizes(line, &mut table);
        if !is_inside {
            continue;
        }
        if line.starts_with("Transaction Summary") {
            is_inside = false;
            action = None;
        } else if let Some(found) = section(line) {
            action = found;
            pending.clear();
        } else if let Some(rest) = line.trim().strip_prefix("replacing ") {
            table.replaced.extend(rest.split_whitespace().next().map(str::to_owned));
        } else if let Some(action) = action {
            if !line.starts_with("  ") {
                pending.clear();
            }
            pending.extend(line.split_whitespace());
            // Name, architecture, version, repository, and a size of one or two words.
            if let [name, arch, version, repository, _, ..] = pending[..] {
                table.rows.push(Row {
                    action,
                    name: name.to_owned(),
                    arch: arch.to_owned(),
                    version: version.strip_prefix("0:").unwrap_or(version).to_owned(),
                    repository: repository.to_owned(),
                });
                pending.clear();
                // A size that was broken off into a line of its own stands alone and is no row.
            }
        }
    }
    table
}

/// A heading, and what its rows mean; rows of `None` are no packages.
fn section(line: &str) -> Option<Option<Action>> {
    let heading = line.strip_suffix(':').filter(|heading| !heading.starts_with(' '))?;
    let action = match heading {
        _ if heading.starts_with("Installing module") || heading.starts_with("Installing group") => None,
        _ if heading.starts_with("Installing") => Some(Action::Install),
        _ if heading.starts_with("Upgrading") || heading.starts_with("Updating") => Some(Action::Upgrade),
        _ if heading.starts_with("Downgrading") => Some(Action::Downgrade),
        _ if heading.starts_with("Removing") => Some(Action::Remove),
        _ if heading.starts_with("Reinstalling") => Some(Action::Reinstall),
        _ if heading.starts_with("Skipp") => Some(Action::Skip),
        _ => None,
    };
    Some(action)
}

/// `Total download size: 19 k`, `Installed size: 1.2 M`, `Freed space: 3 k`.
fn sizes(line: &str, table: &mut Table) {
    let Some((what, size)) = line.split_once(": ") else { return };
    let bytes = || human_bytes(size);
    match what {
        "Total download size" | "Total size" => {
            table.download_bytes = bytes().and_then(|b| u64::try_from(b).ok())
        }
        "Installed size" => table.disk_bytes = bytes(),
        "Freed space" => table.disk_bytes = bytes().and_then(i64::checked_neg),
        _ => {}
    }
}

fn human_bytes(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace();
    let number: f64 = words.next()?.parse().ok()?;
    let factor = match words.next() {
        None => 1.0,
        Some("k") => 1024.0,
        Some("M") => 1048576.0,
        Some("G") => 1073741824.0,
        Some(_) => return None,
    };
    Some((number * factor) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_broken_or_whole() {
        let text = "\
Dependencies resolved.
================================================================================
 Package           Architecture  Version               Repository          Size
================================================================================
Installing:
 kernel            noarch        5.10.2-1.bed          bed-updates        6.3 k
     replacing  old-kernel.noarch 1-1
Upgrading:
 a-package-with-a-name-that-is-longer-than-the-column
                   x86_64        1:2.0-1.el9           appstream          123 M
Installing dependencies:
 new               noarch        0:1-1                 base                12 k
Skipping packages with broken dependencies:
 broken            noarch        1.1-1                 base               6.2 k

Transaction Summary
================================================================================
Install  1 Package

Total download size: 123 M
Installed size: 1.5 k
";
        let table = read(text.lines());
        let rows: Vec<_> = table
            .rows
            .iter()
            .map(|row| (row.action, row.name.as_str(), row.arch.as_str(), row.version.as_str()))
            .collect();
        let long = "a-package-with-a-name-that-is-longer-than-the-column";
        let expected = [
            (Action::Install, "kernel", "noarch", "5.10.2-1.bed"),
            (Action::Upgrade, long, "x86_64", "1:2.0-1.el9"),
            (Action::Install, "new", "noarch", "1-1"),
            (Action::Skip, "broken", "noarch", "1.1-1"),
        ];
        assert_eq!(rows, expected);
        assert_eq!(table.replaced, ["old-kernel.noarch"]);
        assert_eq!((table.download_bytes, table.disk_bytes), (Some(123 << 20), Some(1536)));
        // What no machine has is not known.
        assert_eq!(read("Freed space: -1e30 k".lines()).disk_bytes, None);
    }
}
