//! Where a link is really dialled: the published port, or, where the port is not published and the
//! engine can be asked, the container's own address under the service's name.

use std::net::SocketAddr;
use std::sync::Arc;

use tls_verify_core::evidence::fault::OneOfSeveral;
use tls_verify_core::evidence::{DialFact, PlatformFact, Whom};
use tls_verify_core::workload::Instance;

use crate::cause::Variant;
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::platform::{Platform, Reach, Via};
use crate::served;
use crate::stack::{Endpoint, Link};

/// One of several servers of a link.
#[derive(Clone, Debug)]
pub struct Replica {
    /// The container, or the address, where there are several; nothing where there is one.
    pub name: Option<String>,
    /// Named by a URL of its own.
    is_apart: bool,
    pub endpoint: Endpoint,
}

impl Replica {
    /// A step's name, with the replica's where there are several.
    #[must_use]
    pub fn step(&self, name: &str) -> String {
        match &self.name {
            Some(replica) => format!("{name} ({replica})"),
            None => name.to_owned(),
        }
    }

    /// A failure that was met here: where there are several servers it says which.
    #[must_use]
    pub fn met(&self, failure: Failure) -> Failure {
        let Some(name) = &self.name else { return failure };
        let server = OneOfSeveral {
            name: name.clone(),
            authority: self.endpoint.authority(),
            server_name: self.endpoint.name().to_owned(),
            is_apart: self.is_apart,
        };
        let mut failure = failure.because(DialFact::Dialled { server: name.clone() });
        failure.server.get_or_insert(server);
        failure
    }
}

impl Context {
    /// Every server of a link: all replicas' containers, or all addresses (of one family) that the
    /// name has; one where there is one.
    pub async fn replicas(&self, link: Link) -> Vec<Replica> {
        let first = self.resolved(link).await;
        let mut found: Vec<Replica> = Vec::new();
        if let (false, Ok(platform)) = (self.stack.endpoint(link).explicit, self.connected().await) {
            for container in platform.of_service(link.service()).filter(|container| container.is_up()) {
                let endpoint = self.in_container(platform, link, container).await;
                if !found.iter().any(|known| known.endpoint.authority() == endpoint.authority()) {
                    found.push(Replica { name: Some(container.name.clone()), is_apart: false, endpoint });
                }
            }
            // A sibling that has ended, or is about to start, is one that nobody reaches.
            let some = !found.is_empty();
            for container in platform.of_service(link.service()).filter(|one| some && !one.is_up()) {
                if let Some(failure) = crate::standing::state(container, platform.now()) {
                    let endpoint = lacking(self.stack.endpoint(link), failure);
                    found.push(Replica { name: Some(container.name.clone()), is_apart: false, endpoint });
                }
            }
        }
        if found.is_empty() && !first.others.is_empty() {
            let named = std::iter::once(&first).chain(&first.others).cloned();
            found.extend(named.map(|endpoint| Replica {
                name: Some(endpoint.authority()),
                is_apart: true,
                endpoint,
            }));
        }
        if found.is_empty() {
            found = by_addresses(&first, &self.addresses(&first).await);
        }
        if found.len() < 2 {
            return vec![Replica { name: None, is_apart: false, endpoint: first }];
        }
        found
    }

    /// Every instance of a link's service that runs and whose port is reached from here, by its name.
    pub(crate) async fn instances_of(&self, link: Link) -> Vec<(String, Endpoint)> {
        let Ok(platform) = self.connected().await else { return Vec::new() };
        let mut found = Vec::new();
        for container in platform.of_service(link.service()).filter(|container| container.is_up()) {
            let is_reached = platform.reach(container, link.container_port()) != Reach::No;
            if is_reached || container.configured.host_network {
                found.push((container.name.clone(), self.in_container(platform, link, container).await));
            }
        }
        found
    }

    /// Where a question is put.
    pub async fn whom(&self, whom: &Whom) -> Endpoint {
        if whom.server.is_some()
            && let Some(found) =
                self.replicas(whom.link).await.into_iter().find(|one| one.name == whom.server)
        {
            return found.endpoint;
        }
        self.resolved(whom.link).await
    }

    async fn addresses(&self, endpoint: &Endpoint) -> Vec<SocketAddr> {
        crate::dial::resolve(endpoint, self.attempt()).await.unwrap_or_default()
    }

    /// The endpoint of a link as it is to be dialled from here.
    pub async fn resolved(&self, link: Link) -> Endpoint {
        let endpoint = self.stack.endpoint(link);
        if endpoint.explicit {
            return endpoint.clone();
        }
        let Ok(platform) = self.connected().await else { return endpoint.clone() };
        let mut containers = platform.of_service(link.service());
        let Some(first) = containers.next() else {
            if platform.is_collected() && platform.workloads().is_empty() {
                return lacking(endpoint, elsewhere());
            }
            // An engine that knows nothing of a project that nobody named may not be where the stack runs.
            let elsewhere = platform.workloads().is_empty() && !self.stack.is_project_named;
            return if elsewhere { endpoint.clone() } else { lacking(endpoint, absent(&**platform, link)) };
        };
        // One that is down still says which port of the host is its own.
        let container = std::iter::once(first).chain(containers).find(|one| one.is_up()).unwrap_or(first);
        self.in_container(platform, link, container).await
    }

    /// The endpoint as a container has it.
    async fn in_container(&self, platform: &Arc<dyn Platform>, link: Link, container: &Instance) -> Endpoint {
        self.at_port(platform, link, container, link.container_port()).await
    }

    /// Another port of a container of the link's service: one at which its siblings dial it.
    pub(crate) async fn at_port(
        &self,
        platform: &Arc<dyn Platform>,
        link: Link,
        container: &Instance,
        port: u16,
    ) -> Endpoint {
        let endpoint = self.stack.endpoint(link);
        let name = match link {
            Link::Gateway | Link::GatewayGrpc => "cordum-api-gateway",
            other => other.service(),
        };
        let server_name = || Some(endpoint.server_name.clone().unwrap_or_else(|| name.to_owned()));
        match platform.reach(container, port) {
            Reach::Published(ports) if ports.contains(&endpoint.port) => endpoint.clone(),
            Reach::Published(ports) => {
                Endpoint { port: ports.first().copied().unwrap_or(endpoint.port), ..endpoint.clone() }
            }
            Reach::Address(address) => Endpoint {
                host: address.to_string(),
                port,
                server_name: server_name(),
                addresses: vec![address],
                ..endpoint.clone()
            },
            Reach::Through => Endpoint {
                host: container.name.clone(),
                port,
                server_name: server_name(),
                via: Some(Via {
                    platform: Arc::clone(platform),
                    instance: Arc::new(container.clone()),
                    port,
                }),
                ..endpoint.clone()
            },
            Reach::No if container.configured.host_network && !platform.is_collected() => {
                Endpoint { host: "localhost".to_owned(), port, ..endpoint.clone() }
            }
            Reach::No => match crate::standing::told(&**platform, container).await {
                Some(failure) => lacking(endpoint, failure),
                None if platform.is_collected() => {
                    let met = served::met(&**platform, container, link, port).await;
                    lacking(endpoint, met.unwrap_or_else(elsewhere))
                }
                None => endpoint.clone(),
            },
        }
    }
}

fn lacking(endpoint: &Endpoint, failure: Failure) -> Endpoint {
    Endpoint { missing: Some(Box::new(failure)), ..endpoint.clone() }
}

/// What was collected on another machine is not what listens on this one.
fn elsewhere() -> Failure {
    Failure::new(Stage::Configure, Cause::NotDialled).because(PlatformFact::NotDialled)
}

/// The project has no container of a link's service.
fn absent(platform: &dyn Platform, link: Link) -> Failure {
    let service = link.service();
    Failure::new(Stage::Resolve, tls_verify_core::diagnosis::rules::gone(service, Variant::ContainerAbsent))
        .because(platform.lacks(service))
        .at(service)
}

/// The endpoint once for each of its addresses. A machine's own name has one of each family, and a
/// server mostly listens on one of them: only several of one family are several servers.
fn by_addresses(endpoint: &Endpoint, addresses: &[SocketAddr]) -> Vec<Replica> {
    let (four, six): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(SocketAddr::is_ipv4);
    let several = if four.len() > 1 { four } else { six };
    if several.len() < 2 {
        return Vec::new();
    }
    several
        .into_iter()
        .map(|address| Replica {
            name: Some(address.ip().to_string()),
            is_apart: false,
            endpoint: Endpoint { addresses: vec![address.ip()], ..endpoint.clone() },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_addresses_of_one_family_are_several_servers() {
        let endpoint = Endpoint {
            link: Link::Redis,
            scheme: "rediss".to_owned(),
            host: "redis".to_owned(),
            port: 6379,
            server_name: None,
            prefix: String::new(),
            others: Vec::new(),
            addresses: Vec::new(),
            explicit: true,
            via: None,
            missing: None,
        };
        let parse =
            |text: &[&str]| -> Vec<SocketAddr> { text.iter().map(|one| one.parse().unwrap()).collect() };
        let two = by_addresses(&endpoint, &parse(&["10.0.0.1:6379", "10.0.0.2:6379"]));
        let names: Vec<_> = two.iter().map(|one| one.step("PING")).collect();
        assert_eq!(names, ["PING (10.0.0.1)", "PING (10.0.0.2)"]);
        assert_eq!(two[1].endpoint.name(), "redis");
        assert!(by_addresses(&endpoint, &parse(&["127.0.0.1:6379", "[::1]:6379"])).is_empty());
    }
}
