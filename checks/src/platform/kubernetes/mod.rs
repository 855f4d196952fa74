//! A namespace of a Kubernetes cluster, by the API server alone: no kubectl is needed, nothing is changed.

mod access;
mod api;
mod forward;
mod login;
mod plugin;
pub mod raw;
mod refusal;
mod rights;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tls_verify_core::cluster::{ContainerLog, ContainerLogs as Heard, Start, StartReader};
use tls_verify_core::evidence::PlatformFact;
use tls_verify_core::remedy::{self, ByHand, Wording};
use tls_verify_core::workload::kubernetes::{Cluster, Kind, Objects, Pod, service_of};
use tls_verify_core::workload::{Instance, Workload, WorkloadKind};

pub use access::{Access, AccessOptions, in_a_pod};
pub use api::{Api, ApiError};
pub use rights::{Denial, Right};

use super::{LogPiece, LogStream, Platform, Reach, Wire};

/// Logs that are read at the same time.
const AT_ONCE: usize = 8;

/// A namespace, as it was when it was asked, and the way back to it.
#[derive(Debug)]
pub struct Namespace {
    api: Api,
    pub cluster: Cluster,
    /// Only what is a service of the stack.
    workloads: Vec<Workload>,
    /// What was read of Secrets, a sentence each.
    pub notes: Vec<String>,
    /// What we may not see, as it turned out.
    denied: Mutex<Vec<Denial>>,
}

impl Namespace {
    /// Asks for everything that runs in a namespace; `secrets`: their content too.
    ///
    /// # Errors
    /// Why nothing can be asked.
    pub async fn connect(options: &AccessOptions, secrets: bool, patience: Duration) -> Result<Self, String> {
        let access = Access::find(options, patience).await?;
        let api = Api::new(access, patience)?;
        let mut objects = Objects::default();
        let mut notes = Vec::new();
        let mut denied = Vec::new();
        for kind in Kind::ALL {
            if *kind == Kind::Secrets {
                continue;
            }
            let items = match api.list(*kind).await {
                Ok(items) => items,
                Err(refusal @ (ApiError::Unauthorized | ApiError::Unfit(_) | ApiError::Other(_))) => {
                    return Err(refusal.to_string());
                }
                Err(refusal) => {
                    denied.push(Denial { right: Right::List(*kind), said: refusal.to_string() });
                    continue;
                }
            };
            objects
                .add(*kind, items)
                .map_err(|error| format!("the API server's {}: {error}", kind.plural()))?;
        }
        if secrets {
            named_secrets(&api, &mut objects, &mut notes, &mut denied).await?;
        }
        let cluster = Cluster::read(objects, &api.access.namespace);
        let services = cluster.workloads.iter().filter(|one| one.kind != WorkloadKind::Job);
        let workloads = services.cloned().map(dialled).collect();
        Ok(Self { api, cluster, workloads, notes, denied: Mutex::new(denied) })
    }

    /// What we may not see, as far as it was asked for.
    #[must_use]
    pub fn denied(&self) -> Vec<Denial> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn deny(&self, right: Right, said: String) {
        let mut all = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|known| known.right == right) {
            all.push(Denial { right, said });
        }
    }

    /// The context, where the operator named one.
    #[must_use]
    pub fn context(&self) -> Option<String> {
        self.api.access.context.clone()
    }

    /// We run inside the cluster.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        self.api.access.inside
    }

    /// What every container of a service of the stack said: its present start, and the one before where there was one.
    /// What is not read to its end until then says so.
    pub async fn listen(&self, until: Instant) -> Heard {
        let start = |pod, container, previous| async move {
            let reading = self.start(pod, container, previous);
            let late = |_| Err("it was not read to its end in time".to_owned());
            tokio::time::timeout_at(until.into(), reading).await.unwrap_or_else(late)
        };
        let wanted =
            self.cluster.pods.iter().flat_map(|pod| pod.containers.iter().map(move |one| (pod, one)));
        let wanted: Vec<_> = wanted.filter(|(pod, one)| is_worth(pod, one)).collect();
        stream::iter(wanted)
            .map(|(pod, container)| async move {
                let present = start(&pod.name, &container.name, false).await;
                let previous = if container.restarts > 0 {
                    start(&pod.name, &container.name, true).await
                } else {
                    Ok(None)
                };
                ((pod.name.clone(), container.name.clone()), ContainerLog::of(present, previous))
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    /// Every container of the stack whose log tells something: init containers and failing sidecars too.
    #[must_use]
    pub fn containers(&self) -> Vec<Instance> {
        let of = |pod: &Pod| {
            let instance = pod.instance();
            let worth = pod.containers.iter().filter(|one| is_worth(pod, one));
            let named = worth.map(|one| Instance {
                container: one.name.clone(),
                restarts: one.restarts,
                ..instance.clone()
            });
            named.collect::<Vec<_>>()
        };
        self.cluster.pods.iter().flat_map(of).collect()
    }

    /// What a start of a container said; nothing: there is no such start, or it is not for us.
    ///
    /// # Errors
    /// Why it was not read to its end.
    async fn start(&self, pod: &str, container: &str, previous: bool) -> Result<Option<Start>, String> {
        let mut pieces = match self.api.log(pod, container, previous).await {
            Ok(pieces) => pieces,
            Err(ApiError::NotFound | ApiError::Unfit(_)) => return Ok(None),
            Err(refusal @ ApiError::Forbidden(_)) => {
                self.deny(Right::Log, refusal.to_string());
                return Ok(None);
            }
            Err(refusal) => return Err(refusal.to_string()),
        };
        let mut reader = StartReader::default();
        let mut begun = false;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            // Every line begins with its year; anything else is the kubelet's own word of a log that is gone
            // (`failed to try resolving symlinks in path …`).
            if !begun && !piece.first().is_some_and(u8::is_ascii_digit) {
                return Ok(None);
            }
            begun = true;
            reader.feed(&piece);
        }
        Ok(Some(reader.finish()))
    }

    fn pod(&self, name: &str) -> Option<&Pod> {
        self.cluster.pods.iter().find(|pod| pod.name == name)
    }
}

/// Where a pod of a service is ready, only such pods are behind it: what keeps another one from it is told by its
/// states and its log, and no client is led to it.
fn dialled(mut workload: Workload) -> Workload {
    let is_ready = |one: &Instance| one.healthy == Some(true);
    if workload.instances.iter().any(is_ready) {
        workload.instances.retain(is_ready);
    }
    workload
}

/// Logs of what is no service, and of containers that never ran, tell nothing.
fn is_worth(pod: &Pod, container: &tls_verify_core::workload::kubernetes::ContainerState) -> bool {
    use tls_verify_core::workload::ContainerRole;
    use tls_verify_core::workload::kubernetes::ContainerPhase;
    let ran = !matches!(container.state, ContainerPhase::Unknown)
        && (container.last.is_some() || !matches!(container.state, ContainerPhase::Waiting(..)));
    !pod.is_job && ran && (container.role != ContainerRole::Sidecar || !container.ready)
}

/// The Secrets that workloads name, each by its name: there is no right to list them.
async fn named_secrets(
    api: &Api,
    objects: &mut Objects,
    notes: &mut Vec<String>,
    denied: &mut Vec<Denial>,
) -> Result<(), String> {
    let mut names: BTreeMap<String, ()> = BTreeMap::new();
    let specs = objects
        .deployments
        .iter()
        .chain(&objects.stateful_sets)
        .chain(&objects.daemon_sets)
        .map(|one| &one.spec.template.spec)
        .chain(objects.pods.iter().map(|pod| &pod.spec));
    for spec in specs {
        for volume in &spec.volumes {
            names.extend(volume.secret.iter().map(|secret| (secret.secret_name.clone(), ())));
            let projected = volume.projected.iter().flat_map(|one| &one.sources);
            names.extend(projected.filter_map(|one| one.secret.as_ref()).map(|one| (one.name.clone(), ())));
        }
        for container in spec.containers.iter().chain(&spec.init_containers) {
            let refs =
                container.env.iter().filter_map(|one| one.value_from.as_ref()?.secret_key_ref.as_ref());
            names.extend(refs.map(|key| (key.name.clone(), ())));
        }
    }
    let namespace = api.access.namespace.clone();
    let mut found = Vec::new();
    let mut known = false;
    for name in names.into_keys().filter(|name| !name.is_empty()) {
        match api.secret(&name).await {
            Ok(secret) => {
                known = true;
                notes.push(format!("read secret/{name} of namespace {namespace}"));
                found.push(secret);
            }
            Err(ApiError::NotFound) => known = true,
            Err(refusal @ ApiError::Forbidden(_)) => {
                denied.push(Denial { right: Right::Secret(name), said: refusal.to_string() });
            }
            Err(refusal) => notes.push(refusal.to_string()),
        }
    }
    if known {
        objects.add(Kind::Secrets, found).map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl Platform for Namespace {
    fn name(&self) -> &str {
        "Kubernetes"
    }

    fn stack(&self) -> String {
        format!("namespace `{}`", self.cluster.namespace)
    }

    fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    fn lacks(&self, service: &str) -> PlatformFact {
        PlatformFact::NoWorkload { stack: self.stack(), service: service.to_owned() }
    }

    fn inspect<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Instance, String>> {
        let same = of.clone();
        async move { Ok(same) }.boxed()
    }

    fn logs<'a>(&'a self, of: &'a Instance, _since: Option<SystemTime>) -> LogStream<'a> {
        let start = move |previous: bool| async move {
            if previous && of.restarts == 0 {
                return Vec::new();
            }
            match self.api.log(&of.name, &of.container, previous).await {
                Ok(pieces) => vec![pieces.map(|piece| piece.map(LogPiece::Bytes)).boxed()],
                // The start before may be gone.
                Err(_) if previous => Vec::new(),
                Err(ApiError::NotFound) => {
                    let gone = "its pod has left since it was listed".to_owned();
                    vec![stream::iter([Err(gone)]).boxed()]
                }
                Err(refusal) => vec![stream::iter([Err(refusal.to_string())]).boxed()],
            }
        };
        let previous = stream::once(start(true)).flat_map(|all| stream::iter(all).flatten());
        let mark = stream::iter([Ok(LogPiece::PresentStart)]);
        let present = stream::once(start(false)).flat_map(|all| stream::iter(all).flatten());
        previous.chain(mark).chain(present).boxed()
    }

    fn file<'a>(&'a self, of: &'a Instance, path: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move { Err(format!("{path} of {} is not read", of.name)) }.boxed()
    }

    fn run<'a>(&'a self, of: &'a Instance, _: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move { Err(format!("nothing is run in {}", of.name)) }.boxed()
    }

    fn reach(&self, of: &Instance, _port: u16) -> Reach {
        match (self.is_inside(), of.addresses.first()) {
            (true, Some(address)) => Reach::Address(*address),
            (true, None) => Reach::No,
            (false, _) => Reach::Through,
        }
    }

    fn open<'a>(&'a self, of: &'a Instance, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        async move {
            if self.pod(&of.name).is_none() {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no pod {}", of.name)));
            }
            self.api.forward(&of.name, port).await.inspect_err(|error| {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    self.deny(Right::Forward, error.to_string());
                }
            })
        }
        .boxed()
    }

    fn wording(&self) -> Arc<dyn Wording> {
        let services = self.workloads.iter().map(|one| (service_of(one).to_owned(), one.to_string()));
        let all = self.cluster.workloads.iter();
        let by_hand = all.filter_map(|one| Some((one.to_string(), ByHand::of(&self.cluster, one)?)));
        Arc::new(remedy::Kubernetes {
            context: self.context(),
            namespace: self.cluster.namespace.clone(),
            services: services.collect(),
            by_hand: by_hand.collect(),
        })
    }

    fn whereabouts(&self, service: &str) -> String {
        self.cluster.of_service(service).next().map_or_else(|| service.to_owned(), ToString::to_string)
    }
}
