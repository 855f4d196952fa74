//! What could not be decided of a deployment, and how it could be.

use super::context::RuleContext;
use super::policies;
use super::verdict::Undecided;
use crate::manifest::FaultKind;
use crate::wiring::{
    ClientTrust, DialTarget, Dialler, FileRole, Listener, OpenedPath, Protocol, TlsMode, Verifies, named_gaps,
};

impl RuleContext<'_> {
    /// Everything that could not be decided.
    pub(super) fn undecided(&self) -> Vec<Undecided> {
        let mut all: Vec<Undecided> = Vec::new();
        let mut tell = |one: Undecided| match all
            .iter_mut()
            .find(|have| have.what == one.what && have.place == one.place)
        {
            Some(have) => have.decides |= one.decides,
            None => all.push(one),
        };
        for fault in self.description.faults.iter().chain(&self.wiring.faults) {
            if let FaultKind::Undecided { how } = &fault.kind {
                let (place, what) = (Some(fault.mark.place()), fault.message.clone());
                tell(Undecided { place, what, how: how.clone(), decides: false, unread: true });
            }
        }
        self.undecided_ends(&mut tell);
        self.undecided_files(&mut tell);
        policies::undecided(self).into_iter().for_each(&mut tell);
        all
    }

    /// Whom clients dial, and how brokers speak.
    fn undecided_ends(&self, tell: &mut dyn FnMut(Undecided)) {
        for dial in &self.wiring.dials {
            let Some(unknown) = &dial.unknown else { continue };
            // It decides where somebody here may be meant.
            let trusted = dial.protocol == Protocol::Other && matches!(dial.trust, ClientTrust::Files(_));
            let meant = |one: &Listener| {
                let broker = matches!(one.protocol, Protocol::Nats | Protocol::Redis);
                one.protocol == dial.protocol || (trusted && broker && one.tls_mode == TlsMode::Tls)
            };
            let decides = self.wiring.listeners.iter().any(|one| !one.side && meant(one));
            tell(Undecided {
                place: Some(dial.place.clone()),
                what: format!(
                    "{} of {} is {unknown}: whom it dials, and whether in TLS",
                    dial.setting,
                    self.dialler(dial)
                ),
                how: "give the variable with --env-file FILE, or audit what `docker compose config` prints"
                    .to_owned(),
                decides,
                unread: false,
            });
        }
        for (end, dial) in self.connections() {
            if dial.dialler != Dialler::Proxy || dial.verifies != Verifies::Unknown {
                continue;
            }
            tell(Undecided {
                place: Some(dial.place.clone()),
                what: format!(
                    "whether {} verifies {} is not known: it may stand in a file that it includes and that is not here",
                    self.dialler(dial),
                    dial.shown
                ),
                how: "put what it includes where the deployment mounts it from".to_owned(),
                decides: matches!(end.target, DialTarget::Workload(_)),
                unread: false,
            });
        }
        for (dial, listener) in self.ends() {
            let broker = matches!(listener.protocol, Protocol::Nats | Protocol::Redis);
            if broker && listener.tls_mode == TlsMode::Unknown && dial.dialler == Dialler::Program {
                let faulty = self.wiring.faults.iter().any(|one| one.kind == FaultKind::Unreadable);
                tell(Undecided {
                    place: Some(listener.place.clone()),
                    what: format!(
                        "whether {} speaks TLS is not known: its configuration is not",
                        self.called(listener.workload)
                    ),
                    how: "put its configuration where the deployment mounts it from".to_owned(),
                    decides: !faulty,
                    unread: false,
                });
            }
        }
    }

    fn undecided_files(&self, tell: &mut dyn FnMut(Undecided)) {
        for one in &self.wiring.files {
            let found = self.open(one.workload, one.container, &one.file);
            // A folder that a default names is not hidden: it is not here yet.
            let (what, ours) = match &*found {
                OpenedPath::Unknown(what) => (what.clone(), !what.ends_with("which is not here yet")),
                OpenedPath::Unmounted { certain: false } if !one.optional => {
                    ("nothing that is described brings it; it may be in the image".to_owned(), true)
                }
                OpenedPath::Made(what) => (format!("{what} is made when it runs"), false),
                OpenedPath::ObjectMissing { kind, name, .. } => {
                    (format!("the {} {name} is not among the files", kind.name()), false)
                }
                _ => continue,
            };
            let volume = what.starts_with("the volume ") || what.starts_with("a folder that is empty");
            let connected = || {
                self.connections().any(|(end, dial)| {
                    let client = dial.workload == Some(one.workload) && dial.container == one.container;
                    let server = end.target == DialTarget::Workload(one.workload);
                    matches!(end.target, DialTarget::Workload(_))
                        && (client || server)
                        && dial.tls_mode != TlsMode::Plain
                })
            };
            let how = match &*found {
                OpenedPath::ObjectMissing { .. } | OpenedPath::Made(_) => {
                    "pipe it in with the rest: `kubectl get secret … -o yaml`"
                }
                _ => "give the variable with --env-file FILE, or put the file where it is mounted from",
            };
            tell(Undecided {
                place: Some(one.file.place.clone()),
                what: format!("{} of {}: {what}", named_gaps(&one.file.path), self.called(one.workload)),
                how: how.to_owned(),
                decides: ours && !volume && !one.guessed && one.role != FileRole::Config && connected(),
                unread: false,
            });
        }
    }
}
