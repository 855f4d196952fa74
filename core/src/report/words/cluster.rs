//! How facts of a cluster read.

use std::fmt;

use crate::evidence::{PodFact, PodPhase, SecretEntry, SecretFact, SecretLack, UnsetBecause, WiringFact};

impl fmt::Display for SecretLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "has no key",
            Self::Certificate => "holds no certificate in",
        })
    }
}

impl fmt::Display for SecretFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { shown, reason, of_client, whose, trusted } => {
                let what = if *of_client { "client certificate" } else { "certificate" };
                let SecretEntry { secret, key } = shown;
                write!(
                    f,
                    "secret/{secret} {key}: {reason} ({what} of {whose}, verified with {} of secret/{})",
                    trusted.key, trusted.secret
                )
            }
            Self::Misnamed { setting, workload, name, reason } => {
                write!(f, "{setting} of {workload} is {name}: {reason}")
            }
            Self::NamesUnusable { setting, reader, path, lack, file } => {
                write!(f, "{setting} of {reader} is {path}, and secret/{} {lack} {}", file.secret, file.key)
            }
            Self::Unusable { file, lack, setting, reader, path } => {
                write!(
                    f,
                    "secret/{} {lack} {}; {setting} of {reader} names it as {path}",
                    file.secret, file.key
                )
            }
            Self::FileIs { path, file } => write!(f, "{path} is {} of secret/{}", file.key, file.secret),
            Self::FitsNow { path, file } => {
                write!(f, "{path} is {} of secret/{}, which fits its CA now", file.key, file.secret)
            }
            Self::ComesFrom { variable, workload, key, origin } => {
                write!(f, "{variable} of {workload} comes from data[{key}] of {origin}")
            }
            Self::KeyRefused { gateway, key, origin } => {
                write!(f, "{gateway} refuses {key} as {origin} holds it now")
            }
        }
    }
}

impl fmt::Display for PodFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContainerLogged { container, pod, line } => {
                write!(f, "{container} of pod {pod} logged: {line}")
            }
            Self::Logged { pod, line } => write!(f, "pod {pod} logged: {line}"),
            Self::RouteLogged { pod, peer, error } => write!(f, "{pod} logged of {peer}: {error}"),
            Self::SaidLast { container, pod, said } => {
                write!(f, "{container} of pod {pod} said last: {said}")
            }
            Self::State { pod, phase, restarts } => {
                write!(f, "pod {pod} {phase}")?;
                match restarts {
                    0 => Ok(()),
                    1 => f.write_str(", restarted once"),
                    more => write!(f, ", restarted {more} times"),
                }
            }
            Self::LogUnread { container, pod, why } => {
                write!(f, "the log of {container} of pod {pod}: {why}")
            }
            Self::OnNoNode { pod, why } => write!(f, "pod {pod} is on no node: {why}"),
            Self::OfClaim { claim, said } => write!(f, "persistentvolumeclaim/{claim}: {said}"),
            Self::Told { pod, message } => write!(f, "pod {pod}: {message}"),
            Self::InitRuns { container, pod } => {
                write!(f, "init container {container} of pod {pod} has not come to its end")
            }
            Self::NotReady { pod } => write!(f, "{pod} is not ready"),
            Self::OutOfMemory { container, pod, exit } => {
                write!(f, "{container} of pod {pod} was ended for want of memory (exit code {exit})")
            }
            Self::Ended { container, exit, reason } => {
                write!(f, "{container} ended with exit code {exit}")?;
                reason.iter().try_for_each(|reason| write!(f, " ({reason})"))
            }
            Self::DoesNotRun { container } => write!(f, "{container} does not run"),
            Self::ProbeInClear { pod, event, port } => {
                write!(f, "pod {pod}: {event}: the probe speaks HTTP to port {port}, which speaks TLS")
            }
            Self::ProbeInTls { pod, event, port } => {
                write!(f, "pod {pod}: {event}: the probe speaks TLS to port {port}, which serves plain HTTP")
            }
            Self::NotStarted { container, pod, message } => {
                let message = message.as_deref().unwrap_or("it cannot be started");
                write!(f, "{container} of pod {pod} cannot be started: {message}")
            }
            Self::NoImage { pod, image, why } => {
                let image = image.as_deref().unwrap_or("its image");
                write!(
                    f,
                    "pod {pod} has no image {image}: {}",
                    why.as_deref().unwrap_or("it cannot be pulled")
                )
            }
            Self::WaitsFor { workload, because } => write!(f, "{workload} does not start: {because}"),
            Self::NoSuchSecret { pod, secret } => {
                write!(f, "pod {pod} mounts secret {secret}, and there is no such secret")
            }
            Self::NoSuchKey { pod, secret, key } => {
                write!(f, "pod {pod} mounts key {key} of secret {secret}, which has none")
            }
            Self::CannotReach { container, workload, service } => {
                write!(f, "{container} of {workload} cannot reach {service}")
            }
            Self::ScaledToNone { workload } => write!(f, "{workload} is scaled to 0"),
            Self::NoEndpoints { workload } => write!(
                f,
                "{workload} is scaled to 0: its Service has no endpoints, and connections are refused"
            ),
            Self::SetOtherwise { pod, variable, value, described: Some(right) } => {
                write!(f, "pod {pod} was made with {variable}={value}, and is described with {right} by now")
            }
            Self::SetOtherwise { pod, variable, value, described: None } => {
                write!(f, "pod {pod} was made with {variable}={value}, and is described without it by now")
            }
            Self::DescribedOtherwise { pod, what } => {
                write!(f, "pod {pod} was made before its {what} was changed, and no rollout brings it that")
            }
            Self::HasNoPod { workload } => write!(f, "{workload} has no pod"),
            Self::HasSomePods { workload, pods } => write!(f, "{workload} has {pods} of its pods"),
            Self::NoPodMade { workload, some, why } => {
                let none = if *some { "gets no new pod" } else { "has no pod" };
                write!(f, "{workload} {none}: {}", why.as_deref().unwrap_or("nothing says why"))
            }
            Self::NoWorkload { service } => write!(f, "no workload of the namespace is {service}"),
        }
    }
}

impl fmt::Display for PodPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContainer => f.write_str("has no container"),
            Self::Waits { reason } => write!(f, "waits: {reason}"),
            Self::Runs => f.write_str("runs"),
            Self::Unready => f.write_str("runs and is not ready"),
            Self::Ended { exit } => write!(f, "has ended (exit code {exit})"),
            Self::Unknown => f.write_str("has no state"),
        }
    }
}

impl fmt::Display for WiringFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingMounted { path, workload, target } => {
                write!(
                    f,
                    "nothing is mounted at {path} in {workload}: it verifies no certificate of {target}"
                )
            }
            Self::VerificationOff { setting, workload, target } => {
                write!(f, "{setting} is on in {workload}: it verifies no certificate of {target}")
            }
            Self::Unset { variables, workload, because } => {
                write!(f, "{} of {workload} is not set{because}", variables.join(" and "))
            }
            Self::WrongScheme { variable, workload, value, target, tls } => {
                let speaks = if *tls { "speaks TLS there" } else { "speaks plaintext" };
                write!(f, "{variable} of {workload} is {value}, and {target} {speaks}")
            }
            Self::ServerInClear { place, workload, clients: 0 } => {
                write!(f, "{place} gives {workload} no TLS, and none of its clients asks for it")
            }
            Self::ServerInClear { place, workload, clients } => {
                write!(
                    f,
                    "{place} gives {workload} no TLS for clients, and {clients} of its clients speak TLS"
                )
            }
            Self::ProductionInClear { workload } => {
                write!(f, "{workload} speaks plaintext in production, and nothing refuses that")
            }
            Self::ProductionServerInClear { place, workload, urls } => write!(
                f,
                "production asks for NATS over TLS: {place} gives {workload} none, and the clients dial {}",
                urls.join(", ")
            ),
            Self::AsksNoCertificate { place, verify } => {
                f.write_str("tls.verify ")?;
                match verify {
                    Some(value) => write!(f, "is {value}")?,
                    None => f.write_str("is not set")?,
                }
                write!(f, " in {place}: NATS asks no client for a certificate")
            }
            Self::RoutesInClear { place } => {
                write!(f, "the cluster block of {place} has no tls block: the NATS servers talk in clear")
            }
            Self::NodesInClear { lines } => {
                write!(f, "{} is not set, and the port for clients speaks TLS only", lines.join(", "))
            }
            Self::NoSuchHost { variable, workload, host } => {
                write!(f, "{variable} of {workload} names the host {host}, and no Service is called so")
            }
            Self::NobodysAddress { variable, workload, address } => {
                write!(
                    f,
                    "{variable} of {workload} is the address {address}, which no Service and no pod has"
                )
            }
            Self::StandsFor { place, outside } => write!(f, "{place} is another name for {outside}"),
            Self::LeadsOutside { place, outside, server } => {
                write!(f, "{place} is another name for {outside} (ExternalName), and {server} is here")
            }
            Self::OfOtherNamespace { variable, workload, host, namespace, server, right } => write!(
                f,
                "{variable} of {workload} names {host}, of namespace {namespace}, and no such name was found; \
                 {server} is reached as {right}"
            ),
            Self::NoSuchPort { variable, workload, url, service, port } => {
                write!(f, "{variable} of {workload} is {url}, and Service {service} has no port {port}")
            }
            Self::ShortUpstream { workload, host } => write!(
                f,
                "CORDUM_API_UPSTREAM_HOST of {workload} is {host}: nginx resolves no short names in a cluster"
            ),
            Self::SelectsNobody { place, selector } => {
                write!(f, "{place} selects {selector}, which no pod has: nobody is behind it")
            }
            Self::DialsNoPort { workload, address, setting, place, port, ports } => write!(
                f,
                "{workload} dials {address} ({setting}), and {place} has no port {port}, only {}",
                ports.join(", ")
            ),
            Self::LeadsElsewhere { port, place, to, server, listens } => write!(
                f,
                "port {port} of {place} leads to {to} of the pods of {server}, which listens at {listens}"
            ),
            Self::NotLetIn { policies, server, clients, port } => write!(
                f,
                "{policies} selects the pods of {server} and does not let {clients} in at port {port}"
            ),
            Self::NotLetOut { policies, client, server, port } => write!(
                f,
                "{policies} selects the pods of {client} and does not let them out to port {port} of {server}"
            ),
            Self::ReferenceAsText { workload, reference } => write!(
                f,
                "REDIS_URL of {workload} holds $({reference}) as text: {reference} stands behind it in env"
            ),
        }
    }
}

impl fmt::Display for UnsetBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelSpeaksTls => f.write_str(", and the safety kernel speaks TLS"),
            Self::Production => f.write_str(", and production asks for it"),
            Self::ServesPlainHttp => f.write_str(": it serves plain HTTP"),
            Self::OtherOfPair { there, front } => write!(f, ", though {there} is ({front})"),
        }
    }
}
