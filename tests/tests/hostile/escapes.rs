//! Ways out of the view: to the host's files, processes, devices and network, and to other paths of
//! the store. None of them leads anywhere.

use super::guests::{Guest, probe};
use std::fs;

#[test]
fn no_way_leads_to_the_host() {
    super::world::run(&table());
}

fn table() -> Vec<Guest> {
    vec![
        probe(
            "climbs-with-dots",
            &[
                ("open 4 ../../../../../../HOST/canary r", "! ENOENT"),
                ("open 3 ../../../HOST/canary wt", "! ENOENT"),
                ("open 5 ../../../../HOST/new cw", "! ENOENT"),
                ("mkdir 4 ../HOST/new", "! ENOENT"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "follows-absolute-links",
            &[
                ("symlink /HOST/canary 4 link", "= ok"),
                ("open 4 link rf", "! ENOENT"),
                ("open 4 link wtf", "! ENOENT"),
                ("open 4 link cwf", "! ENOENT"),
                ("symlink / 4 root", "= ok"),
                ("open 4 root/HOST/canary r", "! ENOENT"),
                ("open 5 INPUT/host/canary r", "! ENOENT"),
                ("open 5 INPUT/host/new cw", "! ENOENT"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "output-is-a-link-to-the-host",
            &[
                ("symlink /HOST 5 OUT", "= ok"),
                ("open 5 OUT/canary r", "! ENOENT"),
                ("open 5 OUT/new cw", "! ENOENT"),
                ("unlink 5 OUT/canary", "! ENOENT"),
                ("chmod 5 OUT/canary 0o777 f", "! ENOENT"),
                ("times 5 OUT/canary 7 7 5", "! ENOENT"),
            ],
        )
        .check(|out| {
            let target = fs::read_link(out).expect("the output is a link");
            assert!(target.ends_with("host"), "{target:?}");
        }),
        probe(
            "swaps-its-output-for-a-link",
            &[
                ("mkdir 5 OUT", "= ok"),
                ("open 5 OUT dr", "= 6"),
                ("symlink /HOST 4 link", "= ok"),
                ("rename 5 OUT 4 away", "= ok"),
                ("rename 4 link 5 OUT", "= ok"),
                ("open 6 canary cwt", "= 7"),
                ("write 7 overwritten", "= 11"),
                ("open 6 ../canary r", "! ENOENT"),
            ],
        )
        .check(|out| assert!(fs::symlink_metadata(out).expect("the output").is_symlink())),
        probe(
            "links-within-the-output-to-the-host",
            &[
                ("mkdir 5 OUT", "= ok"),
                ("symlink /HOST 5 OUT/a", "= ok"),
                ("symlink ../../../../../../../../../../HOST 5 OUT/b", "= ok"),
                ("symlink /HOST/canary 5 OUT/c", "= ok"),
                ("open 5 OUT/c wtf", "! ENOENT"),
                ("mkdir 5 OUT/a/new", "! ENOENT"),
            ],
        )
        .check(|out| assert_eq!(fs::read_dir(out).expect("the output").count(), 3)),
        probe(
            "another-process-swaps-the-link",
            &[
                ("mkdir 4 directory", "= ok"),
                ("symlink /HOST 4 link", "= ok"),
                ("open 4 directory dr", "= 6"),
                (
                    "spawn PROBE - rename_4_directory_4_away rename_4_link_4_directory",
                    "= 2",
                ),
                ("yield", "= ok"),
                ("open 4 directory/canary rf", "! ENOENT"),
                ("open 6 canary cw", "= 7"),
                ("wait 2", "= 2 0x0"),
                ("open 5 OUT cw", "= 8"),
            ],
        ),
        probe(
            "takes-hard-links",
            &[
                ("link 5 HOST/canary 4 stolen", "! ENOENT"),
                ("rename 5 HOST/canary 4 stolen", "! ENOENT"),
                ("rename 5 OUT 5 HOST/new", "! ENOENT"),
                ("link 5 INPUT/file 5 OUT", "! EPERM"),
                ("link 5 dev/null 5 OUT", "! EPERM"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "circles-of-links",
            &[
                ("symlink b 4 a", "= ok"),
                ("symlink a 4 b", "= ok"),
                ("open 4 a rf", "! ELOOP"),
                ("open 4 a cwf", "! ELOOP"),
                ("symlink c/c/c/c/c/c/c/c 4 c", "= ok"),
                ("open 4 c/x cw", "! ELOOP"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "reads-the-hosts-accounts",
            &[
                ("open 5 etc/shadow r", "! ENOENT"),
                ("open 5 etc/ssh r", "! ENOENT"),
                ("open 5 root r", "! ENOENT"),
                ("open 5 home r", "! ENOENT"),
                ("open 5 var r", "! ENOENT"),
                ("open 5 etc/passwd r", "= 6"),
                ("pread 6 15 0", "= \"root:x:0:0:Nix \""),
                ("open 5 OUT cw", "= 7"),
            ],
        ),
        probe(
            "reads-proc",
            &[
                ("open 5 proc/self/environ r", "! ENOENT"),
                ("open 5 proc/1/root/etc/passwd r", "! ENOENT"),
                ("open 5 proc/self/mem rw", "! ENOENT"),
                ("open 5 proc/self/fd r", "! ENOENT"),
                ("open 5 sys/kernel r", "! ENOENT"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "reads-devices",
            &[
                ("open 5 dev/mem r", "! ENOENT"),
                ("open 5 dev/kmsg r", "! ENOENT"),
                ("open 5 dev/tty rw", "! ENOENT"),
                ("open 5 dev/kvm rw", "! ENOENT"),
                ("open 5 dev/shm dr", "! ENOENT"),
                ("open 5 dev/new cw", "! EACCES"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        // The environment is printed as a whole: `world` looks for the secret in the log.
        probe(
            "reads-the-environment",
            &[("env", ""), ("open 5 OUT cw", "= 6")],
        )
        .quiet(),
        probe(
            "uses-descriptors-of-the-host",
            &[
                ("read 6 10", "! EBADF"),
                ("read 10 10", "! EBADF"),
                ("write 20 x", "! EBADF"),
                ("dup 9 0", "! EBADF"),
                ("dup2 9 1", "! EBADF"),
                ("renumber 9 1", "! EBADF"),
                ("open 5 dev/fd/9 r", "! ENOENT"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "reads-undeclared-paths",
            &[
                ("open 5 UNDECLARED r", "! ENOENT"),
                ("stat 5 UNDECLARED", "! ENOENT"),
                ("symlink /UNDECLARED 4 link", "= ok"),
                ("open 4 link rf", "! ENOENT"),
                ("spawn /UNDECLARED -", "! ENOENT"),
                ("link 5 UNDECLARED 4 stolen", "! ENOENT"),
                ("open 5 UNDECLARED cw", "! EACCES"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "writes-undeclared-names-into-an-output",
            &[("open 5 OUT cw", "= 6"), ("write 6 UNDECLARED", "")],
        )
        .quiet()
        // It is no reference: only what was declared can become one.
        .attributes("allowedReferences = [ ];"),
        probe(
            "looks-into-the-store",
            &[
                ("open 5 nix/var/nix/db/db.sqlite r", "! ENOENT"),
                ("open 3 ../var r", "! ENOENT"),
                ("open 3 .links dr", "! ENOENT"),
                ("open 3 .lock cw", "! EACCES"),
                ("open 5 OUT.lock cw", "! EACCES"),
                ("mkdir 3 00000000000000000000000000000000-other", "! EACCES"),
                (
                    "rename 4 . 3 00000000000000000000000000000000-other",
                    "! EBUSY",
                ),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "uses-the-network",
            &[
                ("sock 0", "= ENOTSOCK ENOTSOCK ENOTSOCK ENOTSOCK"),
                ("sock 3", "= ENOTSOCK ENOTSOCK ENOTSOCK ENOTSOCK"),
                ("open 5 run r", "! ENOENT"),
                ("open 5 etc/resolv.conf r", "! ENOENT"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
    ]
}
