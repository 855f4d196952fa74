//! Which deployment is looked at: production has stricter rules. Read from the containers' environment,
//! and always said.

use crate::context::Context;
use crate::hello::Version;

pub use tls_verify_core::workload::MinimumVersion;

/// What is assumed, and from where it is known.
#[derive(Clone, Debug)]
pub struct DeploymentMode {
    pub production: bool,
    /// The lowest version that gateway and gRPC may accept.
    pub minimum: MinimumVersion,
    pub because: String,
}

/// What lies below a minimum.
#[must_use]
pub const fn below(minimum: MinimumVersion) -> &'static [Version] {
    match minimum {
        MinimumVersion::Tls12 => &[Version::Tls10, Version::Tls11],
        MinimumVersion::Tls13 => &[Version::Tls10, Version::Tls11, Version::Tls12],
    }
}

/// The minimum of one service, by its own container where that can be asked.
pub async fn minimum_of(context: &Context, service: &str, usual: MinimumVersion) -> MinimumVersion {
    if context.stack.minimum.is_some() {
        return usual;
    }
    let Ok(platform) = context.platform().await else { return usual };
    let Some(container) = platform.of_service(service).next() else { return usual };
    // What the engine could not tell in time is not an empty environment.
    if container.configured.environment.is_empty() {
        return usual;
    }
    let set = container.variable("CORDUM_TLS_MIN_VERSION").and_then(MinimumVersion::parse);
    set.unwrap_or(if container.configured.in_production() {
        MinimumVersion::Tls13
    } else {
        MinimumVersion::Tls12
    })
}

/// The deployment, by the gateway's container, else by what the operator said, else development.
pub async fn detect(context: &Context) -> DeploymentMode {
    if let Some((minimum, from)) = &context.stack.minimum {
        let because = format!("{from} asks for {}", minimum.slug());
        return DeploymentMode { production: *minimum == MinimumVersion::Tls13, minimum: *minimum, because };
    }
    let container = match context.platform().await {
        Ok(platform) => platform.of_service("api-gateway").next(),
        Err(_) => None,
    };
    let Some(container) = container else {
        return DeploymentMode {
            production: false,
            minimum: MinimumVersion::Tls12,
            because: "assumed: no container of the gateway can be asked, so development and TLS 1.2"
                .to_owned(),
        };
    };
    let production = container.configured.in_production();
    let set = container.variable("CORDUM_TLS_MIN_VERSION").and_then(MinimumVersion::parse);
    let minimum = set.unwrap_or(if production { MinimumVersion::Tls13 } else { MinimumVersion::Tls12 });
    let kind = if production { "production" } else { "development" };
    let because = match set {
        Some(_) => format!("CORDUM_TLS_MIN_VERSION of {} ({kind})", container.name),
        None => format!("{} runs in {kind}", container.name),
    };
    DeploymentMode { production, minimum, because }
}
