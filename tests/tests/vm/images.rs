//! A store in images: Debian's kernel for clouds, which knows no 9p, and the generic one where that is demanded.

use std::fs;

use crate::builds::C_PROGRAM;
use crate::support::{World, text_of};

/// How many images a world's machine was given, and how many paths they have.
fn images(world: &World) -> (usize, usize) {
    let logs = text_of(&world.run(&["vm", "logs"]));
    let paths: Vec<usize> = logs
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once("supervisor> wasibuild: image ")?;
            let (_, rest) = rest.split_once(" has ")?;
            rest.split(' ').next()?.parse().ok()
        })
        .collect();
    (paths.len(), paths.iter().sum())
}

#[test]
fn a_kernel_without_9p_builds_and_runs_what_one_with_it_does() {
    let world = World::with_cloud_kernel();
    let taken = text_of(&world.run(&["vm", "kernel"]));
    assert!(taken.contains("shows stores by image,"), "{taken}");

    // Two at once, which share most inputs: these are written once.
    let body = format!(
        r#"[ ({C_PROGRAM}) (script "lists" "ls -l /nix/store > $out; cat ${{coreutils}}/bin/cat > /dev/null") ]"#
    );
    let outputs = world.build(&world.derivations("both", &body), &["-j2"]);
    let said = world.real(&outputs[0]).join("said");
    assert_eq!(
        fs::read_to_string(said).expect("said"),
        "compiled in the machine\n"
    );
    let (count, paths) = images(&world);
    assert!(count == 1 || count == 2, "{count}");

    // What is new is one path.
    let body = format!(
        r#"script "more" "cat ${{builtins.storePath "{}"}} > $out""#,
        outputs[1]
    );
    let listed = world.built("more", &body);
    assert!(
        listed.contains("-coreutils-9.1") && listed.contains("dr-xr-xr-x"),
        "{listed}"
    );
    assert_eq!(images(&world), (count + 1, paths + 1));

    // The same once more: nothing is.
    let again = body.replace("more", "again");
    world.built("again", &again);
    assert_eq!(images(&world), (count + 1, paths + 1));

    let status = text_of(&world.run(&["vm", "status"]));
    assert!(status.contains("shown-by image"), "{status}");
}
