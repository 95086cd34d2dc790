//! The examples of nix-plugin, whose tools are real programs here.

use std::fs;
use std::path::Path;

use crate::programs;
use crate::run_support::nix_output;
use crate::support::{World, eventually, is_alive, text_of};
use crate::system::base;

#[test]
fn five_of_a_machines_derivations_go_to_the_virtual_machine_and_the_rest_to_the_sandbox() {
    let world = World::new();
    base(&world);
    let fonts = world.path("fonts");
    fs::create_dir(&fonts).expect("made");
    let font = Path::new("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
    fs::copy(font, fonts.join("DejaVuSans.ttf")).expect("a font");
    let mut five = programs::mixed(&world, &fonts, &world.path("base/kernel-modules"));
    let top = five.pop().expect("a top level");

    // One command; nothing is prepared.
    let output = world.run(&["run", "--json", "--set", "vm.idle=3", &top]);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    let (supervisor, qemu) = (world.process("supervisor"), world.process("qemu"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let derivations = report["derivations"].as_array().expect("a list");
    assert!(derivations.len() > 134, "{text}");
    for derivation in derivations {
        assert_eq!(derivation["status"], "built", "{text}");
    }
    // Those that left the sandbox, which all were attempted in.
    let mut left: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with("building anew by the route 'vm'"))
        .filter_map(|line| Some(line.split_once('>')?.0))
        .collect();
    left.sort_unstable();
    let mut expected: Vec<&str> = five
        .iter()
        .filter_map(|path| path.split_once('-')?.1.strip_suffix(".drv"))
        .collect();
    expected.sort_unstable();
    assert_eq!(expected.len(), 5);
    assert_eq!(left, expected, "{text}");

    // The last one has read what the machine made, in the sandbox.
    let out = report["derivations"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["goal"] == true))
        .and_then(|top| top["outputs"]["out"]["realPath"].as_str())
        .expect("an output");
    let summary = fs::read_link(Path::new(out).join("summary")).expect("a link");
    let summary = fs::read_to_string(world.real(&summary.to_string_lossy())).expect("a file");
    for line in [
        "fonts: 1",
        "greeter listens on 80",
        "tally listens on 81",
        "modules: ",
        "image: 2097152",
    ] {
        assert!(summary.contains(line), "no '{line}' in\n{summary}");
    }
    let image = fs::read_link(Path::new(out).join("image")).expect("a link");
    let image = fs::read(world.real(&image.to_string_lossy())).expect("an image");
    assert_eq!(
        image.get(1080..1082),
        Some(&[0x53, 0xef][..]),
        "ext2's magic number"
    );

    eventually("the machine is gone when it is idle", || {
        !is_alive(supervisor) && !is_alive(qemu)
    });
    assert_eq!(world.processes(), Vec::<String>::new());
}

/// Of the 134 derivations a fixed sample, or all with `cargo xtask verify`.
#[test]
fn sandbox_and_machine_agree_on_the_examples_derivations() {
    let world = World::new();
    let top = programs::stdenv(&world);
    let closure = nix_output(
        "nix-store",
        &world.root(),
        &["--query", "--requisites", &top],
    );
    let mut all: Vec<&str> = closure
        .lines()
        .filter(|path| path.ends_with(".drv"))
        .collect();
    all.sort_unstable_by_key(|path| path.split_once('-').map(|(_, name)| (name, *path)));
    assert_eq!(all.len(), 134);
    let whole = std::env::var_os("WASIBUILD_VERIFY_ALL").is_some();
    let chosen: Vec<&str> = if whole {
        all
    } else {
        all.into_iter().step_by(5).collect()
    };
    let mut arguments = vec!["verify", "--keep-going"];
    arguments.extend(&chosen);
    let begun = std::time::Instant::now();
    let output = world.run(&arguments);
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("not verified"), "{text}");
    let expected = format!("agree on every byte of {} derivations", chosen.len());
    assert!(text.contains(&expected), "{text}");
    println!("{expected}, {:.1} s", begun.elapsed().as_secs_f64());
}
