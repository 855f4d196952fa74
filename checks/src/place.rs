//! Where a link is really dialled: the published port, or, where the port is not published and the
//! engine can be asked, the container's own address under the service's name.

use crate::context::Context;
use crate::stack::{Endpoint, Link};

impl Context {
    /// The endpoint of a link as it is to be dialled from here.
    pub async fn placed(&self, link: Link) -> Endpoint {
        let endpoint = self.stack.endpoint(link);
        if endpoint.explicit {
            return endpoint.clone();
        }
        let Ok(engine) = self.engine().await else { return endpoint.clone() };
        let port = link.container_port();
        let Some(container) = engine.of_service(link.service()).find(|container| container.is_up()) else {
            return endpoint.clone();
        };
        let published = container.published.get(&port).filter(|ports| !ports.is_empty());
        match published {
            Some(ports) if ports.contains(&endpoint.port) => endpoint.clone(),
            Some(ports) => Endpoint { port: ports[0], ..endpoint.clone() },
            None => {
                let Some(address) = container.addresses.first() else { return endpoint.clone() };
                let name = match link {
                    Link::Gateway | Link::GatewayGrpc => "cordum-api-gateway",
                    other => other.service(),
                };
                Endpoint {
                    host: address.to_string(),
                    port,
                    server_name: Some(endpoint.server_name.clone().unwrap_or_else(|| name.to_owned())),
                    addresses: vec![*address],
                    ..endpoint.clone()
                }
            }
        }
    }
}
