//! One address in front of several servers, as a load balancer would give it: a connection goes to the first server
//! that takes it, beginning with the one that took the last. It knows nothing of what travels.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Takes no new connections once it is dropped.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    servers: Vec<SocketAddr>,
    current: AtomicUsize,
    stopping: AtomicBool,
}

impl Balancer {
    pub fn start(servers: &[SocketAddr]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            servers: servers.to_vec(),
            current: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The place of the server that took the last connection.
    pub fn current(&self) -> usize {
        self.shared.current.load(Ordering::SeqCst)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; a failure means that it has ended already.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared) {
    for client in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        // A client that finds no server sees its connection closed.
        let Ok(client) = client else { continue };
        if let Some(server) = connect(shared) {
            copy(&client, &server);
            copy(&server, &client);
        }
    }
}

fn connect(shared: &Shared) -> Option<TcpStream> {
    let first = shared.current.load(Ordering::SeqCst);
    let count = shared.servers.len();
    (first..first + count).map(|place| place % count).find_map(|place| {
        let stream = TcpStream::connect(shared.servers[place]).ok()?;
        shared.current.store(place, Ordering::SeqCst);
        Some(stream)
    })
}

/// Until either side ends the connection; then both are ended. The thread ends with its connection.
fn copy(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let _ = to.set_nodelay(true);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
