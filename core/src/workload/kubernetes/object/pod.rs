//! Pods: what they are made of, and how they stand.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Expression, Metadata, nullable};

object! {
    Pod {
        metadata: Metadata,
        spec: PodSpec,
        status: PodStatus,
    }
}

object! {
    PodSpec {
        containers: Vec<ContainerSpec>,
        init_containers: Vec<ContainerSpec>,
        volumes: Vec<Volume>,
        security_context: SecurityContext,
        node_name: String,
        node_selector: BTreeMap<String, String>,
        affinity: Affinity,
        tolerations: Vec<serde_json::Value>,
    }
}

object! {
    Affinity {
        node_affinity: NodeAffinity,
    }
}

object! {
    NodeAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: NodeSelector,
    }
}

object! {
    /// One of the terms has to fit.
    NodeSelector {
        node_selector_terms: Vec<NodeSelectorTerm>,
    }
}

object! {
    /// All of it has to fit.
    NodeSelectorTerm {
        match_expressions: Vec<Expression>,
        match_fields: Vec<Expression>,
    }
}

object! {
    SecurityContext {
        run_as_user: Option<u32>,
        run_as_group: Option<u32>,
        fs_group: Option<u32>,
        supplemental_groups: Vec<u32>,
    }
}

object! {
    ContainerSpec {
        name: String,
        image: String,
        image_pull_policy: String,
        command: Vec<String>,
        args: Vec<String>,
        env: Vec<EnvVar>,
        env_from: Vec<EnvFrom>,
        ports: Vec<ContainerPort>,
        volume_mounts: Vec<VolumeMount>,
        security_context: SecurityContext,
        resources: Resources,
        /// `Always` on an init container makes it a sidecar.
        restart_policy: String,
        liveness_probe: Option<ProbeSpec>,
        readiness_probe: Option<ProbeSpec>,
        startup_probe: Option<ProbeSpec>,
    }
}

object! {
    Resources {
        limits: Limits,
        /// By resource, as they are written.
        requests: BTreeMap<String, serde_json::Value>,
    }
}

object! {
    Limits {
        memory: Quantity,
    }
}

/// A quantity as it is written, `512Mi` or a bare number of bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Quantity {
    Text(String),
    Number(u64),
}

impl Default for Quantity {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(bytes) => write!(f, "{bytes}"),
        }
    }
}

object! {
    EnvVar {
        name: String,
        value: Option<String>,
        value_from: Option<ValueFrom>,
    }
}

object! {
    ValueFrom {
        secret_key_ref: Option<KeyRef>,
        config_map_key_ref: Option<KeyRef>,
        field_ref: Option<FieldRef>,
    }
}

object! {
    FieldRef {
        field_path: String,
    }
}

object! {
    KeyRef {
        name: String,
        key: String,
        optional: bool,
    }
}

object! {
    EnvFrom {
        prefix: String,
        secret_ref: Option<NameRef>,
        config_map_ref: Option<NameRef>,
    }
}

object! {
    NameRef {
        name: String,
        optional: bool,
    }
}

object! {
    ContainerPort {
        name: String,
        container_port: u16,
        host_port: u16,
    }
}

object! {
    VolumeMount {
        name: String,
        mount_path: String,
        sub_path: String,
        sub_path_expr: String,
        read_only: bool,
    }
}

object! {
    Volume {
        name: String,
        secret: Option<SecretVolume>,
        config_map: Option<ConfigMapVolume>,
        projected: Option<Projected>,
        empty_dir: Option<serde_json::Value>,
        host_path: Option<HostPath>,
        persistent_volume_claim: Option<Claim>,
    }
}

object! {
    SecretVolume {
        secret_name: String,
        items: Vec<KeyToPath>,
        default_mode: Option<u32>,
        optional: bool,
    }
}

object! {
    ConfigMapVolume {
        name: String,
        items: Vec<KeyToPath>,
        default_mode: Option<u32>,
        optional: bool,
    }
}

object! {
    KeyToPath {
        key: String,
        path: String,
    }
}

object! {
    Projected {
        sources: Vec<ProjectedSource>,
        default_mode: Option<u32>,
    }
}

object! {
    ProjectedSource {
        secret: Option<ProjectedKeys>,
        config_map: Option<ProjectedKeys>,
        service_account_token: Option<serde_json::Value>,
    }
}

object! {
    ProjectedKeys {
        name: String,
        items: Vec<KeyToPath>,
        optional: bool,
    }
}

object! {
    HostPath {
        path: String,
    }
}

object! {
    Claim {
        claim_name: String,
    }
}

object! {
    ProbeSpec {
        http_get: Option<HttpGet>,
        tcp_socket: Option<SocketProbe>,
        grpc: Option<SocketProbe>,
        exec: Option<ExecProbe>,
        initial_delay_seconds: u32,
        /// 0 where it is not written.
        period_seconds: u32,
        /// 0 where it is not written.
        failure_threshold: u32,
    }
}

object! {
    HttpGet {
        path: String,
        port: TargetPort,
        scheme: String,
    }
}

object! {
    SocketProbe {
        port: TargetPort,
    }
}

object! {
    ExecProbe {
        command: Vec<String>,
    }
}

/// A port by number, or by the name that the container gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum TargetPort {
    Number(u16),
    Name(String),
}

impl Default for TargetPort {
    fn default() -> Self {
        Self::Number(0)
    }
}

object! {
    PodStatus {
        phase: String,
        reason: String,
        message: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "podIPs")]
        pod_ips: Vec<Address>,
        conditions: Vec<Condition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
    }
}

object! {
    Address {
        ip: String,
    }
}

object! {
    Condition {
        r#type: String,
        status: String,
        reason: String,
        message: String,
        last_transition_time: Option<String>,
    }
}

object! {
    ContainerStatus {
        name: String,
        ready: bool,
        started: Option<bool>,
        restart_count: u32,
        state: ContainerState,
        last_state: ContainerState,
    }
}

object! {
    ContainerState {
        waiting: Option<Waiting>,
        running: Option<Running>,
        terminated: Option<Terminated>,
    }
}

object! {
    Waiting {
        reason: String,
        message: String,
    }
}

object! {
    Running {
        started_at: Option<String>,
    }
}

object! {
    Terminated {
        exit_code: i64,
        reason: String,
        message: String,
        started_at: Option<String>,
        finished_at: Option<String>,
    }
}
