//! `exclude=` and `includepkgs=`: patterns over packages, in every form in which dnf takes a package's name.
//! Source: dnf(8), specifying packages.

use super::super::rpm::glob::Glob;
use super::super::rpm::primary::Offer;
use super::config::{Main, Repository};

/// What one repository leaves out.
#[derive(Debug, Default)]
pub struct Filter {
    excludes: Vec<Glob>,
    includes: Vec<Glob>,
}

impl Filter {
    pub fn of(main: &Main, repository: &Repository) -> Self {
        let list = |option: &str| main.section.list(option);
        let globs = |own: &[String], options: [&str; 2]| {
            let of_main = options.iter().flat_map(|option| list(option));
            own.iter().cloned().chain(of_main).map(|pattern| Glob::new(&pattern)).collect()
        };
        let disabled = list("disable_excludes");
        if disabled.iter().any(|what| what == "all" || what == "*") {
            return Self::default();
        }
        let is_disabled = |what: &str| disabled.iter().any(|known| known == what);
        let of_main = if is_disabled("main") { ["", ""] } else { ["exclude", "excludepkgs"] };
        let own = if is_disabled(&repository.id) { &[][..] } else { &repository.excludes };
        Self {
            excludes: globs(own, of_main),
            includes: globs(&repository.includes, ["includepkgs", "include"]),
        }
    }

    pub fn leaves_out(&self, offer: &Offer) -> bool {
        if self.excludes.is_empty() && self.includes.is_empty() {
            return false;
        }
        let forms = forms(&offer.name, &offer.version, &offer.arch);
        let any = |globs: &[Glob]| globs.iter().any(|glob| forms.iter().any(|form| glob.matches(form)));
        (!self.includes.is_empty() && !any(&self.includes)) || any(&self.excludes)
    }
}

/// name-\[epoch:\]version-release.arch and the shorter forms of it.
pub fn forms(name: &str, version: &str, arch: &str) -> Vec<String> {
    let (epoch, plain) = version.split_once(':').unwrap_or(("0", version));
    let upstream = plain.rsplit_once('-').map_or(plain, |(upstream, _)| upstream);
    let mut forms = vec![
        name.to_owned(),
        format!("{name}.{arch}"),
        format!("{name}-{upstream}"),
        format!("{name}-{plain}"),
        format!("{name}-{plain}.{arch}"),
    ];
    for short in [upstream, plain] {
        forms.push(format!("{name}-{epoch}:{short}"));
    }
    forms.push(format!("{name}-{epoch}:{plain}.{arch}"));
    // As yum writes it.
    forms.push(format!("{epoch}:{name}-{plain}.{arch}"));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_forms() {
        let matches = |pattern: &str| {
            let glob = Glob::new(pattern);
            forms("bash", "2:5.1-3.el9", "x86_64").iter().any(|form| glob.matches(form))
        };
        for pattern in [
            "bash",
            "ba*",
            "bash.x86_64",
            "bash-5.1",
            "bash-5.1-3.el9",
            "bash-2:5.1-3.el9.x86_64",
            "*.x86_64",
            "bash-2:*",
        ] {
            assert!(matches(pattern), "{pattern}");
        }
        for pattern in ["bas", "bash.i686", "bash-5.2*", "bash-1:*"] {
            assert!(!matches(pattern), "{pattern}");
        }
    }
}
