//! Tells the server that the node lives and what it is: UpdateInstanceInformation.
//! Being reachable for commands belongs to `transport::link`.

use std::net::{ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use api::ssm::UpdateInstanceInformationRequest;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::platform::Machine;
use crate::random_fraction;
use crate::transport::call::{CALL_TIMEOUT, CallError, Caller};
use crate::transport::credentials::{Credentials, chain};
use crate::transport::endpoint::Endpoint;
use crate::transport::link::Reachable;

const EVERY: Duration = Duration::from_secs(5 * 60);
/// After a failure; doubled for each further one, up to [`EVERY`].
const RETRY: Duration = Duration::from_secs(5);

pub struct Heartbeat {
    pub caller: Caller,
    pub instance_id: String,
    pub machine: Machine,
    pub credentials: watch::Receiver<Option<Credentials>>,
    pub refused: Arc<Notify>,
    pub reachable: watch::Receiver<Reachable>,
}

impl Heartbeat {
    /// The full report from the first: a node that counts as online can be sent commands, and these need to know what it
    /// runs. At once, after a random part of the interval, then every interval, and whenever the node's way to be
    /// reached changes. Runs until the credentials' sender is gone.
    pub async fn run(mut self) {
        let mut failures = 0;
        let mut next = EVERY.mul_f64(random_fraction());
        loop {
            let reachable = *self.reachable.borrow_and_update();
            let report = self.report(reachable);
            if self.beat(report, &mut failures).await {
                tokio::select! {
                    () = sleep(next) => {}
                    changed = self.reachable.changed() => if changed.is_err() { return },
                }
                next = EVERY;
            }
            if self.credentials.has_changed().is_err() {
                return;
            }
        }
    }

    /// Whether it was taken; waits before it returns when not.
    async fn beat(&mut self, request: UpdateInstanceInformationRequest, failures: &mut u32) -> bool {
        let mut credentials = self.credentials.clone();
        let known = match credentials.wait_for(Option::is_some).await {
            Ok(known) => known.clone(),
            Err(_) => return true,
        };
        let Some(known) = known else { return false };
        match self.caller.call(known, request, CALL_TIMEOUT).await {
            Ok(_) => {
                *failures = 0;
                true
            }
            Err(error) => {
                self.note_failure(&error);
                let wait =
                    (RETRY * (1 << (*failures).min(6))).min(EVERY).mul_f64(1.0 + random_fraction() / 4.0);
                *failures += 1;
                tracing::warn!(error = %chain(&error), retry_in_s = wait.as_secs(), "heartbeat not taken");
                sleep(wait).await;
                false
            }
        }
    }

    fn note_failure(&self, error: &CallError) {
        if error.is_about_credentials() {
            self.refused.notify_one();
        }
    }

    fn report(&self, reachable: Reachable) -> UpdateInstanceInformationRequest {
        UpdateInstanceInformationRequest {
            agent_status: Some("Active".to_owned()),
            availability_zone: Some(String::new()),
            availability_zone_id: Some(String::new()),
            ssm_connection_channel: Some(reachable.as_str().to_owned()),
            ..about(&self.machine, &self.instance_id, &self.caller.endpoint)
        }
    }
}

/// What the machine is, without a word on how the agent fares.
pub fn about(machine: &Machine, instance_id: &str, server: &Endpoint) -> UpdateInstanceInformationRequest {
    UpdateInstanceInformationRequest {
        instance_id: instance_id.to_owned(),
        agent_name: Some(crate::AGENT_NAME.to_owned()),
        agent_version: Some(crate::VERSION.to_owned()),
        platform_type: Some(machine.platform_type.into()),
        platform_name: Some(machine.platform_name.clone()),
        platform_version: Some(machine.platform_version.clone()),
        computer_name: Some(machine.computer_name.clone()),
        ip_address: own_address(server),
        ..UpdateInstanceInformationRequest::default()
    }
}

/// The address from which the server is reached. Nothing is sent.
fn own_address(endpoint: &Endpoint) -> Option<String> {
    let server = (endpoint.host(), endpoint.port()).to_socket_addrs().ok()?.next()?;
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
