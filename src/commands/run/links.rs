//! Symbolic links in what containers mount, followed as the container does.

use std::path::{Component, Path, PathBuf};

use tls_verify_core::workload::Container;

use super::shelf::located;

/// Links that are followed of one path.
const LINKS: usize = 8;

/// Where a link on the way to a file leads, where that is in nothing that the container mounts. What is absolute
/// counts from the container's root.
pub(super) fn leads_out(container: &Container, path: &str) -> Option<String> {
    let mut at = path.to_owned();
    for _ in 0..LINKS {
        let Some((source, rest)) = located(container, &at) else { return (at != path).then_some(at) };
        at = followed(&at, source, &rest)?;
    }
    None
}

/// The path that the first link on the way makes of it; `None`: there is none.
fn followed(at: &str, source: PathBuf, rest: &Path) -> Option<String> {
    let parts: Vec<Component<'_>> = rest.components().collect();
    let mut here = source;
    for (index, part) in parts.iter().enumerate() {
        here.push(part);
        let Ok(target) = std::fs::read_link(&here) else { continue };
        // The folder of the link, as the container calls it.
        let folder = Path::new(at).ancestors().nth(parts.len() - index)?;
        let beyond: PathBuf = parts[index + 1..].iter().collect();
        return Some(plain(&folder.join(target).join(beyond)));
    }
    None
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    plain.display().to_string()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use tls_verify_core::workload::{Mount, MountSource};

    use super::*;

    #[test]
    fn a_link_is_followed_as_the_container_does() {
        let host = tempfile::tempdir().unwrap();
        let at = |name: &str| host.path().join(name);
        std::fs::create_dir_all(at("certs/server")).unwrap();
        std::fs::create_dir_all(at("archive")).unwrap();
        for file in ["certs/server/real.crt", "archive/tls.crt"] {
            std::fs::write(at(file), "x").unwrap();
        }
        symlink("real.crt", at("certs/server/near.crt")).unwrap();
        symlink("/etc/cordum/tls/server/real.crt", at("certs/server/inside.crt")).unwrap();
        symlink("../../archive/tls.crt", at("certs/server/far.crt")).unwrap();
        symlink(at("archive"), at("certs/live")).unwrap();
        let source = MountSource::Host(at("certs").display().to_string());
        let container = Container {
            mounts: vec![Mount {
                target: "/etc/cordum/tls".to_owned(),
                source,
                sub_path: None,
                read_only: true,
                mode: None,
                place: None,
            }],
            ..Container::default()
        };
        let leads = |path: &str| leads_out(&container, &format!("/etc/cordum/tls/{path}"));
        for whole in ["server/real.crt", "server/near.crt", "server/inside.crt", "server/gone.crt"] {
            assert_eq!(leads(whole), None, "{whole}");
        }
        assert_eq!(leads("server/far.crt").as_deref(), Some("/etc/cordum/archive/tls.crt"));
        assert_eq!(leads("live/tls.crt"), Some(at("archive/tls.crt").display().to_string()));
    }
}
