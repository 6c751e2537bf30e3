//! ZFS: snapshots of the root's dataset. Going back is possible to the newest one only, and happens at once.
//! Source: zfs-snapshot(8), zfs-rollback(8). Not run: the machines this was made on have no ZFS.

use super::Tools;

/// `DATASET@NAME`
pub fn take(tools: &mut dyn Tools, dataset: &str, name: &str) -> Result<String, String> {
    let snapshot = format!("{dataset}@{name}");
    tools.run("zfs", &["snapshot", &snapshot])?;
    Ok(snapshot)
}

pub fn list(tools: &mut dyn Tools, dataset: &str) -> Result<Vec<String>, String> {
    let said = tools.run("zfs", &["list", "-H", "-d", "1", "-t", "snapshot", "-o", "name", dataset])?;
    let names = said.lines().filter_map(|line| line.trim().split_once('@'));
    Ok(names.filter(|(of, _)| *of == dataset).map(|(_, name)| name.to_owned()).collect())
}

pub fn delete(tools: &mut dyn Tools, dataset: &str, name: &str) -> Result<(), String> {
    remove(tools, &format!("{dataset}@{name}"))
}

pub fn remove(tools: &mut dyn Tools, snapshot: &str) -> Result<(), String> {
    tools.run("zfs", &["destroy", snapshot]).map(drop)
}

/// A pool without room takes no snapshot.
pub fn obstacle(tools: &mut dyn Tools, dataset: &str) -> Result<(), String> {
    let said = tools.run("zfs", &["get", "-H", "-p", "-o", "value", "available", dataset])?;
    match said.trim().parse::<u64>() {
        Ok(0) => Err(format!("the pool of {dataset} is full")),
        Ok(_) => Ok(()),
        Err(_) => Err(format!("zfs tells `{}` of the room of {dataset}", said.trim())),
    }
}

pub fn written(tools: &mut dyn Tools, dataset: &str, snapshot: &str) -> Result<Option<String>, String> {
    let name = snapshot.split_once('@').map(|(_, name)| name).ok_or("it is no snapshot")?;
    let property = format!("written@{name}");
    let said = tools.run("zfs", &["get", "-H", "-p", "-o", "value", &property, dataset])?;
    let bytes: u64 = said.trim().parse().map_err(|_| format!("zfs tells `{}` of {property}", said.trim()))?;
    Ok(Some(format!("of that, {bytes} bytes")))
}

/// Refused by ZFS where there are newer snapshots: those are not ours to destroy.
pub fn go_back(tools: &mut dyn Tools, snapshot: &str) -> Result<(), String> {
    tools.run("zfs", &["rollback", snapshot]).map(drop)
}
