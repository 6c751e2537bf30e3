//! What package managers print, read as the agent reads it: plans, refreshes, failures.

use std::hint::black_box;

use agent::packages::tool::{Ending, Finished, Stream};
use agent::packages::{apk, apt, dnf, macos, pacman, rpm_tools, zypper};

use crate::node::choose;

/// Standard output before the first NUL, errors behind it. The length decides how the tool ended.
fn finished(text: &str) -> Finished {
    let (out, errors) = text.split_once('\0').unwrap_or((text, ""));
    let of = |stream: Stream, text: &str| {
        text.lines().map(move |line| (stream, line.to_owned())).collect::<Vec<_>>()
    };
    let lines = of(Stream::Out, out).into_iter().chain(of(Stream::Err, errors)).collect();
    let ending = Ending::Exited((text.len() % 9) as i32);
    Finished { program: "tool".to_owned(), ending, lines, is_whole: true }
}

pub fn outputs(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, 17) else { return };
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().collect();
    let succeeded = text.len() % 2 == 0;
    match chosen {
        0 => {
            let (out, errors) = text.split_once('\0').unwrap_or((&text, ""));
            apt::refresh::parse(out, errors, succeeded);
        }
        1 => drop(apt::transaction::failures::read(&finished(&text))),
        2 => drop(apt::transaction::plan::read_sizes(lines.into_iter())),
        3 => drop(dnf::refresh::parse(&lines, succeeded)),
        4 => drop(rpm_tools::dnf::failures::read(&finished(&text))),
        5 => drop(rpm_tools::dnf::table::read(lines.into_iter())),
        6 => drop(zypper::refresh::parse(&lines, succeeded)),
        7 => {
            let finished = finished(&text);
            drop(rpm_tools::zypper::failures::read(&finished));
            drop(rpm_tools::zypper::failures::problems(&finished));
        }
        8 => drop(rpm_tools::zypper::settle::read_plan(&finished(&text), &[])),
        9 => {
            if let Ok(offers) = macos::softwareupdate::parse_list(&text) {
                offers.iter().for_each(|offer| {
                    black_box((offer.name(), offer.classification()));
                });
            }
            drop(macos::softwareupdate::parse_history(&text));
        }
        10 => drop(macos::receipts::parse(bytes)),
        11 => {
            drop(macos::homebrew::parse_outdated(&text));
            drop(macos::homebrew::parse_installed(&text, macos::homebrew::Kind::Formula));
        }
        12 => drop(apk::refresh::parse(&lines, succeeded)),
        13 => {
            let finished = finished(&text);
            drop(apk::transaction::failures::read(&finished));
            apk::transaction::failures::went_well(&finished);
            apk::transaction::problems::read(&finished).iter().for_each(|problem| {
                problem.breaks.iter().chain(&problem.satisfies).for_each(|wish| {
                    black_box(wish.is_of_world());
                });
            });
            drop(apk::transaction::problems::in_words(&finished));
            drop(apk::transaction::settle::read_plan(&finished, &Default::default(), &[]));
        }
        14 => drop(pacman::refresh::parse(&lines, succeeded)),
        15 => {
            let finished = finished(&text);
            drop(pacman::transaction::failures::read(&finished));
            drop(pacman::transaction::failures::ignored(&finished));
            let _ = pacman::transaction::failures::name_of_file(&text);
        }
        _ => drop(rpm_tools::installed::parse(lines.into_iter())),
    }
}
