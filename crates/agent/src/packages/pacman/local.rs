//! pacman's database of what is installed: a folder for each package. One without a readable `desc` was left by a
//! transaction that was killed, and is no package.

use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::Root;
use super::desc::Desc;

/// What stands in the database, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    pub packages: Vec<Desc>,
    /// Names of folders that no transaction finished: `name-version-release`.
    pub unfinished: Vec<String>,
}

pub fn folder(database: &Path) -> PathBuf {
    database.join("local")
}

fn files_of(database: &Path, desc: &Desc) -> PathBuf {
    folder(database).join(format!("{}-{}", desc.name, desc.version)).join("files")
}

impl Local {
    pub fn load(root: &Root, database: &Path) -> Result<Self, ScanError> {
        let folder = folder(database);
        let mut local = Self::default();
        let Some(names) = root.list_folders(&folder)? else {
            return Err(ScanError::NoPackageManager { path: root.shown(&folder) });
        };
        for name in names {
            let path = folder.join(&name).join("desc");
            match root.read(&path)?.as_deref().and_then(Desc::parse) {
                Some(desc) if name == format!("{}-{}", desc.name, desc.version) => local.packages.push(desc),
                Some(_) | None => local.unfinished.push(name),
            }
        }
        // Not by versions, whose order is not total over whatever a folder may be called.
        local.packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        // Two folders of one package: the older one waits to be removed.
        let Self { packages, unfinished } = &mut local;
        packages.dedup_by(|other, kept| {
            let is_twice = other.name == kept.name;
            if is_twice {
                if domain::patch::version_pacman::is_newer(&other.version, &kept.version) {
                    std::mem::swap(other, kept);
                }
                unfinished.push(format!("{}-{}", other.name, other.version));
            }
            is_twice
        });
        unfinished.sort_unstable();
        Ok(local)
    }

    /// Whether a package's record is without its list of files, which goes first when the record does.
    pub fn lacks_list(root: &Root, database: &Path, desc: &Desc) -> Result<bool, ScanError> {
        Ok(root.identity(&files_of(database, desc))?.is_none())
    }

    /// Whether something of a package is gone from the file system, by the list in its record, or the list itself.
    pub fn lacks_files(root: &Root, database: &Path, desc: &Desc) -> Result<bool, ScanError> {
        let Some(files) = Self::files(root, database, desc)? else { return Ok(true) };
        Ok(files.iter().any(|file| root.any_identity(Path::new(file)).is_none()))
    }

    /// Paths of what a package has unpacked, folders with a slash at their end; `None` without a list.
    pub fn files(root: &Root, database: &Path, desc: &Desc) -> Result<Option<Vec<String>>, ScanError> {
        let Some(bytes) = root.read(&files_of(database, desc))? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let listed =
            text.lines().skip_while(|line| *line != "%FILES%").skip(1).take_while(|line| !line.is_empty());
        Ok(Some(listed.map(|file| format!("/{file}")).collect()))
    }

    pub fn find(&self, name: &str) -> Option<&Desc> {
        let at = self.packages.binary_search_by(|desc| desc.name.as_str().cmp(name)).ok()?;
        self.packages.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(folders: &[&str]) -> Local {
        let root = tempfile::tempdir().unwrap();
        for name in folders {
            let path = root.path().join("db/local").join(name);
            std::fs::create_dir_all(&path).unwrap();
            let (name, version) = name.split_once('-').unwrap();
            std::fs::write(path.join("desc"), format!("%NAME%\n{name}\n\n%VERSION%\n{version}\n")).unwrap();
        }
        Local::load(&Root::at(root.path()).unwrap(), Path::new("/db")).unwrap()
    }

    #[test]
    fn of_two_folders_the_older_one_is_unfinished() {
        let local = load(&["b-1-1", "a-1.9-1", "a-1.10-1", "a-1.2-1"]);
        let packages: Vec<_> =
            local.packages.iter().map(|desc| (desc.name.as_str(), desc.version.as_str())).collect();
        assert_eq!(packages, [("a", "1.10-1"), ("b", "1-1")]);
        assert_eq!(local.unfinished, ["a-1.2-1", "a-1.9-1"]);
    }

    /// Each of three is older than the next and the last older than the first: pacman's order has such circles.
    #[test]
    fn versions_in_a_circle_are_no_obstacle() {
        let circle = ["1..a", "1.", "1.1"];
        let folders: Vec<String> =
            (0..60).map(|number| format!("a-{}-{number}", circle[number % 3])).collect();
        let local = load(&folders.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((local.packages.len(), local.unfinished.len()), (1, 59));
    }
}
