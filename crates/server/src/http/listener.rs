//! The accept loop: plain or TLS, graceful on shutdown.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service;

/// A client has this long to finish its TLS handshake and each request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests under way at shutdown have this long to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// Pause after a failed accept, typically for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The peer's address, for logs.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Whether the connection a request came over is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// Serves until `stop` resolves, then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let (draining, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Keeps the set from growing with connections that are over.
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (router, acceptor) = (router.clone(), acceptor.clone());
        connections.spawn(connection(stream, Peer(peer), acceptor, router, draining.subscribe()));
    }
    drop(listener);
    // No receiver left means that no connection is left.
    let _ = draining.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, all).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    draining: watch::Receiver<bool>,
) {
    // Answers are small and written whole: waiting to fill a segment only costs time.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => requests(stream, peer, Scheme::Http, router, draining).await,
        Some(acceptor) => match tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, peer, Scheme::Https, router, draining).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %peer.0, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %peer.0, "TLS handshake took too long"),
        },
    }
}

async fn requests<S>(stream: S, peer: Peer, scheme: Scheme, router: Router, draining: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(scheme);
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut draining = draining;
    // An error means that the listener is gone: drain as well.
    let begun = async { draining.wait_for(|draining| *draining).await.map(drop).ok() };
    let outcome = tokio::select! {
        outcome = connection.as_mut() => Some(outcome),
        _ = begun => None,
    };
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, peer = %peer.0, "connection ended early");
    }
}
