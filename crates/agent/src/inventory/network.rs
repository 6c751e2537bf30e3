//! Network interfaces that are up, loopback left out: asked of the kernel over netlink, without a tool.
//! Source: rtnetlink(7), netlink(7).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, bail};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::{Entry, entry};
use crate::packages::root::Root;

const GET_LINK: u16 = 18;
const NEW_LINK: u16 = 16;
const GET_ADDRESS: u16 = 22;
const NEW_ADDRESS: u16 = 20;
const GET_ROUTE: u16 = 26;
const NEW_ROUTE: u16 = 24;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const REQUEST_DUMP: u16 = 0x1 | 0x100 | 0x200;
const IS_UP: u32 = 0x1;
const IS_LOOPBACK: u32 = 0x8;
const MAIN_TABLE: u8 = 254;
/// More than any node has.
const MOST_BYTES: usize = 16 << 20;

pub fn gather(root: &Root) -> anyhow::Result<Vec<Entry>> {
    let mut interfaces = Interfaces::default();
    for kind in [GET_LINK, GET_ADDRESS, GET_ROUTE] {
        for_each_message(&dump(kind)?, &mut |kind, body| interfaces.take(kind, body))?;
    }
    let resolv = root.read(Path::new("/etc/resolv.conf")).ok().flatten().unwrap_or_default();
    Ok(interfaces.entries(&name_servers(&String::from_utf8_lossy(&resolv))))
}

fn name_servers(resolv_conf: &str) -> String {
    let servers = resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    servers.map(str::trim).filter(|server| !server.is_empty()).collect::<Vec<_>>().join(",")
}

/// Everything of one kind, as the kernel sends it.
fn dump(kind: u16) -> anyhow::Result<Vec<u8>> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // The first of its protocols: routing.
        None,
    );
    let socket = socket.context("cannot ask the kernel")?;
    // A header and a family: any.
    let mut request = Vec::new();
    request.extend_from_slice(&20u32.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&REQUEST_DUMP.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[0; 4]);
    rustix::net::send(&socket, &request, SendFlags::empty()).context("cannot ask the kernel")?;
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (count, _) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        all.extend_from_slice(&buffer[..count]);
        let mut is_done = false;
        for_each_message(&buffer[..count], &mut |kind, _| {
            is_done |= kind == DONE;
            Ok(())
        })?;
        if is_done {
            return Ok(all);
        }
        if count == 0 || all.len() > MOST_BYTES {
            bail!("the kernel's answer does not end");
        }
    }
}

type Visit<'a> = &'a mut dyn FnMut(u16, &[u8]) -> anyhow::Result<()>;

fn for_each_message(mut bytes: &[u8], visit: Visit<'_>) -> anyhow::Result<()> {
    while bytes.len() >= 16 {
        let length = u32_at(bytes, 0).unwrap_or(0) as usize;
        let kind = u16_at(bytes, 4).unwrap_or(0);
        let Some(body) = bytes.get(16..length) else { bail!("the kernel's answer is cut") };
        if kind == ERROR && u32_at(body, 0) != Some(0) {
            bail!("the kernel refuses");
        }
        visit(kind, body)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Attribute numbers with their values.
fn attributes(mut bytes: &[u8]) -> BTreeMap<u16, &[u8]> {
    let mut found = BTreeMap::new();
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let Some(value) = bytes.get(4..usize::from(length)) else { break };
        found.insert(kind & 0x3fff, value);
        bytes = bytes.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}

#[derive(Debug, Default)]
struct Interface {
    name: String,
    mac: String,
    flags: u32,
    addresses: Vec<(IpAddr, u8)>,
    gateways: Vec<IpAddr>,
}

#[derive(Debug, Default)]
struct Interfaces(BTreeMap<u32, Interface>);

impl Interfaces {
    fn take(&mut self, kind: u16, body: &[u8]) -> anyhow::Result<()> {
        match kind {
            NEW_LINK => self.link(body),
            NEW_ADDRESS => self.address(body),
            NEW_ROUTE => self.route(body),
            _ => Some(()),
        }
        .context("the kernel's answer is not understood")
    }

    fn link(&mut self, body: &[u8]) -> Option<()> {
        let found = attributes(body.get(16..)?);
        let interface = self.0.entry(u32_at(body, 4)?).or_default();
        interface.flags = u32_at(body, 8)?;
        let name = found.get(&3).copied().unwrap_or_default();
        interface.name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        let mac = found.get(&1).copied().filter(|mac| mac.iter().any(|byte| *byte != 0)).unwrap_or_default();
        interface.mac = mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
        Some(())
    }

    fn address(&mut self, body: &[u8]) -> Option<()> {
        let prefix = *body.get(1)?;
        let found = attributes(body.get(8..)?);
        // Of a link between two ends, the first is the other end's.
        let own = found.get(&2).or_else(|| found.get(&1)).and_then(|bytes| address(bytes));
        if let Some(own) = own {
            self.0.entry(u32_at(body, 4)?).or_default().addresses.push((own, prefix));
        }
        Some(())
    }

    /// Of the main table, the way to everywhere.
    fn route(&mut self, body: &[u8]) -> Option<()> {
        let (length, table) = (*body.get(1)?, *body.get(4)?);
        let found = attributes(body.get(12..)?);
        let gateway = found.get(&5).and_then(|bytes| address(bytes));
        let index = found.get(&4).and_then(|bytes| u32_at(bytes, 0));
        if let (0, MAIN_TABLE, Some(gateway), Some(index)) = (length, table, gateway, index) {
            self.0.entry(index).or_default().gateways.push(gateway);
        }
        Some(())
    }

    fn entries(&self, name_servers: &str) -> Vec<Entry> {
        let shown = |interface: &&Interface| {
            interface.flags & IS_UP != 0 && interface.flags & IS_LOOPBACK == 0 && !interface.name.is_empty()
        };
        let list = |addresses: Vec<String>| addresses.join(",");
        let of = |interface: &Interface| {
            let own = |wanted: fn(&IpAddr) -> bool| {
                let found = interface.addresses.iter().filter(move |(address, _)| wanted(address));
                list(found.map(|(address, _)| address.to_string()).collect())
            };
            let masks = interface.addresses.iter().filter(|(address, _)| address.is_ipv4());
            entry([
                ("Name", interface.name.clone()),
                ("MacAddress", interface.mac.clone()),
                ("IPV4", own(IpAddr::is_ipv4)),
                ("IPV6", own(IpAddr::is_ipv6)),
                ("SubnetMask", list(masks.map(|(_, prefix)| mask(*prefix)).collect())),
                ("Gateway", list(interface.gateways.iter().map(IpAddr::to_string).collect())),
                ("DNSServer", name_servers.to_owned()),
            ])
        };
        self.0.values().filter(shown).map(of).collect()
    }
}

fn mask(prefix: u8) -> String {
    let bits = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    Ipv4Addr::from(bits).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link(index: u32, flags: u32, name: &str) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(index.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.extend([0; 4]);
        body.extend(attribute(3, format!("{name}\0").as_bytes()));
        body.extend(attribute(1, &[2, 0, 0, 0xab, 0, 1]));
        message(NEW_LINK, &body)
    }

    fn own(index: u32, prefix: u8, kind: u16, bytes: &[u8]) -> Vec<u8> {
        let mut body = vec![0, prefix, 0, 0];
        body.extend(index.to_ne_bytes());
        body.extend(attribute(kind, bytes));
        message(NEW_ADDRESS, &body)
    }

    fn route(index: u32, length: u8, gateway: [u8; 4]) -> Vec<u8> {
        let mut body = vec![2, length, 0, 0, MAIN_TABLE, 0, 0, 0, 0, 0, 0, 0];
        body.extend(attribute(5, &gateway));
        body.extend(attribute(4, &index.to_ne_bytes()));
        message(NEW_ROUTE, &body)
    }

    #[test]
    fn puts_links_addresses_and_routes_together() {
        let answer = [
            link(1, IS_UP | IS_LOOPBACK, "lo"),
            link(2, IS_UP, "eth0"),
            link(3, 0, "down"),
            own(2, 32, 2, &[10, 128, 0, 2]),
            own(2, 64, 1, &Ipv6Addr::LOCALHOST.octets()),
            route(2, 0, [10, 128, 0, 1]),
            route(2, 24, [10, 0, 0, 9]),
            message(DONE, &[0; 4]),
        ]
        .concat();
        let mut interfaces = Interfaces::default();
        for_each_message(&answer, &mut |kind, body| interfaces.take(kind, body)).unwrap();
        let entries = interfaces.entries("10.0.0.53");
        assert_eq!(entries.len(), 1);
        let of = |name: &str| entries[0].get(name).map(String::as_str).unwrap_or_default();
        assert_eq!((of("Name"), of("MacAddress")), ("eth0", "02:00:00:ab:00:01"));
        assert_eq!((of("IPV4"), of("SubnetMask"), of("IPV6")), ("10.128.0.2", "255.255.255.255", "::1"));
        assert_eq!((of("Gateway"), of("DNSServer")), ("10.128.0.1", "10.0.0.53"));
    }

    #[test]
    fn this_machines_kernel_answers() {
        for kind in [GET_LINK, GET_ADDRESS] {
            let mut count = 0;
            for_each_message(&dump(kind).unwrap(), &mut |kind, _| {
                count += usize::from(kind == NEW_LINK || kind == NEW_ADDRESS);
                Ok(())
            })
            .unwrap();
            // Loopback at least, which every namespace has; its address only where it is up.
            assert!(count > 0 || kind == GET_ADDRESS);
        }
    }

    #[test]
    fn masks_and_name_servers() {
        assert_eq!([0, 8, 20, 32].map(mask), ["0.0.0.0", "255.0.0.0", "255.255.240.0", "255.255.255.255"]);
        assert_eq!(name_servers("search x\nnameserver 10.0.0.1\n nameserver ::1\n"), "10.0.0.1,::1");
    }

    #[test]
    fn cut_answers_are_told() {
        let whole = link(2, IS_UP, "eth0");
        let mut interfaces = Interfaces::default();
        let cut = &whole[..whole.len() - 8];
        assert!(for_each_message(cut, &mut |kind, body| interfaces.take(kind, body)).is_err());
        let short = message(NEW_LINK, &[0; 4]);
        assert!(for_each_message(&short, &mut |kind, body| interfaces.take(kind, body)).is_err());
    }
}
