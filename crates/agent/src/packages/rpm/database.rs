//! The packages that rpm has installed, whatever the form of its database: SQLite, ndb, or Berkeley DB, which only the
//! `rpm` tool reads. A damaged database is an error that names the file, never a shorter list.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::ScanError;
use super::super::root::Root;
use super::arch::Architecture;
use super::evr::Evr;
use super::header::{Installed, RELEASE_PROVIDES};
use super::ndb::{self, Consistency};
use super::sqlite::Sqlite;

/// Where distributions keep it; the first that has one counts.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
/// A transaction of rpm writes in bursts; between them the database can be read.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Sqlite,
    Ndb,
    BerkeleyDb,
}

/// Which file holds the database, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub path: PathBuf,
    pub form: Form,
}

impl Database {
    /// `None` where rpm has no database.
    pub fn find(root: &Root) -> Result<Option<Self>, ScanError> {
        let forms =
            [("rpmdb.sqlite", Form::Sqlite), ("Packages.db", Form::Ndb), ("Packages", Form::BerkeleyDb)];
        for folder in FOLDERS {
            for (name, form) in forms {
                let path = Path::new(folder).join(name);
                if root.identity(&path)?.is_some() {
                    return Ok(Some(Self { path, form }));
                }
            }
        }
        Ok(None)
    }

    /// Of the packages, which in a foreign root are better witnesses than the machine that looks; where all of them are for any
    /// architecture, the machine's own.
    pub fn architecture(installed: &[Installed]) -> Architecture {
        let own = || installed.iter().filter(|package| !package.arch.is_empty() && package.arch != "noarch");
        // Not the kernel: one of another architecture may be installed without ever being booted.
        let named = ["rpm", "rpm-libs", "glibc", "systemd", "bash"].iter().find_map(|name| {
            own().filter(|package| package.name == *name).map(|package| &package.arch).max()
        });
        match named.or_else(|| own().map(|package| &package.arch).max()) {
            Some(arch) => Architecture::of(arch),
            None => Architecture::of(&rustix::system::uname().machine().to_string_lossy()),
        }
    }

    /// What the installed packages say `$releasever` is.
    pub fn release(installed: &[Installed]) -> Option<&str> {
        let known = installed.iter().filter_map(|package| package.release.as_ref());
        known.min_by_key(|(rank, _)| *rank).map(|(_, release)| release.as_str())
    }

    pub fn require(root: &Root) -> Result<Self, ScanError> {
        let none =
            || ScanError::NoPackageManager { path: root.shown(Path::new("/var/lib/rpm/rpmdb.sqlite")) };
        Self::find(root)?.ok_or_else(none)
    }

    /// Sorted by name and architecture, then as the database has them; keys left out.
    pub fn installed(&self, root: &Root) -> Result<Vec<Installed>, ScanError> {
        let mut packages = match self.form {
            Form::Sqlite => self.read_sqlite(root)?,
            Form::Ndb => self.read_ndb(root)?,
            Form::BerkeleyDb => read_with_rpm(root, &self.path)?,
        };
        packages.iter_mut().enumerate().for_each(|(number, package)| package.number = number);
        packages.retain(|package| !package.is_key());
        packages.sort_by(|left, right| (&left.name, &left.arch).cmp(&(&right.name, &right.arch)));
        Ok(packages)
    }

    fn read_sqlite(&self, root: &Root) -> Result<Vec<Installed>, ScanError> {
        self.retry(root, || {
            let Some(database) = Sqlite::open(root, &self.path)? else { return Err(self.gone(root)) };
            let read = read_table(&database);
            // Damage that is seen while somebody writes is no damage.
            if database.is_unchanged(root) { read.map(Some) } else { Ok(None) }
        })
    }

    fn read_ndb(&self, root: &Root) -> Result<Vec<Installed>, ScanError> {
        self.retry(root, || {
            let before = root.identity(&self.path)?;
            let mut packages = Vec::new();
            let read = ndb::for_each_header(root, &self.path, &mut |header| {
                packages.push(parse(header, root.shown(&self.path))?);
                Ok(())
            });
            let unchanged = before == root.identity(&self.path)?;
            match read {
                Ok(Some(Consistency::Unchanged)) if unchanged => Ok(Some(packages)),
                Ok(None) => Err(self.gone(root)),
                Err(error) if unchanged => Err(error),
                _ => Ok(None),
            }
        })
    }

    fn retry(
        &self,
        root: &Root,
        mut read: impl FnMut() -> Result<Option<Vec<Installed>>, ScanError>,
    ) -> Result<Vec<Installed>, ScanError> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(PAUSE * attempt);
            }
            if let Some(packages) = read()? {
                return Ok(packages);
            }
        }
        let reason = "changes while it is read: an rpm transaction is under way; scan again when it is done";
        Err(ScanError::Corrupt { path: root.shown(&self.path), reason: reason.to_owned() })
    }

    fn gone(&self, root: &Root) -> ScanError {
        ScanError::Corrupt { path: root.shown(&self.path), reason: "vanished while it was read".to_owned() }
    }
}

fn read_table(database: &Sqlite) -> Result<Vec<Installed>, ScanError> {
    let table = database.table("Packages")?;
    let table = table.ok_or_else(|| database.corrupt("has no table of packages"))?;
    let column = table.column("blob").ok_or_else(|| database.corrupt("has no column of headers"))?;
    let mut packages = Vec::new();
    database.for_each_row(&table, &mut |row| {
        let header = row.blob(column).ok_or_else(|| database.corrupt("a package without a header"))?;
        let package = Installed::parse(header);
        packages.push(package.map_err(|why| database.corrupt(format!("package {}: {why}", row.id)))?);
        Ok(())
    })?;
    Ok(packages)
}

fn parse(header: &[u8], path: PathBuf) -> Result<Installed, ScanError> {
    Installed::parse(header).map_err(|why| ScanError::Corrupt { path, reason: why.to_owned() })
}

const QUERY: &str = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\t%{SOURCERPM}\\t%{VENDOR}\\n";

const PROVIDES: &str = "%{NAME}\\t%{VERSION}\\t[%{PROVIDENAME} %{PROVIDEVERSION}\\t]\\n";

/// Berkeley DB: the node's own rpm knows its flavour of it.
fn read_with_rpm(root: &Root, path: &Path) -> Result<Vec<Installed>, ScanError> {
    let corrupt = |reason| ScanError::Corrupt { path: root.shown(path), reason };
    let listed = run_rpm(root, path, &["-qa", "--qf", QUERY])?;
    let packages =
        listed.lines().map(|line| parse_line(line).ok_or_else(|| corrupt(format!("rpm -qa: `{line}`"))));
    let mut packages = packages.collect::<Result<Vec<_>, _>>()?;
    for (rank, wanted) in RELEASE_PROVIDES.into_iter().enumerate() {
        // Ends with an error where nothing provides it.
        let Ok(text) = run_rpm(root, path, &["-q", "--whatprovides", wanted, "--qf", PROVIDES]) else {
            continue;
        };
        let Some((name, release)) = text.lines().find_map(|line| parse_release(line, wanted)) else {
            continue;
        };
        if let Some(package) = packages.iter_mut().find(|package| package.name == name) {
            package.release = Some((rank, release));
            break;
        }
    }
    Ok(packages)
}

fn run_rpm(root: &Root, path: &Path, arguments: &[&str]) -> Result<String, ScanError> {
    let mut command = Command::new("rpm");
    if !root.is_host() {
        let folder = path.parent().unwrap_or(path);
        command.arg("--root").arg(root.shown(Path::new("/"))).arg("--dbpath").arg(folder);
    }
    command.args(arguments).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let corrupt = |reason| ScanError::Corrupt { path: root.shown(path), reason };
    let output = command.output().map_err(|error| {
        corrupt(format!("a Berkeley DB, which only rpm reads, and rpm cannot be started: {error}"))
    })?;
    let errors = String::from_utf8_lossy(&output.stderr);
    // rpm may tell of damage and yet end as if all were well.
    if !output.status.success() || errors.contains("error:") {
        let reason = errors.lines().next().unwrap_or("failed without a reason");
        return Err(corrupt(format!("rpm {}: {reason}", arguments.join(" "))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Name and release of a package that provides what was asked for.
fn parse_release(line: &str, wanted: &str) -> Option<(String, String)> {
    let mut fields = line.split('\t');
    let (name, version) = (fields.next()?, fields.next()?);
    let provided = fields.find_map(|field| field.strip_prefix(wanted)?.strip_prefix(' '))?;
    let plain = provided.split_once('-').map_or(provided, |(plain, _)| plain);
    let is_own = plain.is_empty() || plain == "(none)" || name == wanted;
    Some((name.to_owned(), if is_own { version } else { plain }.to_owned()))
}

fn parse_line(line: &str) -> Option<Installed> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().map(|field| if field == "(none)" { "" } else { field });
    let (name, epoch, version, release) = (next()?, next()?, next()?, next()?);
    let (arch, installed_at, source_rpm, vendor) = (next()?, next()?, next()?, next()?);
    Some(Installed {
        name: name.to_owned(),
        evr: Evr { epoch: epoch.parse().ok()?, version: version.to_owned(), release: release.to_owned() },
        arch: arch.to_owned(),
        installed_at: installed_at.parse().ok(),
        vendor: vendor.to_owned(),
        source_rpm: source_rpm.to_owned(),
        // Nobody is accused of a version too many.
        beside_others: None,
        number: 0,
        release: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rpm_prints() {
        let package =
            parse_line("bash\t0\t5.1\t2.el7\tx86_64\t1700000000\tbash-5.1-2.el7.src.rpm\t(none)").unwrap();
        assert_eq!((package.name.as_str(), package.evr.to_string().as_str()), ("bash", "5.1-2.el7"));
        assert_eq!((package.installed_at, package.vendor.as_str()), (Some(1_700_000_000), ""));
        assert!(parse_line("bash\t0\t5.1").is_none());
        let line = "redhat-release-server\t7.9\tconfig(x) 7.9-3\tsystem-release(releasever) 7Server\t";
        let found = parse_release(line, "system-release(releasever)").unwrap();
        assert_eq!(found, ("redhat-release-server".to_owned(), "7Server".to_owned()));
    }
}
