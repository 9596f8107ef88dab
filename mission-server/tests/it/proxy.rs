//! A proxy in front of a service, which can take it away and give it back.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They go through.
    Open,
    /// They are closed, and new ones refused.
    Cut,
    /// They stay, new ones are taken, and nothing gets through.
    Frozen,
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Proxy {
    /// A proxy to a service, `HOST:PORT`; open until it is told otherwise, gone when dropped.
    pub(crate) async fn to(service: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = watch::Sender::new(Way::Open);
        tokio::spawn(accept(Some(listener), address, service, way.subscribe()));
        Proxy { address, way }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn accept(
    mut listener: Option<TcpListener>,
    address: SocketAddr,
    service: String,
    mut way: watch::Receiver<Way>,
) {
    loop {
        let now = *way.borrow_and_update();
        if now == Way::Cut {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.unwrap().0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stream = accepted => {
                tokio::spawn(forward(stream, service.clone(), way.clone()));
            }
            changed = way.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

async fn forward(mut near: TcpStream, service: String, mut way: watch::Receiver<Way>) {
    let mut far = None;
    if *way.borrow_and_update() == Way::Open {
        far = TcpStream::connect(&service).await.ok();
    }
    let through = async {
        match &mut far {
            Some(far) => drop(copy_bidirectional(&mut near, far).await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = through => return,
        () = until(&mut way, |way| way != Way::Open) => {}
    }
    // What is frozen is not told that it is lost.
    until(&mut way, |way| way != Way::Frozen).await;
    drop(near);
}

async fn until(way: &mut watch::Receiver<Way>, wanted: impl Fn(Way) -> bool) {
    let _ = way.wait_for(|way| wanted(*way)).await;
}
