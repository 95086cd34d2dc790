//! One unit: the bytes of its file, or that it is masked.

use serde_json::{Value, json};
use wasibuild_tests::builder_reference::{Attributes, Places, Tree, hosts};

use super::{directory, link, nested};

/// One unit: the tree that the builder makes of these attributes.
fn check_unit(attributes: &Value, expected: &Tree) {
    for host in hosts() {
        let attributes = |_: &Places| Attributes::structured(attributes.clone());
        let found = host.run("unit-file", &[], &attributes);
        assert!(found.success, "{}: {}", host.name(), found.log);
        assert_eq!(
            found.output.as_ref(),
            Some(expected),
            "on the {}",
            host.name()
        );
    }
}

#[test]
fn a_unit_is_a_file_or_masked() {
    let file = |text: &str| directory([("x.service".to_owned(), Tree::file(text))]);
    check_unit(
        &json!({"unitName": "x.service", "text": "any\ntext"}),
        &file("any\ntext"),
    );
    check_unit(
        &json!({"unitName": "x.service", "sections": {
            "Unit": {"After": ["a.target", "b.target"]},
            "Service": {"ExecStart": ["", "/bin/x \"%i\" \\\n  more"], "PrivateTmp": true, "Nice": 5},
        }}),
        &file(
            "[Service]\nExecStart=\nExecStart=/bin/x \"%i\" \\\n  more\nNice=5\nPrivateTmp=true\n\n\
             [Unit]\nAfter=a.target\nAfter=b.target\n",
        ),
    );
    check_unit(
        &json!({"unitName": "x.service", "definition": {
            "unitConfig": {"Description": "an X"},
            "environment": {"PATH": "/a/bin:/b/bin", "QUOTED": "a \"b\"\n\\", "GONE": null},
            "reloadIfChanged": true,
            "serviceConfig": {"ExecStart": "/bin/x"},
            "wantedBy": ["multi-user.target"],
        }}),
        &file(
            "[Unit]\nDescription=an X\n\n[Service]\nEnvironment=\"PATH=/a/bin:/b/bin\"\n\
             Environment=\"QUOTED=a \\\"b\\\"\\n\\\\\"\nX-ReloadIfChanged=true\nExecStart=/bin/x\n\n\
             [Install]\nWantedBy=multi-user.target\n",
        ),
    );
    check_unit(
        &json!({"unitName": "dir/x.service", "enable": false}),
        &nested(
            "dir",
            directory([("x.service".to_owned(), link("/dev/null"))]),
        ),
    );
}
