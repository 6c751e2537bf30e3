//! Lists the files of the web console's build, `console/dist/site`, so that they become part of the binary.
//! Where there is no build the list is empty. Making the build is left to `make console`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../console/dist").canonicalize()?;
    // The folder is always there, its `site` only after a build: a missing path would have cargo build anew each time.
    println!("cargo::rerun-if-changed={}", root.display());
    let site = root.join("site");
    let mut files = BTreeMap::new();
    if site.join("index.html").exists() {
        list(&site, &site, &mut files)?;
    }
    let mut text = String::from("&[\n");
    for (name, path) in files.iter().filter(|(name, _)| !name.ends_with(".br") && !name.ends_with(".gz")) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&fs::read(path)?);
        let packed = (files.get(&format!("{name}.br")), files.get(&format!("{name}.gz")));
        let content = match packed {
            (Some(brotli), Some(gzip)) => {
                format!(
                    "Content::Packed {{ brotli: include_bytes!({brotli:?}), gzip: include_bytes!({gzip:?}) }}"
                )
            }
            _ => format!("Content::Plain(include_bytes!({path:?}))"),
        };
        writeln!(
            text,
            "Asset {{ path: {name:?}, tag: \"\\\"{:016x}\\\"\", content: {content} }},",
            hasher.finish()
        )?;
    }
    text.push(']');
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("assets.rs"), text)?;
    Ok(())
}

/// Every file below `folder`, under its name from `site`; what begins with a dot is the build's own.
fn list(site: &Path, folder: &Path, into: &mut BTreeMap<String, PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            list(site, &path, into)?;
        } else {
            let name = path.strip_prefix(site)?.to_string_lossy().replace('\\', "/");
            into.insert(name, path);
        }
    }
    Ok(())
}
