//! Names that nobody reads, settings without effect, files that cannot be read.

use super::Finding;
use super::context::RuleContext;
use crate::cause::Severity;
use crate::manifest::FaultKind;
use crate::remedy::{Change, ChangeKind, Fix};
use crate::wiring::SettingKind;

/// Whose setting stands at a place.
fn owner(case: &RuleContext<'_>, place: &crate::workload::Place) -> Option<usize> {
    case.description.workloads.iter().position(|workload| {
        workload
            .containers
            .iter()
            .any(|one| one.environment.iter().any(|setting| setting.place.as_ref() == Some(place)))
    })
}

/// Misspelt names, and values that are passed over.
pub(super) fn unknown(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for fault in case.description.faults.iter().chain(&case.wiring.faults) {
        let FaultKind::UnknownName { name, nearest } = &fault.kind else { continue };
        let mut place = fault.mark.place();
        let workload = owner(case, &place).map(|at| case.called(at)).unwrap_or_default();
        let environment = owner(case, &place).is_some();
        if !name.contains('=')
            && let Some(named) = case.description.names.get(&place)
        {
            place = named.clone();
        }
        let (setting, value) =
            name.split_once('=').map_or((name.as_str(), None), |(name, value)| (name, Some(value)));
        let kind = if environment { ChangeKind::Environment } else { ChangeKind::Config };
        let mut change = Change::new(workload.clone(), kind, setting);
        change.from = Some(value.unwrap_or(setting).to_owned());
        change.to.clone_from(nearest);
        change.defined_at = Some(place.clone());
        let text = match (nearest, value) {
            (Some(nearest), None) => format!("write {nearest}"),
            (Some(nearest), Some(_)) => format!("set {setting} to {nearest}"),
            (None, _) => format!("take {setting} away, or write what is meant"),
        };
        let mut finding =
            Finding::new("unknown-setting", Severity::Warning, &place, fault.message.clone()).of(workload);
        if let Some(nearest) = nearest {
            finding = finding.because(format!("the nearest that is read: {nearest}"));
        }
        findings.push(finding.fix(Fix { text, command: None, changes: vec![change] }));
    }
}

/// Set, and without effect.
pub(super) fn unused(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    values(case, findings);
    for one in &case.wiring.unused {
        let severity = if one.minor { Severity::Note } else { Severity::Warning };
        let name = case.called(one.workload);
        // Where the scheme itself is the mistake, that is said, and these become useful with it.
        let prefix = one.setting.split("_TLS_").next().unwrap_or_default().to_owned();
        let said = findings.iter().any(|have| {
            have.workload == name
                && matches!(have.rule, "scheme-mismatch" | "production-rule")
                && have
                    .fix
                    .iter()
                    .flat_map(|fix| &fix.changes)
                    .any(|change| change.name == format!("{prefix}_URL"))
        });
        if said && one.kind == SettingKind::Environment {
            continue;
        }
        let message = format!("{} is set and changes nothing: {}", one.setting, one.why);
        let fix = match &one.switch {
            // Whoever gave it meant it to count.
            Some(switch) => {
                let mut change = case.change(
                    one.workload,
                    switch.kind,
                    &switch.setting,
                    switch.from,
                    switch.to,
                    &switch.place,
                );
                change.remove = switch.to.is_none();
                let what = match switch.to {
                    Some(to) => format!("set {} to {to}", switch.setting),
                    None => format!("take {} away", switch.setting),
                };
                case.cure(format!("{what}: then {} counts", one.setting), vec![change])
            }
            None => {
                let mut change = case.change(one.workload, one.kind, &one.setting, None, None, &one.place);
                change.remove = true;
                let text = format!("take {} away, or make it count: {}", one.setting, one.why);
                case.cure(text, vec![change])
            }
        };
        findings.push(Finding::new("unused-setting", severity, &one.place, message).of(name).fix(fix));
    }
}

/// Values of a chart that no template reads.
fn values(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for fault in &case.description.faults {
        let FaultKind::UnusedValue { name } = &fault.kind else { continue };
        let place = fault.mark.place();
        let mut change = Change::new(String::new(), ChangeKind::Config, name.clone());
        change.remove = true;
        change.defined_at = Some(place.clone());
        let fix = Fix {
            text: format!("take {name} away, or let a template read it"),
            command: None,
            changes: vec![change],
        };
        findings
            .push(Finding::new("unused-setting", Severity::Warning, &place, fault.message.clone()).fix(fix));
    }
}

/// Files that cannot be parsed.
pub(super) fn unreadable(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for fault in case.description.faults.iter().chain(&case.wiring.faults) {
        if fault.kind == FaultKind::Unreadable {
            let place = fault.mark.place();
            let workload = owner(case, &place).map(|at| case.called(at)).unwrap_or_default();
            let mut change = Change::new(workload.clone(), ChangeKind::File, &*place.file);
            change.defined_at = Some(place.clone());
            let fix = Fix {
                text: "mend the file: its program refuses it as it is".to_owned(),
                command: None,
                changes: vec![change],
            };
            findings.push(
                Finding::new("unreadable-config", Severity::Error, &place, fault.message.clone())
                    .of(workload)
                    .fix(fix),
            );
        }
    }
}
