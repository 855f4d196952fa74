//! Goes through a deployment's containers and gathers both ends of its connections.

use super::program::{self, Program};
use super::resolve::connect;
use super::scan::{Here, Wiring, WiringScanner};
use super::view::View;
use super::{cordum, nats, nginx, other, probe, redis};
use crate::manifest::{Description, Files};
use crate::workload::{Container, ContainerRole, Workload};

/// Wires a deployment.
#[must_use]
pub fn wire(description: &Description, files: &dyn Files) -> Wiring {
    let mut scanner = WiringScanner { view: View { description, files }, found: Wiring::default() };
    for workload in &description.workloads {
        let programs =
            workload.containers.iter().map(|one| program::identify(description, workload, one)).collect();
        scanner.found.programs.push(programs);
    }
    for (at, workload) in description.workloads.iter().enumerate() {
        for (index, container) in workload.containers.iter().enumerate() {
            self::container(&mut scanner, at, index, workload, container);
        }
    }
    nginx::ingresses(&mut scanner);
    let WiringScanner { view, mut found } = scanner;
    found.connections = connect(view.description, &found);
    found
}

fn container(
    scanner: &mut WiringScanner<'_>,
    workload: usize,
    container: usize,
    of: &Workload,
    it: &Container,
) {
    let program = scanner.found.programs[workload][container];
    let here = Here { workload, container, of, it, program, files: scanner.view.files };
    if it.role == ContainerRole::Init {
        // It runs something else out of the image and is gone before anybody dials it; whom it calls by name counts.
        if program == Program::Other {
            other::called(scanner, here);
        }
        return;
    }
    match program {
        Program::Nats => nats::read(scanner, here),
        Program::Redis => redis::read(scanner, here),
        Program::Nginx => nginx::read(scanner, here),
        Program::Dashboard => cordum::dashboard(scanner, here),
        one if one.is_cordum() => cordum::service(scanner, here),
        _ => {
            other::read(scanner, here);
            // Somebody's nginx under another image.
            if nginx::is_configured(it) {
                nginx::read(scanner, here);
            }
        }
    }
    probe::read(scanner, here);
}
