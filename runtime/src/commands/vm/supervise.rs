//! `wasibuild vm supervise`: the process that owns a machine.

use std::io;
use std::time::Duration;

use wasibuild_vm::supervisor::{self, Place};
use wasibuild_vm::{Architecture, Share, Start, qemu};

use crate::error::Error;
use crate::options::vm::VmSupervise;
use crate::{directories, exit_code};

/// Owns a machine until it is not needed any more.
pub fn supervise(options: &VmSupervise) -> Result<u8, Error> {
    let architecture = Architecture::of_name(&options.architecture)
        .ok_or_else(|| Error::Vm(format!("no architecture: '{}'", options.architecture)))?;
    let mut start = Start {
        architecture,
        state: options.state.clone(),
        kernel: options.kernel.clone(),
        store: options.share.clone(),
        share: options.share_by.as_deref().and_then(Share::of_name),
        images: options.images,
        memory: options.memory,
        cores: options.cores,
        disk: options.disk,
        qemu: options.qemu.clone(),
        path: directories::variable("PATH"),
        accelerator: options
            .accelerator
            .as_deref()
            .and_then(qemu::Accelerator::of_name),
        network: true,
        console: None,
        patience: Duration::from_millis(options.patience),
    };
    let place = Place::new(&start.state, architecture, &start.store);
    start.console = Some(place.console());
    let idle = Duration::from_millis(options.idle);
    match supervisor::supervise(&start, &place, idle, &mut io::stdout()) {
        Ok(()) => Ok(exit_code::SUCCESS),
        Err(error) => Err(error.into()),
    }
}
