//! Files that describe a deployment, read into workloads, with file, line and column of every setting.

pub mod compose;
pub mod description;
pub mod discover;
pub mod env_file;
pub mod files;
pub mod interpolate;
pub mod kubernetes;
pub mod kustomize;
pub mod nats_conf;
pub mod nginx;
pub mod redis_conf;
pub mod source;
pub mod yaml;

pub use description::{
    Build, ClusterService, DescribedPolicy, Description, DescriptionKind, GeneratedObject, Ingress,
    ServicePort, Stored, StoredEntry, StoredKind,
};
pub use files::{FileKind, FileMeta, Files, MemoryFiles, Unread};
pub use source::{FaultKind, Include, Mark, ParseFault, Source};
