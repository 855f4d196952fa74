//! The API's objects, as far as they are read: what the API server or `kubectl get … -o json` writes. Whatever is
//! not read is passed over, and what is absent has its empty value.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `null` stands for the empty value, as Go writes it.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

macro_rules! object {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $($(#[$field_meta])* #[serde(deserialize_with = "nullable")] pub $field: $kind,)* }
    };
}

mod pod;
mod policy;

pub use policy::{Expression, NetworkPolicy, Peer, PolicyPort, PolicyRule, PolicySpec, Selector};

pub use pod::{
    Address, Affinity, Claim, Condition, ConfigMapVolume, ContainerPort, ContainerSpec, ContainerState,
    ContainerStatus, EnvFrom, EnvVar, ExecProbe, FieldRef, HostPath, HttpGet, KeyRef, KeyToPath, Limits,
    NameRef, NodeAffinity, NodeSelector, NodeSelectorTerm, Pod, PodSpec, PodStatus, ProbeSpec, Projected,
    ProjectedKeys, ProjectedSource, Quantity, Resources, Running, SecretVolume, SecurityContext, SocketProbe,
    TargetPort, Terminated, ValueFrom, Volume, VolumeMount, Waiting,
};

object! {
    /// `kind: List`, and the API's own `PodList` and the like.
    List {
        kind: String,
        items: Vec<serde_json::Value>,
        metadata: ListMetadata,
    }
}

object! {
    ListMetadata {
        /// Where the next page begins; empty on the last one.
        r#continue: String,
    }
}

object! {
    Metadata {
        name: String,
        namespace: String,
        uid: String,
        creation_timestamp: Option<String>,
        deletion_timestamp: Option<String>,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        owner_references: Vec<Owner>,
        managed_fields: Vec<ManagedField>,
    }
}

object! {
    Owner {
        kind: String,
        name: String,
        uid: String,
        controller: bool,
    }
}

object! {
    ManagedField {
        time: Option<String>,
    }
}

object! {
    /// A Deployment, StatefulSet, DaemonSet or ReplicaSet.
    Controller {
        metadata: Metadata,
        spec: ControllerSpec,
        status: ControllerStatus,
    }
}

object! {
    ControllerSpec {
        replicas: Option<u32>,
        /// No change of its template is put into effect.
        paused: bool,
        template: Template,
        service_name: String,
        /// Of a StatefulSet or a DaemonSet.
        update_strategy: Update,
        pod_management_policy: String,
    }
}

object! {
    Update {
        r#type: String,
        rolling_update: RollingUpdate,
    }
}

object! {
    RollingUpdate {
        partition: u32,
    }
}

object! {
    Template {
        metadata: Metadata,
        spec: PodSpec,
    }
}

object! {
    ControllerStatus {
        replicas: u32,
        ready_replicas: u32,
        available_replicas: u32,
        unavailable_replicas: u32,
        updated_replicas: u32,
        desired_number_scheduled: u32,
        conditions: Vec<Condition>,
        update_revision: String,
    }
}

object! {
    Service {
        metadata: Metadata,
        spec: ServiceSpec,
    }
}

object! {
    ServiceSpec {
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        #[serde(rename = "clusterIPs")]
        cluster_ips: Vec<String>,
        external_name: String,
        r#type: String,
        selector: BTreeMap<String, String>,
        ports: Vec<ServicePort>,
    }
}

object! {
    ServicePort {
        name: String,
        port: u16,
        target_port: TargetPort,
    }
}

object! {
    Secret {
        metadata: Metadata,
        r#type: String,
        data: BTreeMap<String, String>,
        immutable: bool,
    }
}

object! {
    ConfigMap {
        metadata: Metadata,
        data: BTreeMap<String, String>,
        immutable: bool,
    }
}

object! {
    Event {
        metadata: Metadata,
        involved_object: Involved,
        r#type: String,
        reason: String,
        message: String,
        count: Option<u64>,
        first_timestamp: Option<String>,
        last_timestamp: Option<String>,
        event_time: Option<String>,
        series: Option<Series>,
    }
}

object! {
    Series {
        count: u64,
        last_observed_time: Option<String>,
    }
}

object! {
    Involved {
        kind: String,
        name: String,
        uid: String,
        field_path: String,
    }
}
