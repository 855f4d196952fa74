//! When certificates begin and end, seen from one day. What ends soon matters more than what ends late: days
//! are drawn by their logarithm.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::model::StatusMark;
use super::read::{list, text};

/// A certificate, once, with all who show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub mark: StatusMark,
    pub subject: String,
    pub users: String,
    pub begins: String,
    pub ends: String,
    pub left: String,
    /// Thousandths of the whole width.
    pub from: u32,
    pub width: u32,
    pub first: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub at: u32,
    pub label: &'static str,
}

/// The whole time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValidityTimeline {
    pub today: String,
    /// `today`, or what another day is called: that of `--at`, that of a recording.
    pub day: &'static str,
    pub now: u32,
    /// Where today stands, when another day is looked at.
    pub real: Option<u32>,
    pub ticks: Vec<Tick>,
    pub spans: Vec<Span>,
    pub more: usize,
    pub first_end: String,
    pub stops: String,
}

/// A certificate as it was met.
pub(crate) struct Met<'a> {
    pub certificate: &'a Value,
    pub user: String,
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

const DAY: f64 = 86_400.0;

/// Thousandths: a quarter for what was, the rest for what comes, up to thirty years either way.
fn position(seconds: f64) -> u32 {
    let days = (seconds / DAY).abs();
    let reach = (1.0 + days).log10() / (1.0 + 10_950.0_f64).log10();
    let at = if seconds < 0.0 { 250.0 - 250.0 * reach } else { 250.0 + 750.0 * reach };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 1000")]
    let at = at.clamp(0.0, 1000.0).round() as u32;
    at
}

const TICKS: [(f64, &str); 9] = [
    (-365.0, "\u{2212}1 y"),
    (-30.0, ""),
    (0.0, ""),
    (1.0, ""),
    (7.0, "7 d"),
    (30.0, "30 d"),
    (90.0, "90 d"),
    (365.0, "1 y"),
    (3650.0, "10 y"),
];

/// How long, in words.
pub(crate) fn length(seconds: f64) -> String {
    let days = (seconds / DAY).abs();
    let (count, unit) = match days {
        d if d >= 730.0 => (d / 365.0, "years"),
        d if d >= 2.0 => (d, "days"),
        d if d >= 2.0 / 24.0 => (d * 24.0, "hours"),
        d => (d * 1440.0, "minutes"),
    };
    format!("{} {unit}", count.floor())
}

pub(crate) fn day(at: &str) -> String {
    at.get(..10).unwrap_or(at).to_owned()
}

/// The time line as of `at`. `other`: the clock, and what the day is called where that is another one.
pub(crate) fn validity(
    met: &[Met<'_>],
    at: &str,
    other: Option<(&str, &'static str)>,
    most: usize,
) -> Option<ValidityTimeline> {
    let now = instant(at)?;
    let mut known: BTreeMap<String, (&Value, Vec<&str>)> = BTreeMap::new();
    for one in met {
        let certificate = one.certificate;
        let key = match text(certificate, "sha256") {
            "" => format!("{}{}", text(certificate, "subject"), text(certificate, "serial")),
            sha => sha.to_owned(),
        };
        let users = &mut known.entry(key).or_insert((certificate, Vec::new())).1;
        if !users.contains(&one.user.as_str()) {
            users.push(&one.user);
        }
    }
    let mut rows: Vec<(OffsetDateTime, OffsetDateTime, &Value, Vec<&str>)> = known
        .into_values()
        .filter_map(|(certificate, users)| {
            let begins = instant(text(certificate, "not_before"))?;
            let ends = instant(text(certificate, "not_after"))?;
            Some((ends, begins, certificate, users))
        })
        .collect();
    rows.sort_by(|one, two| (one.0, &one.3).cmp(&(two.0, &two.3)));
    let first = rows.iter().position(|row| row.0 > now && row.1 <= now);
    let seconds = |moment: OffsetDateTime| (moment - now).as_seconds_f64();
    let (first_end, stops) = first.and_then(|index| rows.get(index)).map_or_else(
        || (String::new(), String::new()),
        |row| {
            // What ends together with the first.
            let same: Vec<&str> = rows
                .iter()
                .filter(|one| (one.0 - row.0).whole_hours().abs() < 24 && one.0 > now)
                .flat_map(|one| one.3.iter().copied())
                .collect();
            (format!("{} (in {})", day(text(row.2, "not_after")), length(seconds(row.0))), some(&same))
        },
    );
    let more = rows.len().saturating_sub(most);
    let spans: Vec<Span> = rows
        .into_iter()
        .enumerate()
        .take(most)
        .map(|(index, (ends, begins, certificate, users))| {
            let (from, to) = (position(seconds(begins)), position(seconds(ends)));
            let (mark, left) = standing(seconds(begins), seconds(ends));
            Span {
                mark,
                subject: text(certificate, "subject").to_owned(),
                users: some(&users),
                begins: day(text(certificate, "not_before")),
                ends: day(text(certificate, "not_after")),
                left,
                from,
                width: to.saturating_sub(from).max(4),
                first: first == Some(index),
            }
        })
        .collect();
    if spans.is_empty() {
        return None;
    }
    let ticks = TICKS.iter().map(|(days, label)| Tick { at: position(days * DAY), label }).collect();
    let other = other
        .and_then(|(real, called)| Some((instant(real)?, called)))
        .filter(|(real, _)| (*real - now).whole_hours().abs() >= 24);
    Some(ValidityTimeline {
        today: day(at),
        day: other.map_or("today", |(_, called)| called),
        now: 250,
        real: other.map(|(real, _)| position(seconds(real))),
        ticks,
        spans,
        more,
        first_end,
        stops,
    })
}

/// How a certificate stands, by the seconds from now to its two dates.
fn standing(begins: f64, ends: f64) -> (StatusMark, String) {
    if ends < 0.0 {
        (StatusMark { word: "expired", ..StatusMark::FAIL }, format!("ended {} ago", length(ends)))
    } else if begins > 0.0 {
        (StatusMark { word: "not yet valid", ..StatusMark::FAIL }, format!("begins in {}", length(begins)))
    } else if ends < 30.0 * DAY {
        (StatusMark { word: "ends soon", ..StatusMark::WARN }, format!("{} left", length(ends)))
    } else {
        (StatusMark { word: "valid", ..StatusMark::PASS }, format!("{} left", length(ends)))
    }
}

/// Some names, and how many more.
fn some(names: &[&str]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name);
        }
    }
    let more = seen.len().saturating_sub(8);
    let shown = seen.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The chain that each check or endpoint was presented.
pub(crate) fn presented_chain<'a>(report: &'a Value, key: &str, name: &str) -> Vec<Met<'a>> {
    let mut met = Vec::new();
    for one in list(report, key) {
        for certificate in list(super::read::get(one, "details"), "presented") {
            met.push(Met { certificate, user: text(one, name).to_owned() });
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_lie_in_their_order_and_today_at_a_quarter() {
        let all: Vec<u32> = TICKS.iter().map(|(days, _)| position(days * DAY)).collect();
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(position(0.0), 250);
        assert_eq!((position(-1e12), position(1e12)), (0, 1000));
    }

    #[test]
    fn the_first_end_is_of_what_is_valid_now() {
        let old = serde_json::json!({"subject": "CN=old", "sha256": "1",
            "not_before": "2024-01-01T00:00:00Z", "not_after": "2025-01-01T00:00:00Z"});
        let new = serde_json::json!({"subject": "CN=new", "sha256": "2",
            "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-12-01T00:00:00Z"});
        let met = [
            Met { certificate: &old, user: "nats".to_owned() },
            Met { certificate: &new, user: "redis".to_owned() },
            Met { certificate: &new, user: "gateway".to_owned() },
        ];
        let line = validity(&met, "2026-11-30T00:00:00Z", None, 10).unwrap();
        assert_eq!(line.first_end, "2026-12-01 (in 24 hours)");
        assert_eq!(line.stops, "redis, gateway");
        // Who shows two that end on one day is named once.
        let other = serde_json::json!({"subject": "CN=ca", "sha256": "3",
            "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-12-01T01:00:00Z"});
        let more = [("redis", &new), ("nats", &new), ("redis", &other)];
        let more = more.map(|(user, certificate)| Met { certificate, user: user.to_owned() });
        assert_eq!(validity(&more, "2026-11-30T00:00:00Z", None, 10).unwrap().stops, "redis, nats");
        assert_eq!(line.spans[0].left, "ended 698 days ago");
        assert!(
            line.spans[1].first && line.spans[1].mark == StatusMark { word: "ends soon", ..StatusMark::WARN }
        );
    }
}
