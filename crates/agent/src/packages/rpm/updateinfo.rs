//! `updateinfo.xml`: advisories with the packages that they list. Which of them concern a node is `facts`' to say.

use std::borrow::Cow;

use api::Timestamp;
use domain::facts::{Advisory, AdvisoryTerms};

use super::super::ScanError;
use super::dates;
use super::elements::{Document, Piece, Refusal, Tag, TagFinder, for_each_piece};
use super::evr;

/// One advisory with everything it lists.
#[derive(Debug, Default)]
pub struct Update {
    /// Without the repository's number, which is its owner's to set.
    pub advisory: Advisory,
    /// Taken back by its publisher: its packages are not to be installed any more.
    pub is_retracted: bool,
    pub collections: Vec<Collection>,
}

#[derive(Debug, Default)]
pub struct Collection {
    /// The module streams that these packages belong to.
    pub modules: Vec<ModuleStream>,
    pub packages: Vec<Listed>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct ModuleStream {
    pub name: String,
    pub stream: String,
    pub context: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub arch: String,
    pub version: String,
}

impl Update {
    pub fn terms(&self) -> AdvisoryTerms {
        AdvisoryTerms {
            kind: self.advisory.kind.clone(),
            severity: self.advisory.severity.clone(),
            dated_at: self.advisory.updated_at.or(self.advisory.issued_at),
        }
    }
}

/// Calls `visit` with every advisory of the file.
pub fn for_each_update(document: &Document<'_>, visit: &mut dyn FnMut(Update)) -> Result<(), ScanError> {
    document.for_each_element("update", "updates", &mut |element| {
        visit(parse(element)?);
        Ok(())
    })
}

/// The same for those alone that have a kind and list a package for which `concerns` holds. The others are not parsed: one
/// look at a tag for each package that they list.
pub fn for_each_update_of(
    document: &Document<'_>,
    concerns: &dyn Fn(&str, &str) -> bool,
    visit: &mut dyn FnMut(Update),
) -> Result<(), ScanError> {
    let tags = [TagFinder::new("update"), TagFinder::new("package")];
    document.for_each_element("update", "updates", &mut |element| {
        if lists_any(element, &tags, concerns)? {
            visit(parse(element)?);
        }
        Ok(())
    })
}

fn lists_any(
    element: &[u8],
    [update, package]: &[TagFinder; 2],
    concerns: &dyn Fn(&str, &str) -> bool,
) -> Result<bool, Refusal> {
    let first = update.find_in(element).next().transpose()?.ok_or("an advisory without a tag")?;
    let kind = first.attribute("type")?.unwrap_or_default();
    for tag in package.find_in(element) {
        if tag?.attribute("name")?.is_some_and(|name| concerns(&kind, &name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn parse(element: &[u8]) -> Result<Update, Refusal> {
    let mut parser = Parser::default();
    for_each_piece(element, &mut |piece| match piece {
        Piece::Start(tag) => parser.start(&tag),
        Piece::Text(text) => {
            if parser.wants_text() {
                parser.text.push_str(&text);
            }
            Ok(())
        }
        Piece::End(name) => {
            parser.end(name);
            Ok(())
        }
    })?;
    parser.finish()
}

#[derive(Default)]
struct Parser {
    update: Update,
    /// How many elements are open, and the one whose text is wanted.
    depth: usize,
    inside: Inside,
    text: String,
    unreadable_dates: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Other,
    Id,
    Title,
    Severity,
    RebootSuggested,
    RestartSuggested,
}

impl Parser {
    fn wants_text(&self) -> bool {
        self.inside != Inside::Other
    }

    fn start(&mut self, tag: &Tag<'_>) -> Result<(), Refusal> {
        self.depth += 1;
        self.text.clear();
        self.inside = match (tag.name(), self.depth) {
            ("id", 2) => Inside::Id,
            ("title", 2) => Inside::Title,
            ("severity", 2) => Inside::Severity,
            ("reboot_suggested", _) => Inside::RebootSuggested,
            ("restart_suggested", _) => Inside::RestartSuggested,
            _ => Inside::Other,
        };
        let text =
            |name| -> Result<String, Refusal> { Ok(tag.attribute(name)?.unwrap_or_default().into_owned()) };
        match (tag.name(), self.depth) {
            ("update", 1) => {
                self.update.advisory.kind = text("type")?;
                self.update.is_retracted = tag.attribute("status")?.as_deref() == Some("retracted");
            }
            ("issued", 2) => self.update.advisory.issued_at = self.date(&text("date")?),
            ("updated", 2) => self.update.advisory.updated_at = self.date(&text("date")?),
            ("reference", _) => match tag.attribute("type")?.as_deref() {
                Some("cve") => self.update.advisory.cve_ids.push(text("id")?),
                Some("bugzilla") => self.update.advisory.bugzilla_ids.push(text("id")?),
                _ => {}
            },
            ("collection", _) => self.update.collections.push(Collection::default()),
            ("module", _) => {
                let module =
                    ModuleStream { name: text("name")?, stream: text("stream")?, context: text("context")? };
                self.collection()?.modules.push(module);
            }
            ("package", _) => {
                let epoch = tag.attribute("epoch")?;
                let version = evr::text_of(epoch.as_deref(), &text("version")?, &text("release")?);
                let listed = Listed { name: text("name")?, arch: text("arch")?, version };
                self.collection()?.packages.push(listed);
            }
            _ => {}
        }
        Ok(())
    }

    fn collection(&mut self) -> Result<&mut Collection, Refusal> {
        self.update.collections.last_mut().ok_or(Cow::Borrowed("a package outside a collection"))
    }

    fn date(&mut self, text: &str) -> Option<Timestamp> {
        let date = dates::parse(text);
        self.unreadable_dates += usize::from(date.is_none() && !text.trim().is_empty());
        date
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        let text = self.text.trim();
        // The element may be empty, with an attribute or nothing that says otherwise.
        let is_true = !text.eq_ignore_ascii_case("false") && text != "0";
        let advisory = &mut self.update.advisory;
        match std::mem::take(&mut self.inside) {
            Inside::Id => advisory.id = text.to_owned(),
            Inside::Title => advisory.title = text.to_owned(),
            Inside::Severity => advisory.severity = text.to_owned(),
            Inside::RebootSuggested => advisory.reboot_suggested |= is_true,
            Inside::RestartSuggested if name == "restart_suggested" => advisory.restart_suggested |= is_true,
            Inside::RestartSuggested | Inside::Other => {}
        }
    }

    fn finish(mut self) -> Result<Update, Refusal> {
        let advisory = &mut self.update.advisory;
        if advisory.id.is_empty() {
            return Err(Cow::Borrowed("an advisory without an id"));
        }
        let is_dated = advisory.issued_at.is_some() || advisory.updated_at.is_some();
        advisory.has_unreadable_date = self.unreadable_dates > 0 && !is_dated;
        for ids in [&mut advisory.cve_ids, &mut advisory.bugzilla_ids] {
            ids.retain(|id| !id.is_empty());
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(self.update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_advisory() {
        let text = br#"<update from="x" status="final" type="security" version="2"><id>A-1</id><title>a &amp; b</title>
          <issued date="2025-01-02"/><updated date="1735787045"/><severity>Important</severity><description>d</description>
          <references><reference id="CVE-2" type="cve" title="t"/><reference id="CVE-1" type="cve"/><reference id="7" type="bugzilla"/></references>
          <pkglist><collection short="c"><module name="nodejs" stream="18" version="1" context="c0" arch="x86_64"/>
          <package name="n" version="1" release="2" epoch="3" arch="x86_64" src="s"><filename>f</filename><reboot_suggested>True</reboot_suggested></package>
          <package name="m" version="1" release="2" epoch="0" arch="noarch"><restart_suggested>0</restart_suggested></package></collection></pkglist></update>"#;
        let update = parse(text).unwrap();
        let advisory = &update.advisory;
        assert_eq!(
            (advisory.id.as_str(), advisory.kind.as_str(), advisory.title.as_str()),
            ("A-1", "security", "a & b")
        );
        assert_eq!(
            (advisory.severity.as_str(), advisory.cve_ids.join(" ").as_str()),
            ("Important", "CVE-1 CVE-2")
        );
        assert_eq!(update.terms().dated_at, Some(Timestamp::from_seconds(1_735_787_045)));
        assert!(advisory.reboot_suggested && !advisory.restart_suggested && !advisory.has_unreadable_date);
        let collection = &update.collections[0];
        assert_eq!(collection.modules[0].stream, "18");
        assert_eq!(
            (collection.packages[0].version.as_str(), collection.packages[1].version.as_str()),
            ("3:1-2", "1-2")
        );
    }

    #[test]
    fn knows_unreadable_dates() {
        let check = |dates: &str, expected: bool| {
            let update = parse(format!("<update type='x'><id>A</id>{dates}</update>").as_bytes()).unwrap();
            assert_eq!(update.advisory.has_unreadable_date, expected, "{dates}");
        };
        check("<issued date='soon'/>", true);
        check("<issued date='soon'/><updated date='2025-01-01'/>", false);
        check("<issued date=''/>", false);
        check("", false);
        assert!(parse(b"<update type='x'></update>").is_err());
        assert!(parse(b"<update><id>A</id><package name='n'/></update>").is_err());
    }
}
