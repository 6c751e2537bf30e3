//! `fettle advisories`: imports feeds that name CVEs, lists them, and asks what they know.
//! Reading feeds is `crate::advisories`'s.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use api::fettle::{
    AdvisoryFormat, AdvisoryStatement, DeleteAdvisoryFeedRequest, DescribeAdvisoriesRequest,
    DescribeAdvisoriesResponse, ImportAdvisoriesRequest, ImportAdvisoriesResponse, ListAdvisoryFeedsRequest,
};
use clap::{Subcommand, ValueEnum};

use super::{Common, Output, json};
use crate::advisories::{PassedOver, ReadError, open, read};
use crate::client::{Client, fetcher};
use crate::text;

/// Statements per request: some 300 KB.
const PART: usize = 2_000;

#[derive(Subcommand)]
pub enum Advisories {
    /// Import a feed in place of what it said before: Debian's security tracker, debsecan's format, or OSV.
    Import {
        /// Files or http(s) addresses, plain or packed with gzip, zstd or xz; several make one feed.
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
}

impl From<Format> for AdvisoryFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Tracker => Self::DebianTracker,
            Format::Debsecan => Self::Debsecan,
            Format::Osv => Self::Osv,
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
}

impl<'c> Import<'c> {
    fn new(client: &'c Client, feed: String, sources: &[String]) -> Self {
        let origin = match sources.len() {
            1 => sources[0].clone(),
            more => format!("{} and {} more", sources[0], more - 1),
        };
        let next = ImportAdvisoriesRequest { feed, origin, ..Default::default() };
        Self { client, next, waiting: Vec::with_capacity(PART) }
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
        let mut passed_over = PassedOver::default();
        for source in sources {
            let mut feed =
                open(source, format.clone(), &fetcher).with_context(|| format!("{source}; {KEPT}"))?;
            if source == &sources[0] {
                self.next.format = feed.format.clone();
            } else if feed.format != self.next.format {
                bail!("{source} is in another format than {}; {KEPT}", sources[0]);
            }
            let more = self.read(&feed.format, &mut *feed.reader, distribution);
            for (reason, number) in more.with_context(|| format!("{source}; {KEPT}"))?.0 {
                *passed_over.0.entry(reason).or_default() += number;
            }
        }
        self.next.last = Some(true);
        let done = self.send().context(KEPT)?;
        match output {
            Output::Json => json(&done),
            Output::Text(_) => Ok(summary(&self.next.feed, &done, &passed_over)),
        }
    }

    fn read(
        &mut self,
        format: &AdvisoryFormat,
        reader: &mut dyn std::io::BufRead,
        distribution: Option<&str>,
    ) -> anyhow::Result<PassedOver> {
        let mut refused = None;
        let take = &mut |statement| {
            self.waiting.push(statement);
            if self.waiting.len() < PART {
                return true;
            }
            refused = self.send().err();
            refused.is_none()
        };
        match read(format, reader, distribution, take) {
            Err(ReadError::Stopped) => Err(refused.unwrap_or_else(|| anyhow::anyhow!("stopped"))),
            read => Ok(read?),
        }
    }

    fn send(&mut self) -> anyhow::Result<ImportAdvisoriesResponse> {
        self.next.statements = std::mem::take(&mut self.waiting);
        let answer = self.client.call(&self.next)?;
        self.next.import_id = Some(answer.import_id.clone());
        self.next.chunk += 1;
        Ok(answer)
    }
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
    use super::name_of;

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
