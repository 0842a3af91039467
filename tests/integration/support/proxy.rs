//! A network between the service and Postgres that a test breaks.
//!
//! It listens on a port of its own and hands everything on to the test server, until it is told
//! otherwise: for all connections ([`Network`]), or for one, at a moment of its conversation
//! ([`Trap`]).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use memchr::memmem;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, sink, split};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::postgres::{TestDatabase, server_url};

/// What the network does with all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// It hands everything on.
    Passes,
    /// All connections are closed, and new ones refused.
    Cut,
    /// In both directions it hands on what comes only after so long.
    Slow(Duration),
    /// Nothing arrives, and nothing is said about it: connections are accepted and stay open, and
    /// what comes is read and goes nowhere. A connection that was open then stays so for ever.
    Silent,
}

/// What happens to one connection, once: where a transaction that has a text in what the service
/// sends comes to its COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trap {
    /// It is reset before the server has seen the COMMIT.
    ResetBefore,
    /// It is reset when the server has committed, and before it says so.
    ResetAfter,
    /// The server's answer gets through, and then nothing does, without a word.
    SilentAfter,
}

/// The proxy. Stopped with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<(Network, oneshot::Sender<()>)>,
    accepting: JoinHandle<()>,
}

struct Shared {
    network: watch::Sender<Network>,
    traps: Mutex<Vec<Set>>,
}

/// A trap that is set.
struct Set {
    text: String,
    /// How many transactions with the text it lets go before.
    lets_go: usize,
    trap: Trap,
}

impl Shared {
    fn traps(&self) -> MutexGuard<'_, Vec<Set>> {
        self.traps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Starts one that hands everything on.
    pub(crate) fn started() -> Self {
        // Bound and never listening, it keeps the port while connections are refused.
        let reserve = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = reserve.local_addr().expect("an address");
        let shared = Arc::new(Shared { network: watch::Sender::new(Network::Passes), traps: Mutex::default() });
        let (orders, told) = mpsc::unbounded_channel();
        let listener = listening(address);
        let accepting = tokio::spawn(accept(listener, reserve, Arc::clone(&shared), told));
        Self { address, shared, orders, accepting }
    }

    /// The URL of a database of the test server through the proxy.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        format!("postgres://eyrie@{}/{}?sslmode=disable", self.address, database.name)
    }

    /// Changes the network. When this returns, it is so.
    pub(crate) async fn set(&self, network: Network) {
        let (done, is_done) = oneshot::channel();
        self.orders.send((network, done)).expect("the proxy runs");
        is_done.await.expect("the proxy runs");
    }

    /// Sets a trap for a transaction that has this text in it, behind so many others that have it.
    pub(crate) fn trap(&self, text: &str, lets_go: usize, trap: Trap) {
        self.shared.traps().push(Set { text: text.to_owned(), lets_go, trap });
    }

    /// Whether traps are left that did not go off.
    pub(crate) fn has_traps(&self) -> bool {
        !self.shared.traps().is_empty()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("may be set");
    socket.bind(address).expect("the port is free");
    socket
}

fn listening(address: SocketAddr) -> TcpListener {
    bound(address).listen(1024).expect("listens")
}

/// Takes connections and orders. Whoever drops this closes all connections.
async fn accept(
    listener: TcpListener,
    _reserve: TcpSocket,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<(Network, oneshot::Sender<()>)>,
) {
    let address = listener.local_addr().expect("an address");
    let mut listener = Some(listener);
    let mut open = JoinSet::new();
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            order = orders.recv() => {
                let Some((network, done)) = order else { return };
                if network == Network::Cut {
                    listener = None;
                    open.shutdown().await;
                } else if listener.is_none() {
                    listener = Some(listening(address));
                }
                shared.network.send_replace(network);
                // Who asked may have gone.
                let _gone = done.send(());
            }
            accepted = accepted => {
                let (client, _) = accepted.expect("a connection");
                open.spawn(relay(client, Arc::clone(&shared)));
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}
type BoxStream = Pin<Box<dyn Stream>>;

async fn server() -> io::Result<BoxStream> {
    let options: PgConnectOptions = server_url().parse().expect("a URL");
    Ok(match options.get_socket() {
        Some(folder) => {
            let name = PathBuf::from(format!(".s.PGSQL.{}", options.get_port()));
            Box::pin(UnixStream::connect(folder.join(name)).await?)
        }
        None => Box::pin(TcpStream::connect((options.get_host(), options.get_port())).await?),
    })
}

/// One connection.
struct Relay {
    shared: Arc<Shared>,
    /// What it falls into when the server has answered.
    fallen: Mutex<Option<Trap>>,
    silent: AtomicBool,
}

async fn relay(client: TcpStream, shared: Arc<Shared>) {
    let mut network = shared.network.subscribe();
    client.set_nodelay(true).expect("may be set");
    // A connection that is closed here is reset: whoever uses it is told at once.
    client.set_zero_linger().expect("may be set");
    let Ok(server) = server().await else { return };
    let (mut from_client, mut to_client) = split(Box::pin(client) as BoxStream);
    let (mut from_server, mut to_server) = split(server);
    let relay = Relay { shared, fallen: Mutex::new(None), silent: AtomicBool::new(false) };
    let ended = tokio::select! {
        biased;
        _ = network.wait_for(|network| *network == Network::Silent) => false,
        () = relay.up(&mut from_client, &mut to_server) => true,
        () = relay.down(&mut from_server, &mut to_client) => true,
    };
    if !ended || relay.silent.load(Ordering::Acquire) {
        let _ended = copy(&mut from_client, &mut sink()).await;
        // The server is not told either that the client is gone.
        std::future::pending::<()>().await;
    }
}

impl Relay {
    /// Hands on what the client says.
    async fn up(&self, from: &mut ReadHalf<BoxStream>, to: &mut WriteHalf<BoxStream>) {
        let mut met = None;
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let said = &bytes[..length];
            self.hold().await;
            match self.trapped(said, &mut met) {
                Some(Trap::ResetBefore) => return,
                after @ Some(Trap::ResetAfter | Trap::SilentAfter) => *self.fallen() = after,
                None => {}
            }
            if to.write_all(said).await.is_err() {
                return;
            }
        }
    }

    /// Hands on what the server says.
    async fn down(&self, from: &mut ReadHalf<BoxStream>, to: &mut WriteHalf<BoxStream>) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let said = &bytes[..length];
            self.hold().await;
            let fallen = if has(said, "COMMIT") { self.fallen().take() } else { None };
            if fallen == Some(Trap::ResetAfter) || to.write_all(said).await.is_err() {
                return;
            }
            if fallen == Some(Trap::SilentAfter) {
                self.silent.store(true, Ordering::Release);
                return;
            }
        }
    }

    /// Waits as long as the network takes.
    async fn hold(&self) {
        let network = *self.shared.network.borrow();
        if let Network::Slow(time) = network {
            tokio::time::sleep(time).await;
        }
    }

    /// The trap that a transaction falls into with these words; `met` is the text of a trap that it
    /// had.
    fn trapped(&self, said: &[u8], met: &mut Option<String>) -> Option<Trap> {
        if has(said, "BEGIN") {
            *met = None;
        }
        let mut traps = self.shared.traps();
        if let Some(set) = traps.iter().find(|set| has(said, &set.text)) {
            *met = Some(set.text.clone());
        }
        if !has(said, "COMMIT") {
            return None;
        }
        let met = met.take()?;
        let at = traps.iter().position(|set| set.text == met)?;
        if traps[at].lets_go > 0 {
            traps[at].lets_go -= 1;
            return None;
        }
        Some(traps.remove(at).trap)
    }

    fn fallen(&self) -> MutexGuard<'_, Option<Trap>> {
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    memmem::find(bytes, text.as_bytes()).is_some()
}
