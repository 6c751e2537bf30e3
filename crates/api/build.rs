//! Generates the wire types, constraint tables, operations and error codes of each service from `model/`.
//! Everything lands in `OUT_DIR`; `src/lib.rs` includes it. The generator itself is in `codegen/`.

use std::collections::BTreeSet;
use std::{env, fs, path::Path};

#[path = "codegen/model.rs"]
mod model;
#[path = "codegen/names.rs"]
mod names;
#[path = "codegen/patterns.rs"]
mod patterns;
#[path = "codegen/schemas.rs"]
mod schemas;
#[path = "codegen/service.rs"]
mod service;
#[path = "codegen/types.rs"]
mod types;

use model::Model;

fn main() {
    for watched in ["build.rs", "codegen", "model"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let listed = operation_names(&read("model/operations.txt"));
    let mut ssm = Model::parse(&read("model/ssm-2014-11-06.json"));
    ssm.absorb(Model::parse(&read("model/ssm-private.json")));
    ssm.keep_operations(&listed);
    ssm.widen_enums(&read("model/ssm-extensions.json"));

    write("ssm.rs", &generate(&ssm));
    write("mds.rs", &generate(&Model::parse(&read("model/ec2messages.json"))));
    write("quicksetup.rs", &generate(&Model::parse(&read("model/ssm-quicksetup-2018-05-10.json"))));
    write("resourcegroups.rs", &generate(&Model::parse(&read("model/resource-groups-2017-11-27.json"))));
    write("fettle.rs", &generate(&Model::parse(&read("model/fettle.json"))));
}

fn generate(model: &Model) -> String {
    model.assert_supported();
    let mut out = String::new();
    service::write(&mut out, model)
        .and_then(|()| types::write(&mut out, model))
        .and_then(|()| schemas::write(&mut out, model))
        .expect("writing to a String cannot fail");
    out
}

fn operation_names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn write(name: &str, text: &str) {
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&folder).join(name), text).unwrap_or_else(|e| panic!("{name}: {e}"));
}
