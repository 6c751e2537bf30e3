//! Why apk's solver refuses, as it says it: each package in the way, with what asks for it and what it breaks.
//! Source: the report of apk 2.14 and 3.0, `unable to select packages`.

use super::super::super::tool::Finished;
use super::failures::split;

/// `NAME-VERSION:` with the lines below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    pub name: String,
    /// Nothing has this name.
    pub is_unknown: bool,
    /// Only a repository has it whose packages nobody asked for.
    pub is_masked: bool,
    pub breaks: Vec<Wish>,
    pub satisfies: Vec<Wish>,
}

/// `OWNER[DEPENDENCY]`; the owner is a package or `world`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The name without its version.
    pub owner: String,
    pub dependency: String,
}

impl Wish {
    fn read(text: &str) -> Option<Self> {
        let (owner, dependency) = text.strip_suffix(']')?.split_once('[')?;
        let owner = split(owner).map_or(owner, |(name, _)| name).to_owned();
        Some(Self { owner, dependency: dependency.to_owned() })
    }

    pub fn is_of_world(&self) -> bool {
        self.owner == "world"
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Breaks,
    Satisfies,
    Other,
}

pub fn read(finished: &Finished) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut section = Section::Other;
    let lines =
        finished.err().chain(finished.out()).skip_while(|line| !line.contains("unable to select packages"));
    for line in lines.skip(1) {
        let Some(text) = line.strip_prefix("  ") else { break };
        let is_head = !text.starts_with(' ');
        let mut words = text.split_ascii_whitespace().peekable();
        if is_head {
            let head = text.trim_end_matches(':');
            let is_unknown = head.ends_with("(no such package)");
            let head = head.split(" (").next().unwrap_or(head);
            let name = if is_unknown { head } else { split(head).map_or(head, |(name, _)| name) };
            problems.push(Problem { name: name.to_owned(), is_unknown, ..Problem::default() });
            section = Section::Other;
            continue;
        }
        let Some(problem) = problems.last_mut() else { continue };
        section = match words.peek().copied() {
            Some("breaks:") => Section::Breaks,
            Some("satisfies:" | "required") => Section::Satisfies,
            Some("masked") => {
                problem.is_masked = true;
                Section::Other
            }
            Some("conflicts:" | "provided") => Section::Other,
            _ => section,
        };
        let wishes = words.filter_map(Wish::read);
        match section {
            Section::Breaks => problem.breaks.extend(wishes),
            Section::Satisfies => problem.satisfies.extend(wishes),
            Section::Other => {}
        }
    }
    problems
}

/// The report in one line.
pub fn in_words(finished: &Finished) -> String {
    let lines =
        finished.err().chain(finished.out()).skip_while(|line| !line.contains("unable to select packages"));
    let text: Vec<_> = lines.map(|line| line.trim().trim_start_matches("ERROR: ")).collect();
    text.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tool::{Ending, Stream};
    use super::*;

    fn said(text: &str) -> Finished {
        let lines = text.lines().map(|line| (Stream::Err, line.to_owned())).collect();
        Finished { program: "apk".to_owned(), ending: Ending::Exited(1), lines, is_whole: true }
    }

    fn wishes(wishes: &[Wish]) -> Vec<(&str, &str)> {
        wishes.iter().map(|wish| (wish.owner.as_str(), wish.dependency.as_str())).collect()
    }

    #[test]
    fn reads_the_report() {
        let problems = read(&said(
            "WARNING: x\nERROR: unable to select packages:\n  tb-ssl-1.0-r0:\n    masked in: @edge\n    \
             breaks: world[tb-ssl=7.7-r0]\n    satisfies: tb-app-1.0-r0[tb-ssl]\n               tb-b-2-r0[tb-ssl]\n  \
             tb-nothing (no such package):\n    required by: world[tb-nothing=7.7-r0]\nOK: 1\n",
        ));
        assert_eq!(problems.len(), 2);
        assert_eq!((problems[0].name.as_str(), problems[0].is_masked), ("tb-ssl", true));
        assert_eq!(wishes(&problems[0].breaks), [("world", "tb-ssl=7.7-r0")]);
        assert_eq!(wishes(&problems[0].satisfies), [("tb-app", "tb-ssl"), ("tb-b", "tb-ssl")]);
        assert_eq!((problems[1].name.as_str(), problems[1].is_unknown), ("tb-nothing", true));
        assert!(problems[1].satisfies[0].is_of_world());
        assert_eq!(read(&said("ERROR: something else\n")), []);
    }
}
