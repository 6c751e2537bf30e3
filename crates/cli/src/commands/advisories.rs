//! `fettle advisories`: imports feeds that name CVEs, lists them, and asks what they know.
//! Reading feeds is `crate::advisories`'s.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context;
use api::fettle::{
    AdvisoryFormat, AdvisoryNotice, AdvisoryStatement, DeleteAdvisoryFeedRequest, DescribeAdvisoriesRequest,
    DescribeAdvisoriesResponse, ImportAdvisoriesRequest, ImportAdvisoriesResponse, ListAdvisoryFeedsRequest,
};
use clap::{Subcommand, ValueEnum};

use super::{Common, Output, json};
use crate::advisories::{Feed, Meter, PassedOver, ReadError, Said, Source, for_each_feed, read};
use crate::client::{Client, fetcher};
use crate::text;

const CLEAR_LINE: &str = "\r\x1b[K";
/// Statements per request: some 300 KB.
const PART: usize = 2_000;

#[derive(Subcommand)]
pub enum Advisories {
    /// Import a feed in place of what it said before: the security tracker of Debian or Arch, debsecan's format, OSV, or Alpine's secdb.
    Import {
        /// Files, folders or http(s) addresses; plain, packed with gzip, zstd or xz, or zip archives. Several make one feed.
        #[arg(required = true)]
        sources: Vec<String>,
        /// The feed's name; by default that of the first file.
        #[arg(long)]
        feed: Option<String>,
        /// By default told from the content.
        #[arg(long)]
        format: Option<Format>,
        /// What debsecan's format is about, such as debian:bookworm.
        #[arg(long)]
        distribution: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// List the feeds, where they came from, and how old they are.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Say what the feeds know of a CVE or a package, and which nodes are affected.
    Show {
        /// `CVE-2024-12345`, or a source or binary package.
        what: String,
        #[command(flatten)]
        common: Common,
    },
    /// Forget a feed.
    Forget {
        feed: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Tracker,
    Debsecan,
    Osv,
    Secdb,
    Arch,
}

impl From<Format> for AdvisoryFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Tracker => Self::DebianTracker,
            Format::Debsecan => Self::Debsecan,
            Format::Osv => Self::Osv,
            Format::Secdb => Self::AlpineSecdb,
            Format::Arch => Self::ArchTracker,
        }
    }
}

impl Advisories {
    pub fn common(&self) -> &Common {
        match self {
            Self::Import { common, .. }
            | Self::List { common }
            | Self::Show { common, .. }
            | Self::Forget { common, .. } => common,
        }
    }

    pub fn run(&self, client: &Client, output: Output) -> anyhow::Result<String> {
        match self {
            Self::Import { sources, feed, format, distribution, .. } => {
                let name = feed.clone().unwrap_or_else(|| name_of(&sources[0]));
                let import = Import::new(client, name, sources);
                import.run(sources, format.map(AdvisoryFormat::from), distribution.as_deref(), output)
            }
            Self::List { .. } => {
                let answer = client.call(&ListAdvisoryFeedsRequest {})?;
                match output {
                    Output::Json => json(&answer),
                    Output::Text(_) => Ok(text::advisories::feeds(&answer.feeds)),
                }
            }
            Self::Show { what, .. } => {
                let answer = describe(client, what)?;
                match output {
                    Output::Json => json(&answer),
                    Output::Text(style) => Ok(text::advisories::render(what, &answer, style)),
                }
            }
            Self::Forget { feed, .. } => {
                client.call(&DeleteAdvisoryFeedRequest { feed: feed.clone() })?;
                Ok(format!("The feed {feed} is forgotten.\n"))
            }
        }
    }
}

/// The file's name without folders and endings, in the letters that names of feeds have.
fn name_of(source: &str) -> String {
    let file = source.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(source);
    let stem = file.split(['.', '?']).next().unwrap_or(file);
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || "_-".contains(character) { character } else { '-' }
    };
    let name: String = stem.chars().map(plain).take(64).collect();
    let name = name.trim_start_matches(['-', '_']).to_owned();
    if name.is_empty() { "feed".to_owned() } else { name }
}

/// All pages as one answer.
fn describe(client: &Client, what: &str) -> anyhow::Result<DescribeAdvisoriesResponse> {
    let is_cve = what.to_ascii_uppercase().starts_with("CVE-");
    let mut request = DescribeAdvisoriesRequest {
        cve_id: is_cve.then(|| what.to_ascii_uppercase()),
        package: (!is_cve).then(|| what.to_owned()),
        ..Default::default()
    };
    let mut whole = client.call(&request)?;
    while let Some(token) = whole.next_token.take() {
        request.next_token = Some(token);
        let page = client.call(&request)?;
        whole.affected_nodes.extend(page.affected_nodes);
        whole.next_token = page.next_token;
    }
    Ok(whole)
}

/// An import under way: statements are sent as they are read.
struct Import<'c> {
    client: &'c Client,
    next: ImportAdvisoriesRequest,
    waiting: Vec<AdvisoryStatement>,
    notices: Vec<AdvisoryNotice>,
    /// In force once the last part is there.
    statements: i64,
    passed_over: PassedOver,
}

impl<'c> Import<'c> {
    fn new(client: &'c Client, feed: String, sources: &[String]) -> Self {
        let origin = match sources.len() {
            1 => sources[0].clone(),
            more => format!("{} and {} more", sources[0], more - 1),
        };
        let next = ImportAdvisoriesRequest { feed, origin, ..Default::default() };
        let (waiting, notices) = (Vec::with_capacity(PART), Vec::new());
        Self { client, next, waiting, notices, statements: 0, passed_over: PassedOver::default() }
    }

    fn run(
        mut self,
        sources: &[String],
        format: Option<AdvisoryFormat>,
        distribution: Option<&str>,
        output: Output,
    ) -> anyhow::Result<String> {
        const KEPT: &str = "nothing of this import is in force; what the feed said before still is";
        let fetcher = fetcher()?;
        let (meter, mut progress) = (Meter::default(), Progress::start());
        for place in sources {
            let source = Source { place, format: format.clone(), client: &fetcher, meter: &meter };
            let mut refused = None;
            let read = for_each_feed(&source, &mut |feed| {
                let told = &mut |statements| progress.tell(place, &meter, statements);
                self.read(feed, distribution, told, &mut refused)
            });
            progress.clear();
            match (read, refused) {
                (Err(ReadError::Stopped), Some(refused)) => {
                    return Err(refused.context(format!("{place}; {KEPT}")));
                }
                (read, _) => read.with_context(|| format!("{place}; {KEPT}"))?,
            }
        }
        self.next.last = Some(true);
        let done = self.send().context(KEPT)?;
        match output {
            Output::Json => json(&done),
            Output::Text(_) => Ok(summary(&self.next.feed, &done, &self.passed_over)),
        }
    }

    /// Sends what one feed says. What keeps it from being sent is left in `refused`.
    fn read(
        &mut self,
        mut feed: Feed<'_>,
        distribution: Option<&str>,
        told: &mut dyn FnMut(i64),
        refused: &mut Option<anyhow::Error>,
    ) -> Result<(), ReadError> {
        if self.next.format.as_str().is_empty() {
            self.next.format = feed.format.clone();
        } else if feed.format != self.next.format {
            let (other, first) = (feed.format.as_str(), self.next.format.as_str());
            return Err(ReadError::Unusable(format!("is {other}, and what came before it was {first}")));
        }
        let take = &mut |said| {
            match said {
                Said::Hole(statement) => self.waiting.push(statement),
                Said::Notice(notice) => self.notices.push(notice),
            }
            if self.waiting.len() + self.notices.len() < PART {
                return true;
            }
            match self.send() {
                Ok(answer) => {
                    self.statements = answer.statements;
                    told(self.statements);
                    true
                }
                Err(error) => {
                    *refused = Some(error);
                    false
                }
            }
        };
        let passed_over = read(&feed.format, &mut *feed.reader, distribution, take)?;
        for (reason, number) in passed_over.0 {
            *self.passed_over.0.entry(reason).or_default() += number;
        }
        Ok(())
    }

    fn send(&mut self) -> anyhow::Result<ImportAdvisoriesResponse> {
        self.next.statements = std::mem::take(&mut self.waiting);
        self.next.notices = Some(std::mem::take(&mut self.notices)).filter(|notices| !notices.is_empty());
        let answer = self.client.call(&self.next)?;
        self.next.import_id = Some(answer.import_id.clone());
        self.next.chunk += 1;
        Ok(answer)
    }
}

/// How far an import is, on stderr: rewritten in place on a terminal, a line now and then elsewhere.
struct Progress {
    is_terminal: bool,
    shown_at: Instant,
    is_shown: bool,
}

impl Progress {
    fn start() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), shown_at: Instant::now(), is_shown: false }
    }

    fn tell(&mut self, place: &str, meter: &Meter, statements: i64) {
        let pause = if self.is_terminal { Duration::from_millis(200) } else { Duration::from_secs(5) };
        if self.shown_at.elapsed() < pause {
            return;
        }
        self.shown_at = Instant::now();
        self.is_shown = true;
        let line = progress_line(place, meter.read_bytes.get(), meter.total_bytes.get(), statements);
        let mut stderr = std::io::stderr().lock();
        // Whoever closed it does not want to know.
        let _ = match self.is_terminal {
            true => write!(stderr, "{CLEAR_LINE}{line}"),
            false => writeln!(stderr, "{line}"),
        };
    }

    fn clear(&mut self) {
        if self.is_terminal && self.is_shown {
            let _ = write!(std::io::stderr().lock(), "{CLEAR_LINE}");
            self.is_shown = false;
        }
    }
}

fn progress_line(place: &str, read: u64, total: Option<u64>, statements: i64) -> String {
    let mb = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let total = total.map_or_else(String::new, |total| format!(" of {}", mb(total)));
    format!("{}: {}{total} read, {statements} statements sent", text::clean(place), mb(read))
}

fn summary(feed: &str, done: &ImportAdvisoriesResponse, passed_over: &PassedOver) -> String {
    let mut text = format!("The feed {feed} is in force with {} statements.\n", done.statements);
    for (reason, number) in &passed_over.0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  passed over: {number} {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{name_of, progress_line};

    #[test]
    fn progress_says_how_far_it_is() {
        assert_eq!(
            progress_line("a.json", 12_345_678, Some(50_000_000), 84_000),
            "a.json: 12.3 MB of 50.0 MB read, 84000 statements sent"
        );
        assert_eq!(progress_line("a\x1b", 0, None, 0), "a : 0.0 MB read, 0 statements sent");
    }

    #[test]
    fn feeds_are_called_by_their_files() {
        let check = |source: &str, expected: &str| assert_eq!(name_of(source), expected, "{source}");
        check("tracker.json.xz", "tracker");
        check("/srv/feeds/ubuntu-usn.json", "ubuntu-usn");
        check("https://feeds.example.org/tracker/data.json?x=1", "data");
        check("https://feeds.example.org/release/1/bookworm", "bookworm");
        check("...", "feed");
    }
}
